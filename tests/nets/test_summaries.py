"""The file that describes the networks, and two of them side by side."""

import pytest

from allcore.nets import model_summary, registry, summaries


def test_pair_blocks__qcresnet_adds_its_head_to_resnet18():
    plain, ours = model_summary.summary("resnet18").blocks, model_summary.summary("qcresnet").blocks
    pairs = summaries.pair_blocks(plain, ours)
    assert [pair.alike for pair in pairs] == [True] * 6 + [False] * 3
    assert [pair.one for pair in pairs if pair.one] == list(plain)
    assert [pair.other for pair in pairs if pair.other] == list(ours)
    added = [pair.other.kind for pair in pairs if pair.one is None]
    assert added == ["linear layer, LeakyReLU, dropout"] * 2
    assert pairs[-1].one.kind == pairs[-1].other.kind == "linear layer"


def test_pair_blocks__eca_vgg16_adds_five_attention_layers():
    pairs = summaries.pair_blocks(
        model_summary.summary("vgg16").blocks, model_summary.summary("eca_vgg16").blocks
    )
    added = [pair.other.kind for pair in pairs if not pair.alike]
    assert len(added) == 5
    assert all(kind.startswith("channel attention over") for kind in added)


def test_architectures__are_those_of_the_modules():
    """Otherwise write the file again: python -m allcore.nets.model_summary."""
    assert list(summaries.architectures()) == registry.names()
    for name, architecture in summaries.architectures().items():
        assert architecture == model_summary.describe_architecture(name)


@pytest.mark.parametrize("size", summaries.SIZES)
def test_read__is_what_the_modules_give(size):
    described = {name: model_summary.summary(name, size=size) for name in registry.trainable()}
    assert summaries.read(size) == described
