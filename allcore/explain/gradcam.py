"""Grad-CAM: saliency map of the regions that raise the score of a class.

Selvaraju et al., *Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization*, ICCV 2017: the activations of the last convolutional stage, weighted by the mean
gradient of the class's score over each channel; negative evidence is clipped.

Each activation is weighted by its own gradient, not by the channel's mean (Draelos and Carin, *Use
HiResCAM instead of Grad-CAM*, arXiv 2011.08891). With global average pooling the two are equal;
with pooling over the cell alone, the mean would highlight black corners.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.inference.predictor import Predictor
from allcore.labels import Label

# Matplotlib's viridis at nine even steps: perceptually uniform, and distinct from the stain.
_VIRIDIS = np.array(
    [
        (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
        (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
    ],
    dtype=np.float64,
)  # fmt: skip
_STRONGEST = 0.75  # opacity of the hottest pixel; the chromatin below must stay visible


@dataclass(frozen=True)
class Heatmap:
    """Saliency map of one segmented cell for one class."""

    # (S, S) float32, 0 to 1, of the size of the crop; all 0 where no region supports the class
    values: NDArray[np.float32]
    towards: Label  # the class
    share_in_cell: float  # share of the heat inside the cell, 0 to 1; NaN where all is 0


def explain(predictor: Predictor, cell: Tensor, *, towards: Label) -> Heatmap:
    """Grad-CAM of one segmented cell (3, S, S) uint8 for a class."""
    with predictor.lock, torch.enable_grad(), _leaf_output(predictor.network.cam_layer) as outputs:
        logit = predictor.network(predictor.normalised(cell[None])).sum()
        score = logit if towards == "all" else -logit
        (gradient,) = torch.autograd.grad(score, outputs)
        activation = outputs[0].detach()
    heat = functional.relu((gradient * activation).sum(1, keepdim=True))
    values = _upsampled(heat, cell.shape[-1])
    return Heatmap(values=values, towards=towards, share_in_cell=_share_in_cell(values, cell))


def overlay(cell: Rgb, heat: Heatmap) -> Rgb:
    """Blend the heat over the segmented cell (S, S, 3); cold pixels are transparent."""
    picture = cell.astype(np.float64)
    steps = np.linspace(0, 1, len(_VIRIDIS))
    colour = np.stack([np.interp(heat.values, steps, channel) for channel in _VIRIDIS.T], axis=2)
    opacity = _STRONGEST * heat.values[..., None]
    blended: Rgb = np.rint(picture * (1 - opacity) + colour * opacity).astype(np.uint8)
    return blended


@contextmanager
def _leaf_output(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Record the layer's output, as the leaf of the graph, inside the context."""
    outputs: list[Tensor] = []

    def record(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        outputs.append(output.detach().requires_grad_())
        return outputs[0].clone()  # later layers may work in place: forbidden for a leaf

    handle = layer.register_forward_hook(record)
    try:
        yield outputs
    finally:
        handle.remove()


def _upsampled(heat: Tensor, size: int) -> NDArray[np.float32]:
    large = functional.interpolate(heat.float(), size=(size, size), mode="bilinear")[0, 0]
    values: NDArray[np.float32] = (large / large.max().clamp(min=1e-12)).cpu().numpy()
    return values


def _share_in_cell(values: NDArray[np.float32], cell: Tensor) -> float:
    total = float(values.sum())
    if total == 0.0:
        return float("nan")
    mask = cells.mask_of(cell.permute(1, 2, 0).numpy())
    return float(values[mask].sum()) / total
