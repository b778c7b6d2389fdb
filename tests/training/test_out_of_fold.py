"""Every cell is predicted by a network that never saw its subject; then all subjects are used."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score

from allcore import model_folder
from allcore.data import decoded_cells, readers, splits
from allcore.data.splits import EXCLUDED
from allcore.errors import DataError, ModelError
from allcore.nets import registry
from allcore.reports import trained_model
from allcore.training import out_of_fold, run
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
    assert not list(trained.out.glob("fold-*"))


@pytest.fixture(scope="module")
def frozen(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingPlan:  # noqa: F811
    """An out-of-fold run that reads a frozen body by its statistics."""
    root = tmp_path_factory.mktemp("frozen")
    body = registry.build("resnet18").body.state_dict()
    weights = root / "body.safetensors"
    save_file({name: value.contiguous() for name, value in body.items()}, weights)
    made = plan_for(cells, root / "made")
    small = replace(
        made,
        architecture="qcresnet",
        config={"widths": [16], "stages": ["layer1", "layer2"]},
        init=str(weights),
        recipe=replace(made.recipe, epochs=4, samples=64, freeze=("body",)),
    )
    train_and_write(small)
    return small


@pytest.mark.parametrize(("body", "within"), [("trained", 1e-2), ("frozen", 3e-3)])
def test_train__fold_networks_give_the_predictions(
    body: str, within: float, request: pytest.FixtureRequest
):
    made = request.getfixturevalue(body)
    table = model_folder.read_predictions(made.out)
    for fold, rows in table.groupby("fold"):
        network = model_folder.load_fold_network(made.out, int(fold))
        pixels = decoded_cells.decode(
            [made.data / path for path in rows["path"]], made.preprocessing
        )
        with torch.inference_mode():
            logits = network(made.preprocessing.normalise(torch.from_numpy(pixels.pixels)))
        assert logits.numpy() == pytest.approx(rows["logit"].to_numpy(), abs=within)


def test_train__fold_networks_hold_only_what_differs(frozen: TrainingPlan):
    names = set(load_file(frozen.out / model_folder.FOLDS))
    assert {name.split("/")[0] for name in names} == {"0", "1", "2"}
    assert "0/head.weight" in names and not [name for name in names if "body." in name]
    shipped = model_folder.load_network(frozen.out).state_dict()
    own = model_folder.load_fold_network(frozen.out, 1).state_dict()
    torch.testing.assert_close(own["body.conv1.weight"], shipped["body.conv1.weight"])
    assert not own["head.weight"].equal(shipped["head.weight"])


def test_load_fold_network__says_what_is_wrong(frozen: TrainingPlan, tmp_path: Path):
    with pytest.raises(ModelError, match="no network of fold 7"):
        model_folder.load_fold_network(frozen.out, 7)
    shutil.copytree(frozen.out, tmp_path / "made")
    (tmp_path / "made" / model_folder.FOLDS).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="fold networks of 'made' are damaged"):
        model_folder.load_fold_network(tmp_path / "made", 0)
    info = json.loads((tmp_path / "made" / model_folder.INFO).read_text())
    del info["folds_sha256"]  # as folders were written before
    (tmp_path / "made" / model_folder.INFO).write_text(json.dumps(info))
    model_folder.load_network(tmp_path / "made")
    with pytest.raises(ModelError, match="keeps no fold networks"):
        model_folder.load_fold_network(tmp_path / "made", 0)


def test_train__facts_of_every_predicted_cell(trained: TrainingPlan):
    found = model_folder.read_facts(trained.out)
    assert found is not None
    table = model_folder.read_predictions(trained.out).merge(found, on="image_id")
    assert len(table) == len(found) == 48
    area = table.groupby("label")["area"].median()
    for label, radius in (("all", 121.5), ("hem", 71.5)):  # in the middle of those drawn
        assert area[label] == pytest.approx(0.9 * np.pi * radius**2, rel=0.03)


def test_train__goes_on_after_the_folds_that_are_done(plan: TrainingPlan, monkeypatch):  # noqa: F811
    done: list[int] = []
    fitted = out_of_fold.run.fit_network

    def dies_on_the_third(here, data, fabric, **more):
        done.append(data.split.fold)
        if len(done) == 3:
            raise KeyboardInterrupt
        return fitted(here, data, fabric, **more)

    monkeypatch.setattr(out_of_fold.run, "fit_network", dies_on_the_third)
    small = replace(plan, recipe=replace(plan.recipe, epochs=1, samples=8))
    with pytest.raises(KeyboardInterrupt):
        train_and_write(small)
    train_and_write(small)
    assert done == [0, 1, 2, 2, 0]  # the last is the network of all subjects
    assert model_folder.read_info(small.out).training["out_of_fold"] == 3


def test_train__kept_folds_of_another_recipe_are_refused(plan: TrainingPlan, monkeypatch):  # noqa: F811
    monkeypatch.setattr(
        out_of_fold, "_result", lambda *_a: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    small = replace(plan, recipe=replace(plan.recipe, epochs=1, samples=8))
    with pytest.raises(KeyboardInterrupt):
        train_and_write(small)
    with pytest.raises(ModelError, match="other settings"):
        out_of_fold.train(replace(small, recipe=replace(small.recipe, seed=7)))


def test_train__too_many_folds_is_one_sentence(plan: TrainingPlan):  # noqa: F811
    with pytest.raises(DataError, match="too few for 20 parts"):
        out_of_fold.train(replace(plan, folds=20))


@pytest.fixture(scope="module")
def nested(frozen: TrainingPlan, tmp_path_factory: pytest.TempPathFactory) -> TrainingPlan:
    """The same, nested, with shrunk subjects."""
    recipe = replace(frozen.recipe, subject_shrinkage=3.0, distilled=0.5)
    made = replace(frozen, out=tmp_path_factory.mktemp("nested") / "made", recipe=recipe)
    made = replace(made, nested=True)
    train_and_write(made)
    return made


def test_train__nested_folds_are_calibrated_on_all_other_subjects(
    nested: TrainingPlan, monkeypatch
):
    seen: list[tuple[set[str], set[str]]] = []
    platt = out_of_fold._platt

    def noted(validation, what, cells_alike):
        assert cells_alike
        seen.append((set(validation["group"]), set(validation["image_id"])))
        return platt(validation, what, cells_alike)

    monkeypatch.setattr(out_of_fold, "_platt", noted)
    again = replace(nested, out=nested.out.with_name("again"))
    train_and_write(again)
    table = model_folder.read_predictions(again.out)
    for fold, rows in table.groupby("fold"):
        groups, images = seen[2 * int(fold)]
        assert groups == set(table["group"]) - set(rows["group"])
        assert images == set(table["image_id"]) - set(rows["image_id"])
    assert not list(again.out.glob("fold-*"))


def test_train__nested_fold_networks_give_the_predictions(nested: TrainingPlan):
    """What shrinks subjects is part of the first linear layer, in every network that is kept."""
    table = model_folder.read_predictions(nested.out)
    assert len(table) == 48 and set(table["split"]) == {"test"}
    for fold, rows in table.groupby("fold"):
        network = model_folder.load_fold_network(nested.out, int(fold))
        pixels = decoded_cells.decode(
            [nested.data / path for path in rows["path"]], nested.preprocessing
        )
        with torch.inference_mode():
            logits = network(nested.preprocessing.normalise(torch.from_numpy(pixels.pixels)))
        assert logits.numpy() == pytest.approx(rows["logit"].to_numpy(), abs=3e-3)


def test_train__kept_folds_that_are_not_nested_are_refused(plan: TrainingPlan, monkeypatch):  # noqa: F811
    monkeypatch.setattr(
        out_of_fold, "_result", lambda *_a: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    small = replace(plan, recipe=replace(plan.recipe, epochs=1, samples=8))
    with pytest.raises(KeyboardInterrupt):
        train_and_write(small)
    with pytest.raises(ModelError, match="other settings"):
        out_of_fold.train(replace(small, nested=True))


def test_train__distilling_is_of_networks_that_never_saw_the_subject(
    nested: TrainingPlan, monkeypatch
):
    seen: list[pd.DataFrame] = []
    distilled = out_of_fold.distilled

    def noted(data, rows, share):
        seen.append(rows)
        return distilled(data, rows, share)

    monkeypatch.setattr(out_of_fold, "distilled", noted)
    again = replace(nested, out=nested.out.with_name("distilled"))
    train_and_write(again)
    table = model_folder.read_predictions(again.out)
    *folds, last = seen
    for fold, rows in enumerate(folds):
        tested = set(table["image_id"][table["fold"] == fold])
        assert set(rows["image_id"]) == set(table["image_id"]) - tested
    assert set(last["image_id"]) == set(table["image_id"])


def test_train__distilling_without_nested_runs_is_refused(plan: TrainingPlan):  # noqa: F811
    asked = replace(plan, recipe=replace(plan.recipe, distilled=0.5))
    with pytest.raises(ModelError, match="give --nested"):
        train_and_write(asked)
    with pytest.raises(ModelError, match="needs --out-of-fold"):
        run.train(asked)


def test_train__shrinking_without_a_frozen_body_is_refused(plan: TrainingPlan):  # noqa: F811
    with pytest.raises(ModelError, match="needs a frozen body"):
        out_of_fold.train(replace(plan, recipe=replace(plan.recipe, subject_shrinkage=1.0)))


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


def test_train__frozen_body_is_read_once(frozen: TrainingPlan):
    """And the network that ships answers pictures as its layers answered what was read."""
    info = model_folder.read_info(frozen.out)
    assert info.training["recipe"]["augmentation"] is None
    network = model_folder.load_network(frozen.out)
    kept = network.body.layer1[0].conv1.weight
    body = load_file(frozen.init)
    torch.testing.assert_close(kept, body["layer1.0.conv1.weight"], atol=1e-3, rtol=1e-3)
    table = model_folder.read_predictions(frozen.out)
    assert len(table) == 48
    assert roc_auc_score(table["label"] == "all", table["logit"]) > 0.9


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


def test_validated_on__the_other_part_validates_and_the_rest_learns(held):
    found = out_of_fold.validated_on(held[0], held[2])
    manifest = found.manifest
    validation = found.split.mask(manifest, "validation")
    assert (found.split.mask(manifest, "test") == held[0].split.mask(manifest, "test")).all()
    assert (validation == held[2].split.mask(manifest, "test")).all()
    assert (found.split.mask(manifest, "train") == held[1].split.mask(manifest, "test")).all()


@pytest.mark.parametrize(("tested", "other"), [(0, 1), (0, 2), (1, 2), (2, 1), (1, 0)])
def test_validated_on__twins_stand_on_one_side(held, tested, other):
    made, families = _with_twins(held)
    found = out_of_fold.validated_on(made[tested], made[other])
    manifest = found.manifest
    test, validation, train = (
        set(families[found.split.mask(manifest, part)]) for part in ("test", "validation", "train")
    )
    assert not test & validation and not test & train and not validation & train
    assert found.split.mask(manifest, EXCLUDED).sum() >= 1


def test_trained_on_all__learns_all_but_the_tested_part_and_its_twins(held):
    made, families = _with_twins(held)
    found = out_of_fold.trained_on_all(made[1])
    manifest = found.manifest
    test, train = found.split.mask(manifest, "test"), found.split.mask(manifest, "train")
    assert not found.split.mask(manifest, "validation").any()
    assert not set(families[test]) & set(families[train])
    assert test.sum() + train.sum() == len(manifest) - 2


def test_distilled__half_of_a_target_is_the_answer(held):
    data = held[0]
    table = data.manifest.table
    rows = table[["image_id"]].iloc[:5].assign(logit=[0.0, 0.0, 0.0, 9.0, -9.0])
    found = out_of_fold.distilled(data, rows, 0.5)
    assert found.soft_targets is not None
    assert found.soft_targets[:3] == pytest.approx((data.targets[:3] + 0.5) / 2)
    assert found.soft_targets[3] == pytest.approx((data.targets[3] + 1) / 2, abs=1e-3)
    assert (found.soft_targets[5:] == data.targets[5:]).all()
    train, validation = (
        found.examples(part, subject_strength=0.5) for part in ("train", "validation")
    )
    assert set(validation.targets.tolist()) <= {0.0, 1.0}  # others' answers are only learned
    chosen = data.split.mask(data.manifest, "train")
    assert train.targets.numpy() == pytest.approx(found.soft_targets[chosen])
    assert out_of_fold.distilled(data, rows, 0.0) is data
