"""Predictions for perturbed cells, each by a network whose training excluded the subject."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from allcore import model_folder
from allcore.data import cells, sampling
from allcore.data.images import decoding
from allcore.data.manifest import Manifest
from allcore.data.perturbations import Cell, Sweep
from allcore.data.preprocessing import Preprocessing
from allcore.errors import BadImage, DataError, ModelError
from allcore.inference import devices, held_out
from allcore.inference.predictor import Predictor
from allcore.model_folder import ModelInfo
from allcore.nets.base import CellNetwork

Floats = NDArray[np.float64]

BATCH = 8
"""Batch size; on a CPU larger batches exceed the caches and are slower."""
AHEAD = 2
"""Number of cells perturbed ahead of the network."""


@dataclass(frozen=True)
class CellsToPerturb:
    """Labelled cells, and the network that predicts each."""

    manifest: Manifest  # of the cells
    # for each cell the fold whose network was trained without its subject; None for the network
    # that ships
    folds: tuple[int | None, ...]


@dataclass(frozen=True)
class PerturbedProbabilities:
    """Probabilities of perturbed cells."""

    rows: tuple[int, ...]  # (N,) rows of the manifest that show a cell; the others are left out
    # calibrated probabilities (N,) by perturbation and level
    probabilities: dict[tuple[str, float], Floats]


def cells_to_perturb(
    data: Manifest, info: ModelInfo, folder: Path, *, cells: int | None = None, seed: int = 0
) -> CellsToPerturb:
    """Select at most ``cells`` cells to perturb, balanced by class and drawn by seed.

    For an out-of-fold model's own data these are the cells with predictions, each with the network
    of its fold; otherwise the test cells, all with the network that ships.

    Raises:
        DataError: there are no such cells.
        ModelError: an out-of-fold model without fold networks, or a damaged folder.
    """
    labelled = data.labelled()
    fold_of: dict[str, int] = {}
    if info.training.get("out_of_fold"):
        known = model_folder.read_predictions(folder)
        fold_of = dict(zip(known["image_id"], known["fold"].astype(int), strict=True))
    own = labelled.table["image_id"].isin(fold_of.keys())
    if own.any():
        _refuse_without_folds(info)
        chosen = Manifest(data.root, labelled.table[own].reset_index(drop=True), data.name)
    else:
        chosen = _tested(data, info, folder)
    if cells is not None:
        chosen = sampling.draw_sample(chosen, cells=cells, seed=seed)
    return CellsToPerturb(chosen, tuple(fold_of.get(image) for image in chosen.table["image_id"]))


def predict_perturbed(
    cells: CellsToPerturb,
    folder: Path,
    sweeps: Sequence[Sweep],
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Callable[[], object] | None = None,
) -> PerturbedProbabilities:
    """Predict every cell at every level of every sweep; the original cell is predicted once.

    Args:
        cells: the cells, and the network that predicts each.
        folder: the model folder.
        sweeps: the perturbations.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:<n>``.
        threads: CPU threads of a pass; None means the idle cores.
        progress: called once a cell.

    Raises:
        DataError: no image shows a cell on black.
        ModelError: the folder is damaged, or a fold's network is missing.
        AllScopeError: there is no such device.
    """
    chosen = devices.choose(device)
    devices.use_threads(threads)
    info, paths = model_folder.read_info(folder), cells.manifest.paths()
    probabilities: dict[int, Floats] = {}
    for fold in sorted(set(cells.folds), key=str):
        predictor = Predictor(_network(folder, fold, chosen), info, chosen, precision="fp32")
        rows = [row for row, row_fold in enumerate(cells.folds) if row_fold == fold]
        altered = _ahead([paths[row] for row in rows], sweeps, info.preprocessing)
        for row, batch in zip(rows, altered, strict=True):
            if batch is not None:
                probabilities[row] = _probabilities(predictor, batch)
            if progress:
                progress()
    if not probabilities:
        raise DataError(f"No picture of {cells.manifest.root} could be read and shows a cell.")
    predicted = tuple(sorted(probabilities))
    table = np.stack([probabilities[row] for row in predicted], axis=1)
    return PerturbedProbabilities(predicted, _by_level(table, sweeps))


def altered_cells(
    path: Path, sweeps: Sequence[Sweep], preprocessing: Preprocessing
) -> Tensor | None:
    """Segmented cells (1 + L, 3, S, S) uint8: the original, then one for each level.

    None where the image can't be read or shows no cell on black.
    """
    try:
        rgb = cells.centre_crop(decoding.decode_file(path))
    except (OSError, BadImage):
        return None
    cell = Cell(rgb, cells.mask_of(rgb))
    if not cell.mask.any():
        return None
    changed = [cell, *(sweep.at(cell, level) for sweep, level in _altered(sweeps))]
    cut = [preprocessing.crop(cell.rgb, cell.mask) for cell in changed]
    return torch.from_numpy(np.stack(cut).transpose(0, 3, 1, 2).copy())


def _refuse_without_folds(info: ModelInfo) -> None:
    if info.folds_sha256 is None:
        raise ModelError(
            f"'{info.name}' was trained on all subjects of these cells and keeps no network that "
            "never saw them: train it again with 'python -m allcore train --out-of-fold'."
        )


def _tested(data: Manifest, info: ModelInfo, folder: Path) -> Manifest:
    table = held_out.select(data, info, folder).manifest.table
    table = table[table["split"] == "test"].reset_index(drop=True)
    if table.empty:
        raise DataError(
            f"No test cell of '{info.name}' is in {data.root}: give the data set that it was "
            "trained on, or one of which it knows nothing."
        )
    return Manifest(data.root, table, data.name)


def _network(folder: Path, fold: int | None, device: torch.device) -> CellNetwork:
    if fold is None:
        return model_folder.load_network(folder, device)
    return model_folder.load_fold_network(folder, fold, device)


def _ahead(
    paths: Iterable[Path], sweeps: Sequence[Sweep], preprocessing: Preprocessing
) -> Iterator[Tensor | None]:
    """Perturbed cells in order, computed ahead on another thread."""
    waiting: deque[Future[Tensor | None]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="alter") as pool:
        for path in paths:
            waiting.append(pool.submit(altered_cells, path, sweeps, preprocessing))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _probabilities(predictor: Predictor, batch: Tensor) -> Floats:
    logits = torch.cat([predictor.logits(part) for part in batch.split(BATCH)])
    probabilities: Floats = expit(logits.double().numpy() / predictor.info.temperature)
    return probabilities


def _altered(sweeps: Sequence[Sweep]) -> list[tuple[Sweep, float]]:
    return [
        (sweep, level) for sweep in sweeps for level in sweep.levels if level != sweep.unaltered
    ]


def _by_level(table: Floats, sweeps: Sequence[Sweep]) -> dict[tuple[str, float], Floats]:
    """Rows (1 + L, N) of probabilities by perturbation and level."""
    named = {(sweep.name, sweep.unaltered): table[0] for sweep in sweeps}
    for (sweep, level), row in zip(_altered(sweeps), table[1:], strict=True):
        named[sweep.name, level] = row
    return named
