"""Image augmentation of training cells, on a batch and on its device.

The v2 transforms of torchvision draw one set of parameters a call. The subclasses here draw one set
an image, so that a GPU augments a whole batch in a few kernels.
"""

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from allcore.data.cells import BACKGROUND_LEVEL

BEST_JPEG = 95
"""Highest JPEG quality drawn."""


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random augmentation of training cells."""

    # largest factor by which a cell is enlarged or shrunk, so that size is not a safe cue
    scale: float = 1.2
    shift: float = 0.04  # largest translation, as a share of the image's side
    brightness: float = 0.2  # each image is multiplied by a factor within 1 +- this
    stain: float = 0.1  # each colour channel is also multiplied by a factor within 1 +- this
    contrast: float = 0.15  # contrast inside the cell is multiplied by a factor within 1 +- this
    # largest number of pixels by which the cell is eroded, in a third of the images
    erosion: int = 0
    # largest standard deviation of a Gaussian blur, pixels, in half of the images
    blur: float = 0.0
    jpeg: int = 0  # lowest JPEG quality, in a third of the images; 0 compresses none

    def transforms(self) -> v2.Compose:
        """Return the transforms for uint8 batches (N, 3, S, S); the output is float, 0 to 255."""
        steps: list[nn.Module] = [
            v2.ToDtype(torch.float32),
            RandomPose(scale=self.scale, shift=self.shift),
        ]
        if self.erosion:
            steps.append(RandomErosion(pixels=self.erosion))
        steps.append(
            RandomStain(brightness=self.brightness, stain=self.stain, contrast=self.contrast)
        )
        if self.blur:
            steps.append(RandomBlur(sigma=self.blur))
        if self.jpeg:
            steps.append(RandomJpeg(quality=self.jpeg))
        return v2.Compose(steps)


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


class RandomErosion(v2.Transform):
    """Erodes the cell in some images, as a tighter segmentation mask does."""

    def __init__(self, *, pixels: int, share: float = 1 / 3) -> None:
        super().__init__()
        self.pixels = pixels
        self.share = share

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        batch: Tensor = flat_inputs[0]
        pixels = _uniform(batch, 1, self.pixels + 1).floor().clamp(max=self.pixels)
        return {"chosen": _chosen(batch, self.share), "pixels": pixels}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        chosen: Tensor = params["chosen"]
        pixels: Tensor = params["pixels"][chosen].view(-1, 1, 1, 1)
        images = inpt[chosen]
        outside = 1 - _inside(images)
        for step in range(self.pixels):
            across = functional.max_pool2d(outside, (1, 3), stride=1, padding=(0, 1))
            down = functional.max_pool2d(outside, (3, 1), stride=1, padding=(1, 0))
            outside = torch.where(pixels > step, torch.maximum(across, down), outside)
        return inpt.index_copy(0, chosen, images * (1 - outside))


class RandomBlur(v2.Transform):
    """Blurs some images by a Gaussian inside the cell; its outline stays sharp."""

    def __init__(self, *, sigma: float, share: float = 0.5) -> None:
        super().__init__()
        self.sigma = sigma
        self.share = share

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        batch: Tensor = flat_inputs[0]
        return {"chosen": _chosen(batch, self.share), "sigma": _uniform(batch, 0, self.sigma)}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        chosen: Tensor = params["chosen"]
        if not len(chosen):
            return inpt
        images = inpt[chosen]
        inside = _inside(images)
        spread = self._spread(
            torch.cat([images * inside, inside], dim=1), params["sigma"][chosen].to(images.dtype)
        )
        blurred = spread[:, :3] / spread[:, 3:].clamp(min=1e-3)
        return inpt.index_copy(0, chosen, torch.where(inside > 0, blurred, images))

    def _spread(self, images: Tensor, sigma: Tensor) -> Tensor:
        """Blur images (N, C, S, S), each by its own standard deviation (N,), axis by axis."""
        n, channels, *_ = images.shape
        reach = math.ceil(2.5 * self.sigma)
        away = torch.arange(-reach, reach + 1, device=images.device).square()
        kernels = torch.exp(-away / (2 * sigma[:, None].clamp(min=0.05).square()))
        kernels = (kernels / kernels.sum(1, keepdim=True)).repeat_interleave(channels, dim=0)
        flat = images.flatten(0, 1)[None]
        for shape, padding in (((1, -1), (0, reach)), ((-1, 1), (reach, 0))):
            weight = kernels.view(n * channels, 1, *shape)
            flat = functional.conv2d(flat, weight, padding=padding, groups=n * channels)
        return flat.view(images.shape)


class RandomJpeg(v2.Transform):
    """Compresses some images as JPEG, on the CPU."""

    def __init__(self, *, quality: int, share: float = 1 / 3) -> None:
        super().__init__()
        self.quality = quality
        self.share = share

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        batch: Tensor = flat_inputs[0]
        quality = _uniform(batch, self.quality, BEST_JPEG).round().int()
        return {"chosen": _chosen(batch, self.share), "quality": quality}

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        chosen: Tensor = params["chosen"]
        if not len(chosen):
            return inpt
        images = inpt[chosen].round().to("cpu", torch.uint8)
        qualities = params["quality"][chosen].tolist()
        saved = [_compress(*pair) for pair in zip(images, qualities, strict=True)]
        return inpt.index_copy(0, chosen, torch.stack(saved).to(inpt))


def _compress(image: Tensor, quality: int) -> Tensor:
    """Image (3, S, S), uint8, after JPEG compression by Pillow; torchvision's is deprecated."""
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
    with Image.open(file) as decoded:
        return torch.from_numpy(np.array(decoded.convert("RGB"))).permute(2, 0, 1)


def _chosen(batch: Tensor, share: float) -> Tensor:
    """Indices of a random share of the images of a batch."""
    return (_uniform(batch, 0, 1) < share).nonzero().flatten()


def _inside(images: Tensor) -> Tensor:
    """(N, 1, S, S): 1 inside the cell, 0 on the black background."""
    return (images.amax(1, keepdim=True) > BACKGROUND_LEVEL).to(images.dtype)


def _uniform(batch: Tensor, low: float, high: float, channels: int | None = None) -> Tensor:
    """Uniform random numbers (N,) or (N, channels) between ``low`` and ``high``, one row an image.

    They are drawn on the CPU, so that a seed gives the same augmentation on every device.
    """
    shape = (len(batch),) if channels is None else (len(batch), channels)
    return torch.empty(shape).uniform_(low, high).to(batch.device)
