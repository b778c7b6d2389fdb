"""A data set with its index as one table, the input of pages."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from allcore.audit.index import store
from allcore.audit.index.queries import QueryTable
from allcore.audit.index.store import About
from allcore.data import dataset_counts, readers, thumbnails
from allcore.data.manifest import Manifest
from allcore.data.safe_paths import PathResolver
from allcore.data.thumbnails import ImageSource
from allcore.errors import DataError


@dataclass(frozen=True)
class Catalogue:
    """A data set of N images; read-only, as all sessions share it.

    Attributes:
        path: folder or CSV file of the data set.
        manifest: its current manifest.
        about: of the index; None where it is not indexed.
        table: (N) rows in the manifest's order: label, subject and split filled in by
            ``dataset_counts.with_placeholders``; ``indexed``; ``error``, why an image can't be
            used; ``copies``, the number of images of the same cell, including itself; and, with an
            index, its columns (``store.Index``), NaN for images that are not indexed, with its
            digest as ``file_sha256``.
        problem: why an existing index can't be used, one sentence; empty without one.
    """

    path: Path
    manifest: Manifest
    about: About | None
    table: pd.DataFrame
    problem: str = ""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_indexed(self) -> bool:
        """True if there is a usable index."""
        return self.about is not None

    @cached_property
    def shelf(self) -> QueryTable:
        """The table, prepared for filters and sorting."""
        return QueryTable(self.table)

    @cached_property
    def measured(self) -> pd.DataFrame:
        """Rows of the measured images."""
        return self.table[self.table["indexed"] & (self.table["error"] == "")]


def load(
    data: Path, *, parts: "pd.Series[str] | None" = None, home: Path | None = None
) -> Catalogue:
    """Load a data set and its index.

    Args:
        data: folder or CSV file that ``readers.read`` understands.
        parts: part of a split by image id; None takes the data set's own.
        home: state folder; None takes the settings'.

    Raises:
        DataError: the data set can't be read. An unreadable index is reported in ``problem``
            instead.
    """
    return from_manifest(data, readers.read(data), parts=parts, home=home)


def from_manifest(
    data: Path,
    manifest: Manifest,
    *,
    parts: "pd.Series[str] | None" = None,
    home: Path | None = None,
) -> Catalogue:
    """Build the catalogue of a manifest; see ``load``."""
    about, rows, problem = _index(data, home)
    known = None if parts is None else manifest.table["image_id"].map(parts)
    table = dataset_counts.with_placeholders(manifest, known)
    return Catalogue(data, manifest, about, _with(table, rows), problem)


def _index(data: Path, home: Path | None) -> tuple[About | None, pd.DataFrame | None, str]:
    if store.read_about(store.folder(data, home)) is None:
        return None, None, ""
    try:
        about, rows = store.read_rows(data, home)
    except DataError as error:
        return None, None, str(error)
    return about, rows, ""


def _with(table: pd.DataFrame, rows: pd.DataFrame | None) -> pd.DataFrame:
    """Join the manifest's table with the index's columns."""
    if rows is None:
        return table.assign(indexed=False, error="", copies=1)
    # The index has digests of the files; a table may have those of the originals.
    rows = rows.drop(columns="path").rename(columns={"sha256": "file_sha256"})
    joined = table.merge(
        rows, how="left", on="image_id", validate="one_to_one", indicator="indexed"
    )
    joined["indexed"] = joined["indexed"] == "both"
    joined["error"] = joined["error"].fillna("")
    copies = joined.groupby("family")["image_id"].transform("size")
    return joined.assign(copies=copies.fillna(1).astype(int))


_INDEX_COLUMNS = ("file_sha256", "size_bytes", "mtime_ns", "error")


def image_sources(
    catalogue: Catalogue, rows: pd.DataFrame, *, home: Path | None = None
) -> list[ImageSource]:
    """Return the image sources of rows of a catalogue's table, in their order.

    The index's thumbnail is used where the file is unchanged or missing. Otherwise the image is
    decoded.

    Args:
        catalogue: the data set.
        rows: of ``table``.
        home: state folder; None takes the settings'.
    """
    if not set(_INDEX_COLUMNS) <= set(rows):
        return thumbnails.sources(catalogue.manifest, rows)
    within = PathResolver(catalogue.manifest.root)
    columns = rows[["path", "sha256", *_INDEX_COLUMNS]].itertuples(index=False)
    return [
        _source(within, path, digest, (size, time), home)
        if isinstance(digest, str) and digest and not error
        else thumbnails.source(within, path, recorded)
        for path, recorded, digest, size, time, error in columns
    ]


def _source(
    within: PathResolver, path: str, digest: str, indexed: tuple[float, float], home: Path | None
) -> ImageSource:
    """Image source of an indexed row.

    Args:
        within: resolver of the data set's folder.
        path: of the file below it.
        digest: of the indexed file.
        indexed: size and time of that file.
        home: state folder.
    """
    file, state = thumbnails.stat(within, path)
    size, time = indexed
    # A table with gaps holds the time as a float, which is good to a microsecond.
    if state is None or (state.st_size == size and abs(state.st_mtime_ns - time) < 1000):
        return ImageSource(file, digest, store.thumbnail(digest, home))
    return thumbnails.source(within, path)
