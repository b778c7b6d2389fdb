"""QCResNet: a ResNet-18 body with added linear layers and LeakyReLU as its head.

The paper (QCResNet on C-NMC 2019) names a ResNet-18 of 17 convolutions on 224x224x3 input,
"linear layers" and LeakyReLU, and gives no widths, slope or dropout. Our reading: two hidden
layers of 256 and 64 units, each followed by LeakyReLU of slope 0.01 (PyTorch's default) and
dropout 0.3, then one output. The 64 activations are the penultimate vector. All three choices
are arguments, so that they can be ablated.

``stages`` is ours, not the paper's: the linear layers then read, for each channel of the stages
named, its mean and its deviation inside the cell. Such statistics describe texture without place
(Gatys et al., "Texture Synthesis Using Convolutional Neural Networks", NeurIPS 2015), and carry
over to new subjects better than the last stage alone. Stages after the last one that is read
are left out.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

from allcore.data.cells import BACKGROUND_LEVEL
from allcore.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from allcore.nets.base import CellNetwork

STAGES = ("layer1", "layer2", "layer3", "layer4")


class QCResNet(CellNetwork):
    """ResNet-18 body, hidden linear layers with LeakyReLU, one output.

    Args:
        widths: units of each hidden layer; the last is the size of the penultimate vector.
        slope: LeakyReLU's slope for negative input.
        dropout: dropout rate after each hidden layer.
        stages: stages to read statistics inside the cell from, in order; empty for the paper's
            network, which reads the mean of the last stage. Requires ImageNet normalisation, which
            separates the cell from the black background.

    Raises:
        TypeError: no such stage.
    """

    TITLE = "QCResNet"
    LINE = ("vermilion", "solid")
    IMAGENET = "ResNet18_Weights.IMAGENET1K_V1"

    def __init__(
        self,
        *,
        widths: Sequence[int] = (256, 64),
        slope: float = 0.01,
        dropout: float = 0.3,
        stages: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if not set(stages) <= set(STAGES):
            raise TypeError(f"stages are some of {', '.join(STAGES)}")
        self.body = resnet18(weights=None)
        self.stages = tuple(name for name in STAGES if name in stages)
        inputs = self.body.fc.in_features
        self.body.fc = nn.Identity()
        if self.stages:
            inputs = 2 * sum(_channels(self.body, name) for name in self.stages)
            self.scale = nn.BatchNorm1d(inputs, affine=False)
            for name in STAGES[STAGES.index(self.stages[-1]) + 1 :]:
                setattr(self.body, name, nn.Identity())
        sizes = [inputs, *widths]
        self.hidden = nn.Sequential(*(_block(*pair, slope, dropout) for pair in pairwise(sizes)))
        self.head = nn.Linear(sizes[-1], 1)

    @property
    def cam_layer(self) -> nn.Module:
        layer: nn.Module = getattr(self.body, self.stages[-1] if self.stages else STAGES[-1])
        return layer

    def forward_features(self, cells: Tensor) -> Tensor:
        read = self.scale(self.statistics(cells)) if self.stages else self.body(cells)
        features: Tensor = self.hidden(read)
        return features

    def statistics(self, cells: Tensor) -> Tensor:
        """(N, F) mean and deviation of each channel of the stages inside the cell."""
        statistics, _ = self._run(cells, self.stages)
        return statistics

    def read(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Statistics (N, F) of the stages and the log-odds (N,).

        For the paper's network the statistics are of all stages but the last, which is the most
        specific to the class and the least to the appearance of the image.
        """
        statistics, last = self._run(cells, self.stages or STAGES[:-1])
        features = self.scale(statistics) if self.stages else self.body.avgpool(last).flatten(1)
        return statistics, self.head(self.hidden(features)).squeeze(1)

    def _run(self, cells: Tensor, stages: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Statistics of some stages, and the output of the last executed stage of the body."""
        inside = _inside(cells)
        body, statistics = self.body, []
        x = body.maxpool(body.relu(body.bn1(body.conv1(cells))))
        for name in STAGES[: STAGES.index(self.stages[-1]) + 1] if self.stages else STAGES:
            x = getattr(body, name)(x)
            if name in stages:
                statistics.append(_moments(x.float(), inside))
        return torch.cat(statistics, dim=1), x


def _channels(body: nn.Module, stage: str) -> int:
    last: nn.Module = getattr(body, stage)[-1].bn2
    return int(last.num_features)  # type: ignore[arg-type]


def _inside(cells: Tensor) -> Tensor:
    """(N, 1, S, S) 1 inside the cell, 0 on the black background."""
    mean = cells.new_tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    std = cells.new_tensor(IMAGENET_STD).view(1, 3, 1, 1)
    brightest = (cells * std + mean).amax(1, keepdim=True)
    return (brightest > BACKGROUND_LEVEL / 255).float()


def _moments(activations: Tensor, inside: Tensor) -> Tensor:
    """(N, 2 C) mean and deviation of activations (N, C, H, W), weighted by the cell's share."""
    share = functional.adaptive_avg_pool2d(inside, (activations.shape[2], activations.shape[3]))
    total = share.sum((2, 3)).clamp(min=1e-6)
    mean = (activations * share).sum((2, 3)) / total
    square = (activations.square() * share).sum((2, 3)) / total
    # The epsilon keeps the gradient finite for constant channels.
    deviation = ((square - mean.square()).clamp(min=0) + 1e-6).sqrt()
    return torch.cat([mean, deviation], dim=1)


def _block(inputs: int, outputs: int, slope: float, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LeakyReLU(slope), nn.Dropout(dropout))
