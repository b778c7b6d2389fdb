"""The whole training run on drawn cells: what is learned, resumed and written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from allcore import model_folder
from allcore.data.augmentation import Augmentation
from allcore.data.preprocessing import Preprocessing
from allcore.errors import ModelError
from allcore.reports import trained_model
from allcore.training import checkpoint, run
from allcore.training.plan import TrainingPlan
from allcore.training.recipe import Recipe
from tests.conftest import draw_folders


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six subjects a class, four cells each: blasts large, normal cells small."""
    root = tmp_path_factory.mktemp("cells")
    return draw_folders(root, subjects=12, cells=4, radii=(120, 70))


@pytest.fixture
def plan(cells: Path, tmp_path: Path) -> TrainingPlan:
    return plan_for(cells, tmp_path / "made")


def plan_for(cells: Path, out: Path) -> TrainingPlan:
    """A run of a second: of the smallest network there is."""
    return TrainingPlan(
        data=cells,
        out=out,
        architecture="lenet5",
        config={},
        init="none",
        split="subject",
        folds=3,
        fold=0,
        preprocessing=Preprocessing(size=48),
        recipe=Recipe(
            epochs=3, batch_size=8, learning_rate=3e-3, body_rate=1.0, ema_decay=0.8,
            augmentation=Augmentation(scale=1.05),
        ),
        device="cpu",
        command="python -m allcore train",
    )  # fmt: skip


def train_and_write(plan: TrainingPlan) -> None:
    """What the command does."""
    result = run.train(plan)
    assert result is not None
    trained_model.write(result)


def test_train__writes_the_whole_model_folder(plan):
    train_and_write(plan)
    assert {path.name for path in plan.out.iterdir()} == {
        model_folder.INFO,
        model_folder.WEIGHTS,
        model_folder.HISTORY,
        model_folder.SPLIT,
        model_folder.PREDICTIONS,
        model_folder.EMBEDDINGS,
        model_folder.CARD,
        model_folder.FACTS,
    }


def test_train__figures_are_those_of_the_weights_that_ship(plan):
    train_and_write(plan)
    info = model_folder.read_info(plan.out)
    network = model_folder.load_network(plan.out)
    table = model_folder.read_predictions(plan.out)
    for row in table.head(3).itertuples():
        rgb = np.asarray(Image.open(plan.data / row.path).convert("RGB"))
        cell = torch.from_numpy(info.preprocessing.crop(rgb).copy()).permute(2, 0, 1)[None]
        with torch.inference_mode():
            logit = float(network(info.preprocessing.normalise(cell)))
        assert logit == pytest.approx(row.logit, abs=1e-3)
        assert torch.sigmoid(torch.tensor(logit / info.temperature)).item() == pytest.approx(
            row.probability, abs=1e-3
        )


def test_train__held_out_subjects_are_not_trained_on(plan):
    train_and_write(plan)
    split = model_folder.read_info(plan.out).training["split"]
    table = model_folder.read_predictions(plan.out)
    assert set(table["subject"]) == set(split["validation"]) | set(split["test"])
    assert not set(table["subject"]) & set(split["train"])
    assert set(table["split"]) == {"validation", "test"}


def test_train__embeds_every_cell(plan):
    train_and_write(replace(plan, architecture="qcresnet", config={"widths": [16]}))
    with np.load(plan.out / model_folder.EMBEDDINGS) as stored:
        assert stored["features"].shape == (48, 16)
        assert stored["map"].shape == (48, 2)
        assert np.isfinite(stored["map"]).all()


def test_train__learns_and_keeps_the_best_epoch(plan):
    train_and_write(replace(plan, recipe=replace(plan.recipe, epochs=6)))
    history = pd.read_csv(plan.out / model_folder.HISTORY)
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    best = model_folder.read_info(plan.out).training["best_epoch"]
    assert history[checkpoint.SCORE].idxmax() == best


def test_train__killed_run_ends_with_the_same_weights(plan, tmp_path, monkeypatch):
    train_and_write(plan)
    whole = model_folder.load_network(plan.out).state_dict()

    killed = replace(plan, out=tmp_path / "killed")
    save = checkpoint.save

    def save_then_die(*args, **kwargs):
        save(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save_then_die)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train_and_write(killed)
    monkeypatch.setattr(checkpoint, "save", save)
    train_and_write(killed)

    resumed = model_folder.load_network(killed.out).state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_train__checkpoint_of_another_recipe_is_refused(plan, monkeypatch):
    monkeypatch.setattr(
        "allcore.reports.trained_model.write",
        lambda *_a, **_k: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    with pytest.raises(KeyboardInterrupt):
        train_and_write(plan)
    with pytest.raises(ModelError, match="other settings"):
        train_and_write(replace(plan, recipe=replace(plan.recipe, learning_rate=1.0)))


def test_train__damaged_checkpoint_is_named(plan):
    plan.out.mkdir()
    (plan.out / checkpoint.FILE_NAME).write_bytes(b"broken")
    with pytest.raises(ModelError, match="damaged: remove it"):
        train_and_write(plan)


def test_train__never_overwrites_a_model(plan):
    train_and_write(plan)
    with pytest.raises(ModelError, match="holds a trained model"):
        train_and_write(plan)


def test_train__image_split_is_the_papers(plan):
    train_and_write(replace(plan, split="image"))
    split = model_folder.read_info(plan.out).training["split"]
    assert split["kind"] == "image"
    assert set(split["test"]) & set(split["train"])  # subjects leak, as the paper's do
