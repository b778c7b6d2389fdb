"""Image augmentation of training cells, on a batch and on its device.

The v2 transforms of torchvision draw one set of parameters a call. The subclasses here draw one set
an image, so that a GPU augments a whole batch in a few kernels.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random augmentation of training cells.

    Attributes:
        scale: largest factor by which a cell is enlarged or shrunk, so that size is not a safe cue.
        shift: largest translation, as a share of the image's side.
        brightness: each image is multiplied by a factor within 1 +- this.
        stain: each colour channel is also multiplied by a factor within 1 +- this.
        contrast: contrast inside the cell is multiplied by a factor within 1 +- this.
    """

    scale: float = 1.2
    shift: float = 0.04
    brightness: float = 0.2
    stain: float = 0.1
    contrast: float = 0.15

    def transforms(self) -> v2.Compose:
        """Return the transforms for uint8 batches (N, 3, S, S); the output is float, 0 to 255."""
        return v2.Compose(
            [
                v2.ToDtype(torch.float32),
                RandomPose(scale=self.scale, shift=self.shift),
                RandomStain(brightness=self.brightness, stain=self.stain, contrast=self.contrast),
            ]
        )


class RandomPose(v2.Transform):
    """Random rotation, mirroring, scaling and translation of each image, in one step."""

    def __init__(self, *, scale: float, shift: float) -> None:
        super().__init__()
        self.scale = scale
        self.shift = shift

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        batch: Tensor = flat_inputs[0]
        angle = _uniform(batch, -math.pi, math.pi)
        zoom = torch.exp(_uniform(batch, -1.0, 1.0) * math.log(self.scale))
        mirror = _uniform(batch, -1.0, 1.0).sign()
        cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        move = 2 * self.shift  # affine_grid's coordinates run from -1 to 1
        rows = [
            torch.stack([cos * mirror, -sin, _uniform(batch, -move, move)], dim=1),
            torch.stack([sin * mirror, cos, _uniform(batch, -move, move)], dim=1),
        ]
        return {"matrices": torch.stack(rows, dim=1)}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        grid = functional.affine_grid(params["matrices"], list(inpt.shape), align_corners=False)
        turned: Tensor = functional.grid_sample(inpt, grid, align_corners=False)
        return turned


class RandomStain(v2.Transform):
    """Random brightness, colour balance and contrast of each image; black stays black."""

    def __init__(self, *, brightness: float, stain: float, contrast: float) -> None:
        super().__init__()
        self.brightness = brightness
        self.stain = stain
        self.contrast = contrast

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        batch: Tensor = flat_inputs[0]
        gain = 1 + _uniform(batch, -self.brightness, self.brightness)[:, None]
        balance = 1 + _uniform(batch, -self.stain, self.stain, channels=3)
        contrast = 1 + _uniform(batch, -self.contrast, self.contrast)
        return {"gain": gain * balance, "contrast": contrast}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        inside = (inpt.amax(1, keepdim=True) > 1).to(inpt.dtype)
        count = inside.sum((2, 3), keepdim=True).clamp(min=1)
        mean = inpt.sum((2, 3), keepdim=True) / count
        contrast: Tensor = params["contrast"].view(-1, 1, 1, 1)
        gain: Tensor = params["gain"][:, :, None, None]
        return ((mean + (inpt - mean) * contrast) * gain * inside).clamp(0, 255)


def _uniform(batch: Tensor, low: float, high: float, channels: int | None = None) -> Tensor:
    """Uniform random numbers (N,) or (N, channels) between ``low`` and ``high``, one row an image.

    They are drawn on the CPU, so that a seed gives the same augmentation on every device.
    """
    shape = (len(batch),) if channels is None else (len(batch), channels)
    return torch.empty(shape).uniform_(low, high).to(batch.device)
