"""Thumbnails that no index refers to any more."""

import time
from pathlib import Path

import pandas as pd
import pyarrow as pa

from allcore.audit.index import store

GRACE = 3600.0
"""Seconds that a thumbnail is kept from its last use: a run writes thumbnails before the rows that
refer to them."""


def prune(home: Path | None = None, *, grace: float = GRACE) -> int:
    """Remove thumbnails that no index refers to, of whichever data set, and say how many.

    None is removed while an index is there that can't be read, for nobody knows what it refers to.

    Args:
        home: state folder; None takes the settings'.
        grace: seconds since its last use that a thumbnail is kept anyway.
    """
    kept = store.thumbnails(home)
    try:
        wanted = _wanted(kept.parent)
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return 0
    until, removed = time.time() - grace, 0
    for file in kept.glob("*/*.webp"):
        if file.stem not in wanted and file.stat().st_mtime <= until:
            file.unlink(missing_ok=True)
            removed += 1
    return removed


def _wanted(indexes: Path) -> set[str]:
    """Digests of all pictures of all indexes and of the parts of those under way."""
    tables = [*indexes.glob(f"*/{store.CELLS}"), *indexes.glob(f"*/{store.PARTS}/*.parquet")]
    wanted: set[str] = set()
    for table in tables:
        wanted.update(pd.read_parquet(table, columns=["sha256"])["sha256"])
    return wanted
