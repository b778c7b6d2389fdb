"""Batch prediction in the precision that the device computes, against float32."""

from allcore.inference import streaming
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale


def run(scale: Scale) -> Result:
    """Images a second from BMP files to verdicts, in bf16 against float32.

    On a device without bf16 instructions both sides are float32, and the ratio is 1.
    """
    ours, reference = inputs.predictor(), inputs.predictor("fp32")
    with inputs.pictures(scale.images) as paths:
        mine, theirs = timing.side_by_side(
            timing.seconds(lambda: list(streaming.predict_files(ours, paths))),
            timing.seconds(lambda: list(streaming.predict_files(reference, paths))),
            rounds=scale.rounds,
        )
    return timing.result(
        "precision",
        ours=scale.images / mine,
        reference=scale.images / theirs,
        unit="images/s",
        device=str(ours.device),
    )
