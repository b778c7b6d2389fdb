"""Deletion check: tests whether the region that a saliency map highlights affects the prediction.

After Samek et al., *Evaluating the Visualization of What a Deep Neural Network has Learned*, TNNLS
2017, and Petsiuk, Das and Saenko, *RISE*, BMVC 2018. The hottest fifth of the cell is covered with
the cell's mean colour, and the network predicts again. A faithful map lowers the log-odds more than
random regions of the same size do. These regions lie within the same cell, are seeded by the image,
and go through the network in the same pass.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit
from torch import Tensor

from allcore.data import cells
from allcore.explain.gradcam import Heatmap
from allcore.explain.integrated_gradients import filled
from allcore.inference.predictor import Predictor
from allcore.labels import Label

SHARE = 0.2
"""Share of the cell's area to cover."""
RANDOM_REGIONS = 16
"""Number of random regions for comparison."""
ALLOWED = 1
"""Maximum number of random regions with at least the effect of a supported highlight.

A meaningless map passes in 2 of 17 cells.
"""
SMOOTHNESS = 1 / 28
"""Standard deviation of the Gaussian that smooths random regions, over the side of the crop.

It lies between the coarseness of Grad-CAM's maps and the fineness of integrated gradients'.
"""
_EDGE = 1 / 112  # standard deviation of the covered region's blurred edge, over the crop's side

Mask = NDArray[np.bool_]
Fill = Literal["mean", "blurred"]
"""Cover of a region: the cell's mean colour, or the cell without its texture."""


@dataclass(frozen=True)
class Deletion:
    """Effect on the prediction of covering a highlighted region."""

    before: float  # probability of an ALL blast of the original cell
    after: float  # the same with the region covered
    fall: float  # decrease of the verdict's log-odds; below 0 for an increase
    random_falls: tuple[float, ...]  # (N,) decrease of the log-odds for each random region
    share: float = SHARE  # share of the cell's area that was covered

    @property
    def others_less(self) -> int:
        """Number of random regions with a smaller effect."""
        return sum(fall < self.fall for fall in self.random_falls)

    @property
    def supported(self) -> bool:
        """True if the highlighted region affects the prediction more than random ones."""
        return self.fall > 0 and self.others_less >= len(self.random_falls) - ALLOWED

    @property
    def sentence(self) -> str:
        """Result of the check as a sentence."""
        total = len(self.random_falls)
        moved = "lowers" if self.after < self.before else "raises"
        effect = f"{moved} the probability from {self.before:.2f} to {self.after:.2f}"
        if round(self.before, 2) == round(self.after, 2):
            effect = f"leaves the probability at {self.after:.2f}"
        start = f"Covering the highlighted region {effect}"
        if self.supported:
            others = f"{self.others_less} of {total} other regions"
            if self.others_less == total:
                others = f"each of {total} other regions"
            return (
                f"{start}, more than {others} of its size: the highlight marks what the answer "
                "depends on."
            )
        against = "" if self.fall > 0 else ", towards the verdict"
        return (
            f"{start}{against}; only {self.others_less} of {total} other regions of its "
            "size matter less: do not read the highlight."
        )


def check(
    predictor: Predictor,
    cell: Tensor,
    heats: Sequence[Heatmap],
    *,
    digest: str,
    others: int = RANDOM_REGIONS,
    fill: Fill = "mean",
) -> tuple[Deletion | None, ...]:
    """Run the check for all maps in one pass; None where a map is all 0.

    Args:
        predictor: the model.
        cell: segmented cell (3, S, S) uint8.
        heats: its saliency maps, for the class of the verdict.
        digest: of the image; it seeds the random regions.
        others: number of random regions.
        fill: cover of a region. Integrated gradients use the mean colour as baseline, so only
            "blurred" is independent of their computation.
    """
    mask = cells.mask_of(cell.permute(1, 2, 0).numpy())
    drawn = [heat for heat in heats if heat.values.any()]
    regions = [_hottest(heat.values, mask) for heat in drawn]
    cover = filled(cell, mask).float() if fill == "mean" else _blurred(cell, mask)
    regions += _random(mask, digest, others)
    batch = torch.stack([cell, *_covered(cell, mask, regions, cover)])
    logits = predictor.calibrated(predictor.logits(batch).double().numpy())
    results = iter(
        _deletion(logits, row, len(drawn), heat.towards) for row, heat in enumerate(drawn, start=1)
    )
    return tuple(next(results) if heat.values.any() else None for heat in heats)


def _deletion(logits: NDArray[np.float64], row: int, maps: int, towards: Label) -> Deletion:
    """Result from log-odds (1 + maps + others,) of cell, covered maps and random regions."""
    falls = (logits[0] - logits) * (1 if towards == "all" else -1)
    return Deletion(
        before=float(expit(logits[0])),
        after=float(expit(logits[row])),
        fall=float(falls[row]),
        random_falls=tuple(falls[1 + maps :].tolist()),
    )


def _hottest(values: NDArray[np.floating], mask: Mask) -> Mask:
    """Mask (S, S) of the hottest region of the cell, `SHARE` of its area."""
    region = np.zeros(mask.shape, dtype=bool)
    inside = np.flatnonzero(mask)
    count = round(SHARE * len(inside))
    hottest = np.argsort(-values.ravel()[inside], kind="stable")[:count]
    region.ravel()[inside[hottest]] = True
    return region


def _random(mask: Mask, digest: str, count: int) -> list[Mask]:
    """Smooth random regions of the cell, of the same area."""
    seed = int.from_bytes(hashlib.sha256(digest.encode()).digest()[:8])
    noise = np.random.default_rng(seed).standard_normal((count, *mask.shape), dtype=np.float32)
    deviation = SMOOTHNESS * mask.shape[-1]
    return [_hottest(ndimage.gaussian_filter(values, deviation), mask) for values in noise]


def _covered(cell: Tensor, mask: Mask, regions: Sequence[Mask], cover: Tensor) -> list[Tensor]:
    """The cell with `cover` (3, S, S) over each region; the background is unchanged."""
    pixels = cell.float()
    covered = []
    for region in regions:
        soft = ndimage.gaussian_filter(region.astype(np.float32), _EDGE * mask.shape[-1]) * mask
        opacity = torch.from_numpy(soft)
        covered.append((pixels + opacity * (cover - pixels)).round().to(cell.dtype))
    return covered


def _blurred(cell: Tensor, mask: Mask) -> Tensor:
    """The cell (3, S, S) smoothed within its mask, as float."""
    inside, deviation = mask.astype(np.float32), SMOOTHNESS * mask.shape[-1]
    weight = np.maximum(ndimage.gaussian_filter(inside, deviation), 1e-3)
    channels = [ndimage.gaussian_filter(band * inside, deviation) for band in cell.float().numpy()]
    return torch.from_numpy(np.stack(channels) / weight).clamp(0, 255)
