"""Common interface of all networks."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor, nn


class CellNetwork(nn.Module, ABC):
    """A classifier of single cells with one output, the log-odds of an ALL blast.

    A subclass implements ``forward_features``, ``head`` and ``cam_layer``. One output is equivalent
    to two with half the parameters, and makes temperature scaling and averaging of networks plain
    arithmetic on log-odds. Layers that can load ImageNet weights are in the attribute ``body``,
    under torchvision's parameter names.
    """

    TITLE: ClassVar[str]
    """Name in tables and plots."""

    LINE: ClassVar[tuple[str, str]]
    """Colour (of ``allcore.plots.compare.COLOURS``) and dash in plots; each pair is unique."""

    FAMILY: ClassVar[Literal["trained", "probe", "ensemble"]] = "trained"
    """Trained on cells, fitted on the features of such a network, or composed of several."""

    IMAGENET: ClassVar[str | None] = None
    """Name of the ``body``'s ImageNet weights for ``torchvision.models.get_weight``."""

    MIN_SIZE: int = 32
    """Minimum side S of the input, pixels."""

    head: nn.Module
    """Last layer: penultimate vector (N, F) to log-odds (N, 1). F is its ``in_features``."""

    @abstractmethod
    def forward_features(self, cells: Tensor) -> Tensor:
        """Penultimate vectors (N, F) of normalised cells (N, 3, S, S)."""

    @property
    @abstractmethod
    def cam_layer(self) -> nn.Module:
        """Last convolutional stage, whose activations Grad-CAM uses."""

    def read(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, D) for out-of-distribution detection and log-odds (N,), in one pass.

        Penultimate vectors, unless a network has less task-specific features.
        """
        features = self.forward_features(cells)
        return features, self.head(features).squeeze(1)

    def forward(self, cells: Tensor) -> Tensor:
        """Log-odds (N,) of an ALL blast for normalised cells (N, 3, S, S)."""
        logits: Tensor = self.head(self.forward_features(cells)).squeeze(1)
        return logits
