"""Tests of the error share of many slices against the rest, for all slices at once.

Every slice is compared with the cells outside it *with the slice's mix of classes*, so that no
slice is significant merely because it has more of the harder class. Cells of a subject are
correlated, so subjects are the independent units:

- A slice with at least `ENOUGH` subjects inside and outside: the difference of error shares over
  its standard error, by Student's t with as many degrees of freedom as the slice's classes have
  subjects, less one each. The error is the larger of two: that of the spread between subjects in
  the whole data (random effects by analysis of variance), and the cluster-robust one (CR2, Bell and
  McCaffrey, Survey Methodology 2002), which also covers a slice with errors in some subjects only.
  Either alone gives false positives: the first where slices do differ by subject, the second where
  a slice has few subjects.
- A slice of fewer subjects, such as one subject: a prediction interval. The error shares of its
  subjects, as log-odds with half a cell added to either side (Haldane and Anscombe), are compared
  with the mean and spread of the other subjects of their class.
- Where subjects are unknown: binomial, with cells as independent units.

The first two are combined with the binomial test: with few cells the t test is anti-conservative,
and a slice is worse only if chance among cells does not explain the difference either.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from allcore.evaluation import intervals, metrics
from allcore.evaluation.metrics import Floats

ENOUGH = 5
"""Minimum number of subjects inside and outside for an interval over subjects."""
_FEWEST_OTHERS = 3  # minimum number of other subjects of a class, for a comparison with them


@dataclass(frozen=True)
class SliceDesign:
    """Cell counts that do not depend on the calls. A unit is a subject's cells of one class: U
    units.
    """

    # (N, S) whether a cell is in a slice, for cells in the order of `unit`
    members: NDArray[np.bool_]
    order: NDArray[np.intp]  # (N,) indices of the cells, sorted by unit
    unit: NDArray[np.intp]  # (N,) unit of each of these cells, ascending
    inside: Floats  # (S, U) number of cells by slice and unit
    cells: Floats  # (U,) number of cells of each unit
    blast: NDArray[np.bool_]  # (U,) class of each unit
    group: Floats | None  # (U, G) 1 where a unit is the group's; None where subjects are unknown


@dataclass(frozen=True)
class SliceTests:
    """Test results of S slices, each (S,); NaN without cells for the comparison.

    `expected` is the error share of the cells outside with the slice's mix of classes; `excess` is
    the slice's own error share minus `expected`.
    """

    cells: Floats
    wrong: Floats
    subjects: Floats  # NaN where unknown
    expected: Floats
    expected_cells: Floats  # effective number of cells of `expected`
    excess: Floats
    half: Floats  # half the width of its interval over subjects; NaN without an interval
    p: Floats  # one-sided


def design_slices(
    members: NDArray[np.bool_], labels: NDArray[np.integer], groups: NDArray[np.str_] | None
) -> SliceDesign:
    """Count the cells of each slice by subject and class.

    Args:
        members: (S, N) whether a cell is in a slice.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        groups: (N,) the independent subject of each cell, or None where unknown.
    """
    names = np.zeros(len(labels), dtype=str) if groups is None else np.asarray(groups, dtype=str)
    which = np.unique(names, return_inverse=True)[1]
    keys, unit = np.unique(2 * which + (labels == 1), return_inverse=True)
    order = np.argsort(unit, kind="stable")
    sorted_members, sorted_unit = np.ascontiguousarray(members.T[order]), unit[order]
    return SliceDesign(
        members=sorted_members,
        order=order,
        unit=sorted_unit,
        inside=_by_unit(sorted_members, sorted_unit, len(keys)),
        cells=np.bincount(unit, minlength=len(keys)).astype(float),
        blast=keys % 2 == 1,
        group=None if groups is None else np.eye(which.max() + 1)[keys // 2],
    )


def test_all_slices(plan: SliceDesign, right: NDArray[np.bool_]) -> SliceTests:
    """Test every slice against the rest; ``right`` (N,) is True where a call is correct."""
    wrong = ~np.asarray(right, dtype=bool)[plan.order]
    units = len(plan.cells)
    counts = _Counts(
        plan,
        wrong_inside=_by_unit(plan.members[wrong], plan.unit[wrong], units),
        wrong=np.bincount(plan.unit[wrong], minlength=units).astype(float),
    )
    cells, hits = counts.cells_in.sum(axis=1), counts.wrong_in.sum(axis=1)
    excess = metrics.ratio(hits, cells) - counts.expected
    by_cells = _by_cells(counts, cells, hits)
    half, p, subjects = np.full(len(cells), np.nan), by_cells, np.full(len(cells), np.nan)
    if plan.group is not None:
        subjects = ((plan.inside @ plan.group) > 0).sum(axis=1).astype(float)
        outside = (((plan.cells - plan.inside) @ plan.group) > 0).sum(axis=1)
        many = (subjects >= ENOUGH) & (outside >= ENOUGH)
        half, robust = _by_subjects(counts, plan.group, excess)
        half = np.where(many, half, np.nan)
        p = np.maximum(by_cells, np.where(many, robust, _by_few_subjects(counts)))
    return SliceTests(
        cells, hits, subjects, counts.expected, counts.expected_cells, excess, half,
        np.where(np.isfinite(excess), p, np.nan),
    )  # fmt: skip


class _Counts:
    """Cells and wrong calls by slice and class: (S, 2), and shares by slice and unit."""

    def __init__(self, plan: SliceDesign, *, wrong_inside: Floats, wrong: Floats) -> None:
        self.plan = plan
        self.of_class = np.column_stack([~plan.blast, plan.blast]).astype(float)  # (U, 2)
        self.wrong_inside, self.wrong = wrong_inside, wrong
        self.cells_in = plan.inside @ self.of_class
        self.wrong_in = wrong_inside @ self.of_class
        self.cells_out = plan.cells @ self.of_class - self.cells_in
        self.wrong_out = wrong @ self.of_class - self.wrong_in
        self.mix = metrics.ratio(self.cells_in, self.cells_in.sum(axis=1, keepdims=True))
        error_out = metrics.ratio(self.wrong_out, self.cells_out)
        # A class that the slice lacks needs no cells outside.
        self.expected = np.where(self.mix > 0, self.mix * error_out, 0).sum(axis=1)
        self.expected[self.cells_in.sum(axis=1) == 0] = np.nan
        weight = np.where(self.mix > 0, metrics.ratio(self.mix**2, self.cells_out), 0).sum(axis=1)
        self.expected_cells = metrics.ratio(1.0, weight)

    def at_unit(self, by_class: Floats) -> Floats:
        """(S, U) from (S, 2) or (2,): the entry of each unit's class."""
        return by_class[..., self.plan.blast.astype(np.intp)]


def _by_unit(members: NDArray[np.bool_], unit: NDArray[np.intp], units: int) -> Floats:
    """(S, U) number of the rows of `members` in each slice and unit."""
    cell = np.arange(len(unit))
    belongs = sparse.csr_array(
        (np.ones(len(unit), dtype=np.float32), (unit, cell)), shape=(units, len(unit))
    )
    return np.asarray((belongs @ members.astype(np.float32)).T, dtype=float)


def _by_cells(counts: _Counts, cells: Floats, hits: Floats) -> Floats:
    """(S,) binomial probability of as many wrong calls, at the error share of the whole data."""
    share = (counts.wrong @ counts.of_class) / np.maximum(counts.plan.cells @ counts.of_class, 1)
    expected = np.nan_to_num(counts.mix) @ share
    with np.errstate(invalid="ignore"):
        tail = special.betainc(np.maximum(hits, 1), np.maximum(cells - hits + 1, 1), expected)
    return np.where(hits > 0, tail, 1.0)


def _by_subjects(counts: _Counts, group: Floats, excess: Floats) -> tuple[Floats, Floats]:
    """Half the interval's width and p, each (S,), by Student's t over subjects."""
    plan = counts.plan
    inside = _side(counts, plan.inside, counts.wrong_inside, counts.cells_in)
    outside = _side(
        counts, plan.cells - plan.inside, counts.wrong - counts.wrong_inside, counts.cells_out
    )
    mix = counts.at_unit(np.nan_to_num(counts.mix))
    robust = (((mix * (inside.pull - outside.pull)) @ group) ** 2).sum(axis=1)
    between, inner = (counts.at_unit(part) for part in _components(counts))
    spread = between * (inside.share - outside.share) ** 2 + inner * (inside.noise + outside.noise)
    error = np.sqrt(np.maximum(robust, (mix**2 * spread).sum(axis=1)))
    degrees = (counts.mix > 0) @ np.maximum(counts.of_class.sum(axis=0) - 1, 0)
    degrees = np.maximum(degrees, 1)
    half = error * special.stdtrit(degrees, (1 + intervals.LEVEL) / 2)
    p = special.stdtr(degrees, -np.nan_to_num(metrics.ratio(excess, error)))
    return np.where(error > 0, half, np.nan), p


class _Side(NamedTuple):
    """The inside or the outside of slices, each (S, U)."""

    pull: Floats  # influence of a unit on its class's error share, adjusted for its leverage (CR2)
    share: Floats  # share of its class's cells
    noise: Floats  # variance of the error share from its single cells, for a variance of 1 per cell


def _side(counts: _Counts, cells: Floats, wrong: Floats, total: Floats) -> _Side:
    of_class = counts.at_unit(total)
    error = counts.at_unit(metrics.ratio(wrong @ counts.of_class, total))
    share = np.nan_to_num(metrics.ratio(cells, of_class))
    residual = np.nan_to_num(metrics.ratio(wrong - error * cells, of_class))
    pull = np.nan_to_num(metrics.ratio(residual, np.sqrt(1 - share)))
    return _Side(pull, share, np.nan_to_num(metrics.ratio(share, of_class)))


def _components(counts: _Counts) -> tuple[Floats, Floats]:
    """(2,) each: variance of error shares between the subjects of a class, and within them."""
    between, inner = np.zeros(2), np.zeros(2)
    for i in (0, 1):
        chosen = counts.of_class[:, i] > 0
        cells, wrong = counts.plan.cells[chosen], counts.wrong[chosen]
        if len(cells) < 2 or cells.sum() == len(cells):
            continue
        share, all_cells = wrong / cells, cells.sum()
        inner[i] = (wrong * (1 - share)).sum() / (all_cells - len(cells))
        squares = (cells * (share - wrong.sum() / all_cells) ** 2).sum() / (len(cells) - 1)
        size = (all_cells - (cells**2).sum() / all_cells) / (len(cells) - 1)
        between[i] = max(0.0, (squares - inner[i]) / size)
    return between, inner


def _by_few_subjects(counts: _Counts) -> Floats:
    """(S,) probability of as many errors among other subjects of the class; NaN with too few."""
    inside, cells = counts.plan.inside, counts.plan.cells
    whole, whole_noise = _log_odds(counts.wrong, cells)
    part, part_noise = _log_odds(counts.wrong_inside, inside)
    other = (inside == 0).astype(float)
    rest = other @ counts.of_class  # (S, 2)
    mean = metrics.ratio(other @ (whole[:, None] * counts.of_class), rest)
    squares = other @ (whole[:, None] ** 2 * counts.of_class) - rest * mean**2
    spread = metrics.ratio(np.maximum(squares, 0), rest - 1)
    noise = metrics.ratio(other @ (whole_noise[:, None] * counts.of_class), rest)
    weight = metrics.ratio(inside, inside.sum(axis=1, keepdims=True))
    above = np.where(inside > 0, weight * (part - counts.at_unit(mean)), 0).sum(axis=1)
    own = counts.at_unit(spread) + np.maximum(0, part_noise - counts.at_unit(noise))
    variance = np.where(inside > 0, weight**2 * own, 0).sum(axis=1)
    variance += np.where(counts.mix > 0, counts.mix**2 * spread / np.maximum(rest, 1), 0).sum(1)
    fewest = np.where(counts.mix > 0, rest, np.inf).min(axis=1)
    p = special.stdtr(np.maximum(fewest - 1, 1), -metrics.ratio(above, np.sqrt(variance)))
    return np.where(fewest >= _FEWEST_OTHERS, p, np.nan)


def _log_odds(wrong: Floats, cells: Floats) -> tuple[Floats, Floats]:
    """Log-odds of a wrong call and their variance, with half a cell added to either side."""
    hits, misses = wrong + 0.5, cells - wrong + 0.5
    return np.log(hits / misses), 1 / hits + 1 / misses
