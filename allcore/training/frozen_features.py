"""Training of the linear layers alone, on features precomputed by a frozen body.

Where the recipe freezes the whole body of a network that reads stage statistics, the body runs once
per cell instead of once per sample: hundreds of epochs then take as long as one. The cells are not
augmented.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.transforms import v2
from tqdm import tqdm

from allcore.data.preprocessing import Preprocessing
from allcore.errors import ModelError
from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.nets.qcresnet import QCResNet
from allcore.training import fit, initialisation
from allcore.training.fit import FittedNetwork
from allcore.training.plan import INITIAL_CELLS, TrainingData, TrainingPlan

BATCH_SIZE = 64


@dataclass(frozen=True)
class _NoAugmentation:
    def transforms(self) -> v2.Compose:
        return v2.Compose([v2.Identity()])


@dataclass(frozen=True)
class _NoPreprocessing(Preprocessing):
    def normalise(self, batch: Tensor) -> Tensor:
        return batch


class _Head(CellNetwork):
    """Layers of a network after its body; input (N, F, 1, 1), since image tensors have four axes.

    ``shrinkage`` (F, F) multiplies the scaled statistics during training.
    """

    def __init__(self, whole: QCResNet, shrinkage: Tensor | None = None) -> None:
        super().__init__()
        self.scale, self.hidden, self.head = whole.scale, whole.hidden, whole.head
        self.register_buffer("shrinkage", shrinkage, persistent=False)

    @property
    def cam_layer(self) -> nn.Module:
        raise NotImplementedError("There is no picture to draw a map on.")

    def forward_features(self, cells: Tensor) -> Tensor:
        scaled = self.scale(cells.flatten(1))
        features: Tensor = self.hidden(
            scaled if self.shrinkage is None else scaled @ self.shrinkage
        )
        return features


def apply_to(plan: TrainingPlan) -> bool:
    """True if the plan freezes the body and reads its statistics."""
    return plan.recipe.freeze == ("body",) and bool(plan.config.get("stages"))


@torch.inference_mode()
def read_statistics(plan: TrainingPlan, data: TrainingData, fabric: Fabric) -> Tensor:
    """Compute the statistics (N, F) of all cells, float32 on the CPU, by the initialised body.

    The body is rounded to float16 first, as it ships: training and inference read equal features.

    Raises:
        ModelError: unknown architecture or weights.
    """
    network = _initialised(plan, data).half().float().to(fabric.device).eval()
    network.to(memory_format=torch.channels_last)
    statistics = []
    chunks = torch.from_numpy(data.cells.pixels).split(BATCH_SIZE)
    hidden = None if fabric.is_global_zero else True
    for chunk in tqdm(chunks, desc="Reading cells", unit="batch", disable=hidden):
        cells = plan.preprocessing.normalise(chunk.to(fabric.device))
        cells = cells.contiguous(memory_format=torch.channels_last)
        statistics.append(network.statistics(cells).cpu())
    return torch.cat(statistics)


def fit_head(
    plan: TrainingPlan, data: TrainingData, fabric: Fabric, *, until: int | None = None
) -> FittedNetwork:
    """Fit the linear layers; return the whole network.

    Args:
        plan: of the run; ``plan.out`` holds the checkpoint.
        data: with statistics.
        fabric: launched.
        until: number of the recipe's epochs after which to stop.

    Raises:
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    torch.manual_seed(plan.recipe.seed)
    whole = _initialised(plan, data)
    shrinkage = _subject_shrinkage(plan, data)
    fitted = fit.fit(
        _Head(whole, shrinkage),
        train=data.examples("train", subject_strength=plan.recipe.subject_strength),
        validation=data.validation_examples(),
        preprocessing=_NoPreprocessing(),
        recipe=replace(plan.recipe, freeze=(), augmentation=_NoAugmentation()),  # type: ignore[arg-type]
        fabric=fabric,
        folder=plan.out,
        until=until,
    )
    whole.load_state_dict(fitted.network.state_dict(), strict=False)
    if shrinkage is not None:  # fold it into the first linear layer
        layers = (*whole.hidden.modules(), whole.head)
        first = next(layer for layer in layers if isinstance(layer, nn.Linear))
        with torch.no_grad():
            first.weight.copy_(first.weight @ shrinkage.to(first.weight.device))
    return replace(fitted, network=whole.to(fabric.device).eval())


@torch.inference_mode()
def predict(network: CellNetwork, statistics: Tensor) -> Tensor:
    """Log-odds (N,), on the CPU, of cells with these statistics (N, F)."""
    logits: Tensor = network.head(_penultimate(network, statistics)).squeeze(1)
    return logits.float().cpu()


@torch.inference_mode()
def features(network: CellNetwork, statistics: Tensor) -> NDArray[np.float32]:
    """Penultimate vectors (N, W) of cells with these statistics (N, F)."""
    vectors: NDArray[np.float32] = _penultimate(network, statistics).float().cpu().numpy()
    return vectors


def shrinkage_matrix(values: Tensor, *, labels: Tensor, groups: Tensor, strength: float) -> Tensor:
    """Symmetric matrix (F, F) that shrinks directions in which subjects of one class differ.

    Within-class covariance normalisation (Hatch, Kajarekar and Stolcke, "Within-class covariance
    normalization for SVM-based speaker recognition", Interspeech 2006), where differences among
    subjects of one class count as noise for the class of a new subject. This implementation: with
    far fewer subjects than features, the covariance of subject means is added to the identity
    instead of being inverted alone. A direction in which the means of subjects, less the mean of
    their class, have variance v is multiplied by (1 + strength * v) ** -0.5.

    Args:
        values: (N, F) features of training cells, each of mean 0 and deviation 1.
        labels: (N,) class of each cell.
        groups: (N,) number of the independent subject of each cell, 0 to G - 1, without gaps.
        strength: 0 disables the shrinkage.
    """
    means = _subject_means(values, groups)
    subject_label = _subject_means(labels[:, None].to(values.dtype), groups).round().squeeze(1)
    for label in subject_label.unique():
        of_class = subject_label == label
        means[of_class] -= means[of_class].mean(0)
    _, deviations, directions = torch.linalg.svd(means / len(means) ** 0.5, full_matrices=False)
    factors = (1 + strength * deviations.square()).rsqrt() - 1
    matrix: Tensor = directions.T @ (factors[:, None] * directions)
    return matrix + torch.eye(values.shape[1], dtype=values.dtype)


def _subject_means(values: Tensor, groups: Tensor) -> Tensor:
    """(G, F) mean of each subject's rows."""
    counts = torch.bincount(groups)
    total = values.new_zeros(len(counts), values.shape[1]).index_add_(0, groups, values)
    return total / counts[:, None]


def _subject_shrinkage(plan: TrainingPlan, data: TrainingData) -> Tensor | None:
    strength = plan.recipe.subject_shrinkage
    if not strength or data.statistics is None:
        return None
    chosen = data.split.mask(data.manifest, "train")
    values = data.statistics[torch.tensor(chosen)]
    groups = np.unique(data.manifest.table["group"][chosen], return_inverse=True)[1]
    return shrinkage_matrix(
        (values - values.mean(0)) / (values.std(0) + 1e-6),
        labels=torch.from_numpy(data.targets[chosen]),
        groups=torch.from_numpy(groups),
        strength=strength,
    )


def _penultimate(network: CellNetwork, statistics: Tensor) -> Tensor:
    head = _Head(_with_stages(network)).eval()
    return head.forward_features(statistics.to(next(network.parameters()).device))


def _initialised(plan: TrainingPlan, data: TrainingData) -> QCResNet:
    network = _with_stages(registry.build(plan.architecture, **plan.config))
    cells = torch.from_numpy(data.cells.pixels[:INITIAL_CELLS])
    initialisation.initialise(network, plan.init, plan.preprocessing.normalise(cells))
    return network


def _with_stages(network: CellNetwork) -> QCResNet:
    if not isinstance(network, QCResNet) or not network.stages:
        raise ModelError("Only a QCResNet with stages can be trained on statistics of its body.")
    return network
