"""AlexNet (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks").

torchvision's, which is the one-tower version of that paper rather than the two towers of 2012,
with its two hidden layers of 4096 units. Our reading: one output in the place of 1000.
"""

from torch import Tensor, nn
from torchvision.models import alexnet

from allcore.nets.base import CellNetwork


class AlexNet(CellNetwork):
    """torchvision's AlexNet with one output."""

    TITLE = "AlexNet"
    LINE = ("pink", "solid")
    IMAGENET = "AlexNet_Weights.IMAGENET1K_V1"
    MIN_SIZE = 63

    def __init__(self) -> None:
        super().__init__()
        self.body = alexnet(weights=None)
        self.head = nn.Linear(self.body.classifier[6].in_features, 1)
        self.body.classifier[6] = nn.Identity()

    @property
    def cam_layer(self) -> nn.Module:
        """Activations of the last convolution, before its pooling."""
        layer: nn.Module = self.body.features[11]
        return layer

    def forward_features(self, cells: Tensor) -> Tensor:
        features: Tensor = self.body(cells)
        return features
