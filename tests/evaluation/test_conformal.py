"""Prediction sets hold the truth as often as they say, in simulations and on the shipped models."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from allcore import model_folder
from allcore.evaluation import conformal, estimates, model_evaluation
from allcore.evaluation.conformal import LEVEL, RULE, ConformalRule, PredictionSets
from allcore.evaluation.estimates import Sample
from allcore.reports.model_card import results
from tests import simulated

MODELS = Path(__file__).parents[2] / "models"
PLAIN = ConformalRule(by_class=True, by_subject=False, raised=False)


def draw(
    random: np.random.Generator, *, between: float, of_class: int = 12, cells: int = 40
) -> Sample:
    """Cells of subjects whose log-odds lie `between` apart."""
    subject = np.repeat(np.arange(2 * of_class), cells)
    labels = (subject < of_class).astype(int)
    own = random.normal(0, between, 2 * of_class)[subject]
    logit = random.normal(own + 3 * (labels - 0.5), 1.0)
    return estimates.make_sample(
        labels=labels,
        probabilities=special.expit(logit),
        subjects=subject.astype(str),
        resamples=20,
    )


def held(sets: PredictionSets, cells: Sample) -> tuple[float, float]:
    """Share of normal cells and of ALL blasts whose set holds their class."""
    hem, blast = sets.possible(cells.probabilities)
    return float(hem[cells.labels == 0].mean()), float(blast[cells.labels == 1].mean())


def test_fit__covers_cells_drawn_like_those_it_saw() -> None:
    random = np.random.default_rng(1)
    found = []
    for _ in range(200):
        sets = PredictionSets.fit(draw(random, between=0, cells=10), new_subjects=True, rule=PLAIN)
        found.append(held(sets, draw(random, between=0, cells=50)))
    for share in np.mean(found, axis=0):
        assert share == pytest.approx(LEVEL, abs=0.008)


@pytest.mark.parametrize("of_class", [6, 8, 12])
def test_raised__covers_new_subjects_where_plain_limits_fall_short(of_class: int) -> None:
    random = np.random.default_rng(2)
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(150):
        seen = draw(random, between=1.0, of_class=of_class)
        new = draw(random, between=1.0)
        for raised in found:
            sets = PredictionSets.fit(seen, new_subjects=True, rule=replace(PLAIN, raised=raised))
            found[raised].append(held(sets, new))
    plain, raised = (float(np.mean(found[each])) for each in (False, True))
    assert plain < 0.94
    assert raised == pytest.approx(LEVEL, abs=0.01)


def test_fit__takes_the_quantile_of_finite_samples() -> None:
    probabilities = np.concatenate([np.arange(1, 20) / 100, 1 - np.arange(1, 20) / 100])
    labels = np.repeat([0, 1], 19)
    cells = estimates.make_sample(labels=labels, probabilities=probabilities, subjects=None)
    sets = PredictionSets.fit(cells, new_subjects=False)
    assert sets.hem_up_to == pytest.approx(0.19)  # ceil(20 * 0.95) = 19: the largest of 19
    assert sets.all_from == pytest.approx(0.81)
    assert sets.subjects is None


def test_fit__promises_nothing_from_too_few_cells() -> None:
    cells = estimates.make_sample(
        labels=np.array([0, 1, 1]), probabilities=np.array([0.1, 0.9, 0.8]), subjects=None
    )
    sets = PredictionSets.fit(cells, new_subjects=True)
    assert sets.of(0.001) == sets.of(0.999) == ("all", "hem")


def test_of__is_never_empty() -> None:
    sets = PredictionSets(hem_up_to=0.2, all_from=0.8, cells=100, subjects=10, new_subjects=True)
    assert sets.of(0.2) == ("hem",)
    assert sets.of(0.3) == ("hem",)  # in the gap: the likelier one
    assert sets.of(0.6) == ("all",)
    assert sets.of(0.8) == ("all",)
    wide = replace(sets, hem_up_to=0.9, all_from=0.1)
    assert wide.of(0.05) == ("hem",)
    assert wide.of(0.5) == ("all", "hem")
    assert wide.of(0.95) == ("all",)


def test_fit__raises_nothing_for_known_subjects() -> None:
    cells = draw(np.random.default_rng(3), between=1.0)
    plain = PredictionSets.fit(cells, new_subjects=False, rule=PLAIN)
    assert PredictionSets.fit(cells, new_subjects=False) == plain
    assert PredictionSets.fit(cells, new_subjects=True).hem_up_to > plain.hem_up_to


def test_by_subject__weighs_a_subject_not_its_cells() -> None:
    # One normal subject with many easy cells, twenty with few hard ones.
    subject = np.concatenate([np.zeros(2400), np.repeat(np.arange(1, 21), 5)]).astype(int)
    hem = np.where(subject == 0, 0.1, 0.6)
    cells = estimates.make_sample(
        labels=np.append(np.zeros(len(hem), int), 1),
        probabilities=np.append(hem, 0.9),
        subjects=np.append(subject, 99).astype(str),
    )
    of_cells = PredictionSets.fit(cells, new_subjects=True, rule=PLAIN)
    of_subjects = PredictionSets.fit(cells, new_subjects=True, rule=replace(PLAIN, by_subject=True))
    assert of_cells.hem_up_to == pytest.approx(0.1)
    assert of_subjects.hem_up_to == pytest.approx(0.6)


def test_coverage__tests_each_part_with_limits_from_the_others() -> None:
    # In part 0 normal cells score far higher than in part 1, so only limits from part 1 miss them.
    parts = np.repeat([0, 1], 100)
    labels = np.tile(np.repeat([0, 1], 50), 2)
    probabilities = np.where(labels == 1, 0.95, np.where(parts == 0, 0.7, 0.1))
    names = np.array([f"{part}{label}" for part, label in zip(parts, labels, strict=True)])
    cells = estimates.make_sample(labels=labels, probabilities=probabilities, subjects=names)
    found = conformal.coverage(cells, parts, names, new_subjects=True)
    assert found is not None
    assert found.normal.value == pytest.approx(0.5)
    assert found.blast.value == pytest.approx(1.0)
    assert found.overall.value == pytest.approx(0.75)
    assert found.worst[0].subject == "00"
    assert found.worst[0].accuracy.value == 0
    assert found.size == pytest.approx(1 + found.unsure.value)
    assert conformal.coverage(cells, np.zeros(200, int), new_subjects=True) is None


def test_evaluate__tests_the_other_split_where_there_is_one_fold() -> None:
    table = simulated.predictions()
    report = model_evaluation.evaluate_model(table, simulated.info(table))
    found = conformal.coverage_in_use(report.coverage)
    assert found is not None
    assert found.cells == len(table)
    assert found.rule == RULE
    one = model_evaluation.evaluate_model(table[table["split"] == "test"], simulated.info(table))
    assert one.coverage == ()
    assert results.prediction_set_chapters(one) == ()


def test_in_words__says_for_whom_the_sets_hold() -> None:
    table = simulated.predictions()
    info = simulated.info(table)
    unseen = conformal.coverage_in_use(model_evaluation.evaluate_model(table, info).coverage)
    info = simulated.info(table, training=simulated.torn(info.training))
    seen = conformal.coverage_in_use(model_evaluation.evaluate_model(table, info).coverage)
    assert unseen is not None
    assert seen is not None
    assert "subjects that the limits never saw" in results.coverage_text(unseen)
    assert "these subjects only" in results.coverage_text(seen)
    assert not seen.rule.raised


def test_shipped_model__covers_95_percent_of_unseen_subjects_cells_as_far_as_can_be_told() -> None:
    folder = MODELS / "qcresnet-cnmc"
    predictions = model_folder.read_predictions(folder)
    info = model_folder.read_info(folder)
    subjects_of = predictions.groupby("fold")["group"].agg(set).tolist()
    assert not set.intersection(*subjects_of)
    found = conformal.coverage_in_use(model_evaluation.evaluate_model(predictions, info).coverage)
    assert found is not None
    assert found.new_subjects
    over_subjects = found.overall.over_subjects
    assert over_subjects.low <= LEVEL <= over_subjects.high
    text = (folder / model_folder.CARD).read_text(encoding="utf-8")
    assert results.coverage_text(found).split(".")[0] in text


def test_sets_of__takes_milliseconds() -> None:
    folder = MODELS / "qcresnet-cnmc"
    predictions, info = model_folder.read_predictions(folder), model_folder.read_info(folder)
    model_evaluation.prediction_sets(predictions, info)
    started = time.perf_counter()
    sets = model_evaluation.prediction_sets(predictions, info)
    assert time.perf_counter() - started < 0.5  # about 30 ms on an idle core
    assert sets is not None
    assert sets.new_subjects
    assert sets.cells == len(predictions)


def test_sets_of__none_without_both_classes() -> None:
    table = simulated.predictions()
    unlabelled = table.assign(label=pd.Series([None] * len(table), dtype=object))
    assert model_evaluation.prediction_sets(unlabelled, simulated.info(table)) is None
    blasts = table[table["label"] == "all"]
    assert model_evaluation.prediction_sets(blasts, simulated.info(table)) is None
    assert model_evaluation.evaluate_model(blasts, simulated.info(table)).coverage == ()
