"""Preprocessing of an image into network input; it is saved with the weights."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """Crop the cell, resize, normalise.

    The crop is a square around the centre of the cell's bounding box. Its side is ``window`` pixels
    of the original, so that cells keep their relative size. Where the cell does not fit, the side
    is the longer side of the box times ``margin``.
    """

    size: int = 224  # side S of the network's input in pixels
    # least side of the crop in pixels of the original; 0 scales every cell to one size
    window: int = 280
    margin: float = 1.05  # least ratio of the crop's side to the longer side of the bounding box
    # ``imagenet`` (fixed mean and deviation) or ``cell`` (each channel by its own mean and
    # deviation inside the cell, the background at 0)
    normalisation: Literal["imagenet", "cell"] = "imagenet"
    version: int = 1  # raised whenever the same fields would give other pixels

    def crop(self, rgb: Rgb, mask: NDArray[np.bool_] | None = None) -> Rgb:
        """Crop the cell (S, S, 3) from an image (H, W, 3), both uint8; 600x600 is centre-cropped.

        Args:
            rgb: the image.
            mask: mask of the cell, computed by default; ignored for larger images.

        Raises:
            BadImage: there is no cell on black.
        """
        if max(rgb.shape[:2]) > cells.NATIVE_SIDE:
            rgb, mask = cells.centre_crop(rgb), None
        top, left, bottom, right = cells.frame_of(cells.mask_of(rgb) if mask is None else mask)
        side = max(self.window, round(self.margin * max(bottom - top, right - left)))
        square = _square(rgb, ((top + bottom - side) // 2, (left + right - side) // 2), side)
        if side == self.size:
            return square
        # Pillow's filter widens when shrinking, which avoids aliasing of the chromatin.
        shape = (self.size, self.size)
        return np.asarray(Image.fromarray(square).resize(shape, Image.Resampling.BILINEAR))

    def normalise(self, batch: "Tensor") -> "Tensor":
        """Turn crops (N, 3, S, S), uint8, into float network input of the same shape."""
        pixels = batch.float() / 255.0
        if self.normalisation == "cell":
            return _by_cell(pixels)
        mean = pixels.new_tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        std = pixels.new_tensor(IMAGENET_STD).view(1, 3, 1, 1)
        return (pixels - mean) / std

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for ``model.json``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Preprocessing":
        """Build the preprocessing from the fields of ``to_dict``."""
        try:
            preprocessing = cls(**fields)
        except TypeError as error:
            raise ModelError(f"The model's preprocessing is not understood: {error}.") from error
        if preprocessing.version != cls.version:
            raise ModelError(
                f"The model's preprocessing is of version {preprocessing.version}, this ALLScope "
                f"has {cls.version}: use the release that trained the model, or train it again."
            )
        return preprocessing


def _square(rgb: Rgb, corner: tuple[int, int], side: int) -> Rgb:
    """Crop the ``side`` x ``side`` square from the top left corner, black beyond the image."""
    top, left = corner
    square = np.zeros((side, side, 3), dtype=np.uint8)
    inside = rgb[max(top, 0) : top + side, max(left, 0) : left + side]
    y, x = max(-top, 0), max(-left, 0)
    square[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return square


def _by_cell(pixels: "Tensor") -> "Tensor":
    """Standardise each channel by its mean and deviation inside the cell; 0 outside."""
    inside = (pixels.amax(1, keepdim=True) > cells.BACKGROUND_LEVEL / 255.0).float()
    count = inside.sum((2, 3), keepdim=True).clamp(min=1)
    mean = (pixels * inside).sum((2, 3), keepdim=True) / count
    centred = (pixels - mean) * inside
    deviation = (centred.square().sum((2, 3), keepdim=True) / count).sqrt()
    return centred / (deviation + 0.02)
