"""A frozen, trained network whose penultimate features another classifier reads."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from allcore.nets.base import CellNetwork

_CONSTANT = 1e-4
"""A feature that varies less tells nothing, and dividing by it would overflow half precision."""


class Probe(CellNetwork):
    """A trained network, frozen, with a new linear head; a subclass may put another in its place.

    Args:
        base_architecture: name in the registry of the network that gives the features.
        base_config: arguments of its constructor.
    """

    def __init__(
        self,
        *,
        base_architecture: str = "qcresnet",
        base_config: Mapping[str, Any] | None = None,
    ) -> None:
        from allcore.nets import registry  # it lists this module's classes: a circle at the top

        super().__init__()
        self.base = registry.build(base_architecture, **(base_config or {}))
        self.MIN_SIZE = self.base.MIN_SIZE
        self.features = _width(self.base)
        self.base.head = nn.Identity()
        self.base.requires_grad_(False)
        self.head = nn.Linear(self.features, 1)

    @property
    def cam_layer(self) -> nn.Module:
        """The base's."""
        return self.base.cam_layer

    def forward_features(self, cells: Tensor) -> Tensor:
        return self.base.forward_features(cells)

    def train(self, mode: bool = True) -> Self:
        """Training mode for the head alone: the base keeps its norm statistics."""
        super().train(mode)
        self.base.eval()
        return self

    def take(self, base: CellNetwork) -> None:
        """Copy the weights of a trained network of the same architecture, but for its head's."""
        state = base.state_dict()
        self.base.load_state_dict({k: v for k, v in state.items() if not k.startswith("head.")})


def standardisation(
    features: NDArray[np.float32], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted mean and standard deviation (F,) each of features (N, F); 1 for constant ones."""
    values = features.astype(np.float64)
    mean = np.average(values, axis=0, weights=weights)
    spread = np.sqrt(np.average(np.square(values - mean), axis=0, weights=weights))
    return mean, np.where(spread > _CONSTANT, spread, 1.0)


def _width(network: CellNetwork) -> int:
    size = network.head.in_features
    assert isinstance(size, int)
    return size
