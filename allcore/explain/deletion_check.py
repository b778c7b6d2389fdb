"""The deletion check: whether what a saliency map highlights matters to the answer.

After Samek et al., *Evaluating the Visualization of What a Deep Neural Network has Learned*, TNNLS
2017, and Petsiuk, Das and Saenko, *RISE*, BMVC 2018: the hottest fifth of the cell is covered with
the cell's mean colour, and the network is asked again. A map that marks what the answer rests on
takes more of the answer away than other regions of the same size do; these are drawn at random
within the same cell, by a seed of the picture's own, and go through the network in the same pass.
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
from allcore.explain.gradcam import Heat
from allcore.explain.integrated_gradients import filled
from allcore.inference.predictor import Predictor
from allcore.labels import Label

SHARE = 0.2
"""Part of the cell's area that is covered."""
OTHERS = 16
"""Random regions that the highlighted one is held against."""
ALLOWED = 1
"""Random regions that may matter as much, for the highlight to count as supported. Where the map
means nothing, that happens in 2 of 17 cells."""
SMOOTHNESS = 1 / 28
"""Deviation of the Gaussian that random regions are smoothed by, over the side of the cut: between
the coarseness of Grad-CAM's maps and the fineness of integrated gradients'."""
_EDGE = 1 / 112  # deviation of the covered region's blurred edge, over the side of the cut

Mask = NDArray[np.bool_]
Fill = Literal["mean", "blurred"]
"""What a region is covered with: the cell's mean colour, or the cell itself without its texture."""


@dataclass(frozen=True)
class Deletion:
    """What covering a highlighted region did to the answer.

    Attributes:
        before: probability of an ALL blast of the cell as it is.
        after: the same with the region covered.
        fall: log-odds of the verdict lost by it; below 0 where it gained.
        falls: (N,) log-odds lost by covering each random region.
        share: part of the cell's area that was covered.
    """

    before: float
    after: float
    fall: float
    falls: tuple[float, ...]
    share: float = SHARE

    @property
    def others_less(self) -> int:
        """How many of the random regions mattered less."""
        return sum(each < self.fall for each in self.falls)

    @property
    def supported(self) -> bool:
        """Whether the highlight marks what the answer rests on."""
        return self.fall > 0 and self.others_less >= len(self.falls) - ALLOWED

    @property
    def sentence(self) -> str:
        """What it says of the map."""
        moved = "lowers" if self.after < self.before else "raises"
        if round(self.before, 2) == round(self.after, 2):
            said = f"leaves the probability at {self.after:.2f}"
        else:
            said = f"{moved} the probability from {self.before:.2f} to {self.after:.2f}"
        start = f"Covering the highlighted region {said}"
        if self.supported:
            than = f"{self.others_less} of {len(self.falls)} other regions"
            if self.others_less == len(self.falls):
                than = f"each of {len(self.falls)} other regions"
            return (
                f"{start}, more than {than} of its size: the highlight marks what the answer "
                "rests on."
            )
        against = "" if self.fall > 0 else ", towards the verdict"
        return (
            f"{start}{against}; only {self.others_less} of {len(self.falls)} other regions of its "
            "size matter less: do not read the highlight."
        )


def check(
    predictor: Predictor,
    cell: Tensor,
    heats: Sequence[Heat],
    *,
    digest: str,
    others: int = OTHERS,
    fill: Fill = "mean",
) -> tuple[Deletion | None, ...]:
    """One answer a map, None where a map is all 0; all in one pass of the network.

    Args:
        predictor: whose answer it is.
        cell: cut cell (3, S, S) uint8.
        heats: maps of it, for the class that it was called.
        digest: of the picture; the same picture gets the same random regions.
        others: how many of these.
        fill: what covers a region; integrated gradients start from the mean colour, so that only
            the other one is independent of how their maps are made.
    """
    mask = cells.mask_of(cell.permute(1, 2, 0).numpy())
    shown = [heat for heat in heats if heat.values.any()]
    regions = [_hottest(heat.values, mask) for heat in shown]
    cover = filled(cell, mask).float() if fill == "mean" else _blurred(cell, mask)
    regions += _random(mask, digest, others)
    batch = torch.stack([cell, *_covered(cell, mask, regions, cover)])
    logits = predictor.logits(batch).double().numpy() / predictor.info.temperature
    found = iter(
        _deletion(logits, row, len(shown), heat.towards) for row, heat in enumerate(shown, start=1)
    )
    return tuple(next(found) if heat.values.any() else None for heat in heats)


def _deletion(logits: NDArray[np.float64], row: int, maps: int, towards: Label) -> Deletion:
    """Of log-odds (1 + maps + others,): of the cell, its covered maps and random regions."""
    falls = (logits[0] - logits) * (1 if towards == "all" else -1)
    return Deletion(
        before=float(expit(logits[0])),
        after=float(expit(logits[row])),
        fall=float(falls[row]),
        falls=tuple(falls[1 + maps :].tolist()),
    )


def _hottest(values: NDArray[np.floating], mask: Mask) -> Mask:
    """Where in the cell the map is hottest, `SHARE` of its area (S, S)."""
    region = np.zeros(mask.shape, dtype=bool)
    inside = np.flatnonzero(mask)
    count = round(SHARE * len(inside))
    hottest = np.argsort(-values.ravel()[inside], kind="stable")[:count]
    region.ravel()[inside[hottest]] = True
    return region


def _random(mask: Mask, digest: str, count: int) -> list[Mask]:
    """Smooth regions of the cell, of the same area."""
    seed = int.from_bytes(hashlib.sha256(digest.encode()).digest()[:8])
    noise = np.random.default_rng(seed).standard_normal((count, *mask.shape), dtype=np.float32)
    wide = SMOOTHNESS * mask.shape[-1]
    return [_hottest(ndimage.gaussian_filter(each, wide), mask) for each in noise]


def _covered(cell: Tensor, mask: Mask, regions: Sequence[Mask], cover: Tensor) -> list[Tensor]:
    """The cell with `cover` (3, S, S) over each region; what is not the cell stays as it is."""
    pixels = cell.float()
    made = []
    for region in regions:
        soft = ndimage.gaussian_filter(region.astype(np.float32), _EDGE * mask.shape[-1]) * mask
        opacity = torch.from_numpy(soft)
        made.append((pixels + opacity * (cover - pixels)).round().to(cell.dtype))
    return made


def _blurred(cell: Tensor, mask: Mask) -> Tensor:
    """The cell (3, S, S) smoothed within its mask, as float."""
    inside, wide = mask.astype(np.float32), SMOOTHNESS * mask.shape[-1]
    weight = np.maximum(ndimage.gaussian_filter(inside, wide), 1e-3)
    channels = [ndimage.gaussian_filter(each * inside, wide) for each in cell.float().numpy()]
    return torch.from_numpy(np.stack(channels) / weight).clamp(0, 255)
