"""From a picture to what a network sees; saved with the weights, never apart from them."""

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
    """Cut the cell out, resize, normalise.

    The cut is a square around the middle of the cell's frame. Its side is ``window`` native
    pixels, so that cells keep their relative size, or the frame with ``margin`` where the cell
    would not fit.

    Attributes:
        size: side S of the network's input in pixels.
        window: least side of the cut in pixels of the original; 0 scales every cell to one size.
        margin: side of the cut over the longer side of the frame, at least.
        normalisation: ``imagenet`` (fixed mean and deviation) or ``cell`` (each channel by its
            own mean and deviation inside the cell, the background at 0).
        version: raised whenever the same fields would give other pixels.
    """

    size: int = 224
    window: int = 280
    margin: float = 1.05
    normalisation: Literal["imagenet", "cell"] = "imagenet"
    version: int = 1

    def crop(self, rgb: Rgb, mask: NDArray[np.bool_] | None = None) -> Rgb:
        """The cell (S, S, 3) cut from a picture (H, W, 3), both uint8; 600x600 is centre-cropped.

        Args:
            rgb: the picture.
            mask: the cell in it, where it is known already; ignored for larger pictures.

        Raises:
            BadImage: there is no cell on black.
        """
        if max(rgb.shape[:2]) > cells.NATIVE_SIDE:
            rgb, mask = cells.centre_crop(rgb), None
        frame = cells.frame_of(cells.mask_of(rgb) if mask is None else mask)
        return _resized(_square(rgb, frame, self._side(frame)), self.size)

    def normalise(self, batch: "Tensor") -> "Tensor":
        """Network input (N, 3, S, S), float, of cut cells (N, 3, S, S), uint8, on their device."""
        pixels = batch.float() / 255.0
        if self.normalisation == "cell":
            return _by_cell(pixels)
        mean = pixels.new_tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        std = pixels.new_tensor(IMAGENET_STD).view(1, 3, 1, 1)
        return (pixels - mean) / std

    def to_dict(self) -> dict[str, Any]:
        """The fields, for ``model.json``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Preprocessing":
        """The preprocessing that ``to_dict`` described.

        Raises:
            ModelError: the fields are of another version of ALLScope.
        """
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

    def _side(self, frame: tuple[int, int, int, int]) -> int:
        top, left, bottom, right = frame
        return max(self.window, round(self.margin * max(bottom - top, right - left)))


def _square(rgb: Rgb, frame: tuple[int, int, int, int], side: int) -> Rgb:
    """The ``side`` x ``side`` square around the frame's middle, black beyond the picture."""
    top = (frame[0] + frame[2] - side) // 2
    left = (frame[1] + frame[3] - side) // 2
    square = np.zeros((side, side, 3), dtype=np.uint8)
    inside = rgb[max(top, 0) : top + side, max(left, 0) : left + side]
    y, x = max(-top, 0), max(-left, 0)
    square[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return square


def _resized(square: Rgb, size: int) -> Rgb:
    if square.shape[0] == size:
        return square
    # Pillow's filter widens when shrinking: no aliasing of the chromatin.
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR))


def _by_cell(pixels: "Tensor") -> "Tensor":
    """Each channel minus its mean, over its deviation, inside the cell; 0 outside."""
    inside = (pixels.amax(1, keepdim=True) > cells.BACKGROUND_LEVEL / 255.0).float()
    count = inside.sum((2, 3), keepdim=True).clamp(min=1)
    mean = (pixels * inside).sum((2, 3), keepdim=True) / count
    centred = (pixels - mean) * inside
    deviation = (centred.square().sum((2, 3), keepdim=True) / count).sqrt()
    return centred / (deviation + 0.02)
