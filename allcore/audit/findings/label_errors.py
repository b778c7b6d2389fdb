"""Check for label errors by confident learning (Northcutt et al., 2021)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.findings import label_folds, quality
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Finding
from allcore.audit.findings.label_folds import LabelledCells
from allcore.evaluation import label_errors

MIN_AUROC = 0.65
"""Least AUROC of a model that serves to check labels."""
MIN_DEVIATION = 2.9
"""Robust deviations by which a cell's log-odds must differ from the median of its label.

Where the classes overlap, confident learning flags the overlap, that is, atypical cells: over a
hundred of the 600 cells of a synthetic set with 18 wrong labels. This bound excludes the usual
spread of a label.
"""
UNJUDGED_CHECKS: tuple[
    quality.FarOut | quality.Truncated | quality.OverCropped | quality.SeveralObjects, ...
] = (
    *(check for check in quality.CHECKS if isinstance(check, quality.FarOut)),
    quality.Truncated(),
    quality.OverCropped(),
    quality.SeveralObjects(),
)
"""Checks of image faults; the labels of their images are not checked."""


@dataclass(frozen=True)
class WrongLabels:
    """Labels that contradict a model trained on other subjects."""

    kind: str = "probable_label_error"
    title: str = "Labels that may be wrong"

    def find(self, inputs: AuditInputs) -> list[Finding]:
        """Return at most one finding; the least credible label comes first.

        Where the probabilities hardly separate the classes, flags are chance; the finding says so
        and lists no image.
        """
        cells = LabelledCells.of(inputs)
        if cells is None:
            return []
        probabilities, source = label_folds.out_of_fold_probabilities(inputs, cells)
        auroc = label_folds.subject_auroc(cells, probabilities)
        detail = {"source": source, **label_folds.auroc_detail(auroc)}
        if not auroc.value >= MIN_AUROC:
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
        return self._flagged(inputs, cells, probabilities, detail)

    def _flagged(
        self,
        inputs: AuditInputs,
        cells: LabelledCells,
        probabilities: NDArray[np.float64],
        detail: dict[str, object],
    ) -> list[Finding]:
        credible = np.where(cells.labels == 1, probabilities, 1 - probabilities)
        far = label_folds.label_deviations(cells.labels, probabilities) > MIN_DEVIATION
        bad = {
            image_id
            for check in UNJUDGED_CHECKS
            for finding in check.find(inputs)
            for image_id in finding.image_ids
        }
        sound = ~pd.Series(inputs.ids[cells.rows]).isin(bad).to_numpy()
        rows = np.flatnonzero((credible < 0.5) & far & sound)
        if not len(rows):
            return []
        rows = rows[np.argsort(credible[rows])]
        shares = _shares(cells.groups, rows)
        mostly = [name for name, part in shares.items() if part > 0.5]
        names = inputs.image_ids(cells.rows[rows])
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


CHECKS = (WrongLabels(),)


def _shares(groups: NDArray[np.str_], rows: NDArray[np.intp]) -> dict[str, float]:
    """Share of each subject's cells that are flagged, for subjects with enough cells."""
    cells = pd.Series(groups).value_counts()
    named = pd.Series(groups[rows]).value_counts()
    share = (named / cells[cells >= label_errors.ENOUGH]).dropna().sort_values(ascending=False)
    return {str(name): float(part) for name, part in share.items()}
