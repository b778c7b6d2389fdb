"""The cells that a network takes for the most alike: nearest by penultimate features.

Likeness is the cosine between two penultimate vectors. A vector's length says mostly how sure the
network is, so that by Euclidean distance a cell's neighbours are whatever the network is as sure
of, not what looks like it; by cosine more of them have the cell's own label and subject.

The vectors come from the network in the folder, which was trained on most of these cells: they
tell what it holds for alike, not how it does on new cells. The probabilities beside are held out.
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
"""Of a neighbour in the model's split; out-of-fold: the network was trained on it, but its
probability is of a network that never saw its subject."""
NEARBY = 50
"""Cells among which `Neighbours.accuracy_nearby` looks."""


@dataclass(frozen=True)
class Neighbour:
    """A cell near another one.

    Attributes:
        image_id: of the cell.
        label: ``all``, ``hem`` or None.
        subject: or None where unknown.
        distance: 1 minus the cosine of the two vectors, 0 (alike) to 2.
        probability: held-out probability of an ALL blast; None where there is none.
        part: of the model's split.
        same_subject: whether both cells are of one independent subject, so that they look alike
            for another reason than their kind.
    """

    image_id: str
    label: str | None
    subject: str | None
    distance: float
    probability: float | None
    part: Part
    same_subject: bool


@dataclass(frozen=True)
class LocalAccuracy:
    """How often the model is right around a cell.

    Attributes:
        accuracy: its accuracy there, over cells and over subjects.
        cells: labelled cells with a held-out probability that were looked at.
        subjects: independent subjects of these; None where any is unknown.
        same_subject: how many of the cells are of the cell's own subject.
    """

    accuracy: Estimate
    cells: int
    subjects: int | None
    same_subject: int


class Neighbours:
    """Cells of one model folder by their penultimate vectors; only to read, from any thread.

    Args:
        table: one row a cell: image_id, label, subject, group, probability and part; what is
            unknown is None or NaN.
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
        """The cells whose features a model folder records.

        Args:
            folder: ``models/<name>``.
            known: a data set's table (image_id, label, subject, group), for cells that were only
                trained on: a model folder names these without a label, which only C-NMC's names
                carry.

        Raises:
            ModelError: the features, or what belongs to them, are missing or damaged.
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
        """The k nearest cells, nearest first; a cell is no neighbour of itself.

        Args:
            of: id of a cell of this table, or a vector (F,) as `feature` gives it.
            k: how many, fewer where there are not so many.
            subject: of the queried cell, where only its vector is given.
            exclude_subject: leave out this subject and those it is merged with.
            exclude_id: leave out this cell.

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
        """How often the model is right among the k nearest cells that it can be judged on.

        These have a label and a held-out probability; None where there is no such cell.

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
        """The independent subject of the queried cell."""
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
        """Rows of the k nearest that are allowed and their distances, nearest first."""
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
    """The penultimate vector (F,) of a cut cell (3, S, S) uint8."""
    import torch

    with predictor.lock, torch.inference_mode():
        vector = predictor.network.forward_features(predictor.normalised(cell[None]))[0]
        return np.asarray(vector.float().cpu().numpy(), dtype=np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (N, F) of length 1; one of zeros stays so, and is near to nothing."""
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
    except Exception as error:  # zip and npy readers raise many kinds on damaged files
        raise ModelError(
            f"{path} can't be read, so nobody knows which cells are alike to this model: restore "
            "it or train the model again."
        ) from error
    return ids, vectors


def _described(ids: list[str], folder: Path, known: pd.DataFrame | None) -> pd.DataFrame:
    """What is known of each cell: from predictions first, then the data set, then its name."""
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
    """(N,) the independent subject of each cell, None where unknown."""
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
