"""Input of all checks: manifest, index, split and held-out predictions of a data set."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.index.store import Index
from allcore.data import duplicate_cells
from allcore.data.manifest import Manifest


@dataclass(frozen=True)
class AuditInputs:
    """A data set of N images as input of the checks."""

    manifest: Manifest  # labels, subjects, groups and splits
    index: Index  # the measured images, in the manifest's order
    parts: NDArray[np.object_]  # (N,) part of a split that each image is in, None where in none
    # held-out predictions of the installed model; None where there are none
    predictions: pd.DataFrame | None = None
    judge_name: str = ""  # name of that model

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        index: Index,
        *,
        split: "pd.Series[str] | None" = None,
        predictions: pd.DataFrame | None = None,
        judge_name: str = "",
    ) -> "AuditInputs":
        """Return the inputs for the images that are both in the manifest and in the index.

        ``split`` is the part by image id; None takes the manifest's column ``split``.
        """
        known = manifest.table["image_id"].isin(index.table["image_id"])
        table = manifest.table[known].reset_index(drop=True)
        positions = pd.Series(np.arange(len(index)), index=index.table["image_id"])
        rows = positions.loc[table["image_id"]].to_numpy(dtype=np.intp)
        parts = table["split"] if split is None else split.reindex(table["image_id"])
        return cls(
            replace(manifest, table=table),
            _select_rows(index, rows),
            _texts(parts),
            predictions,
            judge_name,
        )

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        """(N,) image ids."""
        return np.asarray(self.index.table["image_id"], dtype=object)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """(N,) True where the image could be measured."""
        return np.asarray(self.index.table["error"] == "", dtype=bool)

    @cached_property
    def labels(self) -> NDArray[np.object_]:
        """(N,) ``all``, ``hem`` or None."""
        return _texts(self.manifest.table["label"])

    @cached_property
    def subjects(self) -> NDArray[np.object_]:
        """(N,) recorded subject of each image, None where unknown."""
        return _texts(self.manifest.table["subject"])

    @cached_property
    def groups(self) -> NDArray[np.object_]:
        """(N,) independent subject; an image of unknown subject is a group of its own."""
        return _texts(self.manifest.table["group"])

    @cached_property
    def exact_pairs(self) -> NDArray[np.intp]:
        """(P, 2) rows of byte-identical files, each paired with the first such file."""
        return duplicate_cells.identical_pairs(self.index.table["sha256"].replace("", np.nan))

    @cached_property
    def near_pairs(self) -> NDArray[np.intp]:
        """(P, 2) rows of near duplicates: images of one cell whose files differ."""
        pairs = self.index.twins
        digests = self.index.table["sha256"].to_numpy()
        differ = np.asarray(digests[pairs[:, 0]] != digests[pairs[:, 1]], dtype=bool)
        return np.asarray(pairs[differ], dtype=np.intp)

    @cached_property
    def same_cell_pairs(self) -> NDArray[np.intp]:
        """(P, 2) rows of exact and near duplicates."""
        return np.concatenate([self.exact_pairs, self.near_pairs])

    def connected_rows(self, pairs: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Return the connected components of pairs as rows, the largest first."""
        number, rows = duplicate_cells.connected_components(pairs, len(self)), np.unique(pairs)
        rows_by_set = pd.Series(rows).groupby(number[rows])
        return sorted((one_set.to_numpy() for _, one_set in rows_by_set), key=len, reverse=True)

    def image_ids(self, rows: Iterable[int] | NDArray[np.integer]) -> tuple[str, ...]:
        """Return the image ids of rows, in their order."""
        return tuple(str(self.ids[row]) for row in rows)


def _select_rows(index: Index, rows: NDArray[np.intp]) -> Index:
    if len(rows) == len(index) and (np.diff(rows) == 1).all():
        return index  # its arrays stay where they are, without a copy in memory
    place = np.full(len(index), -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    pairs = np.sort(place[index.twins].reshape(-1, 2), axis=1)
    return Index(
        index.about,
        index.table.iloc[rows].reset_index(drop=True),
        index.grids[rows],
        index.rings[rows],
        index.embeddings[rows],
        pairs[(pairs >= 0).all(axis=1)],
    )


def _texts(column: "pd.Series[str]") -> NDArray[np.object_]:
    values = column.to_numpy(dtype=object)
    return np.array([None if pd.isna(value) else str(value) for value in values], dtype=object)
