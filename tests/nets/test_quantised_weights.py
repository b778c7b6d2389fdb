"""Weights in 8 bits give nearly the same network, and storing them twice changes nothing."""

import torch

from allcore.nets import quantised_weights, registry


def test_quantise__again_is_the_same():
    torch.manual_seed(0)
    network = registry.build("resnet18")
    stored = quantised_weights.quantise(network.state_dict())
    assert stored["body.conv1.weight"].dtype == torch.int8
    assert stored["head.weight"].dtype == torch.float16
    again = quantised_weights.quantise(quantised_weights.dequantise(stored))
    assert again.keys() == stored.keys()
    for name, value in stored.items():
        assert value.equal(again[name]), name


def test_round_weights__errors_are_half_a_level_at_most():
    torch.manual_seed(0)
    network = registry.build("lenet5").eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    cells = torch.randn(4, 3, 64, 64)
    with torch.inference_mode():
        logits = network(cells)
        quantised_weights.round_weights(network)
        torch.testing.assert_close(network(cells), logits, atol=0.02, rtol=0.02)
    for name, value in network.state_dict().items():
        if value.ndim == 4:
            level = before[name].flatten(1).abs().amax(1) / 127
            error = (value - before[name]).flatten(1).abs().amax(1)
            assert bool((error <= 0.51 * level).all()), name


def test_quantise__a_channel_of_zeros_stays():
    weights = {"conv.weight": torch.zeros(2, 3, 3, 3), "steps": torch.tensor(7)}
    result = quantised_weights.dequantise(quantised_weights.quantise(weights))
    assert result["conv.weight"].equal(weights["conv.weight"])
    assert result["steps"].equal(weights["steps"])
