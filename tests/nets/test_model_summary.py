"""Parameters, multiply-accumulates and blocks, against what others count."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_weight

from allcore.errors import ModelError
from allcore.nets import model_summary, registry


@pytest.mark.parametrize("name", ["resnet18", "alexnet", "vgg16", "googlenet"])
def test_summary__has_the_published_figures(name):
    """torchvision publishes thousand million operations, and parameters with 1000 classes."""
    published = get_weight(registry.architecture(name).IMAGENET).meta
    found = model_summary.summary(name)
    assert found.macs == pytest.approx(published["_ops"] * 1e9, rel=0.01)
    classes = 999 * (found.blocks[-1].input[0] + 1)
    assert found.parameters + classes == published["num_params"]


@pytest.mark.parametrize("name", registry.trainable())
def test_summary__counts_as_pytorch_does(name):
    found = model_summary.summary(name, size=64)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        registry.build(name).eval()(torch.zeros(1, 3, 64, 64))
    assert 2 * found.macs == pytest.approx(counter.get_total_flops(), rel=1e-3)


@pytest.mark.parametrize("name", registry.trainable())
def test_summary__blocks_add_up_to_the_network(name):
    found = model_summary.summary(name, size=64)
    assert sum(block.parameters for block in found.blocks) == found.parameters
    assert sum(block.macs for block in found.blocks) == found.macs
    assert found.blocks[0].input == (3, 64, 64)
    assert found.blocks[-1].output == (1,)
    assert len(found.blocks) < 20
    for block in found.blocks:
        assert sum(layer.parameters for layer in block.children) == block.parameters


def test_summary__blocks_end_with_a_pooling():
    stages = [
        block for block in model_summary.summary("vgg16").blocks if "convolution" in block.kind
    ]
    assert [block.output for block in stages] == [
        (64, 112, 112),
        (128, 56, 56),
        (256, 28, 28),
        (512, 14, 14),
        (512, 7, 7),
    ]
    assert stages[0].kind == "2 convolutions 3×3, batch norm, ReLU, max pooling"
    assert stages[0].name == "body.features.0 to 6"


def test_summary__pyramid_is_of_modest_cost():
    assert model_summary.summary("pyramid").macs < 500e6


def test_summary__of_assembled_networks():
    members = [{"architecture": "resnet18"}, {"architecture": "lenet5"}]
    found = model_summary.summary("ensemble", size=64, members=members)
    alone = [model_summary.summary(member["architecture"], size=64) for member in members]
    assert found.parameters == sum(network.parameters for network in alone)
    assert found.macs == sum(network.macs for network in alone)
    assert found.blocks[-1].kind == "mean of calibrated logits"
    assert model_summary.summary("svm", size=64).blocks[-1].kind == "RBF decision function"


def test_summary__unknown_name():
    with pytest.raises(ModelError, match="no architecture"):
        model_summary.summary("resnet9000")


def test_describe__of_a_built_network_leaves_no_hooks():
    network = registry.build("lenet5")
    found = model_summary.describe(network, name="lenet5", size=32)
    assert found == model_summary.summary("lenet5", size=32)
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("name", registry.names())
def test_source__names_a_publication_or_our_reading(name):
    text = registry.source(name)
    assert "ur reading" in " ".join(text.split())
    assert len(text.splitlines()[0]) > 20
