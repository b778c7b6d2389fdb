"""Training recipe: all choices that the paper leaves open."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from allcore.data.augmentation import Augmentation


@dataclass(frozen=True)
class Recipe:
    """AdamW with warm-up and cosine decay, with class- and subject-balanced sampling.

    Attributes:
        epochs: maximum; training stops earlier on ``patience``.
        samples: images sampled an epoch; 0 means the number of training images.
        batch_size: images a step, over all devices together.
        learning_rate: highest rate of layers with random initial weights.
        body_rate: rate of layers with loaded initial weights, as a share of ``learning_rate``.
        weight_decay: AdamW's decoupled decay.
        warmup: share of all steps in which the rate rises linearly.
        label_smoothing: distance of the targets from 0 and 1, half on either side.
        mixup: both parameters of mixup's beta distribution; 0 disables it.
        ema_decay: decay of the moving average of the weights; the average is the result.
        subject_strength: see ``allcore.data.sampling.sampling_weights``.
        distilled: weight, in a training cell's target, of the prediction by networks trained
            without its subject; the rest is its label. For out-of-fold runs with teachers.
        patience: epochs without a better validation score before training stops.
        freeze: prefixes of the names of frozen parameters.
        seed: of initialisation, sampling, augmentation and dropout.
        augmentation: of training cells.
    """

    epochs: int = 8
    samples: int = 0
    batch_size: int = 32
    learning_rate: float = 1e-3
    body_rate: float = 0.1
    weight_decay: float = 0.05
    warmup: float = 0.1
    label_smoothing: float = 0.1
    mixup: float = 0.0
    ema_decay: float = 0.99
    subject_strength: float = 0.5
    distilled: float = 0.0
    patience: int = 3
    freeze: tuple[str, ...] = ()
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def steps(self, images: int) -> int:
        """Number of steps an epoch for a number of training images."""
        return -(-(self.samples or images) // self.batch_size)

    def rate(self, step: int, steps: int) -> float:
        """Factor on the learning rate at ``step`` of ``steps``: linear warm-up, then cosine."""
        rising = max(1, round(self.warmup * steps))
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, for ``model.json``."""
        return asdict(self)

    def fingerprint(self) -> str:
        """Short digest of the fields; a checkpoint of another recipe is not resumed."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]
