"""Parts of an unfinished index, and assembly of their arrays.

A part is a Parquet table of image rows with their arrays as bytes. Two copies of all arrays may
exceed the memory, so rows are gathered without arrays, and each array is read once into its final
place.
"""

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
FINISHED = -1
"""Value of ``part`` for the finished index."""
PLACE = ("part", "row", "length")
"""Location of a row's arrays: number of the part, row in it, bytes of the embedding."""


def write(
    path: Path,
    states: Sequence[FileState],
    cells: Sequence[MeasuredCell],
    vectors: Sequence[NDArray[np.float16] | None],
    *,
    model: str,
) -> None:
    """Write one part."""
    triples = zip(states, cells, vectors, strict=True)
    store.write_table(
        path,
        _typed(pd.DataFrame([_row(state, cell, vector, model) for state, cell, vector in triples])),
    )


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
    tables: list[pd.DataFrame] = []
    files: list[Path] = []
    if finished is not None:
        table = finished.table.drop(columns=["family", "map_x", "map_y"], errors="ignore")
        known = np.isfinite(finished.embeddings).all(axis=1)
        length = np.where(known, finished.embeddings.shape[1] * finished.embeddings.itemsize, 0)
        tables.append(table.assign(part=FINISHED, row=np.arange(len(table)), length=length))
    for file in sorted(folder.glob("*.parquet")):
        try:
            tables.append(_of_part(file, len(files)))
        except (OSError, ValueError, KeyError, pa.ArrowException):
            file.unlink(missing_ok=True)
        else:
            files.append(file)
    if not tables:
        return None
    rows = pd.concat(tables, ignore_index=True).drop_duplicates("image_id", keep="last")
    return (rows, files) if set(COLUMNS) <= set(rows) else None


def arrays(
    rows: pd.DataFrame, files: Sequence[Path], finished: Index | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float16]]:
    """Return grids, rings and embeddings of rows of ``gather``, in their order.

    Missing arrays are 0, missing embeddings NaN. Embeddings whose length differs from the most
    frequent model's are left out.
    """
    lengths = rows.loc[rows["length"] > 0, "length"]
    size = int(lengths.mode().iloc[0]) // 2 if len(lengths) else 0
    grids = np.zeros((len(rows), texture_hashes.GRID, texture_hashes.GRID), dtype=np.uint8)
    rings = np.zeros((len(rows), texture_hashes.RINGS, texture_hashes.ANGLES), dtype=np.uint8)
    embeddings = np.full((len(rows), size), np.nan, dtype=np.float16)
    number, own = (rows[name].to_numpy(dtype=np.intp) for name in ("part", "row"))
    if finished is not None:
        into = np.flatnonzero(number == FINISHED)
        grids[into], rings[into] = finished.grids[own[into]], finished.rings[own[into]]
        if finished.embeddings.shape[1] == size:
            embeddings[into] = finished.embeddings[own[into]]
    order = np.argsort(number, kind="stable")
    edges = np.searchsorted(number[order], np.arange(len(files) + 1))
    for part, file in enumerate(files):
        into = order[edges[part] : edges[part + 1]]
        table = pq.read_table(file, columns=list(ARRAYS)).take(own[into])
        _fill(grids, into, table["grid"].to_pylist())
        _fill(rings, into, table["rings"].to_pylist())
        _fill(embeddings, into, table["embedding"].to_pylist())
    return grids, rings, embeddings


def _fill(whole: NDArray[Any], into: NDArray[np.intp], cells: Sequence[bytes | None]) -> None:
    wanted = whole[:1].nbytes
    for row, cell in zip(into, cells, strict=True):
        if cell is not None and len(cell) == wanted:
            whole[row] = np.frombuffer(cell, dtype=whole.dtype).reshape(whole.shape[1:])


def _of_part(file: Path, number: int) -> pd.DataFrame:
    table_on_disk = pq.read_table(file, columns=[*COLUMNS, "embedding"])
    # Without any embedding the column has no type.
    vectors = table_on_disk["embedding"].cast(pa.binary())
    length = pc.fill_null(pc.binary_length(vectors), 0).to_numpy()
    table: pd.DataFrame = table_on_disk.drop_columns(["embedding"]).to_pandas()
    return table.assign(part=number, row=np.arange(len(table)), length=length)


def _row(
    state: FileState, cell: MeasuredCell, embedding: NDArray[np.float16] | None, model: str
) -> dict[str, object]:
    return {
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


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return all columns in fixed order and type."""
    texts = dict.fromkeys((*TEXTS, "border"), object)  # a column without values would be float
    rows = rows.reindex(columns=[*COLUMNS, *ARRAYS]).astype(texts)
    kinds: dict[str, str] = dict.fromkeys(TEXTS, "str")
    kinds |= dict.fromkeys(("size_bytes", "mtime_ns", *WHOLE), "int64")
    kinds |= dict.fromkeys(features.NUMBERS, "float32") | {"border": "bool"}
    filled = dict.fromkeys(TEXTS, "") | dict.fromkeys(WHOLE, 0)
    typed = rows.fillna(filled | {"border": False}).astype(kinds)
    packed = {name: typed[name].astype(object).where(typed[name].notna(), None) for name in ARRAYS}
    return typed.assign(**packed)
