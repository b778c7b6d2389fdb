"""Logistic regression on the penultimate features of a trained network.

The comparison's plainest head. Our reading: scikit-learn's with the L2 penalty of C = 1 on
standardised features. The standardisation is folded into one linear layer, so that the fitted
classifier is an ordinary network without pickles.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from allcore.nets import probe
from allcore.nets.base import CellNetwork
from allcore.nets.probe import Probe

C = 1.0


class Logistic(Probe):
    """A frozen base and a linear head."""


def fit_logistic(
    base: CellNetwork,
    *,
    architecture: str,
    config: Mapping[str, Any],
    features: NDArray[np.float32],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    seed: int,
) -> Logistic:
    """Fit a logistic regression on what a trained network finds in its training cells.

    Args:
        base: trained.
        architecture, config: what ``registry.build`` made ``base`` from.
        features: (N, F) penultimate vectors of training cells.
        targets: (N,) 1 for ALL blasts.
        weights: (N,) share of each cell; their scale does not matter.
        seed: of the solver.
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = probe.standardisation(features, weights)
    model = LogisticRegression(C=C, max_iter=1000, random_state=seed)
    model.fit((features - mean) / scale, targets > 0.5, weights / weights.mean())
    slope = model.coef_[0] / scale
    fitted = Logistic(base_architecture=architecture, base_config=config)
    fitted.take(base)
    with torch.no_grad():
        fitted.head.weight.copy_(torch.from_numpy(slope[None]))  # type: ignore[operator]
        fitted.head.bias.fill_(model.intercept_[0] - slope @ mean)  # type: ignore[operator]
    return fitted.eval()
