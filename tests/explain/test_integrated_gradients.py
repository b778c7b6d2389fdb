from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from allcore.data import cells
from allcore.explain import integrated_gradients
from allcore.inference.predictor import Predictor
from allcore.inference.upload import Rgb
from allcore.nets.base import CellNetwork


class Brightness(CellNetwork):
    """Log-odds are the sum of what a square of the input holds, squared."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Identity()

    @property
    def cam_layer(self) -> nn.Module:
        return self.head

    def forward_features(self, cells: Tensor) -> Tensor:
        return cells[:, :, 20:30, 20:30].square().sum((1, 2, 3))[:, None]


@pytest.fixture
def predictor(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model, device="cpu", threads=1)


@pytest.fixture
def cell(predictor: Predictor, cell_image: Rgb) -> Tensor:
    return predictor.prepare(cell_image)


def test_explain__is_exact_where_the_integral_is_a_polynomial(
    predictor: Predictor, cell: Tensor
) -> None:
    square = Predictor(Brightness(), predictor.info, predictor.device)
    found = integrated_gradients.explain(square, cell, towards="all", steps=2)
    mask = ndimage.binary_erosion(cells.mask_of(cell.permute(1, 2, 0).numpy()))
    both = torch.stack([cell, integrated_gradients.filled(cell, mask)])
    at_end, at_start = square.logits(both).tolist()
    assert found.difference == pytest.approx(at_end - at_start, rel=1e-4)
    assert found.total == pytest.approx(found.difference, rel=1e-3)
    assert found.error < 1e-3


def test_explain__finds_the_place_that_is_read(predictor: Predictor, cell: Tensor) -> None:
    square = Predictor(Brightness(), predictor.info, predictor.device)
    for towards in ("all", "hem"):
        heat = integrated_gradients.explain(square, cell, towards=towards).heat  # type: ignore[arg-type]
        assert heat.values.any()
        elsewhere = heat.values.copy()
        elsewhere[14:36, 14:36] = 0  # smoothing spills a little
        assert not elsewhere.any()


def test_explain__is_nearly_complete_on_a_network(predictor: Predictor, cell: Tensor) -> None:
    errors = [
        abs(found.total - found.difference)
        for steps in (2, 16)
        for found in [integrated_gradients.explain(predictor, cell, towards="all", steps=steps)]
    ]
    assert errors[1] <= errors[0] + 1e-4
    found = integrated_gradients.explain(predictor, cell, towards="all", steps=32)
    assert found.total == pytest.approx(found.difference, abs=0.1 * abs(found.difference) + 1e-3)


def test_explain__heat_is_inside_and_of_one_sign(predictor: Predictor, cell: Tensor) -> None:
    heats = {
        t: integrated_gradients.explain(predictor, cell, towards=t).heat for t in ("all", "hem")
    }
    for heat in heats.values():
        assert heat.values.dtype == np.float32
        assert heat.values.min() >= 0
        assert heat.values.max() == pytest.approx(1)
        assert 0.8 < heat.share_in_cell <= 1  # the cut is tiny, so smoothing spills much
    assert not ((heats["all"].values > 0) & (heats["hem"].values > 0)).any()


def test_explain__leaves_the_network_as_it_was(predictor: Predictor, cell: Tensor) -> None:
    before = predictor.logits(cell[None])
    integrated_gradients.explain(predictor, cell, towards="hem")
    torch.testing.assert_close(predictor.logits(cell[None]), before)
    assert all(parameter.grad is None for parameter in predictor.network.parameters())


def test_filled__keeps_outline_and_background() -> None:
    cell = torch.zeros(3, 4, 4, dtype=torch.uint8)
    cell[:, 1:3, 1:3] = torch.tensor([[10, 20], [30, 40]], dtype=torch.uint8)
    cell[:, 0, 0] = 7
    mask = np.zeros((4, 4), dtype=bool)
    mask[1:3, 1:3] = True
    found = integrated_gradients.filled(cell, mask)
    assert (found[:, 1:3, 1:3] == 25).all()
    assert (found[:, 0, 0] == 7).all()
    assert found.dtype == torch.uint8
    assert integrated_gradients.filled(cell, np.zeros((4, 4), dtype=bool)).equal(cell)
