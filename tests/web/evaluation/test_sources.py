import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allcore import model_folder
from allcore.errors import DataError, ModelError
from allcore.evaluation import model_evaluation
from allcore.web import evaluations
from allcore.web.evaluation import sources
from tests import explored, simulated


def test_origin__of_a_model(models: Path) -> None:
    found = sources.source_of("simulated")
    info = model_folder.read_info(models / "simulated")
    assert (found.threshold, found.rule) == (info.threshold, info.threshold_rule)
    assert found.folder == models / "simulated" and found.problems == ()


def test_origin__unknown(models: Path) -> None:
    with pytest.raises(ModelError, match="There is no model"):
        sources.source_of("../../etc")


def test_origin__its_digest_follows_all_that_is_shown(models: Path) -> None:
    folder = explored.folder(models, name="full")
    before = sources.source_of("full").digest
    assert sources.source_of("full").digest == before
    os.utime(folder / model_folder.EMBEDDINGS, ns=(1, 1))
    map_again = sources.source_of("full").digest
    (folder / model_folder.FACTS).unlink()
    no_facts = sources.source_of("full").digest
    changed = model_folder.read_predictions(folder).assign(probability=0.5)
    changed.to_parquet(folder / model_folder.PREDICTIONS, index=False)
    assert len({before, map_again, no_facts, sources.source_of("full").digest}) == 4


def test_splits__those_with_labelled_cells_test_first(models: Path) -> None:
    table = simulated.predictions()
    assert evaluations.splits(sources.source_of("simulated")) == ["test", "validation"]
    simulated.folder(models, name="one", table=table[table["split"] == "validation"])
    assert evaluations.splits(sources.source_of("one")) == ["validation"]
    unlabelled = table.assign(label=table["label"].mask(table["split"] == "validation", None))
    simulated.folder(models, name="part", table=unlabelled)
    assert evaluations.splits(sources.source_of("part")) == ["test"]
    simulated.folder(models, name="none", table=table.assign(label=None))
    with pytest.raises(DataError, match="no labelled held-out prediction"):
        evaluations.splits(sources.source_of("none"))


def test_part__is_the_evaluation_of_its_cells(models: Path) -> None:
    table = simulated.predictions()
    found = evaluations.evaluate_split(sources.source_of("simulated"), "test")
    test = table[table["split"] == "test"]
    assert found.table["image_id"].tolist() == test["image_id"].tolist()
    assert found.table.index.tolist() == list(range(len(test)))
    assert np.array_equal(found.sample.labels, model_evaluation.labels_array(test))
    assert {each.name for each in found.threshold_free} == {"auroc", "auprc", "brier", "ece"}
    assert found.label_errors is not None


def test_part__one_class_has_no_suspicion(models: Path) -> None:
    simulated.folder(models, name="blasts", table=simulated.predictions(normal_subjects=0))
    assert evaluations.evaluate_split(sources.source_of("blasts"), "test").label_errors is None


def test_threshold_cells__are_validation_cells(models: Path) -> None:
    table = simulated.predictions()
    found = evaluations.split_cells(sources.source_of("simulated"), "validation")
    assert len(found) == (table["split"] == "validation").sum()
    assert set(found["split"]) == {"validation"}
    simulated.folder(models, name="tested", table=table[table["split"] == "test"])
    assert isinstance(
        evaluations.split_cells(sources.source_of("tested"), "validation"), pd.DataFrame
    )
    assert evaluations.split_cells(sources.source_of("tested"), "validation").empty


def test_leaks__a_sentence_a_model_that_knew_the_subjects(models: Path) -> None:
    explored.second(models)
    simulated.folder(models, name="untold")
    info = simulated.info(simulated.predictions(), name="untold", training={})
    model_folder.write_info(models / "untold", info)
    origins = [sources.source_of(name) for name in ("simulated", "second", "untold")]
    said = sources.leakage_warnings(origins)
    assert len(said) == 2 and said[0].startswith("second was trained on other cells")
    assert said[1].startswith("Whether untold was trained on other cells of these subjects is unk")
