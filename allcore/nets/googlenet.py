"""GoogLeNet (Szegedy et al. 2015, "Going Deeper with Convolutions").

torchvision's, which has batch normalisation and 3x3 in the place of 5x5 kernels, without the two
auxiliary outputs. Its ImageNet weights come from TensorFlow and expect colours from -1 to 1:
``transform_input`` turns normalised cells into that. Our reading: one output in the place of
1000.
"""

from torch import Tensor, nn
from torchvision.models import googlenet

from allcore.nets.base import CellNetwork


class GoogLeNet(CellNetwork):
    """torchvision's GoogLeNet with one output."""

    TITLE = "GoogLeNet"
    LINE = ("green", "dash")
    IMAGENET = "GoogLeNet_Weights.IMAGENET1K_V1"

    def __init__(self) -> None:
        super().__init__()
        self.body = googlenet(
            weights=None, aux_logits=False, transform_input=True, init_weights=True
        )
        self.head = nn.Linear(self.body.fc.in_features, 1)
        self.body.fc = nn.Identity()

    @property
    def cam_layer(self) -> nn.Module:
        layer: nn.Module = self.body.inception5b
        return layer

    def forward_features(self, cells: Tensor) -> Tensor:
        features: Tensor = self.body(cells)
        return features
