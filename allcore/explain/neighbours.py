"""Nearest cells by the network's penultimate features.

Similarity is the cosine of two penultimate vectors. The length of a vector mostly reflects the
network's confidence, so Euclidean neighbours are cells of equal confidence rather than of similar
appearance; by cosine more neighbours share the cell's label and subject.

The features come from the network in the folder, which was trained on most of these cells: they
show similarity as the network represents it, not its performance on new cells. The probabilities
are held out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import model_folder
from allcore.data import subjects
from allcore.errors import DataError, ModelError
from allcore.evaluation import estimates
from allcore.evaluation.estimates import Estimate
from allcore.labels import LABELS

if TYPE_CHECKING:
    from torch import Tensor

    from allcore.inference.predictor import Predictor

Part = Literal["train", "validation", "test", "out-of-fold", "unknown"]
"""Part of a neighbour in the model's split.

Out-of-fold: the network was trained on the cell, but its probability comes from a network whose
training excluded its subject.
"""
NEARBY = 50
"""Number of cells for `Neighbours.accuracy_nearby`."""


@dataclass(frozen=True)
class Neighbour:
    """A cell near the queried cell."""

    image_id: str  # of the cell
    label: str | None  # ``all``, ``hem`` or None
    subject: str | None  # or None where unknown
    distance: float  # 1 minus the cosine of the two vectors, 0 (same direction) to 2
    probability: float | None  # held-out probability of an ALL blast; None where there is none
    part: Part  # of the model's split
    # whether both cells are of one independent subject, a reason for similarity other than the
    # class
    same_subject: bool


@dataclass(frozen=True)
class LocalAccuracy:
    """Accuracy of the model among the nearest cells."""

    accuracy: Estimate  # the accuracy, with intervals over cells and over subjects
    cells: int  # number of labelled cells with a held-out probability
    subjects: int | None  # number of their independent subjects; None where any is unknown
    same_subject: int  # number of cells of the queried cell's own subject


class Neighbours:
    """Cells of one model folder with their penultimate vectors; immutable and thread-safe.

    Args:
        table: one row a cell: image_id, label, subject, group, probability and part; unknown
            values are None or NaN.
        features: (N, F) penultimate vectors in the table's order.
    """

    def __init__(self, table: pd.DataFrame, features: NDArray[np.floating]) -> None:
        self.table = table.reset_index(drop=True)
        self._unit = _unit(np.asarray(features, dtype=np.float32))
        self._place = {str(name): row for row, name in enumerate(self.table["image_id"])}
        self._group = _groups(self.table)
        held_out = self.table["label"].isin(LABELS) & self.table["probability"].notna()
        self._judged = held_out.to_numpy(dtype=bool)

    @classmethod
    def of(cls, folder: Path, known: pd.DataFrame | None = None) -> "Neighbours":
        """Read the cells with recorded features from a model folder.

        Args:
            folder: ``models/<name>``.
            known: a data set's table (image_id, label, subject, group), for cells that were only in
                the training part: a model folder has no labels of these, unless in C-NMC's names.

        Raises:
            ModelError: the features, or their tables, are missing or damaged.
        """
        ids, vectors = _embeddings(folder)
        return cls(_described(ids, folder, known), vectors)

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, image_id: object) -> bool:
        return image_id in self._place

    def nearest(
        self,
        of: str | NDArray[np.floating],
        k: int = 8,
        *,
        subject: str | None = None,
        exclude_subject: str | None = None,
        exclude_id: str | None = None,
    ) -> tuple[Neighbour, ...]:
        """Return the k nearest cells, nearest first, without the queried cell.

        Args:
            of: id of a cell of this table, or a vector (F,) from `feature`.
            k: number of cells; fewer where the table has fewer.
            subject: of the queried cell, where only its vector is passed.
            exclude_subject: excluded subject, with those merged with it.
            exclude_id: excluded cell.

        Raises:
            DataError: no cell of that id is recorded, or the vector is of another length.
        """
        own = self._own_group(of, subject)
        allowed = self._without(exclude_id, of if isinstance(of, str) else None)
        if exclude_subject is not None:
            allowed &= self._group != subjects.group_of(exclude_subject)
        rows, distances = self._ranked(self._vector(of), allowed, k)
        return tuple(
            self._neighbour(row, distance, own)
            for row, distance in zip(rows, distances, strict=True)
        )

    def accuracy_nearby(
        self,
        of: str | NDArray[np.floating],
        threshold: float,
        k: int = NEARBY,
        *,
        subject: str | None = None,
        exclude_id: str | None = None,
    ) -> LocalAccuracy | None:
        """Accuracy among the k nearest cells with a label and a held-out probability.

        None where there is no such cell.

        Raises:
            DataError: no cell of that id is recorded, or the vector is of another length.
        """
        allowed = self._judged & self._without(exclude_id, of if isinstance(of, str) else None)
        rows, _ = self._ranked(self._vector(of), allowed, k)
        if not len(rows):
            return None
        near, groups, own = self.table.iloc[rows], self._group[rows], self._own_group(of, subject)
        known = all(group is not None for group in groups)
        sample = estimates.make_sample(
            labels=(near["label"] == "all").to_numpy().astype(np.int64),
            probabilities=near["probability"].to_numpy(dtype=float),
            subjects=groups.astype(str) if known else None,
        )
        accuracies = {row.name: row for row in estimates.at_threshold(sample, threshold)}
        return LocalAccuracy(
            accuracy=accuracies["accuracy"],
            cells=len(rows),
            subjects=len(set(groups)) if known else None,
            same_subject=0 if own is None else int((groups == own).sum()),
        )

    def _own_group(self, of: str | NDArray[np.floating], subject: str | None) -> str | None:
        """Independent subject of the queried cell."""
        if subject is not None:
            return subjects.group_of(subject)
        group: str | None = self._group[self._row(of)] if isinstance(of, str) else None
        return group

    def _row(self, image_id: str) -> int:
        if image_id not in self._place:
            raise DataError(
                f"The model's folder keeps no features of {image_id}, so its neighbours can't be "
                "found without its picture."
            )
        return self._place[image_id]

    def _vector(self, of: str | NDArray[np.floating]) -> NDArray[np.float32]:
        if isinstance(of, str):
            return np.asarray(self._unit[self._row(of)], dtype=np.float32)
        if of.shape != self._unit.shape[1:]:
            raise DataError(
                f"The vector has the shape {of.shape}, the model's features have "
                f"{self._unit.shape[1:]}: ask the network that they come from."
            )
        return _unit(np.asarray(of, dtype=np.float32).reshape(1, -1)).ravel()

    def _without(self, *image_ids: str | None) -> NDArray[np.bool_]:
        allowed = np.ones(len(self), dtype=bool)
        allowed[[self._place[name] for name in image_ids if name in self._place]] = False
        return allowed

    def _ranked(
        self, vector: NDArray[np.float32], allowed: NDArray[np.bool_], k: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Rows and distances of the k nearest allowed cells, nearest first."""
        distances = np.where(allowed, 1 - self._unit @ vector, np.inf)
        k = min(k, int(allowed.sum()))
        if k == 0:
            return np.empty(0, np.intp), np.empty(0, np.float32)
        rows = np.argpartition(distances, k - 1)[:k]
        rows = rows[np.lexsort((rows, distances[rows]))]
        return rows, np.maximum(distances[rows], 0)

    def _neighbour(self, row: int, distance: float, own: str | None) -> Neighbour:
        cell = self.table.iloc[row]
        return Neighbour(
            image_id=str(cell["image_id"]),
            label=_text(cell["label"]),
            subject=_text(cell["subject"]),
            distance=float(distance),
            probability=None if pd.isna(cell["probability"]) else float(cell["probability"]),
            part=cell["part"],
            same_subject=own is not None and self._group[row] == own,
        )


def feature(predictor: "Predictor", cell: "Tensor") -> NDArray[np.float32]:
    """Penultimate vector (F,) of a segmented cell (3, S, S) uint8."""
    import torch

    with predictor.lock, torch.inference_mode():
        vector = predictor.network.forward_features(predictor.normalised(cell[None]))[0]
        return np.asarray(vector.float().cpu().numpy(), dtype=np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Normalise vectors (N, F) to length 1; zero vectors stay zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(length, 1e-12)
    return scaled


def _embeddings(folder: Path) -> tuple[list[str], NDArray[np.float16]]:
    path = folder / model_folder.EMBEDDINGS
    try:
        with np.load(path) as arrays:
            ids, vectors = arrays["image_id"].astype(str).tolist(), arrays["features"]
        if vectors.ndim != 2 or len(ids) != len(vectors) or not np.isfinite(vectors).all():
            raise ValueError("ids and features do not fit")
    except Exception as error:  # zip and npy readers raise many types on damaged files
        raise ModelError(
            f"{path} can't be read, so nobody knows which cells are alike to this model: restore "
            "it or train the model again."
        ) from error
    return ids, vectors


def _described(ids: list[str], folder: Path, known: pd.DataFrame | None) -> pd.DataFrame:
    """Metadata of each cell: from predictions first, then the data set, then its name."""
    names = pd.DataFrame([_by_name(name) for name in ids], index=pd.Index(ids, name="image_id"))
    predictions = _by_id(model_folder.read_predictions(folder)).reindex(ids)
    table = predictions[list(names)].astype(object)
    if known is not None:
        table = table.combine_first(_by_id(known).reindex(ids)[list(names)].astype(object))
    table = table.combine_first(names.astype(object))
    table = table.assign(
        probability=predictions["probability"], part=_parts(ids, folder, predictions["split"])
    )
    return table.reset_index()


def _by_id(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop_duplicates("image_id").set_index("image_id")


def _by_name(image_id: str) -> dict[str, str | None]:
    subject, label = subjects.parse_name(image_id) or (None, None)
    group = None if subject is None else subjects.group_of(subject)
    return {"subject": subject, "group": group, "label": label}


def _groups(table: pd.DataFrame) -> NDArray[np.object_]:
    """(N,) independent subject of each cell, None where unknown."""
    pairs = zip(map(_text, table["group"]), map(_text, table["subject"]), strict=True)
    known = [group or (subject and subjects.group_of(subject)) for group, subject in pairs]
    return np.array(known, dtype=object)


def _parts(ids: list[str], folder: Path, held_out: "pd.Series[str]") -> list[str]:
    trained_on = model_folder.read_split(folder).reindex(ids) == "train"
    return [
        _part(trained, None if pd.isna(part) else str(part))
        for trained, part in zip(trained_on, held_out, strict=True)
    ]


def _part(trained: bool, held_out: str | None) -> Part:
    if trained:
        return "train" if held_out is None else "out-of-fold"
    return "test" if held_out == "test" else "validation" if held_out else "unknown"


def _text(value: str | float | None) -> str | None:
    return None if pd.isna(value) else str(value)
