"""A data set with its index as one table, the input of pages."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from allcore.audit.index import store
from allcore.audit.index.queries import QueryTable
from allcore.audit.index.store import About
from allcore.data import dataset_counts, thumbnails
from allcore.data.manifest import Manifest
from allcore.data.safe_paths import PathResolver
from allcore.data.thumbnails import ImageSource
from allcore.errors import DataError


@dataclass(frozen=True)
class Catalogue:
    """A data set of N images; read-only, as all sessions share it."""

    path: Path  # folder or CSV file of the data set
    manifest: Manifest  # its current manifest
    about: About | None  # of the index; None where it is not indexed
    # (N) rows in the manifest's order: label, subject and split filled in by
    # ``dataset_counts.with_placeholders``; ``indexed``; ``error``, why an image can't be used;
    # ``copies``, the number of images of the same cell, including itself; and, with an index, its
    # columns (``store.Index``), NaN for images that are not indexed, with its digest as
    # ``file_sha256``
    table: pd.DataFrame
    problem: str = ""  # why an existing index can't be used, one sentence; empty without one

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


def load(data: Path, manifest: Manifest, *, parts: "pd.Series[str] | None" = None) -> Catalogue:
    """Join a manifest with its index; an unreadable index is reported in ``problem``.

    Args:
        data: folder or CSV file of the manifest.
        manifest: the data set.
        parts: part of a split by image id; None takes the data set's own.
    """
    known = None if parts is None else manifest.table["image_id"].map(parts)
    table = dataset_counts.with_placeholders(manifest, known)
    bare = Catalogue(data, manifest, None, table.assign(indexed=False, error="", copies=1))
    if store.read_about(store.folder(data)) is None:
        return bare
    try:
        about, rows = store.read_rows(data)
    except DataError as error:
        return replace(bare, problem=str(error))
    # The index has digests of the files; a table may have those of the originals.
    rows = rows.drop(columns="path").rename(columns={"sha256": "file_sha256"})
    joined = table.merge(
        rows, how="left", on="image_id", validate="one_to_one", indicator="indexed"
    )
    joined["indexed"] = joined["indexed"] == "both"
    joined["error"] = joined["error"].fillna("")
    copies = joined.groupby("family")["image_id"].transform("size").fillna(1).astype(int)
    return Catalogue(data, manifest, about, joined.assign(copies=copies))


_INDEX_COLUMNS = ("file_sha256", "size_bytes", "mtime_ns", "error")


def image_sources(catalogue: Catalogue, rows: pd.DataFrame) -> list[ImageSource]:
    """Return the image sources of rows of a catalogue's table, in their order.

    The index's thumbnail is used where the file is unchanged or missing. Otherwise the image is
    decoded.
    """
    if not set(_INDEX_COLUMNS) <= set(rows):
        return thumbnails.sources(catalogue.manifest, rows)
    resolver = PathResolver(catalogue.manifest.root)
    columns = rows[["path", "sha256", *_INDEX_COLUMNS]].itertuples(index=False)
    return [
        _indexed_source(resolver, path, digest, (size, time))
        if isinstance(digest, str) and digest and not error
        else thumbnails.source(resolver, path, recorded)
        for path, recorded, digest, size, time, error in columns
    ]


def _indexed_source(
    resolver: PathResolver, path: str, digest: str, indexed: tuple[float, float]
) -> ImageSource:
    """Image source of a file with the size, time and digest that it had when it was indexed."""
    file, state = thumbnails.stat(resolver, path)
    size, time = indexed
    # A table with gaps holds the time as a float, which is good to a microsecond.
    if state is None or (state.st_size == size and abs(state.st_mtime_ns - time) < 1000):
        return ImageSource(file, digest, store.thumbnail(digest))
    return thumbnails.source(resolver, path)
