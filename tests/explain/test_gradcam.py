import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from allcore.explain import gradcam
from allcore.inference.predictor import Predictor
from allcore.inference.upload import Rgb


@pytest.fixture
def predictor(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model, device="cpu", threads=1)


@pytest.fixture
def cell(predictor: Predictor, cell_image: Rgb) -> torch.Tensor:
    return predictor.prepare(cell_image)


def reference(predictor: Predictor, cell: torch.Tensor, sign: float) -> np.ndarray:
    """Grad-CAM as the paper writes it, by retained gradients."""
    kept: list[torch.Tensor] = []
    handle = predictor.network.cam_layer.register_forward_hook(
        lambda module, inputs, output: kept.append(output)
    )
    inputs = predictor.normalised(cell[None]).requires_grad_()
    score = sign * predictor.network(inputs).sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(score, kept[0])
    weights = gradient.mean(dim=(2, 3))[0]
    heat = functional.relu(torch.einsum("c,chw->hw", weights, kept[0][0])).detach()
    large = functional.interpolate(heat[None, None], size=cell.shape[1:], mode="bilinear")[0, 0]
    return (large / large.max()).numpy()


def test_explain__follows_the_paper(predictor: Predictor, cell: torch.Tensor) -> None:
    heats = {
        towards: gradcam.explain(predictor, cell, towards=towards) for towards in ("all", "hem")
    }
    compared = 0
    for towards, sign in (("all", 1.0), ("hem", -1.0)):
        if heats[towards].values.any():
            expected = reference(predictor, cell, sign)
            np.testing.assert_allclose(heats[towards].values, expected, atol=1e-3)
            compared += 1
    assert compared


def test_explain__gives_heat_between_0_and_1(predictor: Predictor, cell: torch.Tensor) -> None:
    for towards in ("all", "hem"):
        heat = gradcam.explain(predictor, cell, towards=towards)
        assert heat.values.shape == tuple(cell.shape[1:])
        assert heat.values.min() >= 0
        if heat.values.any():
            assert heat.values.max() == pytest.approx(1)
            assert 0 <= heat.share_in_cell <= 1
        else:
            assert np.isnan(heat.share_in_cell)


def test_explain__leaves_no_hook_and_no_gradient(predictor: Predictor, cell: torch.Tensor) -> None:
    before = predictor.logits(cell[None])
    gradcam.explain(predictor, cell, towards="all")
    assert not predictor.network.cam_layer._forward_hooks
    assert all(parameter.grad is None for parameter in predictor.network.parameters())
    torch.testing.assert_close(predictor.logits(cell[None]), before)


def test_explain__releases_its_hook_when_the_network_fails(
    predictor: Predictor, cell: torch.Tensor
) -> None:
    with pytest.raises(RuntimeError):
        gradcam.explain(predictor, cell[:2], towards="all")
    assert not predictor.network.cam_layer._forward_hooks
    assert predictor.lock.acquire(timeout=1)
    predictor.lock.release()


def test_explain__is_the_same_beside_forward_passes(
    predictor: Predictor, cell: torch.Tensor, cell_image: Rgb
) -> None:
    other = predictor.prepare(np.ascontiguousarray(cell_image[:, ::-1, ::-1]))
    alone = [gradcam.explain(predictor, each, towards="all").values for each in (cell, other)]
    stop = threading.Event()

    def answer() -> None:
        while not stop.is_set():
            predictor.logits(torch.stack([other, cell]))

    answering = threading.Thread(target=answer)
    answering.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            heats = list(
                pool.map(
                    lambda each: gradcam.explain(predictor, each, towards="all").values,
                    [cell, other] * 6,
                )
            )
    finally:
        stop.set()
        answering.join()
    for heat, expected in zip(heats, alone * 6, strict=True):
        np.testing.assert_allclose(heat, expected, atol=1e-4)


def test_overlay__is_the_cell_where_cold(cell: torch.Tensor) -> None:
    size = cell.shape[-1]
    values = np.zeros((size, size), dtype=np.float32)
    values[: size // 2] = 1.0
    heat = gradcam.Heatmap(values=values, towards="all", share_in_cell=0.5)
    picture = cell.permute(1, 2, 0).numpy()
    laid = gradcam.overlay(picture, heat)
    assert laid.dtype == np.uint8
    np.testing.assert_array_equal(laid[size // 2 :], picture[size // 2 :])
    assert (laid[0, 0] == np.rint(0.25 * picture[0, 0] + 0.75 * np.array([253, 231, 37]))).all()
