"""Two networks side by side, as the modules give them."""

from allcore.nets import layer_blocks, model_summary


def test_compared__qcresnet_adds_its_head_to_resnet18():
    plain, ours = model_summary.summary("resnet18").blocks, model_summary.summary("qcresnet").blocks
    pairs = layer_blocks.compared(plain, ours)
    assert [pair.alike for pair in pairs] == [True] * 6 + [False] * 3
    assert [pair.one for pair in pairs if pair.one] == list(plain)
    assert [pair.other for pair in pairs if pair.other] == list(ours)
    added = [pair.other.kind for pair in pairs if pair.one is None]
    assert added == ["linear layer, LeakyReLU, dropout"] * 2
    assert pairs[-1].one.kind == pairs[-1].other.kind == "linear layer"


def test_compared__eca_vgg16_adds_five_attention_layers():
    pairs = layer_blocks.compared(
        model_summary.summary("vgg16").blocks, model_summary.summary("eca_vgg16").blocks
    )
    added = [pair.other.kind for pair in pairs if not pair.alike]
    assert len(added) == 5
    assert all(kind.startswith("channel attention over") for kind in added)
