"""Index of many cells in full, against decoding and the forward pass alone."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from allcore.audit.index import build
from allcore.data import manifest
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

BATCH = 32


def run(scale: Scale) -> Result:
    """Cells a second of ``build.build`` against the sum of bare decode and forward of the same.

    Ours reads and hashes each BMP file, decodes, finds the cell, measures it, makes texture, twins,
    thumbnail, embedding and map, and writes the index. The reference is what can't be saved:
    Pillow decodes each file, and then the network runs on tensors that are ready, in the same
    batches, one after the other.
    """
    predictor = inputs.predictor()
    with inputs.pictures(scale.images) as paths, TemporaryDirectory() as home:
        data, state = paths[0].parent, Path(home)
        rows = [f"{path.stem},{path.name}" for path in paths]
        (data / manifest.FILE_NAME).write_text("\n".join(["image_id,path", *rows]))
        cells = torch.stack([predictor.prepare(inputs.rgb(path)) for path in paths])
        batches = [predictor.normalised(chunk) for chunk in cells.split(BATCH)]

        def ours() -> None:
            shutil.rmtree(state / "index", ignore_errors=True)
            changes = build.build_index(data, loader=lambda: predictor, home=state)
            assert changes.added == scale.images

        @torch.inference_mode()
        def reference() -> None:
            for path in paths:
                with Image.open(path) as image:
                    np.asarray(image.convert("RGB"))
            for batch in batches:
                predictor.answering.forward_features(batch).cpu()

        mine, theirs = timing.side_by_side(
            timing.seconds(ours), timing.seconds(reference), rounds=scale.rounds
        )
    return timing.result(
        "indexing",
        ours=scale.images / mine,
        reference=scale.images / theirs,
        unit="images/s",
        device=str(predictor.device),
    )
