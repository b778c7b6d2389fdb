"""Predictions of a model for the synthetic demonstration set, computed once and kept on disk.

The folder of a result has the tables of a model folder that pages read of held-out cells:
predictions, measures of the pictures, penultimate features and their map.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from allcore import model_folder, settings
from allcore.errors import DataError
from allcore.model_folder import InstalledModel
from allcore.synthetic import demo

if TYPE_CHECKING:  # it brings torch, which a page of stored predictions does without
    from torch import Tensor

    from allcore.inference.predictor import Predictor
    from allcore.inference.results import Reading

VERSION = "1"
"""Version of the tables; a new value makes the set be scored again."""
SEED = 0
Progress = Callable[[int, int], object]
"""Takes the number of steps done, and of all."""


def folder(model: InstalledModel) -> Path:
    """Return the folder of a model's predictions, whether or not they exist."""
    origin = f"{model.digest} {demo.VERSION} {VERSION}"
    digest = hashlib.sha256(origin.encode()).hexdigest()
    return settings.load().home / "synthetic" / f"{model.name}-{digest[:12]}"


def can_score(model: InstalledModel) -> bool:
    """True if the model folder has the network."""
    return (model.folder / model_folder.WEIGHTS).is_file()


def is_scored(model: InstalledModel) -> bool:
    """True if the predictions exist."""
    return (folder(model) / model_folder.PREDICTIONS).is_file()


def score(model: InstalledModel, *, progress: Progress = lambda done, of: None) -> Path:
    """Predict and measure every synthetic cell, in one process for all; return the folder.

    The demonstration set is drawn first where it is missing. The gate refuses nothing, so that the
    planted faults are among the cells.

    Raises:
        AllScopeError: the set can't be drawn, the model is damaged, or the folder can't be written.
    """
    target = folder(model)
    config = settings.load()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not is_scored(model):
                from allcore.inference.predictor import Predictor

                predictor = Predictor.load(
                    model.folder, config.device, threads=config.threads, gated=False
                )
                _write(target, model, predictor, progress)
    except OSError as error:
        raise DataError(
            f"The synthetic cells' predictions can't be kept in {target.parent} "
            f"({error.strerror}): set ALLSCOPE_HOME to a folder that can be written to."
        ) from error
    return target


def _write(target: Path, model: InstalledModel, predictor: "Predictor", progress: Progress) -> None:
    """Write the tables to a temporary folder, rename it, and remove those of older versions."""
    from allcore.data import cell_measurements
    from allcore.inference import held_out_predictions
    from allcore.training import embedding

    cells = demo.ensure_demo().labelled()
    cells.table["split"] = "test"
    steps = iter(range(1, 2 * len(cells) + 1))
    features = _Features(predictor)

    def step() -> None:
        progress(next(steps), 2 * len(cells))

    table = held_out_predictions.predict(
        cells, model, predictor, forward=features.read, workers=1, progress=step
    )
    pictures = [(name, cells.root / path) for name, path in table[["image_id", "path"]].to_numpy()]
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        vectors = features.vectors()
        points = embedding.flat_map(vectors, seed=SEED)
        model_folder.write_embeddings(work, table["image_id"].tolist(), vectors, points)
        model_folder.write_facts(work, cell_measurements.table(pictures, progress=step))
        table.to_parquet(work / model_folder.PREDICTIONS, index=False)
        for older in target.parent.glob(f"{model.name}-" + "?" * 12):
            shutil.rmtree(older, ignore_errors=True)
        work.replace(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


class _Features:
    """A pass through the network that keeps the penultimate features."""

    def __init__(self, predictor: "Predictor") -> None:
        self._predictor = predictor
        self._parts: list[NDArray[np.float32]] = []

    def read(self, cells: "Tensor") -> "Sequence[Reading]":
        """Log-odds of cells (N, 3, S, S)."""
        import torch

        from allcore.inference.results import Reading

        with self._predictor.lock, torch.inference_mode():
            vectors, logits = self._predictor.network.read(self._predictor.normalised(cells))
        self._parts.append(vectors.float().cpu().numpy())
        return [Reading(logit) for logit in logits.float().tolist()]

    def vectors(self) -> NDArray[np.float32]:
        """(N, F) features of all cells, in their order."""
        return np.concatenate(self._parts)
