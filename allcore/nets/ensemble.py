"""An ensemble of trained networks: the mean of their calibrated logits.

The average of log-odds is the geometric mean of odds (product of experts, Hinton 2002). Our
reading of the comparison's ensemble: each member's logit is calibrated first, by the temperature
and bias fitted on its validation cells, so that an overconfident member does not outvote others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from allcore.nets import registry
from allcore.nets.base import CellNetwork


class MeanOfLogits(nn.Module):
    """Mean (N, 1) of members' logits from their concatenated penultimate vectors (N, F).

    The heads belong to the members and are only referenced here, so that each weight is stored
    once.
    """

    def __init__(
        self,
        members: Sequence[CellNetwork],
        *,
        temperatures: Sequence[float],
        biases: Sequence[float],
    ) -> None:
        super().__init__()
        self._members = list(members)  # a list is not registered as a submodule
        self.temperatures = tuple(temperatures)
        self.biases = tuple(biases)
        self.widths = [int(member.head.in_features) for member in members]  # type: ignore[arg-type]
        self.in_features = sum(self.widths)

    def forward(self, features: Tensor) -> Tensor:
        parts = features.split(self.widths, dim=1)
        logits = [
            member.head(part) / temperature + bias
            for member, part, temperature, bias in zip(
                self._members, parts, self.temperatures, self.biases, strict=True
            )
        ]
        return torch.stack(logits).mean(0)


class Ensemble(CellNetwork):
    """Several networks as one.

    Args:
        members: of each its ``architecture`` in the registry, and optionally its ``config`` ({}),
            ``temperature`` (1) and ``bias`` (0): a member's calibrated logit is
            logit / temperature + bias.
    """

    TITLE = "Ensemble"
    LINE = ("vermilion", "dot")
    FAMILY = "ensemble"

    def __init__(self, *, members: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        networks = [
            registry.build(member["architecture"], **member.get("config", {})) for member in members
        ]
        self.members = nn.ModuleList(networks)
        self.MIN_SIZE = max(network.MIN_SIZE for network in networks)
        self.head = MeanOfLogits(
            networks,
            temperatures=[member.get("temperature", 1.0) for member in members],
            biases=[member.get("bias", 0.0) for member in members],
        )

    @property
    def cam_layer(self) -> nn.Module:
        """The first member's layer: one map can't show several networks."""
        layer: nn.Module = self.members[0].cam_layer  # type: ignore[assignment]
        return layer

    def forward_features(self, cells: Tensor) -> Tensor:
        """Concatenated penultimate vectors (N, F) of the members."""
        vectors = [member.forward_features(cells) for member in self.members]  # type: ignore[operator]
        return torch.cat(vectors, dim=1)
