"""Reduction of samples with more than 8 bits, where the file shows which value is white.

Many microscope cameras store 10 to 15 bits in the low part of 16. The same numbers may be a dark
picture of 16 bits. Such a picture is refused unless its file states the depth.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from allcore.errors import BadImage

Samples = NDArray[np.uint16]

_BRIGHT_SHARE = 0.001
"""Least share of pixels in the upper half of the range; a scale bar alone does not fill it."""
UNCLEAR = (
    "The picture stores 16 bits a value but uses only {used} of them, so its true bit depth is "
    "unclear and the cell could come out too dark; scale its values to 0 to 65535, or save it with "
    "8 bits, and retry."
)


def to_8_bits(samples: Samples, bits: int | None) -> NDArray[np.uint8]:
    """Reduce samples (H, W) or (H, W, C) to 8 bits.

    Args:
        samples: the values.
        bits: bit depth that the file states; None where it does not.

    Raises:
        BadImage: the bit depth is unclear.
    """
    if bits is not None and bits < 16:
        if int(samples.max()) >= 1 << bits:
            raise BadImage(
                f"The picture says that it has {bits} bits a value but holds larger ones; save it "
                "with 8 bits and retry."
            )
        return (samples.astype(np.float32) * (255 / ((1 << bits) - 1)) + 0.5).astype(np.uint8)
    if bits is None and not _fills_16_bits(samples):
        raise BadImage(UNCLEAR.format(used=int(samples.max()).bit_length()))
    if samples.ndim == 2:
        return ((samples + 128.0) // 257).astype(np.uint8)
    return (samples >> 8).astype(np.uint8)


def is_deep_png(data: bytes) -> bool:
    """True if a PNG has 16 bits a sample."""
    return data[24:25] == b"\x10"


def read_deep_png(data: bytes, image: Image.Image) -> Image.Image:
    """Decode a PNG of 16 bits.

    Pillow drops the low bytes of colours, which show the bit depth: they are decoded as the high
    bytes of the other byte order.

    Args:
        data: content of the file.
        image: the same, opened.

    Raises:
        BadImage: the bit depth is unclear.
    """
    image.load()
    high = np.asarray(image)
    if image.mode.startswith("I;16"):
        return as_image(high[..., None].astype(np.uint16), None)
    low = np.ones_like(high)
    if image.mode in {"RGB", "RGBA"}:
        other = Image.open(io.BytesIO(data), formats=("PNG",))
        (tile,) = other.tile
        other.tile = [tile._replace(args=f"{image.mode};16L")]
        low = np.asarray(other)
    return as_image(high * np.uint16(256) + low, None)


def as_image(samples: Samples, bits: int | None) -> Image.Image:
    """An 8-bit image of samples (H, W, C) with 1 to 4 channels; the last of 2 or 4 is alpha.

    Raises:
        BadImage: the bit depth is unclear.
    """
    channels = samples.shape[2]
    colours = samples[..., : 1 if channels < 3 else 3]
    pixels = to_8_bits(colours[..., 0] if channels < 3 else colours, bits)
    image = Image.fromarray(pixels)
    if channels in {2, 4}:
        image.putalpha(Image.fromarray(to_8_bits(samples[..., -1], bits or 16)))
    return image


def _fills_16_bits(samples: Samples) -> bool:
    """True if values reach the upper half, or are 8-bit values widened to 16."""
    brightest = samples if samples.ndim == 2 else samples.max(axis=2)
    if (brightest >= 1 << 15).mean() >= _BRIGHT_SHARE:
        return True
    return not (samples % 257).any() or not (samples % 256).any()
