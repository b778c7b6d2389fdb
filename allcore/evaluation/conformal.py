"""Prediction sets: the classes that can't be ruled out for a cell at 95 %.

Split conformal prediction (Vovk et al., *Algorithmic Learning in a Random World*, 2005) from
held-out probabilities: a class stays possible for a cell unless the network gives it less than it
gives to all but 5 % of the held-out cells of that class. Each class has a limit of its own
(class-conditional or Mondrian: Vovk, *Conditional validity of inductive conformal predictors*,
2012; Sadinle, Lei and Wasserman, *Least ambiguous set-valued classifiers*, JASA 2019), with the
quantile of finite samples of Angelopoulos and Bates (*A gentle introduction to conformal
prediction*, 2021).

The theory asks that new cells are drawn like the held-out ones. Cells of a new subject are not:
limits that hold 95 % of the cells of known subjects hold fewer of others' (see Dunn, Wasserman and
Ramdas, *Distribution-free prediction sets for two-layer hierarchical models*, JASA 2022). A rule
may therefore be ``raised``: the level is raised until the cells of each held-out subject are
covered at 95 % by limits from the other held-out subjects.
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

_LEVELS = np.linspace(LEVEL, 1.0, 51)  # that a raised rule chooses from
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ConformalRule:
    """How limits are found.

    Attributes:
        by_class: a limit for each class from its own cells; otherwise one limit for both.
        by_subject: subjects count equally; otherwise cells do.
        raised: the level is raised until it holds for subjects that the limits never saw.
    """

    by_class: bool = True
    by_subject: bool = False
    raised: bool = True

    @property
    def name(self) -> str:
        """In words."""
        limits = "a limit for each class" if self.by_class else "one limit for both"
        counted = "subjects count equally" if self.by_subject else "cells count equally"
        return f"{limits}, {counted}{', raised' if self.raised else ''}"


RULE = ConformalRule()
"""The rule in use: of `RULES` the one whose sets cover 95 % (within 1) of unseen subjects' cells of
C-NMC 2019, and both classes alike."""
RULES = tuple(
    ConformalRule(by_class, by_subject, raised)
    for raised in (False, True)
    for by_class in (True, False)
    for by_subject in (False, True)
)


@dataclass(frozen=True)
class PredictionSets:
    """Limits, from which the set of any probability follows.

    Attributes:
        hem_up_to: largest probability of an ALL blast at which normal stays possible.
        all_from: least probability of an ALL blast at which ALL blast stays possible.
        cells: held-out cells that the limits come from.
        subjects: independent subjects of these; None where unknown.
        new_subjects: whether the sets hold for cells of subjects that training never saw; if not,
            only for new images of the subjects that it saw.
    """

    hem_up_to: float
    all_from: float
    cells: int
    subjects: int | None
    new_subjects: bool

    @classmethod
    def fit(
        cls, sample: Sample, *, new_subjects: bool, rule: ConformalRule = RULE
    ) -> "PredictionSets":
        """The limits that held-out cells give.

        A class without cells is never ruled out. Where subjects are unknown cells count equally,
        and no level is raised; nor is it for new images of known subjects, which are drawn like the
        held-out ones.
        """
        groups = np.arange(len(sample.labels)) if sample.groups is None else sample.groups
        known = sample.groups is not None
        hem, blast = _limits(
            sample.labels,
            sample.probabilities,
            groups,
            ConformalRule(
                rule.by_class, rule.by_subject and known, rule.raised and known and new_subjects
            ),
        )
        return cls(
            hem_up_to=hem,
            all_from=1 - blast,
            cells=len(sample.labels),
            subjects=len(np.unique(groups)) if known else None,
            new_subjects=new_subjects,
        )

    def of(self, probability: float) -> tuple[Label, ...]:
        """The classes that stay possible, one or both.

        Where none would stay, which takes limits that leave a gap between them, it is the likelier
        one: a set of nothing says nothing, and the likelier class covers no less.
        """
        hem, blast = (bool(possible[0]) for possible in self.possible(np.array([probability])))
        if hem and blast:
            return ("all", "hem")
        return ("all",) if blast else ("hem",)

    def possible(self, probabilities: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(N,) whether normal, and whether ALL blast, stays possible at each probability (N,)."""
        hem = probabilities <= self.hem_up_to + _ROUNDING
        blast = probabilities >= self.all_from - _ROUNDING
        none = ~hem & ~blast
        return hem | (none & (probabilities < 0.5)), blast | (none & (probabilities >= 0.5))


@dataclass(frozen=True)
class Coverage:
    """How often sets hold the true class of cells that their limits do not come from.

    Attributes:
        rule: how the limits were found.
        cells: that were tested.
        subjects: independent subjects of these; None where unknown.
        overall: share of cells whose set holds their class.
        blast: the same among ALL blasts.
        normal: the same among normal cells.
        unsure: share of cells whose set holds both classes.
        worst: subjects by the share of their cells that is covered, the least covered first.
        new_subjects: as in `Sets`.
    """

    rule: ConformalRule
    cells: int
    subjects: int | None
    overall: Estimate
    blast: Estimate
    normal: Estimate
    unsure: Estimate
    worst: tuple[SubjectRow, ...]
    new_subjects: bool

    @property
    def size(self) -> float:
        """Mean number of classes in a set."""
        return 1 + self.unsure.value


def coverage(
    sample: Sample,
    parts: NDArray[np.integer],
    names: NDArray[np.str_] | None = None,
    *,
    new_subjects: bool,
    rule: ConformalRule = RULE,
) -> Coverage | None:
    """Test each part of the cells with limits from the other parts.

    None with a single part or class.

    With ``new_subjects`` no subject may have cells in two parts, as in the folds of an out-of-fold
    model. A fold's limits come from the other folds' networks, which differ from its own as the
    network that ships differs from all of them.

    Args:
        sample: held-out cells.
        parts: (N,) the part of each cell, such as its fold.
        names: (N,) subject of each cell, to name the worst ones by.
        new_subjects: as in `Sets`.
        rule: how limits are found.
    """
    if len(np.unique(parts)) < 2 or len(np.unique(sample.labels)) < 2:
        return None
    covered, unsure = _tested(sample, parts, new_subjects, rule)
    share = _shares(sample, covered)
    return Coverage(
        rule=rule,
        cells=len(sample.labels),
        subjects=None if sample.groups is None else len(np.unique(sample.groups)),
        overall=share["accuracy"],
        blast=share["sensitivity"],
        normal=share["specificity"],
        unsure=_shares(sample, unsure)["accuracy"],
        worst=() if names is None else _by_subject(sample, covered, names),
        new_subjects=new_subjects,
    )


def coverage_by_rule(
    sample: Sample,
    parts: NDArray[np.integer],
    names: NDArray[np.str_] | None = None,
    *,
    new_subjects: bool,
) -> tuple[Coverage, ...]:
    """`coverage` by each rule that can be used; empty with a single part or class."""
    rules = [rule for rule in RULES if new_subjects or not rule.raised]
    coverages = (
        coverage(sample, parts, names, new_subjects=new_subjects, rule=rule) for rule in rules
    )
    return tuple(result for result in coverages if result is not None)


def coverage_in_use(coverages: Sequence[Coverage]) -> Coverage | None:
    """The coverage by the rule in use."""
    return next(
        (result for result in coverages if result.rule == rule_in_use(result.new_subjects)), None
    )


def rule_in_use(new_subjects: bool) -> ConformalRule:
    """The rule in use: nothing is raised for new images of known subjects.

    They are drawn like the held-out ones.
    """
    return RULE if new_subjects else replace(RULE, raised=False)


def _tested(
    sample: Sample, parts: NDArray[np.integer], new_subjects: bool, rule: ConformalRule
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N,) whether each cell's set holds its class, and whether it holds both."""
    covered = np.zeros(len(parts), dtype=bool)
    unsure = np.zeros(len(parts), dtype=bool)
    for part in np.unique(parts):
        inside = parts == part
        sets = PredictionSets.fit(_only(sample, ~inside), new_subjects=new_subjects, rule=rule)
        hem, blast = sets.possible(sample.probabilities[inside])
        covered[inside] = np.where(sample.labels[inside] == 1, blast, hem)
        unsure[inside] = hem & blast
    return covered, unsure


def _only(sample: Sample, selected: NDArray[np.bool_]) -> Sample:
    """Some of the cells, without resamples, which no limit needs."""
    groups = None if sample.groups is None else sample.groups[selected]
    return Sample(
        sample.labels[selected], sample.probabilities[selected], groups, 0, np.zeros((0, 0))
    )


def _shares(sample: Sample, right: NDArray[np.bool_]) -> dict[str, Estimate]:
    """Shares of cells, of ALL blasts and of normal cells, with the intervals of an evaluation.

    A cell that is right gets its own class as its call, so that the figures of calls are those of
    whatever is counted here.
    """
    called = np.where(right, sample.labels, 1 - sample.labels).astype(float)
    cells = Sample(sample.labels, called, sample.groups, sample.resamples, sample.weights)
    return {share.name: share for share in estimates.at_threshold(cells, 0.5)}


def _by_subject(
    sample: Sample, covered: NDArray[np.bool_], names: NDArray[np.str_]
) -> tuple[SubjectRow, ...]:
    called = np.where(covered, sample.labels, 1 - sample.labels).astype(float)
    return subjects.subject_rows(
        labels=sample.labels, probabilities=called, subjects=names, threshold=0.5
    )


def _limits(
    labels: NDArray[np.integer],
    probabilities: Floats,
    groups: NDArray[np.intp],
    rule: ConformalRule,
) -> tuple[float, float]:
    """Largest score, the probability of the other class, at which each class stays possible."""
    scores = np.where(labels == 1, 1 - probabilities, probabilities)
    if not rule.by_class:
        limit = _limit(scores, groups, rule)
        return limit, limit
    hem, blast = (_limit(scores[labels == c], groups[labels == c], rule) for c in (0, 1))
    return hem, blast


def _limit(scores: Floats, groups: NDArray[np.intp], rule: ConformalRule) -> float:
    """The score that new cells stay below at the level; 1 where the cells can't promise one."""
    if not len(scores):
        return 1.0
    which = np.unique(groups, return_inverse=True)[1]
    weights = 1 / np.bincount(which)[which] if rule.by_subject else np.ones(len(scores))
    order = np.argsort(scores, kind="stable")
    scores, which, weights = scores[order], which[order], weights[order]
    level = _raised(scores, which, weights) if rule.raised else LEVEL
    # The new cell counts as one more, whose score may be anything.
    return float(_quantiles(scores, weights, np.array([level]), extra=float(weights.mean()))[0])


def _raised(scores: Floats, which: NDArray[np.intp], weights: Floats) -> float:
    """The lowest level whose limits from all other subjects cover `LEVEL` of each one's cells."""
    covered = np.zeros(len(_LEVELS))
    for number in range(int(which.max()) + 1):
        own = which == number
        if own.all():
            return LEVEL  # nobody else to learn from
        limits = _quantiles(scores[~own], weights[~own], _LEVELS, extra=0.0)
        covered += weights[own] @ (scores[own][:, None] <= limits)
    enough = np.flatnonzero(covered >= LEVEL * weights.sum() - _ROUNDING)
    return float(_LEVELS[enough[0]]) if len(enough) else 1.0


def _quantiles(rising: Floats, weights: Floats, levels: Floats, *, extra: float) -> Floats:
    """(L,) least scores below which lies each level of the weight; 1 where there is none.

    `extra` is the weight of one more score, larger than all.
    """
    share = np.cumsum(weights) / (weights.sum() + extra)
    place = np.searchsorted(share, levels - _ROUNDING)
    return np.append(rising, 1.0)[place]
