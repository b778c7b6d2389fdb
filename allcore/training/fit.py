"""Fit loop for CPU, one GPU and several, by Lightning Fabric.

Every epoch has its own seed, so that a resumed run ends with the weights of an uninterrupted one.
"""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from allcore.data.preprocessing import Preprocessing
from allcore.nets.base import CellNetwork
from allcore.training import checkpoint
from allcore.training.checkpoint import TrainingProgress
from allcore.training.recipe import Recipe

RESIDENT_SHARE = 0.25
"""Maximum share of a GPU's free memory for keeping all cells on it."""

OnStep = Callable[[int, int], object]
"""Callback after each step with the number of finished steps and of all steps."""


@dataclass(frozen=True)
class TrainingExamples:
    """Segmented cells with their targets and weights."""

    pixels: Tensor  # (N, 3, S, S) uint8
    targets: Tensor  # (N,) float, 1 for ALL blasts and 0 for normal cells
    weights: Tensor  # (N,) float64: sampling weight (training), or weight in the validation loss

    def to(self, device: torch.device) -> "TrainingExamples":
        """Return a copy on a device."""
        return TrainingExamples(
            *(part.to(device) for part in (self.pixels, self.targets, self.weights))
        )


@dataclass(frozen=True)
class FittedNetwork:
    """Fitted network: its averaged weights at the best epoch, and one history row an epoch."""

    network: CellNetwork
    history: list[dict[str, float]]
    best_epoch: int


def fit(
    network: CellNetwork,
    *,
    train: TrainingExamples,
    validation: TrainingExamples | None,
    preprocessing: Preprocessing,
    recipe: Recipe,
    fabric: Fabric,
    folder: Path,
    loaded: frozenset[str] = frozenset(),
    on_step: OnStep | None = None,
) -> FittedNetwork:
    """Train ``network`` under ``recipe``; resume from a checkpoint in ``folder``.

    Args:
        network: initialised.
        train: sampled by weight, with replacement.
        validation: other subjects, whose AUROC selects the best epoch; without any, the last epoch
            is selected.
        preprocessing: normalises the cells.
        recipe: all hyperparameters.
        fabric: launched.
        folder: of the checkpoint.
        loaded: names of the parameters whose initial weights were loaded.
        on_step: called after each step.

    Raises:
        ModelError: the checkpoint is damaged or belongs to another recipe.
    """
    run = _TrainingState.start(network, loaded, preprocessing, recipe, fabric)
    progress = checkpoint.resume(
        folder,
        fingerprint=recipe.fingerprint(),
        modules=run.modules(),
        optimizer=run.optimizer,
    )
    train = _resident(train, fabric)
    validation = validation and _resident(validation, fabric)
    while progress.epoch < recipe.epochs and not _exhausted(progress, recipe):
        started = time.perf_counter()
        loss = run.train_epoch(train, progress.epoch, on_step)
        seconds = time.perf_counter() - started
        row = run.validate(validation) | {"train_loss": loss, "seconds": round(seconds, 2)}
        if progress.add({"epoch": progress.epoch} | row):
            run.best.load_state_dict(run.average.state_dict())
        # No checkpoint after the last epoch: large networks take gigabytes to save.
        if fabric.is_global_zero and progress.epoch < recipe.epochs:
            checkpoint.save(
                folder,
                fingerprint=recipe.fingerprint(),
                progress=progress,
                modules=run.modules(),
                optimizer=run.optimizer,
            )
        fabric.barrier()
    best = cast(CellNetwork, run.best.module.eval())
    return FittedNetwork(best, progress.history, progress.best_epoch)


@dataclass(frozen=True)
class _TrainingState:
    """Network of a run with its weight average and its optimizer."""

    network: CellNetwork
    wrapped: nn.Module
    average: AveragedModel
    best: AveragedModel
    optimizer: Optimizer
    preprocessing: Preprocessing
    recipe: Recipe
    fabric: Fabric

    @classmethod
    def start(
        cls,
        network: CellNetwork,
        loaded: frozenset[str],
        preprocessing: Preprocessing,
        recipe: Recipe,
        fabric: Fabric,
    ) -> "_TrainingState":
        network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        _freeze(network, recipe.freeze)
        average = AveragedModel(
            network, multi_avg_fn=_warmed_up(recipe.ema_decay), use_buffers=True
        )
        best = copy.deepcopy(average)
        wrapped, optimizer = fabric.setup(network, _optimizer(network, loaded, recipe))
        return cls(network, wrapped, average, best, optimizer, preprocessing, recipe, fabric)

    def modules(self) -> dict[str, nn.Module]:
        """Modules in a checkpoint."""
        return {"network": self.network, "average": self.average, "best": self.best}

    def train_epoch(self, train: TrainingExamples, epoch: int, on_step: OnStep | None) -> float:
        """Train one epoch from its own seed; return the mean loss of its steps."""
        recipe = self.recipe
        steps = recipe.steps(len(train.targets))
        augment = recipe.augmentation.transforms()
        torch.manual_seed(recipe.seed * 10_000 + epoch)
        self.wrapped.train()
        _freeze(self.network, recipe.freeze)
        total = torch.zeros((), device=self.fabric.device)
        for step, (cells, targets) in enumerate(_draws(train, recipe, steps, self.fabric)):
            total_steps = epoch * steps + step
            _set_rate(self.optimizer, recipe.rate(total_steps, recipe.epochs * steps))
            total += self._step(_input(augment(cells), self.preprocessing), targets)
            if on_step:
                on_step(total_steps + 1, recipe.epochs * steps)
        return float(total / steps)

    def validate(self, validation: TrainingExamples | None) -> dict[str, float]:
        """Validation metrics of the averaged network; empty without validation cells."""
        if validation is None:
            return {}
        with self.fabric.autocast():
            logits = predict(
                self.average, validation.pixels, self.preprocessing, device=self.fabric.device
            )
        return _row(validation, logits)

    def _step(self, batch: Tensor, targets: Tensor) -> Tensor:
        if self.recipe.mixup:
            batch, targets = _mixed(batch, targets, self.recipe.mixup)
        logits = self.wrapped(batch)
        loss = _loss(logits, targets, self.recipe.label_smoothing)
        self.fabric.backward(loss)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update_parameters(self.network)
        return loss.detach()


@torch.inference_mode()
def predict(
    network: nn.Module,
    pixels: Tensor,
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    batch_size: int = 64,
) -> Tensor:
    """Log-odds (N,) on the CPU, in float32, for segmented cells (N, 3, S, S), uint8."""
    network.eval()
    chunks = pixels.split(batch_size)
    parts = [network(_input(chunk.to(device), preprocessing)).float().cpu() for chunk in chunks]
    return torch.cat(parts)


def _input(cells: Tensor, preprocessing: Preprocessing) -> Tensor:
    return preprocessing.normalise(cells).contiguous(memory_format=torch.channels_last)


def _mixed(batch: Tensor, targets: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al., ICLR 2018): blend the batch with a permutation of itself."""
    share = float(torch.distributions.Beta(strength, strength).sample())
    order = torch.randperm(len(batch)).to(batch.device)
    return batch.lerp(batch[order], 1 - share), targets.lerp(targets[order], 1 - share)


def _loss(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(
        logits, targets * (1 - smoothing) + 0.5 * smoothing
    )


def _optimizer(network: CellNetwork, loaded: frozenset[str], recipe: Recipe) -> Optimizer:
    """AdamW with two groups: loaded layers have a lower learning rate than fresh ones."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups[name in loaded].append(parameter)
    rates = {True: recipe.learning_rate * recipe.body_rate, False: recipe.learning_rate}
    return AdamW(
        [
            {"params": members, "lr": rates[known], "top_rate": rates[known]}
            for known, members in groups.items()
            if members
        ],
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def _set_rate(optimizer: Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["top_rate"] * factor


def _freeze(network: CellNetwork, prefixes: tuple[str, ...]) -> None:
    """Freeze parameters whose names start with a prefix, and their norm layers' statistics."""
    if not prefixes:
        return
    for name, parameter in network.named_parameters():
        if name.startswith(prefixes):
            parameter.requires_grad_(False)
    for name, module in network.named_modules():
        if name.startswith(prefixes) and isinstance(module, nn.BatchNorm2d):
            module.eval()


def _resident(examples: TrainingExamples, fabric: Fabric) -> TrainingExamples:
    """Move the examples to the GPU where memory allows, so that no step waits for a copy."""
    if fabric.device.type != "cuda":
        return examples
    free, _ = torch.cuda.mem_get_info(fabric.device)
    fits = examples.pixels.nbytes < RESIDENT_SHARE * free
    return examples.to(fabric.device) if fits else examples


def _draws(
    train: TrainingExamples, recipe: Recipe, steps: int, fabric: Fabric
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield this process's share of each step's balanced sample."""
    rows = torch.multinomial(train.weights.cpu(), steps * recipe.batch_size, replacement=True).view(
        steps, recipe.batch_size
    )[:, fabric.global_rank :: fabric.world_size]
    for chosen in rows.to(train.pixels.device):
        yield (
            train.pixels[chosen].to(fabric.device, non_blocking=True),
            train.targets[chosen].to(fabric.device, non_blocking=True),
        )


def _row(validation: TrainingExamples, logits: Tensor) -> dict[str, float]:
    """Validation metrics of an epoch; the loss is weighted by the cells' balanced weights."""
    from sklearn.metrics import roc_auc_score

    targets, weights = validation.targets.cpu(), validation.weights.cpu()
    losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return {
        "validation_loss": float((losses * weights).sum() / weights.sum()),
        "validation_accuracy": float(((logits > 0) == (targets > 0.5)).float().mean()),
        "validation_auroc": float(roc_auc_score(targets, logits)),
        "validation_auroc_balanced": float(roc_auc_score(targets, logits, sample_weight=weights)),
    }


def _warmed_up(decay: float) -> Callable[..., None]:
    """Moving average with a warm-up, so that the initial weights fade quickly."""

    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        warmed_up = min(decay, (1 + int(count)) / (10 + int(count)))
        get_ema_multi_avg_fn(warmed_up)(averaged, current, count)

    return update


def _exhausted(progress: TrainingProgress, recipe: Recipe) -> bool:
    return bool(progress.history) and progress.epoch - 1 - progress.best_epoch >= recipe.patience
