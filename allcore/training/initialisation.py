"""Initial weights: torchvision's ImageNet ones, a safetensors file, a trained model, or none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import get_weight
from torchvision.models.resnet import BasicBlock

from allcore import model_folder
from allcore.errors import ModelError
from allcore.nets.base import CellNetwork


def initialise(network: CellNetwork, init: str, cells: Tensor) -> frozenset[str]:
    """Initialise the network's body in place.

    Args:
        network: freshly built; one with a ``body`` unless ``init`` is ``none``.
        init: ``none``, ``imagenet`` (torchvision's weights, downloaded once), the path of a
            safetensors file with torchvision's keys, or a model folder of the same network. Layers
            missing in a file keep random weights.
        cells: normalised training cells (N, 3, S, S) for the statistics of norm layers that a file
            has folded into their convolutions.

    Returns:
        Names of the network's parameters and buffers that were loaded.

    Raises:
        ModelError: the weights are unavailable, or fit no layer.
    """
    if init == "none":
        return frozenset()
    if (Path(init) / model_folder.INFO).exists():
        return _from_model(network, Path(init))
    body = getattr(network, "body", None)
    if not isinstance(body, nn.Module):
        raise ModelError("This architecture has no pretrained body: train it with --init none.")
    weights = _imagenet(network) if init == "imagenet" else _from_file(Path(init))
    shapes = {name: value.shape for name, value in body.state_dict().items()}
    weights = {name: value for name, value in weights.items() if shapes.get(name) == value.shape}
    if not weights:
        raise ModelError(f"No layer of {init} fits this network: give weights of its own body.")
    body.load_state_dict(weights, strict=False)
    _restore_norms(body, set(weights), cells)
    _zero_fresh_blocks(body, set(weights))
    return frozenset(f"body.{name}" for name in weights)


def origin(init: str, parts: "pd.Series[str]") -> dict[str, Any] | None:
    """Provenance of the model that a run starts from; None where it starts from none.

    Args:
        init: see ``initialise``.
        parts: part of the split by image id.

    Raises:
        ModelError: the model has learned from images that are held out of this run.
    """
    folder = Path(init)
    if not (folder / model_folder.INFO).exists():
        return None
    learned = model_folder.read_split(folder)
    held_out = parts.index[parts.isin(("validation", "test"))]
    seen = int(held_out.isin(learned.index[learned == "train"]).sum())
    tested = parts.index[parts == "test"]
    seen += int(tested.isin(learned.index[learned == "validation"]).sum())
    if seen:
        raise ModelError(
            f"{folder} has learned from {seen:,} images that this run holds out: start from a "
            "model of the same split, or from other weights."
        )
    info = model_folder.read_info(folder)
    earlier = (info.training.get("origin") or {}).get("commands", [])
    commands = [*earlier, info.training.get("command", "")]
    return {"weights_sha256": info.weights_sha256, "commands": commands}


def _from_model(network: CellNetwork, folder: Path) -> frozenset[str]:
    weights = model_folder.load_network(folder).state_dict()
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(
            f"{folder} holds another network: start from a model of the same architecture."
        ) from error
    return frozenset(weights)


def _imagenet(network: CellNetwork) -> dict[str, Tensor]:
    name = network.IMAGENET
    if name is None:
        raise ModelError("There are no ImageNet weights for this architecture: use --init none.")
    try:
        return dict(get_weight(name).get_state_dict(progress=False, check_hash=True))
    except OSError as error:
        raise ModelError(
            "The ImageNet weights can't be downloaded: connect to the internet, or give a file "
            "with --init FILE."
        ) from error


def _from_file(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"The initial weights {path} can't be read: give a safetensors file, or use "
            "--init imagenet or --init none."
        ) from error


def _restore_norms(body: nn.Module, loaded: set[str], cells: Tensor) -> None:
    """Unfold norm layers from their convolutions to make them trainable, function unchanged.

    A folded layer is the identity plus a bias. With its input's mean m and variance v as running
    statistics, weight sqrt(v + eps) and bias + m, it computes the same in eval mode and is
    trainable in train mode.
    """
    folded = {
        name: layer
        for name, layer in body.named_modules()
        if isinstance(layer, nn.BatchNorm2d)
        and f"{name}.weight" in loaded
        and bool((layer.running_mean == 0).all())  # type: ignore[union-attr]
    }
    if not folded:
        return
    inputs: dict[str, list[Tensor]] = {name: [] for name in folded}
    with _pre_hooks(folded, lambda name, value: inputs[name].append(_moments(value))):
        body.eval()
        with torch.no_grad():
            for chunk in cells.split(32):
                body(chunk)
        body.train()
    for name, layer in folded.items():
        _set_statistics(layer, torch.stack(inputs[name]).mean(0))


def _zero_fresh_blocks(body: nn.Module, loaded: set[str]) -> None:
    """Initialise residual blocks missing in the file to their shortcut alone.

    Goyal et al. 2017, section 5.1: with the last norm's weight at zero, a fresh block passes on the
    features of the loaded layers instead of a random mixture of them.
    """
    for name, block in body.named_modules():
        if isinstance(block, BasicBlock) and f"{name}.bn2.weight" not in loaded:
            nn.init.zeros_(block.bn2.weight)


def _moments(value: Tensor) -> Tensor:
    """Mean and mean square (2, C) of activations (N, C, H, W)."""
    return torch.stack([value.mean((0, 2, 3)), value.square().mean((0, 2, 3))])


def _set_statistics(layer: nn.BatchNorm2d, moments: Tensor) -> None:
    mean = moments[0].clone()
    variance = (moments[1] - mean.square()).clamp(min=1e-6)
    with torch.no_grad():
        layer.bias.add_(mean)
        layer.weight.copy_((variance + layer.eps).sqrt())
        layer.running_mean.copy_(mean)  # type: ignore[union-attr]
        layer.running_var.copy_(variance)  # type: ignore[union-attr]


@contextmanager
def _pre_hooks(
    layers: dict[str, nn.BatchNorm2d], observe: Callable[[str, Tensor], None]
) -> Iterator[None]:
    hooks = [
        layer.register_forward_pre_hook(lambda _, args, name=name: observe(name, args[0]))
        for name, layer in layers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
