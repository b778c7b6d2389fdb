"""Probe: a classifier fitted on the penultimate features of a frozen, trained network."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from allcore.nets import registry
from allcore.nets.base import CellNetwork

_CONSTANT = 1e-4
"""Deviation below which a feature counts as constant; dividing by it would overflow float16."""


class Probe(CellNetwork):
    """A trained network, frozen, with a new linear head; a subclass may replace the head.

    Args:
        base_architecture: name of the feature network in the registry.
        base_config: arguments of its constructor.
    """

    FAMILY = "probe"

    def __init__(
        self,
        *,
        base_architecture: str = "qcresnet",
        base_config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.base = registry.build(base_architecture, **(base_config or {}))
        self.MIN_SIZE = self.base.MIN_SIZE
        features = self.base.head.in_features
        assert isinstance(features, int)
        self.features = features
        self.base.head = nn.Identity()
        self.base.requires_grad_(False)
        self.head = nn.Linear(self.features, 1)

    @classmethod
    @abstractmethod
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
        """Fit a probe on a trained network's features of its training cells.

        Args:
            base: trained.
            architecture: name in the registry of ``base``.
            config: arguments of its constructor.
            features: (N, F) penultimate vectors of training cells.
            targets: (N,) 1 for ALL blasts.
            weights: (N,) weight of each cell, on any scale.
            seed: of all randomness.
        """

    @property
    def cam_layer(self) -> nn.Module:
        """The base's layer."""
        return self.base.cam_layer

    def forward_features(self, cells: Tensor) -> Tensor:
        return self.base.forward_features(cells)

    def train(self, mode: bool = True) -> Self:
        """Set training mode for the head alone: the base keeps its norm statistics."""
        super().train(mode)
        self.base.eval()
        return self

    def copy_base(self, base: CellNetwork) -> None:
        """Copy the weights of a trained network of the same architecture, except its head's."""
        state = base.state_dict()
        self.base.load_state_dict({k: v for k, v in state.items() if not k.startswith("head.")})


def standardisation(
    features: NDArray[np.float32], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted mean and standard deviation (F,) each of features (N, F); 1 for constant ones."""
    values = features.astype(np.float64)
    mean = np.average(values, axis=0, weights=weights)
    deviation = np.sqrt(np.average(np.square(values - mean), axis=0, weights=weights))
    return mean, np.where(deviation > _CONSTANT, deviation, 1.0)
