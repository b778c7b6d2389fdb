import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allcore import model_folder
from allcore.data import cells, readers
from allcore.data.perturbations import Cell
from allcore.data.prediction_import import PREDICTION_COLUMNS
from allcore.errors import DataError, ModelError
from allcore.research.experiments import interventions, interventions_catalogue
from allcore.research.experiments.interventions_catalogue import INTERVENTIONS, CommonCell
from allcore.research.experiments.options import ExperimentOptions
from tests.conftest import draw_cell

COMMON = CommonCell(np.array([100.0, 60.0, 140.0]), np.array([10.0, 10.0, 10.0]), 30_000.0)
BY_NAME = {each.name: each for each in INTERVENTIONS}


@pytest.fixture(scope="module")
def cell() -> Cell:
    rgb = draw_cell(seed=1, radius=80)
    return Cell(rgb, cells.mask_of(rgb))


def altered(cell: Cell, name: str) -> Cell:
    return BY_NAME[name].change(cell, COMMON)


def inside(cell: Cell) -> np.ndarray:
    return cell.rgb[cell.mask].astype(float)


@pytest.mark.parametrize("each", INTERVENTIONS, ids=lambda each: each.name)
def test_alteration__gives_a_cell_that_can_be_cut(
    each: interventions_catalogue.Intervention, cell: Cell
) -> None:
    before = cell.rgb.copy()
    found = each.change(cell, COMMON)
    assert found.rgb.dtype == np.uint8 and found.rgb.shape[:2] == found.mask.shape
    assert max(found.mask.shape) <= cells.NATIVE_SIDE
    assert found.mask.any() and each.kind in interventions_catalogue.KINDS
    assert (cell.rgb == before).all()
    # The mask that is handed on is that of the changed picture.
    overlap = (cells.mask_of(found.rgb) & found.mask).sum() / found.mask.sum()
    assert overlap > 0.9


def test_alteration__changes_what_it_says(cell: Cell) -> None:
    own = inside(cell).mean(axis=0)
    assert inside(altered(cell, "darker")).mean(axis=0) == pytest.approx(0.8 * own, rel=0.02)
    assert inside(altered(cell, "redder")).mean(axis=0) == pytest.approx(
        own * [1.1, 1, 0.9], rel=0.02
    )
    assert inside(altered(cell, "same-colour")).mean(axis=0) == pytest.approx(COMMON.mean, abs=1)
    assert np.ptp(inside(altered(cell, "grey")), axis=1).max() == 0
    for name, factor in (("smaller", 0.85), ("larger", 1.15)):
        area = altered(cell, name).mask.sum() / cell.mask.sum()
        assert area == pytest.approx(factor**2, rel=0.03)
    assert altered(cell, "eroded").mask.sum() < cell.mask.sum()
    assert (altered(cell, "turned").rgb == np.rot90(cell.rgb)).all()


def test_alteration__takes_away_what_it_says(cell: Cell) -> None:
    spread = inside(cell).std(axis=0)
    assert (inside(altered(cell, "blurred")).std(axis=0) < 0.5 * spread).all()
    assert (altered(cell, "blurred").rgb[~cell.mask] == cell.rgb[~cell.mask]).all()
    assert inside(altered(cell, "flat")).std(axis=0).max() == 0
    assert inside(altered(cell, "silhouette")).mean(axis=0) == pytest.approx(COMMON.mean)
    texture = altered(cell, "texture")
    assert texture.mask.sum() == pytest.approx(COMMON.area, rel=0.03)
    assert inside(texture).mean(axis=0) == pytest.approx(COMMON.mean, abs=2)


def test_alteration__blackens_the_background(cell: Cell) -> None:
    dirty = Cell(np.where(cell.mask[..., None], cell.rgb, 9).astype(np.uint8), cell.mask)
    found = altered(dirty, "black").rgb
    assert found[0, 0].max() == 0 and (found[cell.mask] == cell.rgb[cell.mask]).all()


def test_models__without_any(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="No trained model"):
        interventions.models(())


@pytest.fixture
def model(tiny_model: Path, drawn: Path) -> Path:
    """The tiny model as if it had been trained out of fold on all of the drawn cells."""
    table = readers.read(drawn).labelled().table
    held = table.assign(split="test", fold=0, logit=0.0, probability=0.5, baseline_probability=0.5)
    held = held[list(PREDICTION_COLUMNS)]
    held.to_parquet(tiny_model / model_folder.PREDICTIONS)
    table.assign(split="train")[["image_id", "split"]].to_csv(
        tiny_model / model_folder.SPLIT, index=False
    )
    info = model_folder.read_info(tiny_model)
    training = {"split": {"kind": "subject", "train": sorted(set(table["subject"]))}}
    model_folder.write_info(tiny_model, replace(info, training=training))
    return tiny_model


def test_run__changes_one_thing_at_a_time(
    model: Path, options: ExperimentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = interventions.run(options)
    assert len(found.rows) == 1 + len(INTERVENTIONS)
    nothing = found.row(interventions.UNCHANGED_TITLE, "tiny")
    assert nothing is not None and set(nothing.figures) == {"auroc"} and nothing.cells == 20
    turned = found.row("Background all black", "tiny")
    assert turned is not None and turned.figures["flipped"].value == 0
    assert "tiny loses most AUROC by" in found.finding
    assert "trained on all subjects after its folds" in found.notes[0]
    monkeypatch.setattr(interventions, "_cut", lambda *_a: pytest.fail("predicted again"))
    again = interventions.run(options)
    assert [str(row) for row in again.rows] == [str(row) for row in found.rows]  # NaN is itself


def test_held_cells__of_a_model_that_knows_all(model: Path, drawn: Path) -> None:
    data, info = readers.read(drawn).labelled(), model_folder.read_info(model)
    assert interventions.held_out_cells(data, info, model).trained_on
    shutil.copy(model / model_folder.PREDICTIONS, model / "kept")
    table = model_folder.read_predictions(model).assign(image_id="another")
    table.to_parquet(model / model_folder.PREDICTIONS)
    with pytest.raises(DataError, match="trained on every labelled image"):
        interventions.held_out_cells(data, info, model)


def test_held_cells__prefers_tested_subjects(model: Path, drawn: Path) -> None:
    data, info = readers.read(drawn).labelled(), model_folder.read_info(model)
    split = pd.read_csv(model / model_folder.SPLIT, dtype=str)
    split["split"] = np.resize(["train", "validation", "test"], len(split))
    split.to_csv(model / model_folder.SPLIT, index=False)
    held = interventions.held_out_cells(data, info, model)
    assert not held.trained_on and len(held.manifest) == 14
