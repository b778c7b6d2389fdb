"""The pictures of a catalogue for galleries: thumbnails of the index where it has them."""

from pathlib import Path

import pandas as pd

from allcore.audit.index import store
from allcore.audit.index.catalogue import Catalogue
from allcore.data import thumbnails
from allcore.data.safe_paths import Within
from allcore.data.thumbnails import Source

NEEDED = ("file_sha256", "size_bytes", "mtime_ns", "error")


def sources(catalogue: Catalogue, rows: pd.DataFrame, *, home: Path | None = None) -> list[Source]:
    """The pictures of some rows of a catalogue's table, in their order.

    The index's thumbnail is taken where the file is as it was indexed, or is gone since; the
    picture itself is decoded where it is new, changed, or has no thumbnail.

    Args:
        catalogue: the data set.
        rows: of ``catalogue.table``.
        home: state folder; None takes the settings'.
    """
    if not set(NEEDED) <= set(rows):
        return thumbnails.sources(catalogue.manifest, rows)
    within = Within(catalogue.manifest.root)
    columns = rows[["path", "sha256", *NEEDED]].itertuples(index=False)
    return [
        _source(within, path, digest, (size, time), home)
        if isinstance(digest, str) and digest and not error
        else thumbnails.source(within, path, recorded)
        for path, recorded, digest, size, time, error in columns
    ]


def _source(
    within: Within, path: str, digest: str, known: tuple[float, float], home: Path | None
) -> Source:
    """The picture of a row that the index has.

    Args:
        within: the data set's folder.
        path: of the file below it.
        digest: of the file that was indexed.
        known: size and time of that file.
        home: state folder.
    """
    file, found = thumbnails.stat(within, path)
    size, time = known
    # A table with gaps holds the time as a float, which is good to a microsecond.
    if found is None or (found.st_size == size and abs(found.st_mtime_ns - time) < 1000):
        return Source(file, digest, store.thumbnail(digest, home))
    return thumbnails.source(within, path)
