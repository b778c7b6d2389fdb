"""Logistic regression on the penultimate features of a trained network.

The comparison's plainest head. Our reading: scikit-learn's with the L2 penalty of C = 1 on
standardised features. The standardisation is folded into one linear layer, so that the fitted
classifier is an ordinary network without pickles.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from allcore.nets import probe
from allcore.nets.base import CellNetwork
from allcore.nets.probe import Probe

C = 1.0


class Logistic(Probe):
    """A frozen base and a linear head."""

    TITLE = "Logistic regression"
    LINE = ("blue", "dot")

    @classmethod
    def fit(
        cls,
        base: CellNetwork,
        *,
        architecture: str,
        config: Mapping[str, Any],
        features: NDArray[np.float32],
        targets: NDArray[np.float64],
        weights: NDArray[np.float64],
        seed: int,
    ) -> Self:
        """Fit the head by logistic regression; see ``Probe.fit``."""
        from sklearn.linear_model import LogisticRegression

        mean, deviation = probe.standardisation(features, weights)
        model = LogisticRegression(C=C, max_iter=1000, random_state=seed)
        model.fit((features - mean) / deviation, targets > 0.5, weights / weights.mean())
        slope = model.coef_[0] / deviation
        fitted = cls(base_architecture=architecture, base_config=config)
        fitted.copy_base(base)
        with torch.no_grad():
            fitted.head.weight.copy_(torch.from_numpy(slope[None]))  # type: ignore[operator]
            fitted.head.bias.fill_(model.intercept_[0] - slope @ mean)  # type: ignore[operator]
        return fitted.eval()
