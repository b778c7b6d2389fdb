"""Every cell is predicted by a network that never saw its subject; then all subjects are used."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score

from allcore import modelfolder
from allcore.data import readers
from allcore.errors import DataError, ModelError
from allcore.evaluation.calibration import Platt
from allcore.nets import registry
from allcore.training import out_of_fold
from allcore.training.plan import Plan
from tests.training.test_training import cells, plan, plan_for  # noqa: F401


@pytest.fixture(scope="module")
def trained(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:  # noqa: F811
    made = plan_for(cells, tmp_path_factory.mktemp("models") / "made")
    shorter = replace(made, recipe=replace(made.recipe, epochs=2, samples=16))
    out_of_fold.train(shorter)
    return shorter


def test_train__every_cell_once_by_a_network_without_its_subject(trained: Plan):
    table = modelfolder.read_predictions(trained.out)
    manifest = readers.read(trained.data)
    assert sorted(table["image_id"]) == sorted(manifest.table["image_id"])
    assert set(table["split"]) == {"test"}
    assert set(table["fold"]) == {0, 1, 2}
    assert (table.groupby("group")["fold"].nunique() == 1).all()
    assert table["probability"].to_numpy() == pytest.approx(1 / (1 + np.exp(-table["logit"])))


def test_train__the_final_network_is_trained_on_all_and_says_so(trained: Plan):
    info = modelfolder.read_info(trained.out)
    split = info.training["split"]
    assert len(split["train"]) == 12
    assert split["validation"] == split["test"] == []
    assert info.training["out_of_fold"] == 3
    assert (info.temperature, info.threshold) == (1.0, 0.5)
    card = (trained.out / modelfolder.CARD).read_text()
    assert "no subject is left to test it on" in card
    modelfolder.load_network(trained.out)
    assert not list(trained.out.glob("fold-*"))


def test_train__goes_on_after_the_folds_that_are_done(plan: Plan, monkeypatch):  # noqa: F811
    done: list[int] = []
    fitted = out_of_fold.run.fitted

    def dies_on_the_third(here, material, fabric, **more):
        done.append(material.split.fold)
        if len(done) == 3:
            raise KeyboardInterrupt
        return fitted(here, material, fabric, **more)

    monkeypatch.setattr(out_of_fold.run, "fitted", dies_on_the_third)
    small = replace(plan, recipe=replace(plan.recipe, epochs=1, samples=8))
    with pytest.raises(KeyboardInterrupt):
        out_of_fold.train(small)
    out_of_fold.train(small)
    assert done == [0, 1, 2, 2, 0]  # the last is the network of all subjects
    assert modelfolder.read_info(small.out).training["out_of_fold"] == 3


def test_train__kept_folds_of_another_recipe_are_refused(plan: Plan, monkeypatch):  # noqa: F811
    monkeypatch.setattr(out_of_fold, "_write", lambda *_a: (_ for _ in ()).throw(KeyboardInterrupt))
    small = replace(plan, recipe=replace(plan.recipe, epochs=1, samples=8))
    with pytest.raises(KeyboardInterrupt):
        out_of_fold.train(small)
    with pytest.raises(ModelError, match="other settings"):
        out_of_fold.train(replace(small, recipe=replace(small.recipe, seed=7)))


def test_train__too_many_folds_is_one_sentence(plan: Plan):  # noqa: F811
    with pytest.raises(DataError, match="too few for 20 parts"):
        out_of_fold.train(replace(plan, folds=20))


def test_calibrate__is_part_of_the_weights():
    torch.manual_seed(0)
    network = registry.build("qcresnet", widths=[8]).eval()
    batch = torch.randn(2, 3, 48, 48)
    with torch.inference_mode():
        before = network(batch)
        out_of_fold.calibrate(network, Platt(temperature=2.0, bias=0.3))
        torch.testing.assert_close(network(batch), before / 2 + 0.3)


def test_mean_history__by_epoch():
    found = out_of_fold.mean_history(
        [[{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 0.5}], [{"epoch": 0, "loss": 2.0}]]
    )
    assert found == [{"epoch": 0.0, "loss": 1.5}, {"epoch": 1.0, "loss": 0.5}]


def test_train__frozen_body_is_read_once(plan: Plan, tmp_path):  # noqa: F811
    """And the network that ships answers pictures as its layers answered what was read."""
    body = registry.build("resnet18").body.state_dict()
    weights = tmp_path / "body.safetensors"
    save_file({name: value.contiguous() for name, value in body.items()}, weights)
    small = replace(
        plan,
        config={"widths": [16], "stages": ["layer1", "layer2"]},
        init=str(weights),
        recipe=replace(plan.recipe, epochs=4, samples=64, freeze=("body",)),
    )
    out_of_fold.train(small)
    info = modelfolder.read_info(small.out)
    assert info.training["recipe"]["augmentation"] is None
    network = modelfolder.load_network(small.out)
    kept = network.body.layer1[0].conv1.weight
    torch.testing.assert_close(kept, body["layer1.0.conv1.weight"], atol=1e-3, rtol=1e-3)
    table = modelfolder.read_predictions(small.out)
    assert len(table) == 48
    assert roc_auc_score(table["label"] == "all", table["logit"]) > 0.9
