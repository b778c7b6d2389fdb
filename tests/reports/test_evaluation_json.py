import json
import math
from pathlib import Path

import numpy as np
import pytest

from allcore import model_folder, notice
from allcore.errors import DataError, ModelError
from allcore.evaluation import metrics
from allcore.reports import evaluation_json
from tests import simulated


def test_evaluate__keeps_test_and_validation_apart() -> None:
    table = simulated.predictions()
    found = evaluation_json.evaluate(table, simulated.info(table, threshold=0.4))
    for split in ("test", "validation"):
        part = getattr(found, split)
        cells = table[table["split"] == split]
        assert part.cells == len(cells)
        expected = metrics.scores(
            labels=(cells["label"] == "all").to_numpy().astype(int),
            probabilities=cells["probability"].to_numpy(),
            threshold=0.4,
        )
        assert part.figure("weighted_f1").value == pytest.approx(expected.weighted_f1)
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
    found = evaluation_json.evaluate(table, simulated.info(table))
    assert found.test is not None
    assert found.baseline_threshold != 0.5
    assert found.test.baseline[0].value < found.test.figures[0].value
    table["baseline_probability"] = np.nan
    without = evaluation_json.evaluate(table, simulated.info(table))
    assert without.test is not None
    assert without.test.baseline == ()


def test_evaluate__merged_subjects_are_one_unit() -> None:
    table = simulated.predictions()
    table.loc[table["subject"].isin(["101", "103"]), "group"] = "101+103"
    found = evaluation_json.evaluate(table, simulated.info(table)).test
    assert found is not None
    assert found.blast.subjects == 5
    assert {"101", "103"} <= {row.subject for row in found.subjects}


def test_evaluate__one_class_says_so() -> None:
    table = simulated.predictions(normal_subjects=0)
    found = evaluation_json.evaluate(table, simulated.info(table))
    assert found.test is not None
    assert any("only ALL blasts" in note for note in found.test.notes)
    assert math.isnan(found.test.figure("auroc").value)
    assert "undefined" in evaluation_json.card(
        simulated.info(table), found
    ) or "nan" in evaluation_json.card(simulated.info(table), found)


def test_evaluate__unknown_subjects() -> None:
    table = simulated.predictions()
    table["subject"] = None
    found = evaluation_json.evaluate(table, simulated.info(simulated.predictions())).test
    assert found is not None
    assert found.subjects == ()
    assert any("Subjects are unknown" in note for note in found.notes)


def test_evaluate__refuses_what_it_cannot_use() -> None:
    table = simulated.predictions()
    info = simulated.info(table)
    with pytest.raises(DataError, match="no labelled held-out prediction"):
        evaluation_json.evaluate(table.assign(split="train"), info)
    with pytest.raises(DataError, match="label 'blast' is not known"):
        evaluation_json.evaluate(table.assign(label="blast"), info)
    with pytest.raises(DataError, match="from 0 to 1"):
        evaluation_json.evaluate(table.assign(probability=np.nan), info)
    with pytest.raises(ModelError, match="how its data was split"):
        evaluation_json.evaluate(table, simulated.info(table, training={}))


def test_write_metrics__is_json_without_nan(tmp_path: Path) -> None:
    table = simulated.predictions(normal_subjects=0)
    evaluation_json.write_metrics(
        evaluation_json.evaluate(table, simulated.info(table)), tmp_path / "m.json"
    )
    text = (tmp_path / "m.json").read_text()
    found = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert found["notice"] == notice.RESEARCH_USE
    assert found["test"]["figures"]["auroc"]["value"] is None
    sensitivity = found["test"]["figures"]["sensitivity"]
    assert sensitivity["subject"]["low"] < sensitivity["value"] < sensitivity["subject"]["high"]


def test_rows__are_what_the_report_says() -> None:
    table = simulated.predictions()
    found = evaluation_json.evaluate(table, simulated.info(table))
    rows = evaluation_json.rows(found)
    assert len(rows) == 2 * len(metrics.TITLES)
    assert {row["notice"] for row in rows} == {notice.RESEARCH_USE}
    assert found.test is not None
    assert rows[0]["over_subjects_low"] == found.test.figures[0].subject.low


def test_headline__without_a_paper_model(tmp_path: Path) -> None:
    folder = simulated.folder(tmp_path)
    found = evaluation_json.headline(folder)
    whole = evaluation_json.evaluate(
        model_folder.read_predictions(folder), model_folder.read_info(folder)
    ).test
    assert whole is not None
    assert found.paper is None
    assert "98.9 %" in found.citation
    assert found.unseen is not None
    assert found.unseen.accuracy == whole.figure("accuracy").subject
    assert found.unseen.subjects == 10
    assert "recognises the subject" in found.gap


def test_headline__with_a_paper_model(tmp_path: Path) -> None:
    folder = simulated.folder(tmp_path)
    paper = simulated.folder(tmp_path, name="simulated-paper")
    table = model_folder.read_predictions(paper)
    info = model_folder.read_info(paper)
    model_folder.write_info(paper, simulated.info(table, name=info.name))
    assert (
        evaluation_json.headline(folder).paper is None
    )  # split by subject: not the paper's protocol
    split = info.training["split"] | {"kind": "image"}
    model_folder.write_info(
        paper, simulated.info(table, name=info.name, training=info.training | {"split": split})
    )
    found = evaluation_json.headline(folder)
    assert found.paper is not None
    assert found.unseen is not None
    width = found.unseen.accuracy.high - found.unseen.accuracy.low
    assert found.paper.accuracy.high - found.paper.accuracy.low < width
    assert "0.0 percentage points" in found.gap  # the same predictions in both folders


def test_headline__a_damaged_paper_model_takes_nothing_down(tmp_path: Path) -> None:
    folder = simulated.folder(tmp_path)
    paper = simulated.folder(tmp_path, name="simulated-paper")
    (paper / model_folder.INFO).write_text("{")
    assert evaluation_json.headline(folder).paper is None
