"""VGG-16 (Simonyan and Zisserman 2015, "Very Deep Convolutional Networks [...]").

torchvision's configuration D with batch normalisation (Ioffe and Szegedy 2015) after each of its
13 convolutions, which the publication did not have, and its two hidden layers of 4096 units. Our
reading: one output in the place of 1000.
"""

from torch import Tensor, nn
from torchvision.models import vgg16_bn

from allcore.nets.base import CellNetwork


class VGG16(CellNetwork):
    """torchvision's VGG-16 with batch normalisation and one output."""

    TITLE = "VGG-16"
    LINE = ("blue", "dash")
    IMAGENET = "VGG16_BN_Weights.IMAGENET1K_V1"

    def __init__(self) -> None:
        super().__init__()
        self.body = vgg16_bn(weights=None)
        self.head = nn.Linear(self.body.classifier[6].in_features, 1)
        self.body.classifier[6] = nn.Identity()

    @property
    def cam_layer(self) -> nn.Module:
        """Activations of the last convolution, before its pooling."""
        layer: nn.Module = self.body.features[42]
        return layer

    def forward_features(self, cells: Tensor) -> Tensor:
        features: Tensor = self.body(cells)
        return features
