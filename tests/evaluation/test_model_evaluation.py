import math

import numpy as np
import pytest

from allcore.errors import DataError, ModelError
from allcore.evaluation import metrics, model_evaluation
from allcore.reports.model_card import document
from tests import simulated


def test_evaluate__keeps_test_and_validation_apart() -> None:
    table = simulated.predictions()
    found = model_evaluation.evaluate_model(table, simulated.info(table, threshold=0.4))
    for split in ("test", "validation"):
        part = getattr(found, split)
        cells = table[table["split"] == split]
        assert part.cells == len(cells)
        expected = metrics.scores(
            labels=(cells["label"] == "all").to_numpy().astype(int),
            probabilities=cells["probability"].to_numpy(),
            threshold=0.4,
        )
        assert part.estimate("weighted_f1").value == pytest.approx(expected.weighted_f1)
        assert {row.subject for row in part.subjects} == set(cells["subject"])
        assert sum(row.cells for row in part.subjects) == len(cells)
    assert found.test is not None
    assert found.test.blast.subjects == 6
    accuracies = [row.accuracy.value for row in found.test.subjects]
    assert accuracies == sorted(accuracies)
    assert found.validation is not None
    assert any("chosen on these cells" in note for note in found.validation.notes)


def test_evaluate__baseline_has_a_threshold_of_its_own() -> None:
    table = simulated.predictions()
    found = model_evaluation.evaluate_model(table, simulated.info(table))
    assert found.test is not None
    assert found.baseline_threshold != 0.5
    assert found.test.baseline[0].value < found.test.estimates[0].value
    table["baseline_probability"] = np.nan
    without = model_evaluation.evaluate_model(table, simulated.info(table))
    assert without.test is not None
    assert without.test.baseline == ()


def test_evaluate__merged_subjects_are_one_unit() -> None:
    table = simulated.predictions()
    table.loc[table["subject"].isin(["101", "103"]), "group"] = "101+103"
    found = model_evaluation.evaluate_model(table, simulated.info(table)).test
    assert found is not None
    assert found.blast.subjects == 5
    assert {"101", "103"} <= {row.subject for row in found.subjects}


def test_evaluate__one_class_says_so() -> None:
    table = simulated.predictions(normal_subjects=0)
    found = model_evaluation.evaluate_model(table, simulated.info(table))
    assert found.test is not None
    assert any("only ALL blasts" in note for note in found.test.notes)
    assert math.isnan(found.test.estimate("auroc").value)
    assert "undefined" in document.card(simulated.info(table), found) or "nan" in document.card(
        simulated.info(table), found
    )


def test_evaluate__unknown_subjects() -> None:
    table = simulated.predictions()
    table["subject"] = None
    found = model_evaluation.evaluate_model(table, simulated.info(simulated.predictions())).test
    assert found is not None
    assert found.subjects == ()
    assert any("Subjects are unknown" in note for note in found.notes)


def test_evaluate__refuses_what_it_cannot_use() -> None:
    table = simulated.predictions()
    info = simulated.info(table)
    with pytest.raises(DataError, match="no labelled held-out prediction"):
        model_evaluation.evaluate_model(table.assign(split="train"), info)
    with pytest.raises(DataError, match="label 'blast' is not known"):
        model_evaluation.evaluate_model(table.assign(label="blast"), info)
    with pytest.raises(DataError, match="from 0 to 1"):
        model_evaluation.evaluate_model(table.assign(probability=np.nan), info)
    with pytest.raises(ModelError, match="how its data was split"):
        model_evaluation.evaluate_model(table, simulated.info(table, training={}))
