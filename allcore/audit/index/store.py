"""Location, reading and writing of the index of a data set.

``ALLSCOPE_HOME/index/<key>/`` holds ``cells.parquet`` (one row an image), ``grid.npy``,
``rings.npy`` and ``embedding.npy`` (textures, and embeddings in float16, by row), ``twins.parquet``
(pairs of near duplicates) and ``index.json``. ``parts/`` holds the results of an unfinished run.
``ALLSCOPE_HOME/index/thumbnails/`` holds the thumbnails of all data sets by content. Every file is
written under a temporary name and renamed, so that no reader sees a partial file.
"""

import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from allcore import settings
from allcore.errors import DataError

VERSION = 1
"""Raised whenever a column changes its meaning; an older index is rebuilt."""
CELLS, TWINS, ABOUT, PARTS = "cells.parquet", "twins.parquet", "index.json", "parts"
ARRAYS = ("grid.npy", "rings.npy", "embedding.npy")
OLD_ARRAYS = "arrays.npz"
"""Arrays of an index that was written before they had a file each."""
BLOCK = 4096
"""Rows of an array that are in memory at a time."""
GRACE = 3600.0
"""Seconds that a thumbnail is kept after its last use: a run writes thumbnails before the rows that
refer to them."""


@dataclass(frozen=True)
class About:
    """Content of ``index.json``."""

    root: str  # indexed folder or CSV file
    name: str  # of the data set
    version: int = VERSION  # of the format
    model: str = ""  # name of the embeddings' model; empty without embeddings
    model_sha256: str = ""  # digest of its weights
    finished: str = ""  # time of completion, in ISO 8601
    # of the last run: counts of ``added``, ``changed``, ``dropped``, ``kept``
    changes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Index:
    """A finished index of N images; arrays are in the table's order."""

    about: About  # its origin
    # image_id, path, size_bytes, mtime_ns, sha256, width, height, error, the measures of
    # ``allcore.audit.index.features``, phash, family, map_x, map_y
    table: pd.DataFrame
    grids: NDArray[np.uint8]  # (N, GRID, GRID) uint8, 0 where an image can't be used
    rings: NDArray[np.uint8]  # (N, RINGS, ANGLES) uint8
    # (N, F) float16, NaN where an image can't be used; F is 0 without a model
    embeddings: NDArray[np.float16]
    twins: NDArray[np.intp]  # (P, 2) row numbers of near duplicates, the lower first

    def __len__(self) -> int:
        return len(self.table)


def folder(data: Path, home: Path | None = None) -> Path:
    """Return the index folder of a data set, a folder or CSV file; it need not exist."""
    whole = data.expanduser().resolve()
    digest = hashlib.sha256(os.fsencode(whole)).hexdigest()[:12]
    name = re.sub(r"[^A-Za-z0-9]+", "-", whole.name)[:40].strip("-")
    return _home(home) / (f"{name}-{digest}" if name else digest)


def thumbnail(sha256: str, home: Path | None = None) -> Path:
    """Return the thumbnail file of an image file's digest; it need not exist."""
    return thumbnails(home) / sha256[:2] / f"{sha256}.webp"


def thumbnails(home: Path | None = None) -> Path:
    """Return the folder of the thumbnails of all data sets."""
    return _home(home) / "thumbnails"


def read_rows(data: Path, home: Path | None = None) -> tuple[About, pd.DataFrame]:
    """Read the table of a finished index without its arrays, which are large.

    Raises:
        DataError: the index is missing, damaged or of another version.
    """
    path = folder(data, home)
    about = read_about(path)
    if about is None or about.version != VERSION:
        kind = "is not indexed yet" if about is None else "has an index of another version"
        raise DataError(f"{data} {kind}: {_again(data)}")
    try:
        return about, pd.read_parquet(path / CELLS)
    except Exception as error:  # Parquet readers raise many errors on damaged files
        raise _damaged(data, path) from error


def read(data: Path, home: Path | None = None, *, arrays: bool = True) -> Index:
    """Read the finished index of a data set.

    Args:
        data: the data set.
        home: state folder; None takes the settings'.
        arrays: whether to map textures and embeddings, which are large; else they are empty.

    Raises:
        DataError: the index is missing, damaged or of another version.
    """
    about, table = read_rows(data, home)
    path = folder(data, home)
    grids = rings = np.zeros((len(table), 0, 0), dtype=np.uint8)
    embeddings = np.zeros((len(table), 0), dtype=np.float16)
    try:
        pairs = pd.read_parquet(path / TWINS)[["one", "other"]].to_numpy(dtype=np.intp)
        if arrays:
            grids, rings, embeddings = _arrays(path)
        if not len(table) == len(grids) == len(rings) == len(embeddings):
            raise ValueError("rows and arrays do not fit")
    except Exception as error:  # Parquet and zip readers raise many errors on damaged files
        raise _damaged(data, path) from error
    return Index(about, table, grids, rings, embeddings, pairs)


def _arrays(path: Path) -> list[NDArray[Any]]:
    """Grids, rings and embeddings of an index folder."""
    if (path / OLD_ARRAYS).exists():
        with np.load(path / OLD_ARRAYS) as file:
            return [file["grids"], file["rings"], file["embeddings"]]
    return [mapped(path / name) for name in ARRAYS]


def mapped(path: Path) -> NDArray[Any]:
    """Return the array of a NumPy file, whose rows are read when they are used."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # an empty array can't be mapped
        array = np.load(path, allow_pickle=False)
    return array


def blocks(count: int) -> Iterator[slice]:
    """Yield consecutive slices of ``BLOCK`` of so many rows."""
    for start in range(0, count, BLOCK):
        yield slice(start, start + BLOCK)


def _save(array: NDArray[Any], file: IO[bytes]) -> None:
    np.save(file, array, allow_pickle=False)


def read_about(path: Path) -> About | None:
    """Read ``index.json`` of an index folder; None where it is missing or invalid."""
    try:
        return About(**json.loads((path / ABOUT).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, index: Index) -> None:
    """Write a finished index, ``index.json`` last, and remove its parts."""
    path.mkdir(parents=True, exist_ok=True)
    # Without index.json no reader combines the new table with the old arrays.
    (path / ABOUT).unlink(missing_ok=True)
    write_table(path / CELLS, index.table)
    write_table(path / TWINS, pd.DataFrame(index.twins, columns=["one", "other"]))
    arrays: tuple[NDArray[Any], ...] = (index.grids, index.rings, index.embeddings)
    for name, array in zip(ARRAYS, arrays, strict=True):
        written = getattr(array, "filename", None)
        if written is not None and Path(written) == (path / PARTS / name).resolve():
            os.replace(written, path / name)
        else:
            replace(path / name, functools.partial(_save, array))
    (path / OLD_ARRAYS).unlink(missing_ok=True)
    replace(path / ABOUT, about_text(index.about))
    shutil.rmtree(path / PARTS, ignore_errors=True)


def about_text(about: About) -> bytes:
    """Return the content of ``index.json``."""
    return (json.dumps(asdict(about), indent=2, ensure_ascii=False) + "\n").encode()


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet atomically."""
    replace(path, table.to_parquet(index=False, compression="zstd"))


def replace(path: Path, content: bytes | Callable[[IO[bytes]], object]) -> None:
    """Write a file atomically: under a temporary name, then renamed.

    Raises:
        DataError: the folder can't be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        with os.fdopen(number, "wb") as file:
            content(file) if callable(content) else file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    finally:
        Path(name).unlink(missing_ok=True)


def unwritable(folder: Path, error: OSError) -> DataError:
    """Return the error for an index folder that can't be written to."""
    return DataError(
        f"The index can't be written to {folder} ({error.strerror}): set ALLSCOPE_HOME to a "
        "folder that can be written to and has room."
    )


def _damaged(data: Path, path: Path) -> DataError:
    return DataError(f"The index of {data} is damaged: delete {path} and {_again(data)}")


def _again(data: Path) -> str:
    return f"run 'python -m allcore index --data {data}'."


def _home(home: Path | None) -> Path:
    return (home or settings.load().home) / "index"


def prune(home: Path | None = None, *, grace: float = GRACE) -> int:
    """Remove thumbnails that no index of any data set refers to, and return their number.

    None is removed while any index is unreadable, as its references are unknown.
    """
    indexes, referenced = _home(home), set()
    try:
        for table in (*indexes.glob(f"*/{CELLS}"), *indexes.glob(f"*/{PARTS}/*.parquet")):
            referenced |= set(pd.read_parquet(table, columns=["sha256"])["sha256"])
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return 0
    until, removed = time.time() - grace, 0
    for file in thumbnails(home).glob("*/*.webp"):
        if file.stem not in referenced and file.stat().st_mtime <= until:
            file.unlink(missing_ok=True)
            removed += 1
    return removed
