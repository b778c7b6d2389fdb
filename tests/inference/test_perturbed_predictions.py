from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.special import expit

from allcore import model_folder
from allcore.data import readers
from allcore.data.manifest import Manifest
from allcore.data.perturbations import SWEEPS, Sweep, gain
from allcore.data.prediction_import import PREDICTION_COLUMNS
from allcore.errors import DataError, ModelError
from allcore.inference import perturbed_predictions
from allcore.inference.predictor import Predictor
from allcore.nets import registry
from tests.conftest import draw_cell

SUBJECTS = ["H91", "91", "H92", "92"]
FOLDS = [0, 0, 1, 1]
FEW = (
    Sweep("same", "Same", "one", (0.0, 1.0), 0.0, lambda cell, _: cell),
    Sweep("dark", "Dark", "factor", (0.5, 1.0), 1.0, lambda cell, f: gain(cell, (f, f, f))),
)


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    """Two cells a subject."""
    root = tmp_path / "cells"
    for number, subject in enumerate(SUBJECTS):
        label = "hem" if subject[0] == "H" else "all"
        (root / label).mkdir(parents=True, exist_ok=True)
        for cell in (1, 2):
            picture = draw_cell(seed=number, radius=60 + 15 * number + 5 * cell)
            Image.fromarray(picture).save(root / label / f"UID_{subject}_1_{cell}_{label}.png")
    return readers.read(root)


@pytest.fixture
def model(home: Path, tiny_model: Path, data: Manifest) -> Path:
    """The tiny model as one out of fold, whose fold networks answer otherwise."""
    fold_of = dict(zip(SUBJECTS, FOLDS, strict=True))
    table = data.table.assign(
        split="test", fold=data.table["subject"].map(fold_of), logit=0.0, probability=0.5,
        baseline_probability=0.5,
    )  # fmt: skip
    columns = list(PREDICTION_COLUMNS)
    table[columns].to_parquet(tiny_model / model_folder.PREDICTIONS)
    table.assign(split="train")[["image_id", "split"]].to_csv(
        tiny_model / model_folder.SPLIT, index=False
    )
    networks = [model_folder.load_network(tiny_model) for _ in (0, 1)]
    for fold, network in enumerate(networks):
        torch.nn.init.constant_(network.head.bias, 1.0 + fold)
    info = replace(
        model_folder.read_info(tiny_model),
        training={"out_of_fold": 2, "split": {"kind": "subject", "train": SUBJECTS}},
        folds_sha256=model_folder.write_folds(tiny_model, networks),
    )
    model_folder.write_info(tiny_model, info)
    return tiny_model


def held(data: Manifest, model: Path, **more: int) -> perturbed_predictions.CellsToPerturb:
    return perturbed_predictions.cells_to_perturb(
        data, model_folder.read_info(model), model, **more
    )


def test_held__out_of_fold_cells_go_to_their_fold(model: Path, data: Manifest) -> None:
    found = held(data, model)
    assert found.manifest.table["image_id"].tolist() == data.table["image_id"].tolist()
    of = dict(zip(found.manifest.table["subject"], found.folds, strict=True))
    assert of == dict(zip(SUBJECTS, FOLDS, strict=True))
    few = held(data, model, cells=4)
    assert few.manifest.table["subject"].value_counts().to_dict() == dict.fromkeys(SUBJECTS, 1)


def test_held__out_of_fold_without_fold_networks(model: Path, data: Manifest) -> None:
    model_folder.write_info(model, replace(model_folder.read_info(model), folds_sha256=None))
    with pytest.raises(ModelError, match=r"keeps no network that never saw them.*--out-of-fold"):
        held(data, model)


def test_held__cells_it_knows_nothing_of_go_to_the_model(model: Path, data: Manifest) -> None:
    rename = {"91": "71", "92": "72", "H91": "H71", "H92": "H72"}
    table = data.table.assign(
        image_id=[f"other-{n}" for n in range(len(data))],
        subject=data.table["subject"].map(rename),
        group=data.table["subject"].map(rename),
    )
    found = held(Manifest(data.root, table, "others"), model)
    assert set(found.folds) == {None} and len(found.manifest) == 8


def test_held__of_a_split_only_test_cells(model: Path, data: Manifest) -> None:
    part = {"91": "test", "H91": "test", "92": "validation", "H92": "train"}
    split = pd.DataFrame({"image_id": data.table["image_id"]})
    split.assign(split=data.table["subject"].map(part)).to_csv(model / "split.csv", index=False)
    info = replace(model_folder.read_info(model), training={"split": {"kind": "subject"}})
    model_folder.write_info(model, info)
    found = held(data, model)
    assert set(found.manifest.table["subject"]) == {"91", "H91"} and set(found.folds) == {None}
    split.assign(split="validation").to_csv(model / "split.csv", index=False)
    with pytest.raises(DataError, match="No test cell of 'tiny'"):
        held(data, model)


def test_answer__each_cell_by_the_network_of_its_fold(model: Path, data: Manifest) -> None:
    seen: list[int] = []
    chosen = held(data, model)
    found = perturbed_predictions.predict_perturbed(
        chosen, model, FEW, device="cpu", threads=1, progress=lambda: seen.append(1)
    )
    assert len(seen) == 8 and found.rows == tuple(range(8))
    assert list(found.probabilities) == [("same", 0.0), ("dark", 1.0), ("same", 1.0), ("dark", 0.5)]
    plain = Predictor.load(model, "cpu", threads=1)
    bias = plain.network.head.bias.item()
    expected = []
    for path, fold in zip(chosen.manifest.paths(), chosen.folds, strict=True):
        logit = plain.predict([np.asarray(Image.open(path))])[0].logit
        expected.append(expit(logit - bias + 1.0 + fold))
    assert found.probabilities["same", 0.0] == pytest.approx(expected, abs=1e-3)
    assert found.probabilities["same", 1.0] == pytest.approx(expected, abs=1e-3)
    assert np.array_equal(found.probabilities["dark", 1.0], found.probabilities["same", 0.0])
    assert np.abs(found.probabilities["dark", 0.5] - expected).max() > 1e-5


def test_answer__cells_that_cannot_be_read_are_left_out(model: Path, data: Manifest) -> None:
    chosen = held(data, model)
    chosen.manifest.paths()[0].write_bytes(b"nonsense")
    Image.new("RGB", (450, 450)).save(chosen.manifest.paths()[3])
    found = perturbed_predictions.predict_perturbed(chosen, model, FEW, device="cpu", threads=1)
    assert found.rows == (1, 2, 4, 5, 6, 7)
    assert len(found.probabilities["same", 0.0]) == 6
    for path in chosen.manifest.paths():
        path.unlink()
    with pytest.raises(DataError, match="No picture of"):
        perturbed_predictions.predict_perturbed(chosen, model, FEW, device="cpu", threads=1)


def test_altered_cells__one_a_level(data: Manifest) -> None:
    size = registry.build("qcresnet", widths=[16]).MIN_SIZE
    preprocessing = perturbed_predictions.Preprocessing(size=size)
    path = data.paths()[0]
    found = perturbed_predictions.altered_cells(path, SWEEPS, preprocessing)
    assert found is not None
    levels = sum(len(sweep.levels) - 1 for sweep in SWEEPS)
    assert found.shape == (1 + levels, 3, size, size) and found.dtype == torch.uint8
    rgb = np.asarray(Image.open(path))
    assert np.array_equal(found[0].numpy().transpose(1, 2, 0), preprocessing.crop(rgb))
