"""Integrated gradients: how much each place of the cell adds to the answer.

Sundararajan, Taly and Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017: the gradient of
the log-odds, integrated on the straight way from a baseline to the cell, times the difference of
the two. The attributions of all pixels add up to the difference of the log-odds of cell and
baseline; how far they do is told (`Attribution.error`).

The baseline is the cell filled with its own mean colour up to a thin rim: it keeps size, outline
and stain, so that what is told apart is the texture inside. Were the rim filled too, a hard edge
would take the place of the soft one, and heat would tell of that. Nothing outside the cell changes
on the way, so no heat can lie there but what smoothing spills over the edge. The integral is taken
by Gauss-Legendre quadrature, whose few nodes go through the network in one batch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from allcore.data import cells
from allcore.explain.gradcam import Heat
from allcore.inference.predictor import Predictor
from allcore.labels import Label

STEPS = 6
"""Nodes of the quadrature: the time of so many passes forward and backward."""
SMOOTHING = 1 / 56
"""Deviation of the Gaussian that joins single pixels to places, over the side of the cut."""
RIM = 1 / 75
"""Width of the rim that the baseline leaves as it is, over the side of the cut."""


@dataclass(frozen=True)
class Attribution:
    """Heat by integrated gradients, and how complete it is.

    Attributes:
        heat: what speaks for the class, as of `gradcam.explain`.
        difference: log-odds of the cell less those of the baseline.
        total: sum of the attributions, which would be the same in theory.
    """

    heat: Heat
    difference: float
    total: float

    @property
    def error(self) -> float:
        """Difference less total over the difference; 0 where the attributions are complete."""
        return abs(self.difference - self.total) / max(abs(self.difference), 1e-6)


def explain(
    predictor: Predictor, cell: Tensor, *, towards: Label, steps: int = STEPS
) -> Attribution:
    """Heat of one cut cell (3, S, S) uint8 for a class, by `steps` nodes."""
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
        heat=Heat(values=values, towards=towards, share_in_cell=share),
        difference=at_end - at_start,
        total=float(pixels.sum()),
    )


def filled(cell: Tensor, mask: NDArray[np.bool_]) -> Tensor:
    """A cut cell (3, S, S) uint8 with its mean colour at each place of a mask (S, S) of it."""
    inside = torch.from_numpy(mask)
    if not mask.any():
        return cell.clone()
    colour = cell[:, inside].float().mean(1).round().to(cell.dtype)
    return torch.where(inside, colour[:, None, None], cell)


def _quadrature(steps: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights (N, 1, 1, 1) of Gauss and Legendre between 0 and 1."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    pair = np.stack([(nodes + 1) / 2, weights / 2]).astype(np.float32)
    at, weight = torch.from_numpy(pair).view(2, steps, 1, 1, 1)
    return at, weight


def _gradients(predictor: Predictor, pixels: Tensor) -> Tensor:
    """Of the log-odds by each pixel: (N, 3, S, S) on the CPU, of pixels between 0 and 255."""
    leaf = pixels.to(predictor.device).requires_grad_()
    with predictor.lock, torch.enable_grad():
        logits = predictor.network(predictor.normalised(leaf))
        (gradient,) = torch.autograd.grad(logits.sum(), leaf)
    return gradient.float().cpu()


def _log_odds(predictor: Predictor, pixels: Tensor) -> list[float]:
    with predictor.lock, torch.inference_mode():
        found: list[float] = predictor.network(predictor.normalised(pixels)).float().tolist()
    return found


def _heat(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What speaks for the class, joined to places, 0 to 1."""
    smooth = ndimage.gaussian_filter(pixels, SMOOTHING * pixels.shape[-1])
    kept = np.maximum(smooth, 0)
    values: NDArray[np.float32] = (kept / max(float(kept.max()), 1e-12)).astype(np.float32)
    return values
