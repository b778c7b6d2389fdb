"""Every cell is predicted by a network that never saw its subject; then all subjects are used."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from allcore import model_folder
from allcore.data import decoded_cells, readers, splits
from allcore.data.splits import EXCLUDED
from allcore.errors import DataError, ModelError
from allcore.nets import registry
from allcore.reports import trained_model
from allcore.training import out_of_fold
from allcore.training import plan as plans
from allcore.training.calibration import PlattScaling
from allcore.training.plan import TrainingData, TrainingPlan
from tests.training.test_training import cells, plan, plan_for  # noqa: F401


def train_and_write(plan: TrainingPlan) -> None:  # noqa: F811
    """What the command does."""
    result = out_of_fold.train(plan)
    assert result is not None
    trained_model.write(result)


@pytest.fixture(scope="module")
def trained(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingPlan:  # noqa: F811
    made = plan_for(cells, tmp_path_factory.mktemp("models") / "made")
    shorter = replace(made, recipe=replace(made.recipe, epochs=2, samples=16))
    train_and_write(shorter)
    return shorter


def test_train__every_cell_once_by_a_network_without_its_subject(trained: TrainingPlan):
    table = model_folder.read_predictions(trained.out)
    manifest = readers.read(trained.data)
    assert sorted(table["image_id"]) == sorted(manifest.table["image_id"])
    assert set(table["split"]) == {"test"}
    assert set(table["fold"]) == {0, 1, 2}
    assert (table.groupby("group")["fold"].nunique() == 1).all()
    assert table["probability"].to_numpy() == pytest.approx(1 / (1 + np.exp(-table["logit"])))


def test_train__the_final_network_is_trained_on_all_and_says_so(trained: TrainingPlan):
    info = model_folder.read_info(trained.out)
    split = info.training["split"]
    assert len(split["train"]) == 12
    assert split["validation"] == split["test"] == []
    assert info.training["out_of_fold"] == 3
    assert (info.temperature, info.threshold) == (1.0, 0.5)
    card = (trained.out / model_folder.CARD).read_text()
    assert "no subject is left to test it on" in card
    model_folder.load_network(trained.out)
    assert len(list(trained.out.glob("fold-*.safetensors"))) == 3
    assert not (trained.out / out_of_fold.PARTS).exists()


def test_train__fold_networks_give_the_predictions(trained: TrainingPlan):
    table = model_folder.read_predictions(trained.out)
    for fold, rows in table.groupby("fold"):
        network = model_folder.load_fold_network(trained.out, int(fold))
        pixels = decoded_cells.decode(
            [trained.data / path for path in rows["path"]], trained.preprocessing
        )
        with torch.inference_mode():
            logits = network(trained.preprocessing.normalise(torch.from_numpy(pixels.pixels)))
        assert logits.numpy() == pytest.approx(rows["logit"].to_numpy(), abs=1e-2)


def test_load_fold_network__says_what_is_wrong(trained: TrainingPlan, tmp_path: Path):
    with pytest.raises(ModelError, match="no network of fold 7"):
        model_folder.load_fold_network(trained.out, 7)
    folder = tmp_path / "made"
    shutil.copytree(trained.out, folder)
    (folder / model_folder.FOLD.format(1)).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="fold networks of 'made' are damaged"):
        model_folder.load_fold_network(folder, 0)
    info = json.loads((folder / model_folder.INFO).read_text())
    del info["folds_sha256"]  # as folders were written before
    (folder / model_folder.INFO).write_text(json.dumps(info))
    model_folder.load_network(folder)
    with pytest.raises(ModelError, match="keeps no fold networks"):
        model_folder.load_fold_network(folder, 0)


def test_train__facts_of_every_predicted_cell(trained: TrainingPlan):
    found = model_folder.read_facts(trained.out)
    assert found is not None
    table = model_folder.read_predictions(trained.out).merge(found, on="image_id")
    assert len(table) == len(found) == 48
    area = table.groupby("label")["area"].median()
    for label, radius in (("all", 121.5), ("hem", 71.5)):  # in the middle of those drawn
        assert area[label] == pytest.approx(0.9 * np.pi * radius**2, rel=0.03)


def test_train__goes_on_after_the_folds_that_are_done(plan: TrainingPlan, monkeypatch):  # noqa: F811
    done: list[str] = []
    fitted = out_of_fold.run.fit_network

    def dies_on_the_third(here, data, fabric, **more):
        done.append(here.out.name)
        if len(done) == 3:
            raise KeyboardInterrupt
        return fitted(here, data, fabric, **more)

    monkeypatch.setattr(out_of_fold.run, "fit_network", dies_on_the_third)
    small = replace(plan, recipe=replace(plan.recipe, epochs=1, samples=8))
    with pytest.raises(KeyboardInterrupt):
        train_and_write(small)
    train_and_write(small)
    assert done == ["fold-0", "fold-1", "fold-2", "fold-2", "made"]
    assert model_folder.read_info(small.out).training["out_of_fold"] == 3


def test_train__kept_folds_of_another_recipe_are_refused(plan: TrainingPlan, monkeypatch):  # noqa: F811
    monkeypatch.setattr(
        out_of_fold, "fold_calibrations", lambda *_a: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    small = replace(plan, recipe=replace(plan.recipe, epochs=1, samples=8))
    with pytest.raises(KeyboardInterrupt):
        train_and_write(small)
    with pytest.raises(ModelError, match="other settings"):
        out_of_fold.train(replace(small, recipe=replace(small.recipe, seed=7)))


def test_train__too_many_folds_is_one_sentence(plan: TrainingPlan):  # noqa: F811
    with pytest.raises(DataError, match="too few for 20 folds"):
        out_of_fold.train(replace(plan, folds=20))


def test_calibrated__a_fold_is_calibrated_on_the_others(trained: TrainingPlan):
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"fold": np.repeat([0, 1, 2], 100), "label": ["all", "hem"] * 150})
    rows["logit"] = np.where(rows["label"] == "all", 1.0, -1.0) * 3 + random.normal(0, 3, 300)
    rows["baseline_probability"] = 0.5
    rows.loc[rows["fold"] == 0, "logit"] *= 100.0
    platts = out_of_fold.fold_calibrations(rows, "logit")
    same = out_of_fold.fold_calibrations(
        rows.assign(logit=rows["logit"].where(rows["fold"] != 0, 0.0)), "logit"
    )
    assert platts[0] == same[0] and platts[1] != same[1]
    result = out_of_fold.calibrated(rows)
    own = rows["fold"] == 0
    assert result["logit"][own].to_numpy() == pytest.approx(
        platts[0].log_odds(rows["logit"][own].to_numpy())
    )


def test_calibrate__is_part_of_the_weights():
    torch.manual_seed(0)
    network = registry.build("qcresnet", widths=[8]).eval()
    batch = torch.randn(2, 3, 48, 48)
    with torch.inference_mode():
        before = network(batch)
        out_of_fold.calibrate(network, PlattScaling(temperature=2.0, bias=0.3))
        torch.testing.assert_close(network(batch), before / 2 + 0.3)


def test_mean_history__by_epoch():
    found = out_of_fold.mean_history(
        [[{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 0.5}], [{"epoch": 0, "loss": 2.0}]]
    )
    assert found == [{"epoch": 0.0, "loss": 1.5}, {"epoch": 1.0, "loss": 0.5}]


@pytest.fixture
def held(plan: TrainingPlan) -> list[TrainingData]:  # noqa: F811
    return plans.gather_folds(plan, show=False)


def _with_twins(held: list[TrainingData]) -> tuple[list[TrainingData], np.ndarray]:
    """The folds where the first cells of the parts 0 and 1 show one cell, and so do 1 and 2."""
    manifest = held[0].manifest
    first = [int(np.flatnonzero(each.split.mask(manifest, "test"))[0]) for each in held]
    second = [int(np.flatnonzero(each.split.mask(manifest, "test"))[1]) for each in held]
    families = np.arange(len(manifest))
    families[first[1]] = families[first[0]]
    families[second[2]] = families[second[1]]
    made = [
        replace(each, split=splits.without_duplicates(each.split, manifest, families))
        for each in held
    ]
    return made, families


@pytest.mark.parametrize("tested", [(0,), (1,), (0, 1), (0, 2), (1, 2), ()])
def test_held_out__twins_of_tested_cells_are_not_learned(held, tested):
    made, families = _with_twins(held)
    data = out_of_fold.held_out(made, *tested)
    manifest = data.manifest
    test, train = data.split.mask(manifest, "test"), data.split.mask(manifest, "train")
    expected = [made[fold].split.mask(manifest, "test") for fold in tested]
    assert (test == np.any([np.zeros(len(manifest), bool), *expected], axis=0)).all()
    assert not set(families[test]) & set(families[train])
    apart = np.isin(families, families[test]) & ~test
    assert (data.split.mask(manifest, EXCLUDED) == apart).all()
