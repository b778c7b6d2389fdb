"""Inputs of the benchmarks: the installed model, and pictures as people upload them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from allcore import model_folder, settings
from allcore.data.cells import Rgb
from allcore.data.preprocessing import Preprocessing
from allcore.inference import devices
from allcore.inference.image_sources import Source
from allcore.inference.predictor import Predictor
from allcore.inference.results import Precision
from allcore.model_folder import ModelInfo
from allcore.nets import registry


def predictor(precision: Precision | None = None) -> Predictor:
    """Load the installed model; where there is none, one of random weights is as fast."""
    chosen = settings.load()
    if chosen.model in model_folder.names():
        folder = model_folder.folder(chosen.model)
        return Predictor.load(folder, chosen.device, threads=chosen.threads, precision=precision)
    devices.use_threads(chosen.threads)
    info = ModelInfo(
        name="untrained",
        architecture="qcresnet",
        config={},
        preprocessing=Preprocessing(),
        temperature=1.0,
        threshold=0.5,
        threshold_rule="none",
        weights_sha256="",
        training={},
    )
    network, device = registry.build("qcresnet"), devices.choose(chosen.device)
    return Predictor(network, info, device, precision=precision)


def sources(paths: list[Path]) -> list[Source]:
    """Sources of files, for ``streaming.stream_predictions``."""
    return [Source(path.name, path.read_bytes) for path in paths]


@contextmanager
def pictures(count: int) -> Iterator[list[Path]]:
    """Give ``count`` BMP files of 450 x 450 pixels, C-NMC's own format, while the block runs.

    They are cells of ``ALLSCOPE_DATA`` where it is set, of a drawn synthetic set elsewhere.
    """
    with TemporaryDirectory(prefix="allscope-benchmark-") as name:
        folder = Path(name)
        paths = [folder / f"cell_{number:05d}.bmp" for number in range(count)]
        for path, source in zip(paths, _sources(count, folder / "drawn"), strict=True):
            with Image.open(source) as image:
                image.convert("RGB").save(path)
        yield paths


def rgb(path: Path) -> Rgb:
    """Decode one of these pictures: (H, W, 3) uint8."""
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def _sources(count: int, draw_into: Path) -> list[Path]:
    """Give ``count`` pictures, the same ones again where there are fewer."""
    from allcore.data import readers

    folder = settings.load().data or _drawn(draw_into)
    paths = readers.read(folder).paths()
    spread = paths[:: max(1, len(paths) // count)]
    return [spread[number % len(spread)] for number in range(count)]


def _drawn(folder: Path) -> Path:
    from allcore.synthetic import dataset

    return dataset.draw_set(folder, cells=48, subjects=8).root
