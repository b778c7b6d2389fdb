"""What holds for the answering copy of every architecture."""

import pytest
import torch
from torch import nn

from allcore.nets import registry
from allcore.nets.inference_copy import inference_copy
from tests.nets.test_registry import CONFIG, cells

Network = nn.Module


@pytest.fixture(params=registry.names(), scope="module")
def network(request: pytest.FixtureRequest) -> Network:
    """Norms that change what passes, so that a forgotten one shows."""
    torch.manual_seed(0)
    network = registry.build(request.param, **CONFIG.get(request.param, {})).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network


def test_inference_copy__answers_as_the_network(network: Network) -> None:
    copied = inference_copy(network, torch.float32)
    for theirs, ours in zip(copied.read(cells(network)), network.read(cells(network)), strict=True):
        torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=1e-3)
    assert not [m for m in copied.modules() if isinstance(m, nn.BatchNorm2d)]


def test_inference_copy__leaves_the_network() -> None:
    network = registry.build("qcresnet")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    inference_copy(network, torch.bfloat16)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_inference_copy__convolves_in_bf16_and_ends_in_float32(network: Network) -> None:
    copied = inference_copy(network, torch.bfloat16)
    for module in copied.modules():
        if isinstance(module, nn.Conv2d):
            assert (module.weight.dtype == torch.float32) == (module.in_channels == 3)
    logits = copied(cells(network))
    assert logits.dtype == torch.float32
    scale = network(cells(network)).abs().max().clamp(min=0.1)
    torch.testing.assert_close(logits / scale, network(cells(network)) / scale, atol=0.1, rtol=0)
