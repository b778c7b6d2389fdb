"""Parts of an unfinished index, and assembly of their arrays.

A part is a Parquet table of image rows with their arrays as bytes. Two copies of all arrays may
exceed the memory, so rows are gathered without arrays, and each array is read once into its final
place.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from allcore.audit.index import features, store, texture_hashes
from allcore.audit.index.features import MeasuredCell
from allcore.audit.index.files import FileState
from allcore.audit.index.store import Index

TEXTS = ("image_id", "path", "sha256", "error", "phash", "model_sha256")
WHOLE = ("width", "height", "objects")
COLUMNS = (
    *TEXTS[:5], "size_bytes", "mtime_ns", *WHOLE, *features.NUMBERS, "border", "model_sha256",
)  # fmt: skip
ARRAYS = ("grid", "rings", "embedding")
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(TEXTS, pa.string()),
    **dict.fromkeys(("size_bytes", "mtime_ns", *WHOLE), pa.int64()),
    **dict.fromkeys(features.NUMBERS, pa.float32()),
    "border": pa.bool_(),
    **dict.fromkeys(ARRAYS, pa.binary()),
}
_SCHEMA = pa.schema([(name, _TYPES[name]) for name in (*COLUMNS, *ARRAYS)])
_DEFAULTS: dict[str, object] = {
    **dict.fromkeys(TEXTS, ""),
    **dict.fromkeys(WHOLE, 0),
    **dict.fromkeys(features.NUMBERS, float("nan")),
    "border": False,
}
"""Values of columns that an unusable image lacks."""
FINISHED = -1
"""Value of ``part`` for the finished index."""
PLACE = ("part", "row", "length")
"""Location of a row's arrays: number of the part, row in it, bytes of the embedding."""


Cell = tuple[FileState, MeasuredCell, NDArray[np.float16] | None]
"""A file, its content and its embedding."""


def write(path: Path, cells: Sequence[Cell], *, model: str) -> None:
    """Write one part."""
    rows = [_row(*cell, model) for cell in cells]
    # Without a data frame in between, whose making takes longer than the rest.
    table = pa.table({name: [row[name] for row in rows] for name in _SCHEMA.names}, schema=_SCHEMA)
    store.replace(path, lambda file: pq.write_table(table, file, compression="zstd"))


def next_number(folder: Path) -> int:
    """Return the number of the next part."""
    numbers = [int(part.stem) for part in folder.glob("*.parquet") if part.stem.isdigit()]
    return max(numbers, default=0) + 1


def gather(folder: Path, finished: Index | None) -> tuple[pd.DataFrame, list[Path]] | None:
    """Return the latest row of each image of a finished index and of a stopped run; None without.

    Unreadable parts are removed.

    Returns:
        ``COLUMNS`` and ``PLACE`` of each image, and the parts by number.
    """
    parts: list[pa.Table] = []
    files: list[Path] = []
    for file in sorted(folder.glob("*.parquet")):
        try:
            parts.append(_of_part(file, len(files)))
        except (OSError, ValueError, KeyError, pa.ArrowException):
            file.unlink(missing_ok=True)
        else:
            files.append(file)
    tables: list[pd.DataFrame] = []
    if finished is not None:
        table = finished.table.drop(columns=["family", "map_x", "map_y"], errors="ignore")
        size = finished.embeddings.shape[1] * finished.embeddings.itemsize
        length = np.where(finite_rows(finished.embeddings), size, 0)
        tables.append(table.assign(part=FINISHED, row=np.arange(len(table)), length=length))
    if parts:
        tables.append(pa.concat_tables(parts).to_pandas())
    if not tables:
        return None
    rows = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    if rows["image_id"].duplicated().any():
        rows = rows.drop_duplicates("image_id", keep="last")
    return (rows, files) if set(COLUMNS) <= set(rows) else None


def finite_rows(vectors: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return (N,) whether all values of each vector (N, F) are finite, without a large copy."""
    parts = [np.isfinite(vectors[rows]).all(axis=1) for rows in store.blocks(len(vectors))]
    return np.concatenate([np.zeros(0, dtype=bool), *parts])


def arrays(
    rows: pd.DataFrame, files: Sequence[Path], finished: Index | None, folder: Path
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float16]]:
    """Return grids, rings and embeddings of rows of ``gather``, in their order.

    The arrays are written to files in ``folder`` and mapped, as a large data set's exceed the
    memory. Missing arrays are 0, missing embeddings NaN. Embeddings whose length differs from the
    most frequent model's are left out.
    """
    lengths = rows.loc[rows["length"] > 0, "length"]
    size = int(lengths.mode().iloc[0]) // 2 if len(lengths) else 0
    shapes = {
        "grid": (texture_hashes.GRID, texture_hashes.GRID),
        "rings": (texture_hashes.RINGS, texture_hashes.ANGLES),
        "embedding": (size,),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        targets = {
            name: stack.enter_context(_ArrayFile(folder / f"{name}.npy", len(rows), shape))
            for name, shape in shapes.items()
        }
        _fill(targets, rows, files, finished)
    grids, rings, embeddings = (store.mapped(target.path) for target in targets.values())
    return grids, rings, embeddings


def _fill(
    targets: "dict[str, _ArrayFile]",
    rows: pd.DataFrame,
    files: Sequence[Path],
    finished: Index | None,
) -> None:
    number, own = (rows[name].to_numpy(dtype=np.intp) for name in ("part", "row"))
    order = np.argsort(number, kind="stable")
    edges = np.searchsorted(number[order], np.arange(FINISHED, len(files) + 1))
    if finished is not None:
        sources: list[NDArray[Any]] = [finished.grids, finished.rings, finished.embeddings]
        for some in store.blocks(edges[1]):
            into = order[some]
            for target, source in zip(targets.values(), sources, strict=True):
                target.put(into, [row.tobytes() for row in source[own[into]]])
    for part, file in enumerate(files):
        into = order[edges[part + 1] : edges[part + 2]]
        table = pq.read_table(file, columns=list(ARRAYS)).take(own[into])
        for name, target in targets.items():
            target.put(into, table[name].to_pylist())


class _ArrayFile:
    """An array (count, *shape) as a NumPy file that is written row by row.

    Written rather than mapped: a full disk is an ``OSError`` then, not the end of the process.
    """

    def __init__(self, path: Path, count: int, shape: tuple[int, ...]) -> None:
        self.path = path
        floats = len(shape) == 1
        row = np.full(shape, np.nan, np.float16) if floats else np.zeros(shape, np.uint8)
        self._missing, self._file = row.tobytes(), path.open("wb")
        header = {"descr": row.dtype.str, "fortran_order": False, "shape": (count, *shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()

    def __enter__(self) -> "_ArrayFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, into: NDArray[np.intp], cells: Sequence[bytes | None]) -> None:
        """Write the bytes of some rows; other than whole rows are missing ones."""
        size = len(self._missing)
        whole = [
            cell if cell is not None and len(cell) == size else self._missing for cell in cells
        ]
        starts = np.flatnonzero(np.diff(into, prepend=-2) != 1)  # of runs of consecutive rows
        for first, last in zip(starts, [*starts[1:], len(into)], strict=False):
            self._file.seek(self._start + int(into[first]) * size)
            self._file.write(b"".join(whole[first:last]))


def _of_part(file: Path, number: int) -> pa.Table:
    table = pq.read_table(file, columns=[*COLUMNS, "embedding"])
    # Without any embedding the column has no type.
    length = pc.fill_null(pc.binary_length(table["embedding"].cast(pa.binary())), 0)
    whole = table.drop_columns(["embedding"]).append_column("part", [[number] * len(table)])
    return whole.append_column("row", [range(len(table))]).append_column("length", length)


def _row(
    state: FileState, cell: MeasuredCell, embedding: NDArray[np.float16] | None, model: str
) -> dict[str, object]:
    return _DEFAULTS | {
        "image_id": state.image_id,
        "path": state.path,
        "size_bytes": state.size,
        # -1 makes the next run retry the file.
        "mtime_ns": -1 if cell.again else state.time,
        "sha256": cell.sha256,
        "error": cell.error,
        "model_sha256": model,
        **cell.values,
        "grid": _packed(cell.grid),
        "rings": _packed(cell.rings),
        "embedding": _packed(embedding),
    }


def _packed(array: NDArray[np.generic] | None) -> bytes | None:
    return None if array is None else np.ascontiguousarray(array).tobytes()
