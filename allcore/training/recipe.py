"""Training recipe: all choices that the paper leaves open."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from allcore.data.augmentation import Augmentation


@dataclass(frozen=True)
class Recipe:
    """AdamW with warm-up and cosine decay, with class- and subject-balanced sampling."""

    epochs: int = 8  # maximum; training stops earlier on ``patience``
    samples: int = 0  # images sampled an epoch; 0 means the number of training images
    batch_size: int = 32  # images a step, over all devices together
    learning_rate: float = 1e-3  # highest rate of layers with random initial weights
    # rate of layers with loaded initial weights, as a share of ``learning_rate``
    body_rate: float = 0.1
    weight_decay: float = 0.05  # AdamW's decoupled decay
    warmup: float = 0.1  # share of all steps in which the rate rises linearly
    label_smoothing: float = 0.1  # distance of the targets from 0 and 1, half on either side
    mixup: float = 0.0  # both parameters of mixup's beta distribution; 0 disables it
    ema_decay: float = 0.99  # decay of the moving average of the weights; the average is the result
    subject_strength: float = 0.5  # see ``allcore.data.sampling.sampling_weights``
    patience: int = 3  # epochs without a better validation score before training stops
    freeze: tuple[str, ...] = ()  # prefixes of the names of frozen parameters
    seed: int = 0  # of initialisation, sampling, augmentation and dropout
    augmentation: Augmentation = field(default_factory=Augmentation)  # of training cells

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
