"""Prediction of one picture with all checks, against decoding and the forward pass."""

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from allcore.data.images import decoding
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

CHECKED = 64  # pictures a round
SLOW = 0.95


def run(scale: Scale) -> Result:
    """Milliseconds from a BMP's bytes to a verdict, against bare decoding and the bare network.

    Both figures are the 95th of 100: what the slowest answers take. The reference takes the middle
    of the picture without looking for the cell.
    """
    predictor = inputs.predictor()
    size = predictor.info.preprocessing.size
    with inputs.pictures(min(scale.images, CHECKED)) as paths:
        files = [path.read_bytes() for path in paths]

    def ours(data: bytes) -> None:
        predictor.predict([decoding.decode(data)])

    @torch.inference_mode()
    def reference(data: bytes) -> None:
        with Image.open(io.BytesIO(data)) as image:
            edge = (image.width - size) // 2
            pixels = np.array(image.convert("RGB"))[edge : edge + size, edge : edge + size]
        batch = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
        predictor.answering(predictor.normalised(batch)).item()

    def over_files(work: Callable[[bytes], None]) -> Callable[[], float]:
        return lambda: float(
            np.quantile([timing.seconds(lambda d=d: work(d))() for d in files], SLOW)
        )

    mine, theirs = timing.side_by_side(over_files(ours), over_files(reference), rounds=scale.rounds)
    return timing.result(
        "single",
        ours=1000 * mine,
        reference=1000 * theirs,
        unit="ms/image",
        device=str(predictor.device),
    )
