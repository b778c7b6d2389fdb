"""QCResNet reading the statistics of early stages."""

import numpy as np
import pytest
import torch

from allcore.data.preprocessing import Preprocessing
from allcore.errors import ModelError
from allcore.nets import qcresnet, registry

STAGES = {"stages": ["layer1", "layer2"], "widths": [16]}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return registry.build("qcresnet", **STAGES).eval()


def cells(count: int = 2) -> torch.Tensor:
    """Discs of noise on black, as the network takes them."""
    y, x = np.mgrid[:64, :64] - 32
    noise = np.random.default_rng(0).integers(60, 200, (count, 3, 64, 64))
    pixels = (noise * (x**2 + y**2 < 20**2)).astype(np.uint8)
    return Preprocessing(size=64).normalise(torch.from_numpy(pixels))


def test_stages__later_ones_are_left_out(network):
    assert not list(network.body.layer3.parameters())
    assert network.forward_features(cells()).shape == (2, 16)
    assert network.cam_layer is network.body.layer2


def test_moments__only_what_is_inside_the_cell_counts():
    inside = torch.zeros(1, 1, 8, 8)
    inside[..., 2:6, 2:6] = 1
    one = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    other = one + torch.where(torch.nn.functional.avg_pool2d(inside, 2) > 0, 0.0, 9.0)
    torch.testing.assert_close(qcresnet._moments(one, inside), qcresnet._moments(other, inside))
    middle = one[..., 1:3, 1:3].flatten(2)
    torch.testing.assert_close(qcresnet._moments(one, inside)[:, :3], middle.mean(2))


def test_stages__every_parameter_learns(network):
    network.train()
    network(cells(4)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_stages__a_picture_without_a_cell_stays_finite(network):
    black = Preprocessing(size=64).normalise(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with torch.inference_mode():
        assert network(black).isfinite().all()


def test_stages__unknown_is_refused():
    with pytest.raises(ModelError, match="stages are some of"):
        registry.build("qcresnet", stages=["layer9"])
