"""Blind review: judgements of cells by two people who see neither label nor model.

A judgement is the class that a person sees in the image. Verdicts follow from the first two
judgements, the label and the model's call. They are never entered by hand, and nothing here changes
the data.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.errors import DataError
from allcore.evaluation import estimates, intervals, metrics
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.metrics import Floats

JUDGEMENTS = ("all", "hem", "unsure", "bad_picture")
"""Possible judgements: an ALL blast, a normal cell, undecided, a poor image."""
CLASSES = JUDGEMENTS[:2]
VERDICTS = {
    "label_wrong": "Label wrong",
    "model_wrong": "Model wrong",
    "ambiguous": "Ambiguous",
    "bad_picture": "Bad picture",
    "right": "Label and model right",
    "open": "Not yet judged by two",
}


@dataclass(frozen=True)
class ReviewVerdicts:
    """Verdicts of the queued cells.

    - ``judged``: number of accounts that judged the cell,
    - ``first``, ``second``: the two deciding judgements, of `JUDGEMENTS`, ordered by
      account, so that with two reviewers a column is a reviewer; None where open,
    - ``verdict``: a key of `VERDICTS`,
    - ``reviewed``: the class on which both agree, else the label; None for bad pictures.
    """

    table: pd.DataFrame  # one row per queued cell with the columns of `decide_verdicts` and

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells of each verdict."""
        counts = self.table["verdict"].value_counts()
        return {verdict: int(counts.get(verdict, 0)) for verdict in VERDICTS}

    @property
    def decided(self) -> pd.DataFrame:
        """The rows judged by two accounts."""
        return self.table[self.table["verdict"] != "open"]


@dataclass(frozen=True)
class ReviewAgreement:
    """Inter-rater agreement of two judgements per cell."""

    cells: int
    # (4, 4) cells by first (row) and second (column) judgement, by `JUDGEMENTS`
    counts: NDArray[np.int64]
    kappa: Estimate  # Cohen's kappa, from -1 to 1; NaN where all judgements are equal
    agreed: Estimate  # share of cells with two equal judgements


def decide_verdicts(queued: pd.DataFrame, judgements: pd.DataFrame) -> ReviewVerdicts:
    """Derive the verdicts.

    ``label_wrong``: both judgements are the class opposite to the label, whatever the model's call.
    ``model_wrong``: both judgements equal the label, and the model's call is the other class.
    ``right``: both judgements, the label and the model's call are equal.
    ``bad_picture``: both judgements are `bad_picture`, or one is and the other is `unsure`.
    ``ambiguous``: any other pair: two classes, a class and no class, or twice `unsure`.
    ``open``: fewer than two judgements.

    Args:
        queued: one row per cell with ``image_id``, ``label`` and ``called`` ('all' or 'hem');
            further columns stay in the result.
        judgements: one row per judgement with ``image_id``, ``account`` (any sortable value) and
            ``seen`` (of `JUDGEMENTS`), in order of time; those of other cells are ignored.

    Raises:
        DataError: an unknown judgement, or two of one account on one cell.
    """
    by_cell = _by_cell(judgements)
    judgements_of = [by_cell.get(entry, {}) for entry in queued["image_id"].tolist()]
    judged = np.array([len(entry) for entry in judgements_of], dtype=np.int64)
    pairs = [_deciding(entry) for entry in judgements_of]
    first, second = np.array([*pairs, (None, None)], dtype=object)[:-1].T
    label, called = (queued[name].to_numpy(dtype=object) for name in ("label", "called"))
    verdict = _verdict(first, second, label, called)
    reviewed = np.where(verdict == "label_wrong", first, label)
    reviewed[verdict == "bad_picture"] = None
    columns = (judged, first, second, verdict, reviewed)
    names = ("judged", "first", "second", "verdict", "reviewed")
    # Explicit dtypes: pandas would make text columns, with NaN for None.
    series = {
        name: pd.Series(values, dtype=values.dtype)
        for name, values in zip(names, columns, strict=True)
    }
    return ReviewVerdicts(queued.reset_index(drop=True).assign(**series))


def with_reviewed_labels(table: pd.DataFrame, verdicts: ReviewVerdicts) -> pd.DataFrame:
    """Copy a predictions table with the reviewed labels and a new index from 0.

    Bad pictures are dropped; cells that are unreviewed, ambiguous or open keep their label.
    """
    by_id = verdicts.table.set_index("image_id")
    bad = set(by_id.index[by_id["verdict"] == "bad_picture"])
    agreed = by_id.loc[by_id["verdict"] != "bad_picture", "reviewed"].to_dict()
    ids = table["image_id"].tolist()  # sets and dictionaries: text columns of pandas 3 are slow
    label = [agreed.get(image_id, old) for image_id, old in zip(ids, table["label"], strict=True)]
    usable = np.array([image_id not in bad for image_id in ids], dtype=bool)
    return table.assign(label=pd.Series(label, index=table.index, dtype=object))[
        usable
    ].reset_index(drop=True)


def review_agreement(
    first: NDArray[np.str_],
    second: NDArray[np.str_],
    *,
    labels: NDArray[np.integer],
    subjects: NDArray[np.str_] | None = None,
) -> ReviewAgreement:
    """Cohen's unweighted kappa (1960) and the share of equal judgements, each with both intervals.

    Intervals over cells are Wilson's for the share and a bootstrap for kappa. Intervals over
    subjects use the bootstrap of subjects that all estimates share.

    Args:
        first: (N,) one judgement of each cell, of `JUDGEMENTS`.
        second: (N,) the other judgement.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell; subjects are resampled within their
            class.
        subjects: (N,) the independent subject of each cell, or None where unknown.

    Raises:
        DataError: no cell has two judgements, or a judgement is unknown.
    """
    if not len(first):
        raise DataError("No cell has been judged by two people yet, so there is no agreement.")
    which = len(JUDGEMENTS) * _coded(first) + _coded(second)
    counts = np.bincount(which, minlength=len(JUDGEMENTS) ** 2)
    cells = estimates.make_sample(
        labels=labels, probabilities=labels.astype(float), subjects=subjects
    )
    resampled = np.random.default_rng(intervals.SEED).multinomial(
        len(which), counts / len(which), size=cells.resamples
    )
    by_cell, by_subject = resampled.astype(float), _by_subject(cells, which)
    kappa, agreed = float(_kappa(counts)), float(_agreed(counts))
    degrees = cells.degrees("kappa")
    return ReviewAgreement(
        cells=len(which),
        counts=counts.reshape(len(JUDGEMENTS), len(JUDGEMENTS)).astype(np.int64),
        kappa=Estimate(
            "kappa",
            kappa,
            intervals.percentile(kappa, _kappa(by_cell)),
            intervals.student(kappa, _kappa(by_subject), degrees=degrees, least=-1.0),
        ),
        agreed=Estimate(
            "agreed",
            agreed,
            intervals.wilson(round(agreed * len(which)), len(which)),
            intervals.student(agreed, _agreed(by_subject), degrees=degrees, share=True),
        ),
    )


def cells_to_queue(
    ranked: NDArray[np.intp],
    *,
    right: NDArray[np.bool_],
    queued: NDArray[np.bool_],
    count: int,
    controls: bool,
    seed: int,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Select the indices of the next cells for review, and of control cells to mix in.

    Args:
        ranked: indices of the candidate cells, most relevant first.
        right: (N,) whether the model's call equals the label.
        queued: (N,) whether the cell is already in the queue; such cells are skipped.
        controls: whether to draw as many correctly classified cells at random, none of `ranked`.
    """
    taken = ranked[~queued[ranked]][:count]
    if not controls:
        return taken, np.empty(0, dtype=np.intp)
    free = right & ~queued
    free[ranked] = False
    places = np.flatnonzero(free)
    controls_drawn = np.random.default_rng(seed).permutation(places)[: len(taken)]
    return taken, np.sort(controls_drawn)


def _by_cell(judgements: pd.DataFrame) -> dict[Any, dict[Any, str]]:
    """The judgement of each account by cell, in order of time."""
    # Plain dictionaries: pandas takes thirty times as long to group a few thousand strings.
    columns = (judgements[name].tolist() for name in ("image_id", "account", "seen"))
    by_cell: dict[Any, dict[Any, str]] = {}
    for image_id, account, judgement in zip(*columns, strict=True):
        of_cell = by_cell.setdefault(image_id, {})
        if account in of_cell:
            raise DataError("An account has judged a cell twice: keep its last judgement only.")
        of_cell[account] = judgement
    _coded([judgement for of_cell in by_cell.values() for judgement in of_cell.values()])
    return by_cell


def _deciding(judgements: dict[Any, str]) -> tuple[str | None, str | None]:
    """The first two judgements, ordered by account; None twice where there are fewer."""
    if len(judgements) < 2:
        return None, None
    one, other = sorted(list(judgements)[:2])
    return judgements[one], judgements[other]


def _coded(judgements: Iterable[str]) -> NDArray[np.intp]:
    """(N,) index of each judgement in `JUDGEMENTS`."""
    codes = {name: code for code, name in enumerate(JUDGEMENTS)}
    try:
        return np.array([codes[judgement] for judgement in judgements], dtype=np.intp)
    except KeyError as error:
        raise DataError(
            f"There is no judgement '{error.args[0]}': use one of {', '.join(JUDGEMENTS)}."
        ) from None


def _verdict(
    first: NDArray[np.object_],
    second: NDArray[np.object_],
    label: NDArray[np.object_],
    called: NDArray[np.object_],
) -> NDArray[np.object_]:
    open_ = np.array([judgement is None for judgement in first], dtype=bool)
    agreed = (first == second) & np.isin(first.astype(str), CLASSES)
    no_class = ~np.isin(first.astype(str), CLASSES) & ~np.isin(second.astype(str), CLASSES)
    bad = no_class & ((first == "bad_picture") | (second == "bad_picture"))
    cases = [open_, bad, ~agreed, first != label, called != label]
    names = ["open", "bad_picture", "ambiguous", "label_wrong", "model_wrong"]
    return np.asarray(np.select(cases, names, default="right"), dtype=object)


def _by_subject(cells: Sample, which: NDArray[np.intp]) -> Floats:
    """(resamples, 16) counts of pairs of judgements in bootstrap resamples of whole subjects."""
    kinds = len(JUDGEMENTS) ** 2
    if cells.groups is None:
        return np.zeros((0, kinds))
    subjects = cells.weights.shape[1]
    table = np.bincount(kinds * cells.groups + which, minlength=kinds * subjects)
    return np.asarray(cells.weights @ table.reshape(subjects, kinds))


def _agreed(counts: NDArray[np.integer] | Floats) -> Floats:
    """Share on the diagonal of counts (..., 16)."""
    return metrics.ratio(counts[..., :: len(JUDGEMENTS) + 1].sum(axis=-1), counts.sum(axis=-1))


def _kappa(counts: NDArray[np.integer] | Floats) -> Floats:
    """Kappa of counts (..., 16): agreement above chance, relative to the maximum above chance."""
    table = counts.reshape(*counts.shape[:-1], len(JUDGEMENTS), len(JUDGEMENTS))
    total = counts.sum(axis=-1)
    chance = metrics.ratio((table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1), total**2)
    left = 1 - chance
    return metrics.ratio(_agreed(counts) - chance, np.where(left > 1e-12, left, 0))
