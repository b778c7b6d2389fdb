"""Intervals hold the truth about as often as they say, in simulations whose truth is known."""

import math

import numpy as np
import pytest
from scipy import special

from allcore.evaluation import curves, estimates, intervals, prevalence
from allcore.evaluation.estimates import Sample

# Cells' log-odds lie this far apart between the classes and as wide within a subject as the
# subjects themselves lie apart.
APART, WITHIN, BETWEEN = 3.0, 1.0, 1.0
SPREAD = math.hypot(WITHIN, BETWEEN)


def draw(random: np.random.Generator, *, all_subjects: int, normal_subjects: int) -> Sample:
    count = all_subjects + normal_subjects
    cells = np.clip(random.lognormal(4, 0.7, count), 10, 300).astype(int)
    subject = np.repeat(np.arange(count), cells)
    labels = (subject < all_subjects).astype(int)
    own = random.normal(0, BETWEEN, count)[subject]
    logit = random.normal(own + APART * (labels - 0.5), WITHIN)
    return estimates.make_sample(
        labels=labels,
        probabilities=special.expit(logit),
        subjects=subject.astype(str),
        resamples=200,
    )


def called(threshold: float) -> tuple[float, float]:
    """True sensitivity and share of false positives over all subjects there might be."""
    cut = special.logit(threshold)
    return tuple(float(special.ndtr((side * APART / 2 - cut) / SPREAD)) for side in (1, -1))


@pytest.mark.parametrize(
    ("all_subjects", "normal_subjects", "threshold"),
    [(12, 8, 0.5), (12, 8, 0.8), (4, 3, 0.5), (4, 3, 0.3)],
)
def test_likelihood_ratios_and_predictive_values__cover(
    all_subjects: int, normal_subjects: int, threshold: float
) -> None:
    random = np.random.default_rng(11)
    sensitivity, false = called(threshold)
    ratios = (sensitivity / false, (1 - sensitivity) / (1 - false))
    rare = 0.1
    ppv = sensitivity * rare / (sensitivity * rare + false * (1 - rare))
    trials, held, cells_held = 80, np.zeros(3), 0
    for _ in range(trials):
        cells = draw(random, all_subjects=all_subjects, normal_subjects=normal_subjects)
        found = prevalence.predictive_values(cells, threshold, np.array([rare]))
        held += [
            found.positive.over_subjects.low <= ratios[0] <= found.positive.over_subjects.high,
            found.negative.over_subjects.low <= ratios[1] <= found.negative.over_subjects.high,
            found.ppv.subject_low[0] <= ppv <= found.ppv.subject_high[0],
        ]
        cells_held += found.positive.over_cells.low <= ratios[0] <= found.positive.over_cells.high
    # 80 trials of an interval that covers 0.93 fall below 0.84 once in 500 runs.
    assert held.min() >= 0.84 * trials
    assert cells_held < 0.75 * trials  # and why the interval over cells is not the one to go by


def test_curves__bands_cover_at_their_points() -> None:
    random = np.random.default_rng(12)
    at = np.array([10, 20, 50])  # shares of false positives
    reached = np.array([50, 80, 90])  # recalls
    grid = curves.GRID
    true_roc = special.ndtr(special.ndtri(grid[at]) + APART / SPREAD)
    false = special.ndtr(special.ndtri(grid[reached]) - APART / SPREAD)
    true_precision = 12 * grid[reached] / (12 * grid[reached] + 8 * false)
    trials, held = 60, np.zeros(6)
    for _ in range(trials):
        cells = draw(random, all_subjects=12, normal_subjects=8)
        roc, precision_recall = curves.roc_curve(cells), curves.precision_recall_curve(cells)
        held[:3] += (roc.low[at] <= true_roc) & (true_roc <= roc.high[at])
        low, high = precision_recall.low[reached], precision_recall.high[reached]
        held[3:] += (low <= true_precision) & (true_precision <= high)
    assert held.min() >= 0.8 * trials


def test_delong__covers_where_cells_are_independent() -> None:
    random = np.random.default_rng(13)
    labels = np.repeat([1, 0], [300, 200])
    truth = float(special.ndtr(1.5 / math.sqrt(2)))
    found = [
        intervals.delong(labels=labels, scores=random.normal(1.5 * labels)) for _ in range(1000)
    ]
    held = np.mean([each.low <= truth <= each.high for each in found])
    assert 0.93 <= held <= 0.97


def test_delong__agrees_with_stata_on_published_ratings() -> None:
    """109 CT images rated by one reader (Hanley and McNeil, Radiology 1982, table 1).

    The manual of Stata's `roctab`, whose standard errors are DeLong's, gives for them an area of
    0.8932 and an interval from 0.83295 to 0.95339.
    """
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    ratings = np.concatenate([np.repeat(range(1, 6), normal), np.repeat(range(1, 6), abnormal)])
    labels = np.repeat([0, 1], [sum(normal), sum(abnormal)])
    found = intervals.delong(labels=labels, scores=ratings.astype(float))
    assert found.value == pytest.approx(0.8932, abs=5e-5)
    assert found.low == pytest.approx(0.83295, abs=5e-6)
    assert found.high == pytest.approx(0.95339, abs=5e-6)
