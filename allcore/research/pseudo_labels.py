"""Pseudo-labels: a teacher labels cells with confident predictions, except held-out cells."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from allcore import model_folder
from allcore.data import decoded_cells, duplicate_cells, readers, sampling
from allcore.data.decoded_cells import DecodedCells
from allcore.data.manifest import Manifest
from allcore.data.preprocessing import Preprocessing
from allcore.errors import DataError, ModelError
from allcore.evaluation.metrics import Floats
from allcore.inference import held_out
from allcore.labels import LABELS
from allcore.model_folder import ModelInfo
from allcore.nets.base import CellNetwork
from allcore.training import calibration, fit
from allcore.training.fit import TrainingExamples
from allcore.training.plan import TrainingData

CONFIDENCE = 0.95
"""Minimum calibrated probability of a class for a pseudo-label."""
LIMIT = 0.5
"""Maximum share of pseudo-labelled cells among the samples of a class."""
CHUNK = 2048
"""Number of unlabelled cells in one comparison with the held-out ones."""


@dataclass(frozen=True)
class Teacher:
    """Trained network that labels cells."""

    folder: Path
    info: ModelInfo
    network: CellNetwork
    device: torch.device

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "Teacher":
        """Load the teacher from a model folder.

        Raises:
            ModelError: the folder can't be used.
        """
        network = model_folder.load_network(folder, device)
        network.to(memory_format=torch.channels_last)
        return cls(folder, model_folder.read_info(folder), network, device)

    def logits(self, pixels: NDArray[np.uint8]) -> Floats:
        """Log-odds (N,) of cells (N, 3, S, S), cropped by its own preprocessing."""
        return self._logits(torch.from_numpy(pixels))

    def probability(self, pixels: NDArray[np.uint8]) -> Floats:
        """Calibrated probability (N,), the mean over the eight rotations and reflections."""
        cells, temperature = torch.from_numpy(pixels), self.info.temperature
        turned = [
            torch.rot90(part, turns, dims=(2, 3))
            for part in (cells, cells.flip(3))
            for turns in range(4)
        ]
        answers = [calibration.probability(self._logits(part), temperature) for part in turned]
        return np.asarray(np.mean(answers, axis=0))

    def _logits(self, cells: Tensor) -> Floats:
        logits = fit.predict(self.network, cells, self.info.preprocessing, device=self.device)
        return np.asarray(logits.double().numpy())


@dataclass(frozen=True)
class PseudoLabels:
    """Pseudo-labelled cells for a student, and the numbers of excluded ones."""

    table: pd.DataFrame  # image_id, subject, group, label and probability of each accepted cell (M)
    pixels: NDArray[np.uint8]  # (M, 3, S, S) uint8, cropped by the student's preprocessing
    data: str  # name of the unlabelled set
    digest: str  # SHA-256 of its manifest
    offered: int  # number of cells in the set
    same: int  # number excluded as duplicates of a validation or test cell
    relatives: int  # number excluded because their subject is in a validation or test group
    known: int  # number excluded because they are training cells already

    def accepted(self) -> dict[str, int]:
        """Number of cells of each class."""
        return {label: int((self.table["label"] == label).sum()) for label in LABELS}


def check_teacher(teacher: Teacher, data: TrainingData) -> None:
    """Raise an error where the teacher was trained on held-out cells of its student.

    Raises:
        ModelError: the teacher was trained on cells or subjects of the student's validation or
            test part, or selected on those of its test part.
    """
    part = held_out.parts(data.manifest.table, teacher.info, teacher.folder).to_numpy()
    validation, test = _held_out_masks(data)
    leaked = ((part == "train") & (validation | test)) | ((part == "validation") & test)
    if leaked.any():
        raise ModelError(
            f"{teacher.info.name} was trained or chosen on {int(leaked.sum()):,} of the cells "
            "that its student would be judged on: take a teacher of the same --split, --seed, "
            "--folds and --fold."
        )


def label_cells(
    teacher: Teacher,
    data: TrainingData,
    path: Path,
    preprocessing: Preprocessing,
    confidence: float,
) -> PseudoLabels:
    """Label the cells in ``path`` with confident predictions, except held-out cells.

    Labels in the data set itself are ignored.

    Args:
        teacher: labels the cells.
        data: of the student.
        path: data set of unlabelled cells.
        preprocessing: of the student.
        confidence: see ``CONFIDENCE``.

    Raises:
        DataError: the set can't be used, or no usable cell has a confident prediction.
    """
    offered = readers.read(path)
    cells = decoded_cells.decode(offered.paths(), preprocessing)
    reason = _exclusion_reasons(offered, cells.pixels, data)
    usable = reason == ""
    table = offered.table[usable].reset_index(drop=True)
    probability = _probabilities(teacher, offered, cells, usable, preprocessing)
    confident = np.maximum(probability, 1 - probability) >= confidence
    if not confident.any():
        raise DataError(
            f"{teacher.info.name} is sure of none of the {int(usable.sum()):,} cells in {path} "
            "that may be used: lower --confidence, or offer other cells."
        )
    chosen = table.loc[confident, ["image_id", "subject", "group"]].assign(
        label=np.where(probability[confident] >= 0.5, "all", "hem"),
        probability=probability[confident],
    )
    return PseudoLabels(
        table=chosen.reset_index(drop=True),
        pixels=cells.pixels[usable][confident],
        data=offered.name,
        digest=offered.digest(),
        offered=len(offered),
        same=int((reason == "same").sum()),
        relatives=int((reason == "relative").sum()),
        known=int((reason == "known").sum()),
    )


def join_examples(
    labelled: TrainingExamples,
    pseudo: PseudoLabels,
    *,
    subject_strength: float,
    limit: float = LIMIT,
) -> TrainingExamples:
    """Join labelled and pseudo-labelled cells, with both classes still equally likely.

    Within a class, pseudo-labelled cells are sampled in proportion to their number, up to the share
    ``limit``: a wrong teacher must not outvote the labels. Their subjects are balanced as those of
    the labelled cells. Cells of unknown subject together count as one subject, since their number
    of subjects is unknown.
    """
    known = pseudo.table["subject"].notna()
    groups = pseudo.table["group"].where(known, "unknown").tolist()
    labels = pseudo.table["label"].to_numpy()
    chance = sampling.sampling_weights(labels.tolist(), groups, subject_strength=subject_strength)
    targets = torch.from_numpy(np.where(labels == "all", 1.0, 0.0)).float()
    weights = [labelled.weights.clone(), torch.from_numpy(chance)]
    for target in (0.0, 1.0):
        old, new = labelled.targets == target, targets == target
        if new.any():
            share = min(limit, float(new.sum()) / float(new.sum() + old.sum()))
            total = weights[0][old].sum()
            weights[1][new] *= total * share / weights[1][new].sum()
            weights[0][old] *= 1 - share
    return TrainingExamples(
        pixels=torch.cat([labelled.pixels, torch.from_numpy(pseudo.pixels)]),
        targets=torch.cat([labelled.targets, targets]),
        weights=torch.cat(weights),
    )


def _held_out_masks(data: TrainingData) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks (N,) of validation and of test cells."""
    validation, test = (data.split.mask(data.manifest, part) for part in ("validation", "test"))
    return validation, test


def _probabilities(
    teacher: Teacher,
    offered: Manifest,
    cells: DecodedCells,
    usable: NDArray[np.bool_],
    preprocessing: Preprocessing,
) -> Floats:
    """Probability of each usable cell, cropped by the teacher's preprocessing."""
    if not usable.any():
        return np.zeros(0)
    if teacher.info.preprocessing == preprocessing:
        return teacher.probability(cells.pixels[usable])
    paths = [path for path, wanted in zip(offered.paths(), usable, strict=True) if wanted]
    return teacher.probability(decoded_cells.decode(paths, teacher.info.preprocessing).pixels)


def _exclusion_reasons(
    offered: Manifest, pixels: NDArray[np.uint8], data: TrainingData
) -> NDArray[np.str_]:
    """(N,) reason for excluding each cell: same, relative or known; empty where accepted."""
    validation, test = _held_out_masks(data)
    held_out_rows = data.manifest.table[validation | test]
    own_digests, offered_digests = _digests(data.manifest), _digests(offered)
    reason = np.full(len(offered), "", dtype="U8")
    reason[_shares_digest(offered_digests, own_digests[~(validation | test)])] = "known"
    if data.split.keeps_subjects_apart:
        related = (
            offered.table["group"].isin(held_out_rows["group"]) & offered.table["subject"].notna()
        )
        reason[related.to_numpy()] = "relative"
    is_twin = _twins_of(pixels, data.cells.pixels[validation | test])
    reason[_shares_digest(offered_digests, own_digests[validation | test]) | is_twin] = "same"
    return reason


def _digests(manifest: Manifest) -> NDArray[np.object_]:
    """(N, 2) SHA-256 of each file, and of its original in the manifest."""
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(model_folder.sha256, manifest.paths()))
    return np.column_stack([digests, manifest.table["sha256"].fillna("").to_numpy()]).astype(object)


def _shares_digest(rows: NDArray[np.object_], others: NDArray[np.object_]) -> NDArray[np.bool_]:
    """(N,) whether one of a row's digests is among the others'."""
    known = set(others.ravel()) - {""}
    return np.array([bool(known & set(row)) for row in rows], dtype=bool)


def _twins_of(pixels: NDArray[np.uint8], held_out_pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N,) whether a cell is a near-duplicate of a held-out one."""
    twins = np.zeros(len(pixels), dtype=bool)
    for start in range(0, len(pixels), CHUNK):
        pairs = duplicate_cells.near_pairs(
            np.concatenate([held_out_pixels, pixels[start : start + CHUNK]])
        )
        across = pairs[(pairs[:, 0] < len(held_out_pixels)) & (pairs[:, 1] >= len(held_out_pixels))]
        twins[start + across[:, 1] - len(held_out_pixels)] = True
    return twins
