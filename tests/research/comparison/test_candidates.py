"""Who takes part, and on whom each rests."""

import pytest

from allcore.errors import ModelError
from allcore.evaluation.comparison import BASELINE, NETWORKS, PRETRAINED
from allcore.nets import registry
from allcore.research.comparison import candidates


def test_neural__are_what_the_registry_can_train() -> None:
    trained = list(filter(candidates.is_trained, NETWORKS))
    assert trained == [*registry.trainable(), *PRETRAINED]
    assert {*registry.names(), BASELINE, *PRETRAINED} == set(NETWORKS)
    assert all(registry.architecture(base).IMAGENET for base in PRETRAINED.values())


def test_networks__come_in_the_tables_order_once() -> None:
    assert candidates.networks(["svm", "lenet5", "svm"]) == ("lenet5", "svm")


@pytest.mark.parametrize("names", [["lenet"], ["lenet5", "x"], []])
def test_networks__unknown(names: list[str]) -> None:
    with pytest.raises(ModelError, match=r"There is no network '.*': choose some of qcresnet, "):
        candidates.networks(names)


def test_networks__ensemble_of_nobody() -> None:
    with pytest.raises(ModelError, match="An ensemble needs members"):
        candidates.networks(["ensemble", "area_brightness"])


def test_protocols__unknown() -> None:
    assert candidates.protocols(["unseen", "paper"]) == ("paper", "unseen")
    with pytest.raises(ModelError, match="There is no protocol 'seen': choose some of paper"):
        candidates.protocols(["seen"])


def test_trained__puts_features_before_the_probes_that_read_them() -> None:
    assert candidates.trained(("lenet5", "svm")) == ("qcresnet", "lenet5", "svm")
    assert candidates.trained(("lenet5", "resnet18", "ensemble")) == ("resnet18", "lenet5")
    assert candidates.trained(("area_brightness",)) == ("area_brightness",)


def test_made_of__ensemble_takes_all_that_learn_from_pixels() -> None:
    chosen = ("qcresnet", "lenet5", "svm", "ensemble", "qcresnet_pretrained", "area_brightness")
    assert candidates.made_of("ensemble", chosen) == ("qcresnet", "lenet5")
    assert candidates.made_of("svm", chosen) == ("qcresnet",)
    assert candidates.made_of("lenet5", chosen) == ()


def test_init_of__only_pretrained_networks_start_from_weights() -> None:
    assert candidates.init_of("resnet18_pretrained", "imagenet") == "imagenet"
    assert candidates.init_of("resnet18", "imagenet") == "none"
    assert candidates.init_of("area_brightness", "weights.safetensors") == "none"
    with pytest.raises(ModelError, match="QCResNet, pretrained starts from weights: give them"):
        candidates.check_init(("lenet5", "qcresnet_pretrained"), "none")
    candidates.check_init(("lenet5",), "none")


def test_check_size__names_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.architecture("alexnet"), "MIN_SIZE", 63)
    candidates.check_size(("alexnet", "ensemble", "svm"), 64)
    with pytest.raises(ModelError, match="AlexNet takes cells of 63 pixels at least"):
        candidates.check_size(("lenet5", "alexnet"), 62)
