"""Integrated gradients: contribution of each pixel of the cell to the log-odds.

Sundararajan, Taly and Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017: the gradient of
the log-odds, integrated on the straight path from a baseline to the cell, times the difference of
the two. By completeness the attributions sum to the difference of the log-odds of cell and
baseline; `Attribution.error` measures the deviation.

The baseline is the cell filled with its own mean colour up to a thin rim: size, outline and stain
stay, so that the map shows the texture inside. Without the rim, a hard edge would replace the soft
one, and the map would show that edge. Nothing outside the cell changes along the path, so heat lies
there only by smoothing over the edge. Gauss-Legendre quadrature computes the integral; its few
nodes go through the network in one batch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from allcore.data import cells
from allcore.explain.gradcam import Heatmap
from allcore.inference.predictor import Predictor
from allcore.labels import Label

STEPS = 6
"""Nodes of the quadrature; each costs one forward and one backward pass."""
SMOOTHING = 1 / 56
"""Standard deviation of the smoothing Gaussian, over the side of the crop."""
RIM = 1 / 75
"""Width of the rim that the baseline leaves unchanged, over the side of the crop."""


@dataclass(frozen=True)
class Attribution:
    """Map by integrated gradients, with its completeness."""

    heat: Heatmap  # its positive part, as in `gradcam.explain`
    difference: float  # log-odds of the cell less those of the baseline
    total: float  # sum of the attributions, in theory equal to the difference

    @property
    def error(self) -> float:
        """Relative difference of `total` and `difference`; 0 for complete attributions."""
        return abs(self.difference - self.total) / max(abs(self.difference), 1e-6)


def explain(
    predictor: Predictor, cell: Tensor, *, towards: Label, steps: int = STEPS
) -> Attribution:
    """Integrated gradients of a segmented cell (3, S, S) uint8 for a class, with `steps` nodes."""
    mask = cells.mask_of(cell.permute(1, 2, 0).numpy())
    rim = max(1, round(RIM * cell.shape[-1]))
    start = filled(cell, ndimage.binary_erosion(mask, iterations=rim)).float()
    change = cell.float() - start
    nodes, weights = _quadrature(steps)
    gradients = _gradients(predictor, start + nodes * change)
    pixels = ((weights * gradients).sum(0) * change).sum(0).numpy()
    at_start, at_end = _log_odds(predictor, torch.stack([start, cell.float()]))
    values = _heat(pixels if towards == "all" else -pixels)
    total = float(values.sum())
    share = float(values[mask].sum()) / total if total else float("nan")
    return Attribution(
        heat=Heatmap(values=values, towards=towards, share_in_cell=share),
        difference=at_end - at_start,
        total=float(pixels.sum()),
    )


def filled(cell: Tensor, mask: NDArray[np.bool_]) -> Tensor:
    """Segmented cell (3, S, S) uint8 with its mean colour inside a mask (S, S)."""
    inside = torch.from_numpy(mask)
    if not mask.any():
        return cell.clone()
    colour = cell[:, inside].float().mean(1).round().to(cell.dtype)
    return torch.where(inside, colour[:, None, None], cell)


def _quadrature(steps: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights (N, 1, 1, 1) of Gauss-Legendre quadrature between 0 and 1."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    pair = np.stack([(nodes + 1) / 2, weights / 2]).astype(np.float32)
    at, weight = torch.from_numpy(pair).view(2, steps, 1, 1, 1)
    return at, weight


def _gradients(predictor: Predictor, pixels: Tensor) -> Tensor:
    """Gradients (N, 3, S, S) of the log-odds by pixel, on the CPU, at pixels between 0 and 255."""
    leaf = pixels.to(predictor.device).requires_grad_()
    with predictor.lock, torch.enable_grad():
        logits = predictor.network(predictor.normalised(leaf))
        (gradient,) = torch.autograd.grad(logits.sum(), leaf)
    return gradient.float().cpu()


def _log_odds(predictor: Predictor, pixels: Tensor) -> list[float]:
    with predictor.lock, torch.inference_mode():
        logits: list[float] = predictor.network(predictor.normalised(pixels)).float().tolist()
    return logits


def _heat(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smoothed positive attributions, 0 to 1."""
    smooth = ndimage.gaussian_filter(pixels, SMOOTHING * pixels.shape[-1])
    positive = np.maximum(smooth, 0)
    values: NDArray[np.float32] = (positive / max(float(positive.max()), 1e-12)).astype(np.float32)
    return values
