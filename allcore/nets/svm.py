"""A support vector machine on the penultimate features of a trained network.

The comparison names an SVM on features. Our reading: scikit-learn's with the RBF kernel, C = 1
and gamma = 1 / (F * variance) ("scale") on standardised features, fitted on at most 2,000
training cells so that it stays quick. Its decision function stands in for the log-odds. It lives
as a module of buffers, without pickles.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from allcore.nets import probe
from allcore.nets.base import CellNetwork
from allcore.nets.probe import Probe

C = 1.0
MOST_CELLS = 2000
"""Maximum number of training cells: the time of a fit grows with its square."""


class RbfDecision(nn.Module):
    """Decision function of an SVM with RBF kernel: features (N, F) to (N, 1).

    Args:
        in_features: F.
        vectors: number V of support vectors; buffers are zero until loaded.
    """

    mean: Tensor
    scale: Tensor
    support: Tensor
    coefficients: Tensor
    gamma: Tensor
    intercept: Tensor

    def __init__(self, in_features: int, vectors: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.register_buffer("mean", torch.zeros(in_features))
        self.register_buffer("scale", torch.ones(in_features))
        self.register_buffer("support", torch.zeros(vectors, in_features))
        self.register_buffer("coefficients", torch.zeros(vectors, 1))
        self.register_buffer("gamma", torch.ones(()))
        self.register_buffer("intercept", torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        standard = (features - self.mean) / self.scale
        squares = standard.square().sum(1, keepdim=True) + self.support.square().sum(1)
        distances = (squares - 2 * standard @ self.support.T).clamp(min=0)
        decisions: Tensor = (-self.gamma * distances).exp() @ self.coefficients + self.intercept
        return decisions


class SVM(Probe):
    """A frozen base and an RBF decision function.

    Args:
        base_architecture: name of the feature network in the registry.
        base_config: arguments of its constructor.
        vectors: number of support vectors, a result of the fit.
    """

    TITLE = "SVM"
    LINE = ("green", "dot")

    def __init__(
        self,
        *,
        base_architecture: str = "qcresnet",
        base_config: Mapping[str, Any] | None = None,
        vectors: int = 0,
    ) -> None:
        super().__init__(base_architecture=base_architecture, base_config=base_config)
        self.head = RbfDecision(self.features, vectors)

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
        """Fit the decision function; see ``Probe.fit``.

        Of more than ``MOST_CELLS`` cells, a sample of that size is drawn by weight.
        """
        from sklearn.svm import SVC

        rows, weights = _draw_cells(weights, seed)
        features, targets = features[rows], targets[rows]
        mean, deviation = probe.standardisation(features, weights)
        standard = (features - mean) / deviation
        gamma = 1 / (standard.shape[1] * standard.var())
        model = SVC(C=C, gamma=gamma).fit(standard, targets > 0.5, weights / weights.mean())
        fitted = cls(
            base_architecture=architecture, base_config=config, vectors=len(model.support_)
        )
        fitted.copy_base(base)
        buffers = {
            "mean": mean,
            "scale": deviation,
            "support": model.support_vectors_,
            "coefficients": model.dual_coef_.T,
            "gamma": np.asarray(gamma),
            "intercept": model.intercept_[0],
        }
        fitted.head.load_state_dict({name: torch.tensor(value) for name, value in buffers.items()})
        return fitted.eval()


def _draw_cells(
    weights: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Rows of the cells to fit on, and their weights."""
    if len(weights) <= MOST_CELLS:
        return np.arange(len(weights)), weights
    random, chance = np.random.default_rng(seed), weights / weights.sum()
    return random.choice(len(weights), MOST_CELLS, replace=False, p=chance), np.ones(MOST_CELLS)
