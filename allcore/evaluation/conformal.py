"""Prediction sets: the classes that cannot be excluded for a cell at 95 %.

Split conformal prediction (Vovk et al., *Algorithmic Learning in a Random World*, 2005) from
held-out probabilities: the set of a cell contains a class unless its probability is below that of
all but 5 % of the held-out cells of that class. Each class has its own limit (class-conditional or
Mondrian: Vovk, *Conditional validity of inductive conformal predictors*, 2012; Sadinle, Lei and
Wasserman, *Least ambiguous set-valued classifiers*, JASA 2019), with the finite-sample quantile of
Angelopoulos and Bates (*A gentle introduction to conformal prediction*, 2021).

The theory requires new cells to be exchangeable with the held-out ones. Cells of a new subject are
not: limits that cover 95 % of the cells of known subjects cover fewer cells of new subjects (see
Dunn, Wasserman and Ramdas, *Distribution-free prediction sets for two-layer hierarchical models*,
JASA 2022). A rule may therefore be ``raised``: the level is raised until limits from the other
held-out subjects cover 95 % of the cells of each held-out subject.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from allcore.evaluation import estimates, subjects
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.metrics import Floats
from allcore.evaluation.subjects import SubjectRow
from allcore.labels import Label

LEVEL = 0.95

_LEVELS = np.linspace(LEVEL, 1.0, 51)  # candidate levels of a raised rule
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ConformalRule:
    """Options for the computation of the limits."""

    # one limit for each class, from its own cells; otherwise one limit for both classes
    by_class: bool = True
    by_subject: bool = False  # subjects have equal weight; otherwise cells have
    # the level is raised until it holds for subjects that the limits are not computed from
    raised: bool = True

    @property
    def name(self) -> str:
        """Description of the rule in words."""
        limits = "a limit for each class" if self.by_class else "one limit for both"
        counted = "subjects count equally" if self.by_subject else "cells count equally"
        return f"{limits}, {counted}{', raised' if self.raised else ''}"


RULE = ConformalRule()
"""The default rule: the one of `RULES` whose sets cover 95 % (within 1) of the cells of unseen
subjects of C-NMC 2019, with equal coverage of both classes.
"""
RULES = tuple(
    ConformalRule(by_class, by_subject, raised)
    for raised in (False, True)
    for by_class in (True, False)
    for by_subject in (False, True)
)


@dataclass(frozen=True)
class PredictionSets:
    """Limits that determine the prediction set of any probability."""

    hem_up_to: float  # largest probability of an ALL blast at which the set contains normal
    all_from: float  # smallest probability of an ALL blast at which the set contains ALL blast
    cells: int  # number of held-out cells that the limits are computed from
    subjects: int | None  # number of their independent subjects; None where unknown
    # True if the sets hold for cells of subjects outside the training data, False if they hold only
    # for new images of training subjects, None if subjects are unknown
    new_subjects: bool | None

    @classmethod
    def fit(
        cls, sample: Sample, *, new_subjects: bool | None, rule: ConformalRule = RULE
    ) -> "PredictionSets":
        """Compute the limits from held-out cells.

        A class without cells is in every set. Where subjects are unknown, cells have equal weight
        and the level is not raised. It is not raised for new images of known subjects either, which
        are exchangeable with the held-out ones.
        """
        known = sample.groups is not None
        groups = np.arange(len(sample.labels)) if sample.groups is None else sample.groups
        rule = replace(
            rule,
            by_subject=rule.by_subject and known,
            raised=rule.raised and known and bool(new_subjects),
        )
        # A cell's score for a class is the probability of the other class.
        scores = np.where(sample.labels == 1, 1 - sample.probabilities, sample.probabilities)
        classes = (0, 1) if rule.by_class else ((0, 1),)
        masks = [np.isin(sample.labels, of_class) for of_class in classes]
        limits = [_limit(scores[own], groups[own], rule) for own in masks]
        return cls(
            hem_up_to=limits[0],
            all_from=1 - limits[-1],
            cells=len(sample.labels),
            subjects=len(np.unique(groups)) if known else None,
            new_subjects=new_subjects,
        )

    def of(self, probability: float) -> tuple[Label, ...]:
        """Return the prediction set of a probability: one class or both.

        Where limits leave a gap between them, a probability in the gap gets the likelier class: an
        empty set has no meaning, and the likelier class never lowers the coverage.
        """
        hem, blast = (bool(possible[0]) for possible in self.possible(np.array([probability])))
        if hem and blast:
            return ("all", "hem")
        return ("all",) if blast else ("hem",)

    def possible(self, probabilities: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Membership of normal and of ALL blast in the sets of N probabilities, each (N,)."""
        hem = probabilities <= self.hem_up_to + _ROUNDING
        blast = probabilities >= self.all_from - _ROUNDING
        none = ~hem & ~blast
        return hem | (none & (probabilities < 0.5)), blast | (none & (probabilities >= 0.5))


def scope(new_subjects: bool | None) -> str:
    """Images that the 95 % hold for, see `PredictionSets.new_subjects`."""
    if new_subjects is None:
        return "new images like the held-out ones; whether for unseen subjects is unknown"
    if new_subjects:
        return "cells of unseen subjects"
    return "new images of the subjects that the model was trained on"


@dataclass(frozen=True)
class Coverage:
    """Share of cells whose set contains the true class, on cells that the limits are not computed
    from.
    """

    rule: ConformalRule  # rule of the limits
    cells: int  # number of tested cells
    subjects: int | None  # number of their independent subjects; None where unknown
    overall: Estimate  # share of cells whose set contains their class
    blast: Estimate  # the same among ALL blasts
    normal: Estimate  # the same among normal cells
    unsure: Estimate  # share of cells whose set contains both classes
    worst: tuple[SubjectRow, ...]  # subjects by the share of their cells that is covered, ascending
    new_subjects: bool | None  # as in `PredictionSets`

    @property
    def size(self) -> float:
        """Mean number of classes in a set."""
        return 1 + self.unsure.value


def coverage(
    sample: Sample,
    parts: NDArray[np.integer],
    names: NDArray[np.str_] | None = None,
    *,
    new_subjects: bool | None,
    rule: ConformalRule = RULE,
) -> Coverage | None:
    """Cross-validate the coverage: test each part of the cells with limits from the other parts.

    None with a single part or class.

    With ``new_subjects`` no subject may have cells in two parts, as in the folds of an out-of-fold
    model. The limits of a fold come from the networks of the other folds. They differ from its own
    network as the released network differs from all of them.

    Args:
        sample: held-out cells.
        parts: (N,) the part of each cell, such as its fold.
        names: (N,) subject of each cell, for `Coverage.worst`.
        new_subjects: as in `PredictionSets`.
        rule: rule of the limits.
    """
    if len(np.unique(parts)) < 2 or len(np.unique(sample.labels)) < 2:
        return None
    covered, unsure = _tested(sample, parts, new_subjects, rule)
    share = _shares(sample, covered)
    worst: tuple[SubjectRow, ...] = ()
    if names is not None:
        worst = subjects.subject_rows(
            labels=sample.labels, probabilities=_calls(sample, covered), subjects=names,
            threshold=0.5,
        )  # fmt: skip
    return Coverage(
        rule=rule,
        cells=len(sample.labels),
        subjects=None if sample.groups is None else len(np.unique(sample.groups)),
        overall=share["accuracy"],
        blast=share["sensitivity"],
        normal=share["specificity"],
        unsure=_shares(sample, unsure)["accuracy"],
        worst=worst,
        new_subjects=new_subjects,
    )


def coverage_by_rule(
    sample: Sample,
    parts: NDArray[np.integer],
    names: NDArray[np.str_] | None = None,
    *,
    new_subjects: bool | None,
) -> tuple[Coverage, ...]:
    """`coverage` of each applicable rule; empty with a single part or class."""
    rules = [rule for rule in RULES if new_subjects or not rule.raised]
    coverages = (
        coverage(sample, parts, names, new_subjects=new_subjects, rule=rule) for rule in rules
    )
    return tuple(result for result in coverages if result is not None)


def coverage_in_use(coverages: Sequence[Coverage]) -> Coverage | None:
    """Return the coverage of the default rule."""
    return next(
        (result for result in coverages if result.rule == rule_in_use(result.new_subjects)), None
    )


def rule_in_use(new_subjects: bool | None) -> ConformalRule:
    """Return the default rule.

    The level is not raised for new images of known subjects: they are exchangeable with the
    held-out ones.
    """
    return RULE if new_subjects else replace(RULE, raised=False)


def _tested(
    sample: Sample, parts: NDArray[np.integer], new_subjects: bool | None, rule: ConformalRule
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N,) whether each cell's set contains its class, and whether it contains both classes."""
    covered = np.zeros(len(parts), dtype=bool)
    unsure = np.zeros(len(parts), dtype=bool)
    for part in np.unique(parts):
        inside = parts == part
        groups = None if sample.groups is None else sample.groups[~inside]
        # Limits need no resamples.
        rest = Sample(
            sample.labels[~inside], sample.probabilities[~inside], groups, 0, np.zeros((0, 0))
        )
        sets = PredictionSets.fit(rest, new_subjects=new_subjects, rule=rule)
        hem, blast = sets.possible(sample.probabilities[inside])
        covered[inside] = np.where(sample.labels[inside] == 1, blast, hem)
        unsure[inside] = hem & blast
    return covered, unsure


def _calls(sample: Sample, right: NDArray[np.bool_]) -> Floats:
    """(N,) probabilities of 0 or 1 that call a flagged cell its own class, others the other."""
    return np.where(right, sample.labels, 1 - sample.labels).astype(float)


def _shares(sample: Sample, right: NDArray[np.bool_]) -> dict[str, Estimate]:
    """Shares of flagged cells: of all, of ALL blasts and of normal cells, with their intervals.

    They are the accuracy, sensitivity and specificity of `_calls`.
    """
    cells = replace(sample, probabilities=_calls(sample, right))
    return estimates.by_name(estimates.at_threshold(cells, 0.5))


def _limit(scores: Floats, groups: NDArray[np.intp], rule: ConformalRule) -> float:
    """Conformal quantile of the scores; 1 where there are too few cells."""
    if not len(scores):
        return 1.0
    which = np.unique(groups, return_inverse=True)[1]
    weights = 1 / np.bincount(which)[which] if rule.by_subject else np.ones(len(scores))
    order = np.argsort(scores, kind="stable")
    scores, which, weights = scores[order], which[order], weights[order]
    level = _raised(scores, which, weights) if rule.raised else LEVEL
    # The new cell counts as one more, with any score.
    return float(_quantiles(scores, weights, np.array([level]), extra=float(weights.mean()))[0])


def _raised(scores: Floats, which: NDArray[np.intp], weights: Floats) -> float:
    """Lowest level at which limits from the other subjects cover `LEVEL` of the cells."""
    covered = np.zeros(len(_LEVELS))
    for number in range(int(which.max()) + 1):
        own = which == number
        if own.all():
            return LEVEL  # there is no other subject
        limits = _quantiles(scores[~own], weights[~own], _LEVELS, extra=0.0)
        covered += weights[own] @ (scores[own][:, None] <= limits)
    enough = np.flatnonzero(covered >= LEVEL * weights.sum() - _ROUNDING)
    return float(_LEVELS[enough[0]]) if len(enough) else 1.0


def _quantiles(rising: Floats, weights: Floats, levels: Floats, *, extra: float) -> Floats:
    """(L,) smallest scores that reach each level of the cumulative weight; 1 where there is none.

    `extra` is the weight of one more score, larger than all others.
    """
    share = np.cumsum(weights) / (weights.sum() + extra)
    place = np.searchsorted(share, levels - _ROUNDING)
    return np.append(rising, 1.0)[place]
