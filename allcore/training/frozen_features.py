"""Training of the linear layers alone, on what a frozen body reads of every cell once.

Where the recipe freezes the whole body of a network that reads statistics of its stages, the body
is run once a cell instead of once a draw: hundreds of epochs then take as long as one. The cells
are read as they are, without augmentation.
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
from allcore.training import fit, initialisation, run, shrinkage
from allcore.training.fit import Fitted
from allcore.training.plan import Material, Plan

FROZEN = ("body",)
BATCH = 64


@dataclass(frozen=True)
class _Unvaried:
    """In place of an augmentation: statistics stay as they were read."""

    def transforms(self) -> v2.Compose:
        return v2.Compose([v2.Identity()])


@dataclass(frozen=True)
class _AsRead(Preprocessing):
    """In place of a preprocessing: statistics are the network's input already."""

    def normalise(self, batch: Tensor) -> Tensor:
        return batch


class _Head(CellNetwork):
    """The layers of a network after its body; input (N, F, 1, 1), as pictures have four axes.

    ``shrunk`` (F, F) is what scaled statistics are multiplied by while the layers learn.
    """

    def __init__(self, whole: QCResNet, shrunk: Tensor | None = None) -> None:
        super().__init__()
        self.scale, self.hidden, self.head = whole.scale, whole.hidden, whole.head
        self.register_buffer("shrunk", shrunk, persistent=False)

    @property
    def cam_layer(self) -> nn.Module:
        raise NotImplementedError("There is no picture to draw a map on.")

    def forward_features(self, cells: Tensor) -> Tensor:
        scaled = self.scale(cells.flatten(1))
        features: Tensor = self.hidden(scaled if self.shrunk is None else scaled @ self.shrunk)
        return features


def apply_to(plan: Plan) -> bool:
    """Whether the body stays frozen and is read by its statistics."""
    return plan.recipe.freeze == FROZEN and bool(plan.config.get("stages"))


@torch.inference_mode()
def read(plan: Plan, material: Material, fabric: Fabric) -> Material:
    """The material with the statistics (N, F), in float32, that the initialised body reads.

    The body is rounded to float16 first, as it ships: the layers learn from what they will read.

    Raises:
        ModelError: unknown architecture or weights.
    """
    network = _initialised(plan, material).half().float().to(fabric.device).eval()
    network.to(memory_format=torch.channels_last)
    found = []
    chunks = torch.from_numpy(material.cells.pixels).split(BATCH)
    hidden = None if fabric.is_global_zero else True
    for chunk in tqdm(chunks, desc="Reading cells", unit="batch", disable=hidden):
        cells = plan.preprocessing.normalise(chunk.to(fabric.device))
        found.append(network.statistics(cells.contiguous(memory_format=torch.channels_last)).cpu())
    return replace(material, statistics=torch.cat(found))


def fitted(plan: Plan, material: Material, fabric: Fabric, *, until: int | None = None) -> Fitted:
    """Train the linear layers; the network of the result is whole.

    Args:
        plan: what is asked for; ``out`` holds the checkpoint meanwhile.
        material: with statistics.
        fabric: launched.
        until: stop after so many of the recipe's epochs.

    Raises:
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    torch.manual_seed(plan.recipe.seed)
    return learned(_initialised(plan, material), plan, material, fabric, until=until)


def learned(
    whole: QCResNet, plan: Plan, material: Material, fabric: Fabric, *, until: int | None = None
) -> Fitted:
    """Train the linear layers of a network whose body stays as it is; arguments as in ``fitted``.

    Raises:
        ModelError: the folder holds another run.
    """
    shrunk = _shrunk(plan, material)
    done = fit.fit(
        _Head(whole, shrunk),
        train=material.examples("train", subject_strength=plan.recipe.subject_strength),
        validation=run.validation_examples(material),
        preprocessing=_AsRead(),
        recipe=replace(plan.recipe, freeze=(), augmentation=_Unvaried()),  # type: ignore[arg-type]
        fabric=fabric,
        folder=plan.out,
        until=until,
    )
    whole.load_state_dict(done.network.state_dict(), strict=False)
    if shrunk is not None:
        _fold_in(whole, shrunk)
    return replace(done, network=whole.to(fabric.device).eval())


@torch.inference_mode()
def predict(network: CellNetwork, statistics: Tensor) -> Tensor:
    """Log-odds (N,), on the CPU, of cells whose statistics (N, F) were read."""
    logits: Tensor = network.head(_penultimate(network, statistics)).squeeze(1)
    return logits.float().cpu()


@torch.inference_mode()
def features(network: CellNetwork, statistics: Tensor) -> NDArray[np.float32]:
    """Penultimate vectors (N, W) of cells whose statistics (N, F) were read."""
    found: NDArray[np.float32] = _penultimate(network, statistics).float().cpu().numpy()
    return found


def _shrunk(plan: Plan, material: Material) -> Tensor | None:
    """What shrinks the directions in which training subjects of one class differ."""
    strength = plan.recipe.subject_shrinkage
    if not strength or material.statistics is None:
        return None
    chosen = material.split.mask(material.manifest, "train")
    values = material.statistics[torch.tensor(chosen)]
    groups = np.unique(material.manifest.table["group"][chosen], return_inverse=True)[1]
    return shrinkage.matrix(
        (values - values.mean(0)) / (values.std(0) + 1e-6),
        labels=torch.from_numpy(material.targets[chosen]),
        groups=torch.from_numpy(groups),
        strength=strength,
    )


@torch.no_grad()
def _fold_in(whole: QCResNet, shrunk: Tensor) -> None:
    """Let the first linear layer do what the matrix before it did, so that nothing is added."""
    layers = (*whole.hidden.modules(), whole.head)
    first = next(layer for layer in layers if isinstance(layer, nn.Linear))
    first.weight.copy_(first.weight @ shrunk.to(first.weight.device))


def _penultimate(network: CellNetwork, statistics: Tensor) -> Tensor:
    head = _Head(_readable(network)).eval()
    return head.forward_features(statistics.to(next(network.parameters()).device))


def _initialised(plan: Plan, material: Material) -> QCResNet:
    network = _readable(registry.build(plan.architecture, **plan.config))
    some = torch.from_numpy(material.cells.pixels[: run.INITIAL_CELLS])
    initialisation.initialise(network, plan.init, plan.preprocessing.normalise(some))
    return network


def _readable(network: CellNetwork) -> QCResNet:
    if not isinstance(network, QCResNet) or not network.stages:
        raise ModelError("Only a QCResNet with stages can be trained on statistics of its body.")
    return network
