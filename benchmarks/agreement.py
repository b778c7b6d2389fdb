"""Largest difference of a probability between bf16 and float32, against what is allowed."""

from dataclasses import dataclass

import numpy as np

from allcore.inference import streaming
from allcore.inference.results import Precision
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

ALLOWED = 0.01
TIMES = 8  # cells for one picture of the other benchmarks: an extreme needs many


@dataclass(frozen=True)
class Agreement:
    """Answers of one model to the same N images in two precisions."""

    differences: "np.ndarray[tuple[int], np.dtype[np.float64]]"  # (N,) of the probability
    flips: int  # verdicts that differ although float32 is more than ALLOWED from the threshold
    refusals: int  # images that only one of the two refuses
    images: int


def run(scale: Scale) -> Result:
    """Largest difference among cells spread over the data set, refused ones included.

    Every cell has the same verdict in both, unless its probability is within ALLOWED of the
    threshold; the gate's refusals are counted by ``python -m benchmarks.agreement``.
    """
    found = agreement(TIMES * scale.images)
    assert found.flips == 0
    return timing.result(
        "agreement",
        ours=max(100 * float(found.differences.max()), 0.01),
        reference=100 * ALLOWED,
        unit="points",
        device=str(inputs.predictor().device),
    )


def agreement(images: int, precision: Precision = "bf16") -> Agreement:
    """Answer images in two precisions."""
    exact, rough = inputs.predictor("fp32"), inputs.predictor(precision)
    with inputs.pictures(images) as paths:
        pairs = [
            (one.prediction, other.prediction)
            for one, other in zip(
                streaming.stream_predictions(exact, inputs.sources(paths)),
                streaming.stream_predictions(rough, inputs.sources(paths)),
                strict=True,
            )
        ]
    answers = np.array([[one.probability, other.probability] for one, other in pairs], dtype=float)
    exact_p, rough_p = answers[np.isfinite(answers).all(axis=1)].T
    threshold = exact.info.threshold
    away = np.abs(exact_p - threshold) > ALLOWED
    return Agreement(
        differences=np.abs(exact_p - rough_p),
        flips=int((((exact_p >= threshold) != (rough_p >= threshold)) & away).sum()),
        refusals=sum(
            (one.verdict == "refused") != (other.verdict == "refused") for one, other in pairs
        ),
        images=len(pairs),
    )


if __name__ == "__main__":
    import sys

    found = agreement(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    high = np.quantile(found.differences, [0.5, 0.95, 1.0])
    print(
        f"{found.images} images: difference of p median {high[0]:.4f}, 95 % {high[1]:.4f}, largest "
        f"{high[2]:.4f}; {found.flips} verdicts flip away from the threshold, {found.refusals} "
        "refusals differ"
    )
