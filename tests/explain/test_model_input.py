from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from allcore.explain import model_input
from allcore.inference.predictor import Predictor
from allcore.inference.upload import Rgb


@pytest.fixture
def predictor(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model, device="cpu", threads=1)


@pytest.fixture
def by_cell(predictor: Predictor) -> Predictor:
    preprocessing = replace(predictor.info.preprocessing, normalisation="cell")
    info = replace(predictor.info, preprocessing=preprocessing)
    return Predictor(predictor.network, info, predictor.device)


def test_picture__is_the_cut_cell_under_imagenets_normalisation(
    predictor: Predictor, cell_image: Rgb
) -> None:
    cell = predictor.prepare(cell_image)
    np.testing.assert_array_equal(
        model_input.picture(predictor, cell), cell.permute(1, 2, 0).numpy()
    )


def test_picture__runs_from_3_deviations_below_to_3_above(
    by_cell: Predictor, cell_image: Rgb
) -> None:
    cell = by_cell.prepare(cell_image)
    levels = model_input.picture(by_cell, cell).astype(float)
    values = by_cell.normalised(cell[None])[0].permute(1, 2, 0).numpy()
    assert levels[0, 0] == pytest.approx([127.5] * 3, abs=0.5)  # the background is the mean
    inside = np.abs(values) < 3
    np.testing.assert_allclose(levels[inside] / 255 * 6 - 3, values[inside], atol=6 / 255)
    assert (levels[values > 3] == 255).all() and (levels[values < -3] == 0).all()


def test_tensor__is_what_the_network_is_given(predictor: Predictor, cell_image: Rgb) -> None:
    cell = predictor.prepare(cell_image)
    given: list[torch.Tensor] = []
    handle = predictor.network.register_forward_pre_hook(lambda _, inputs: given.extend(inputs))
    predictor.logits(cell[None])
    handle.remove()
    torch.testing.assert_close(model_input.tensor(predictor, cell), given[0][0], rtol=0, atol=0)


def test_figures__are_of_each_channel() -> None:
    values = torch.tensor([0.0, 1.0, -2.0]).view(3, 1, 1).expand(3, 4, 4).clone()
    values[1, 0, 0] = 5.0
    found = model_input.figures(values)
    assert found.shape == (3, 4, 4)
    assert (found.low, found.high) == (-2.0, 5.0)
    assert found.means == pytest.approx((0.0, 1.25, -2.0))
