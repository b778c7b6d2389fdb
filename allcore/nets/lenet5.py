"""LeNet-5 (LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition").

As published: convolutions of 6 and 16 channels (5x5), each followed by tanh and average pooling,
a convolution of 120 channels over the 5x5 that is left, and a layer of 84 units. Our reading:
three colour channels instead of one; full instead of partial connections in the second
convolution; plain pooling without trained factors; one output instead of ten radial units; and
the second pooling adapts to whatever is left, so that the network takes any input size. At the
original's 32 px this pooling is the original's 2x2.
"""

from torch import Tensor, nn

from allcore.nets.base import CellNetwork


class LeNet5(CellNetwork):
    """Three convolutions with tanh, 84 units, one output."""

    TITLE = "LeNet-5"
    LINE = ("green", "solid")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AdaptiveAvgPool2d(5),
        )
        self.hidden = nn.Sequential(
            nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(), nn.Linear(120, 84), nn.Tanh()
        )
        self.head = nn.Linear(84, 1)

    @property
    def cam_layer(self) -> nn.Module:
        """The second convolution's activations: the third has a single position."""
        return self.features[4]

    def forward_features(self, cells: Tensor) -> Tensor:
        features: Tensor = self.hidden(self.features(cells))
        return features
