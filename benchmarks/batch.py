"""Batch prediction of files, against the forward pass alone in the same precision."""

import torch

from allcore.inference import streaming
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

BATCH = 32


def run(scale: Scale) -> Result:
    """Images a second from BMP files to verdicts, against the bare network on ready tensors.

    The reference's tensors are decoded, cut, normalised and on the device before its clock
    starts. It is the same copy of the network, in the same precision, on as many threads.
    """
    predictor = inputs.predictor()
    with inputs.pictures(scale.images) as paths:
        cells = torch.stack([predictor.prepare(inputs.rgb(path)) for path in paths])
        batches = [predictor.normalised(chunk) for chunk in cells.split(BATCH)]

        def ours() -> None:
            rows = list(streaming.predict_files(predictor, paths))
            assert len(rows) == scale.images

        @torch.inference_mode()
        def reference() -> None:
            for batch in batches:
                predictor.answering(batch).cpu()

        mine, theirs = timing.side_by_side(
            timing.seconds(ours), timing.seconds(reference), rounds=scale.rounds
        )
    return timing.result(
        "batch",
        ours=scale.images / mine,
        reference=scale.images / theirs,
        unit="images/s",
        device=str(predictor.device),
    )
