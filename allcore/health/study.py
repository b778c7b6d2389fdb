"""Checks for the study as a whole: balance of the classes, shortcuts, labels that may be wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.data import splits
from allcore.data.cache import DecodedCells
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.evaluation import figures, suspicion
from allcore.evaluation.intervals import Interval
from allcore.health.findings import Finding, Severity
from allcore.health.material import LABELS, Material

IMBALANCED, LOPSIDED = 3.0, 10.0
"""Times that the larger class has the smaller one's images: worth a word, worth more."""
FEW_SUBJECTS = 5
FOLDS = 5
SEED = 0
CUES = {
    ("area",): "the area alone",
    ("brightness",): "the brightness alone",
    ("redness",): "the colour (red over blue) alone",
    ("area", "brightness"): "area with brightness",
}
STRONG, PLAIN = 0.8, 0.65
"""AUROC on unseen subjects from which a plain fact alone is a shortcut worth a warning."""
ENOUGH = 0.75
"""AUROC below which a model is no judge of labels."""
MATCHED = 0.9
"""Share of the labelled images that must have held-out predictions for these to be taken."""
FACTS = ("area", "brightness", "focus", "redness", "elongation", "contrast")


@dataclass(frozen=True)
class Imbalance:
    """Classes of very different size, one class alone, or no labels."""

    kind: str = "class_imbalance"

    def find(self, material: Material) -> list[Finding]:
        """One finding, or none."""
        count = {label: int((material.labels == label).sum()) for label in LABELS}
        people = {label: len(set(material.groups[material.labels == label])) for label in LABELS}
        detail = {"images": count, "subjects": people}
        small, large = sorted(count.values())
        if not small:
            what = "no image has a label" if not large else "all labelled images are of one class"
            return [
                Finding(
                    self.kind, "high", (), f"Nothing can be learned or tested where {what}.",
                    "Connect images of both classes, or name the labels in a manifest.csv.", detail,
                )
            ]  # fmt: skip
        if large < IMBALANCED * small and min(people.values()) >= FEW_SUBJECTS:
            return []
        severity: Severity = "medium" if large < LOPSIDED * small else "high"
        return [
            Finding(
                self.kind,
                severity,
                (),
                "Accuracy is high by always naming the larger class, and few subjects of a class "
                "tell little about others.",
                "Weigh the classes in training, judge by AUROC and balanced accuracy, and add "
                "subjects of the smaller class.",
                detail | {"ratio": round(large / small, 2)},
            )
        ]


@dataclass(frozen=True)
class Shortcuts:
    """How well plain facts of a picture alone predict the label of unseen subjects."""

    kind: str = "shortcut"

    def find(self, material: Material) -> list[Finding]:
        """One finding for each cue whose AUROC lies above 0.5 with its whole interval."""
        cells = _Cells.of(material)
        if cells is None:
            return []
        found = []
        for columns, title in CUES.items():
            values = material.index.table[list(columns)].to_numpy(dtype=float)[cells.rows]
            auroc = _auroc(cells, _by_trees(values, cells))
            # Without an interval over subjects nothing shows that it is no chance.
            if auroc.known and auroc.low > 0.5:
                found.append(self._finding(columns, title, auroc, cells))
        return found

    def _finding(
        self, columns: tuple[str, ...], title: str, auroc: Interval, cells: "_Cells"
    ) -> Finding:
        level = auroc.value
        severity: Severity = "high" if level > STRONG else "medium" if level > PLAIN else "low"
        return Finding(
            self.kind,
            severity,
            (),
            f"On unseen subjects {title} tells blasts from normal cells, so that a model may score "
            "well without looking at the cell.",
            "Report this baseline beside every model, and check that the classes were photographed "
            "and stained alike.",
            {"cue": " and ".join(columns), "cells": len(cells.rows), **told(auroc)},
        )


@dataclass(frozen=True)
class WrongLabels:
    """Labels that confident learning holds for wrong."""

    kind: str = "probable_label_error"

    def find(self, material: Material) -> list[Finding]:
        """One finding, or none; the least credible label first.

        Where the probabilities hardly tell the classes apart the finding says so and names no
        image: what is flagged then is chance.
        """
        cells = _Cells.of(material)
        if cells is None:
            return []
        probabilities, source = out_of_fold(material, cells)
        auroc = _auroc(cells, probabilities)
        detail = {"source": source, **told(auroc)}
        if not auroc.value >= ENOUGH:
            return [
                Finding(
                    self.kind,
                    "low",
                    (),
                    "Whether labels are wrong can't be told here, for nothing at hand tells the "
                    f"classes of unseen subjects apart (AUROC {auroc.value:.2f}).",
                    "Train a model on this data set, or have a sample of cells labelled twice.",
                    detail,
                )
            ]
        return self._flagged(material, cells, probabilities, detail)

    def _flagged(
        self,
        material: Material,
        cells: "_Cells",
        probabilities: NDArray[np.float64],
        detail: dict[str, object],
    ) -> list[Finding]:
        judged = suspicion.find(
            labels=cells.labels, probabilities=probabilities, subjects=cells.groups
        )
        rows = np.flatnonzero(judged.flagged)
        if not len(rows):
            return []
        rows = rows[np.argsort(judged.quality[rows])]
        mostly = [each.subject for each in judged.by_subject if each.mostly]
        names = material.names(cells.rows[rows])
        return [
            Finding(
                self.kind,
                "medium",
                names,
                "A wrong label teaches the model the wrong thing, and counts right answers as "
                "errors.",
                "Have each looked at again without showing the label; a subject of which most are "
                "flagged is one the model errs on, or one labelled wrongly as a whole.",
                detail | {"share": round(len(rows) / len(cells.rows), 4), "subjects": mostly},
                leave_out=names,
            )
        ]


CHECKS = (Imbalance(), Shortcuts(), WrongLabels())


@dataclass(frozen=True)
class _Cells:
    """Labelled, measured cells: rows of the material, labels, subjects and folds of subjects."""

    rows: NDArray[np.intp]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    folds: NDArray[np.intp]

    @classmethod
    def of(cls, material: Material) -> "_Cells | None":
        """None where a class has less than two subjects, so that none can be held out."""
        known = material.usable & np.isin(material.labels.astype(str), LABELS)
        rows = np.flatnonzero(known)
        table = material.manifest.table.iloc[rows].reset_index(drop=True)
        people = table.groupby("label")["group"].nunique()
        if len(people) < len(LABELS) or people.min() < 2:
            return None
        some = Manifest(material.root, table, material.manifest.name)
        folds = np.zeros(len(rows), dtype=np.intp)
        try:
            dealt = splits.subject_folds(some, seed=SEED, folds=min(FOLDS, int(people.min())))
        except DataError:
            return None
        for split in dealt:
            folds[split.mask(some, "test")] = split.fold
        labels = np.where(table["label"] == "all", 1, 0)
        return cls(rows, labels, table["group"].to_numpy(dtype=str), folds)


def out_of_fold(material: Material, cells: "_Cells") -> tuple[NDArray[np.float64], str]:
    """Probability (n,) of a blast by a model that saw neither cell nor subject, and whose it is.

    The installed model's held-out predictions where they are of these images, else a logistic
    regression on embeddings and facts, cross-validated by subject.
    """
    if material.predictions is not None:
        known = material.predictions.drop_duplicates("image_id").set_index("image_id")
        found = known.reindex(material.ids[cells.rows])
        agreed = (found["label"] == material.labels[cells.rows]).to_numpy(dtype=bool)
        probabilities = found["probability"].to_numpy(dtype=float)
        if agreed.mean() >= MATCHED and np.isfinite(probabilities).mean() >= MATCHED:
            middle = np.nanmedian(probabilities)
            return np.where(np.isfinite(probabilities), probabilities, middle), "held-out"
    return _by_regression(_features(material, cells), cells), "cross-validated regression"


def told(auroc: Interval) -> dict[str, object]:
    """An AUROC over subjects as a finding's detail has it; no bounds where none can be given."""
    low, high = (round(bound, 4) for bound in (auroc.low, auroc.high))
    known = auroc.known
    return {
        "auroc": round(auroc.value, 4),
        "low": low if known else None,
        "high": high if known else None,
    }


def _features(material: Material, cells: "_Cells") -> NDArray[np.float64]:
    facts = material.index.table[list(FACTS)].to_numpy(dtype=float)[cells.rows]
    both = np.column_stack([facts, material.index.embeddings[cells.rows].astype(float)])
    missing = ~np.isfinite(both)
    middle = np.nanmedian(np.where(missing.all(axis=0), 0.0, both), axis=0)
    return np.where(missing, middle, both)


def _by_regression(values: NDArray[np.float64], cells: "_Cells") -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.zeros(len(values))
    for fold in np.unique(cells.folds):
        held = cells.folds == fold
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.03, class_weight="balanced", max_iter=1000)
        )
        model.fit(values[~held], cells.labels[~held])
        found[held] = model.predict_proba(values[held])[:, 1]
    return found


def _by_trees(values: NDArray[np.float64], cells: "_Cells") -> NDArray[np.float64]:
    """Out-of-fold probability by the baseline's trees on one or two columns."""
    from allcore.data import balance
    from allcore.training import baseline

    columns = values if values.shape[1] == 2 else np.column_stack([values, np.zeros(len(values))])
    # The baseline reads two numbers a cell; a column that is always 0 tells it nothing.
    plain = DecodedCells(np.empty((len(values), 0), np.uint8), columns[:, 0], columns[:, 1])
    names = np.where(cells.labels == 1, "all", "hem")
    found = np.zeros(len(values))
    for fold in np.unique(cells.folds):
        train = cells.folds != fold
        weights = balance.weights(
            names[train].tolist(), cells.groups[train].tolist(), subject_strength=0.5
        )
        model = baseline.fit(
            plain, train=train, targets=cells.labels.astype(float), weights=weights, seed=SEED
        )
        found[~train] = model.probability(plain)[~train]
    return found


def _auroc(cells: "_Cells", probabilities: NDArray[np.float64]) -> Interval:
    """AUROC with its interval over subjects."""
    sample = figures.sample(labels=cells.labels, probabilities=probabilities, subjects=cells.groups)
    return next(each.subject for each in figures.threshold_free(sample) if each.name == "auroc")
