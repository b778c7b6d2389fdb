"""Out-of-distribution samples, which the input gate must refuse.

Photographs are the ones bundled with scikit-image; nothing is downloaded. The gate refuses most
such samples for their background alone. The harder half is therefore masked with the outline of a
synthetic cell, on black.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.synthetic import outline

PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png",
    "coffee.png", "coins.png", "color.png", "grass.png", "gravel.png", "horse.png",
    "hubble_deep_field.jpg", "ihc.png", "logo.png", "microaneurysms.png", "moon.png",
    "motorcycle_left.png", "motorcycle_right.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
DOCUMENTS = ("page.png", "text.png")
AREA = (9_000.0, 60_000.0)
"""Area in pixels of the outlines that samples are masked with: the sizes of real cells and
beyond."""

SIDE = cells.NATIVE_SIDE

Painter = Callable[[np.random.Generator], Rgb]


@dataclass(frozen=True)
class OodSample:
    """An image to refuse."""

    kind: str  # description of the image
    rgb: Rgb  # (H, W, 3) uint8


def draw_samples(per_kind: int, *, seed: int = 0) -> Iterator[OodSample]:
    """Yield photographs, documents, noise and plain colours, whole and masked like cells."""
    for place, (kind, paint) in enumerate(_KINDS.items()):
        random = np.random.default_rng([seed, place])
        for _ in range(per_kind):
            yield OodSample(kind, paint(random))
            yield OodSample(f"{kind}, cut out like a cell", cut_out(paint(random), random))


def photographs() -> Iterator[OodSample]:
    """Yield the images of scikit-image unchanged."""
    for name in (*PHOTOGRAPHS, *DOCUMENTS):
        yield OodSample("whole photograph", _bundled(name))


def fields(folder: Path) -> Iterator[OodSample]:
    """Yield whole smear fields: every JPEG image in a folder, at any depth."""
    for path in sorted(folder.rglob("*.jp*g")):
        yield OodSample("smear field", decoding.decode_file(path))


def altered_samples(rgb: Rgb) -> Iterator[OodSample]:
    """Yield alterations of a real cell's image for which a prediction can't be trusted."""
    yield OodSample("cell with red and blue swapped", np.ascontiguousarray(rgb[..., ::-1]))
    yield OodSample("cell enlarged 3 times", _enlarged(rgb, 3))
    yield OodSample("cell enlarged 3 times, cut to size", cells.centre_crop(_enlarged(rgb, 3)))
    inverted = 255 - rgb
    inverted[~cells.mask_of(rgb)] = 0
    yield OodSample("cell in inverted colours", inverted)


def cut_out(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Mask the middle of an image with the outline of a synthetic cell, on 450 x 450 of black."""
    picture = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    middle = cells.centre_crop(rgb)
    top, left = ((SIDE - length) // 2 for length in middle.shape[:2])
    picture[top : top + middle.shape[0], left : left + middle.shape[1]] = middle
    radii = outline.draw_outline(random.uniform(*AREA), random.uniform(1, 1.4), random).cell
    x, y = (SIDE / 2 + radii * wave(outline.THETA) for wave in (np.cos, np.sin))
    mask = Image.new("1", (SIDE, SIDE))
    ImageDraw.Draw(mask).polygon([*zip(x, y, strict=True)], fill=1)
    picture[~np.asarray(mask)] = 0
    return picture


def _crop_of(names: Sequence[str]) -> Painter:
    """Return a painter of random crops of bundled images, resized by up to a factor of two."""

    def paint(random: np.random.Generator) -> Rgb:
        whole = _bundled(str(random.choice(list(names))))
        side = int(random.uniform(150, min(whole.shape[:2])))
        top, left = (int(random.uniform(0, length - side)) for length in whole.shape[:2])
        crop = Image.fromarray(whole[top : top + side, left : left + side])
        length = int(random.uniform(300, SIDE))
        return np.asarray(crop.resize((length, length), Image.Resampling.BICUBIC))

    return paint


def _document(random: np.random.Generator) -> Rgb:
    """Dark text on light paper, or the reverse."""
    page = _crop_of(DOCUMENTS)(random)
    return page if random.random() < 0.5 else 255 - page


def _noise(random: np.random.Generator) -> Rgb:
    level, spread = random.uniform(60, 200, size=3), random.uniform(20, 80)
    values = random.normal(level, spread, size=(SIDE, SIDE, 3))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _plain(random: np.random.Generator) -> Rgb:
    colour = random.integers(40, 256, size=3, dtype=np.uint8)
    return np.broadcast_to(colour, (SIDE, SIDE, 3)).copy()


_KINDS: dict[str, Painter] = {
    "photograph": _crop_of(PHOTOGRAPHS),
    "document": _document,
    "noise": _noise,
    "plain colour": _plain,
}


def _bundled(name: str) -> Rgb:
    import skimage.data

    with Image.open(Path(skimage.data.__file__).with_name(name)) as image:
        rgb = np.asarray(image.convert("RGBA" if "A" in image.getbands() else "RGB"))[..., :3]
    return _enlarged(rgb, 2) if min(rgb.shape[:2]) < SIDE // 2 else rgb


def _enlarged(rgb: Rgb, times: int) -> Rgb:
    size = (times * rgb.shape[1], times * rgb.shape[0])
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
