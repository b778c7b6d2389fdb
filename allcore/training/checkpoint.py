"""Checkpoints as safetensors, without pickles; a killed run resumes from its last whole epoch."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from allcore.errors import ModelError

FILE_NAME = "checkpoint.safetensors"
SCORE = "validation_auroc_balanced"
"""Column of the history that selects the best epoch.

AUROC instead of the loss: temperature and threshold are fitted afterwards, so only the ranking of
cells matters, and underconfidence does no harm.
"""


@dataclass
class TrainingProgress:
    """State of a run between epochs."""

    epoch: int = 0  # the next epoch to train
    best_score: float = float("-inf")  # highest validation score so far
    best_epoch: int = -1  # the epoch of that score, -1 before the first
    # one row an epoch, as in ``history.csv``
    history: list[dict[str, float]] = field(default_factory=list)

    def add(self, row: dict[str, float]) -> bool:
        """Add the row of the latest epoch; return whether it is the best so far.

        Without validation cells there is no score, and the last epoch counts as the best.
        """
        score = row.get(SCORE, float(self.epoch))
        best = score > self.best_score
        if best:
            self.best_score, self.best_epoch = score, self.epoch
        self.history.append(row)
        self.epoch += 1
        return best


def save(
    folder: Path,
    *,
    fingerprint: str,
    progress: TrainingProgress,
    modules: dict[str, nn.Module],
    optimizer: Optimizer,
) -> None:
    """Write the state of a run atomically."""
    tensors = {
        f"{name}.{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    record = json.dumps({"fingerprint": fingerprint, **vars(progress)})
    part = folder / f"{FILE_NAME}.part"
    save_file(
        {key: _plain(value) for key, value in tensors.items()}, part, metadata={"progress": record}
    )
    part.replace(folder / FILE_NAME)


def resume(
    folder: Path, *, fingerprint: str, modules: dict[str, nn.Module], optimizer: Optimizer
) -> TrainingProgress:
    """Load the state of a run in place, if a checkpoint exists.

    Raises:
        ModelError: the checkpoint belongs to another recipe, or is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return TrainingProgress()
    try:
        with safe_open(path, framework="pt") as file:
            record: dict[str, Any] = json.loads(file.metadata()["progress"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged: remove it to start the run anew.") from error
    if record.pop("fingerprint") != fingerprint:
        raise ModelError(
            f"{path} belongs to a run with other settings: repeat these, remove the file, or "
            "choose another --out."
        )
    for name, module in modules.items():
        module.load_state_dict(_under(tensors, name))
    _load_optimizer(optimizer, _under(tensors, "optimizer"))
    return TrainingProgress(**record)


def _plain(value: Tensor | float) -> Tensor:
    """Copy as a contiguous tensor without shared memory, as safetensors requires."""
    tensor = torch.as_tensor(value).detach().cpu()
    return tensor.clone(memory_format=torch.contiguous_format)


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {key.removeprefix(start): t for key, t in tensors.items() if key.startswith(start)}


def _load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
