"""Make the index of a data set, or bring it up to date.

Only files that are new or have another size or time are read. What is done is written in chunks, so
that a run which is stopped loses at most one of them, and memory does not grow with the data set.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from filelock import Timeout
from numpy.typing import NDArray
from PIL import Image

from allcore.data import readers, thumbnails
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.index import features, files, hashes, running, store, vectors
from allcore.index.features import Cell
from allcore.index.files import State
from allcore.index.running import Stopped
from allcore.index.store import About, Index

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor

CHUNK = 128
WORKERS = 2
TEXTS = ("image_id", "path", "sha256", "error", "phash")
WHOLE = ("width", "height", "objects")
ARRAYS = ("grid", "rings", "embedding")


@dataclass(frozen=True)
class Changes:
    """What a run did.

    Attributes:
        added: images that were not in the index.
        changed: images whose file changed, or that lacked the model's embedding.
        dropped: images that are no longer in the data set.
        kept: images that were not read again.
        unreadable: images that can't be used, of all.
    """

    added: int
    changed: int
    dropped: int
    kept: int
    unreadable: int

    @property
    def nothing(self) -> bool:
        """Whether the index stays as it was."""
        return self.added == self.changed == self.dropped == 0


def build(
    data: Path,
    *,
    predictor: "Predictor | None" = None,
    loader: "Callable[[], Predictor] | None" = None,
    home: Path | None = None,
    start: Callable[[int], object] | None = None,
    progress: Callable[[int], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Changes:
    """Index a data set: read what is new, drop what is gone, keep the rest.

    An interrupt (Ctrl-C) keeps what was read, and the next run goes on from there. How far it is
    stands in the index folder while it runs, and a file there stops it: see ``running``.

    Args:
        data: folder or CSV file that ``readers.read`` understands.
        predictor: the model of the embeddings; None leaves them as they are.
        loader: gives the model once the run has begun, in place of ``predictor``: a model that
            can't be loaded is then a run that failed.
        home: state folder; None takes the settings'.
        start: called with the number of files to read.
        progress: called with the number of files read since the last call.
        cancelled: asked after every chunk; True stops as an interrupt does.

    Raises:
        DataError: the data set can't be read or vanishes, the index can't be written, another run
            is at it, or it was stopped (``Stopped``). The index keeps what it has.
    """
    if not data.expanduser().exists():
        readers.read(data)  # says so, before anything is written
    path = store.folder(data, home)
    try:
        with running.taken(path) as told:
            predictor = loader() if loader is not None else predictor
            told.step(running.CHECKING)
            run = _Run(readers.read(data), data, path, predictor, home)
            told.stop_if_asked()
            watch = _Watch(told, start or _ignored, progress or _ignored, cancelled or _never)
            return run(watch)
    except Timeout:
        raise DataError(f"{data} is being indexed already: wait until that is done.") from None
    except OSError as error:
        raise store.unwritable(path, error) from error


@dataclass(frozen=True)
class _Watch:
    """Who is told how far a run is and asked whether it goes on."""

    told: running.Run
    start: Callable[[int], object]
    progress: Callable[[int], object]
    cancelled: Callable[[], bool]

    def reading(self, total: int) -> None:
        self.start(total)
        self.told.step(running.READING, total)

    def read(self, count: int) -> None:
        self.progress(count)
        self.told.add(count)
        if self.cancelled():
            raise Stopped
        self.told.stop_if_asked()


class _Run:
    """One run over one data set; holds what its steps share."""

    def __init__(
        self,
        manifest: Manifest,
        data: Path,
        path: Path,
        predictor: "Predictor | None",
        home: Path | None,
    ) -> None:
        self.manifest, self.data, self.path = manifest, data, path
        self.predictor, self.home = predictor, home
        self.about = self._about()
        self.parts = path / store.PARTS

    def __call__(self, watch: _Watch) -> Changes:
        states = files.states(self.manifest)
        finished = self._finished()
        before = self._before(finished)
        fresh = self._fresh(before, states)
        stale = [state for state in states if state.image_id not in fresh]
        watch.reading(len(stale))
        self._read(stale, watch)
        watch.told.step(running.ASSEMBLING)
        names = {state.image_id for state in states}
        known = set() if finished is None else set(finished["image_id"])
        resumed = len(fresh - known)
        added = sum(state.image_id not in known for state in stale) + resumed
        changes = Changes(
            added=added,
            changed=len(stale) - added + resumed,
            dropped=len(known - names),
            kept=len(fresh & known),
            unreadable=0,
        )
        return self._finish(states, changes)

    def _about(self) -> About:
        """What the index will be of; its embeddings are those of before where none are made."""
        about = About(root=str(self.data.expanduser().resolve()), name=self.manifest.name)
        before = store.read_about(self.path)
        if self.predictor is not None:
            info = self.predictor.info
            return replace(about, model=info.name, model_sha256=info.weights_sha256)
        if before is None or before.version != store.VERSION:
            return about
        return replace(about, model=before.model, model_sha256=before.model_sha256)

    def _finished(self) -> pd.DataFrame | None:
        """Rows of the finished index with their arrays, as the parts have them."""
        try:
            index = store.read(self.data, self.home)
        except DataError:
            return None
        table = index.table.drop(columns=["family", "map_x", "map_y"])
        usable = (table["error"] == "").to_numpy(dtype=bool)
        return table.assign(
            grid=_column(index.grids, usable),
            rings=_column(index.rings, usable),
            embedding=_column(index.embeddings, _finite(index.embeddings)),
        )

    def _before(self, finished: pd.DataFrame | None) -> pd.DataFrame | None:
        """The finished index and what a run that was stopped had done, the latest row of each."""
        found = [] if finished is None else [finished]
        for part in sorted(self.parts.glob("*.parquet")):
            try:
                found.append(pd.read_parquet(part))
            except (OSError, ValueError):
                part.unlink(missing_ok=True)
        if not found:
            return None
        table = pd.concat(found, ignore_index=True).drop_duplicates("image_id", keep="last")
        return table if set(_columns()) <= set(table) else None

    def _fresh(self, before: pd.DataFrame | None, states: Sequence[State]) -> set[str]:
        """Images that need no reading: file and model are those of the index."""
        if before is None:
            shutil.rmtree(self.parts, ignore_errors=True)
            return set()
        model = self.about.model_sha256
        rows = before[["image_id", "path", "size_bytes", "mtime_ns", "model_sha256", "error"]]
        known = {
            image_id: (path, size, time)
            for image_id, path, size, time, of, error in rows.itertuples(index=False)
            if self.predictor is None or error or of == model
        }
        return {
            state.image_id
            for state in states
            if state.known and known.get(state.image_id) == (state.path, state.size, state.time)
        }

    def _read(self, stale: Sequence[State], watch: _Watch) -> None:
        number = len(list(self.parts.glob("*.parquet")))
        with ThreadPoolExecutor(WORKERS) as pool:
            for states, cells in _ahead(pool, stale):
                if not self.manifest.root.is_dir():
                    raise DataError(
                        f"{self.manifest.root} vanished while it was indexed: bring it back and "
                        "run the command again; what was read is kept."
                    )
                number += 1
                self._write_part(number, states, cells)
                watch.read(len(states))

    def _write_part(self, number: int, states: Sequence[State], cells: Sequence[Cell]) -> None:
        embedded: list[NDArray[np.float16] | None] = [None] * len(cells)
        if self.predictor is not None:
            embedded = vectors.embed(self.predictor, [cell.rgb for cell in cells])
        for cell in cells:
            if cell.rgb is not None:
                self._write_thumbnail(cell)
        made = "" if self.predictor is None else self.about.model_sha256
        rows = [
            _row(state, cell, vector, made)
            for state, cell, vector in zip(states, cells, embedded, strict=True)
        ]
        store.write_table(self.parts / f"{number:06}.parquet", _typed(pd.DataFrame(rows)))

    def _write_thumbnail(self, cell: Cell) -> None:
        place = store.thumbnail(cell.sha256, self.home)
        if cell.rgb is not None and not place.exists():
            store.replace(place, thumbnails.webp(Image.fromarray(cell.rgb)))

    def _finish(self, states: Sequence[State], changes: Changes) -> Changes:
        """Put the parts together, find twins and draw the map; nothing where nothing changed."""
        finished = store.read_about(self.path)
        rows = self._before(self._finished())
        if rows is None:
            raise DataError(f"Nothing of {self.data} could be indexed: run the command again.")
        table = rows.set_index("image_id").loc[[state.image_id for state in states]].reset_index()
        changes = replace(changes, unreadable=int((table["error"] != "").sum()))
        if changes.nothing and finished is not None and not self.parts.exists():
            told = store.about_text(replace(finished, changes=asdict(changes)))
            store.replace(self.path / store.ABOUT, told)
            return changes
        about = replace(
            self.about,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            changes=asdict(changes),
        )
        store.write(self.path, _assembled(about, table))
        return changes


def _assembled(about: About, rows: pd.DataFrame) -> Index:
    from scipy import sparse
    from scipy.sparse import csgraph

    grids, rings = store.textures(rows)
    usable = np.flatnonzero(rows["error"] == "")
    twins = usable[hashes.near(grids[usable], rings[usable])].reshape(-1, 2)
    embeddings = _embeddings(rows["embedding"])
    links = sparse.coo_array((np.ones(len(twins)), twins.T), shape=(len(rows),) * 2)
    points = vectors.flat_map(embeddings)
    table = rows.drop(columns=list(ARRAYS)).assign(
        family=csgraph.connected_components(links, directed=False)[1].astype(np.int64),
        map_x=points[:, 0],
        map_y=points[:, 1],
    )
    return Index(about, table, grids, rings, embeddings, twins)


def _embeddings(cells: "pd.Series[bytes]") -> NDArray[np.float16]:
    """(N, F); the vectors of another model than most have are left out with their length."""
    lengths = cells.dropna().map(len)
    size = int(lengths.mode().iloc[0]) if len(lengths) else 0
    fitting = cells.where(cells.map(lambda cell: cell is not None and len(cell) == size), None)
    found = store.unpacked(fitting, np.float16, (size // 2,))
    return np.asarray(found, dtype=np.float16)


def _ahead(
    pool: ThreadPoolExecutor, stale: Sequence[State]
) -> Iterator[tuple[Sequence[State], list[Cell]]]:
    """Chunks with what was read of each; the next one is read while this one is worked on."""
    chunks = [stale[i : i + CHUNK] for i in range(0, len(stale), CHUNK)]

    def submitted(number: int) -> list["Future[Cell]"]:
        states = chunks[number] if number < len(chunks) else []
        return [pool.submit(_cell, state) for state in states]

    waiting = submitted(0)
    try:
        for number, states in enumerate(chunks):
            now, waiting = waiting, submitted(number + 1)
            yield states, [future.result() for future in now]
    finally:
        for future in waiting:
            future.cancel()


def _cell(state: State) -> Cell:
    return Cell("", state.error, again=True) if state.error else features.read(state.file)


def _row(
    state: State, cell: Cell, embedding: NDArray[np.float16] | None, model: str
) -> dict[str, object]:
    return {
        "image_id": state.image_id,
        "path": state.path,
        "size_bytes": state.size,
        # A file that may be read next time is not taken for one that is known.
        "mtime_ns": -1 if cell.again else state.time,
        "sha256": cell.sha256,
        "error": cell.error,
        "model_sha256": model,
        **cell.values,
        "grid": store.packed(cell.grid),
        "rings": store.packed(cell.rings),
        "embedding": store.packed(embedding),
    }


def _columns() -> tuple[str, ...]:
    numbers = ("size_bytes", "mtime_ns", *WHOLE, *features.NUMBERS, "border", "model_sha256")
    return (*TEXTS, *numbers, *ARRAYS)


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """All columns in one order and type, whatever could be read of these rows."""
    rows = rows.reindex(columns=list(_columns()))
    kinds: dict[str, str] = dict.fromkeys((*TEXTS, "model_sha256"), "str")
    kinds |= dict.fromkeys(("size_bytes", "mtime_ns", *WHOLE), "int64")
    kinds |= dict.fromkeys(features.NUMBERS, "float32") | {"border": "bool"}
    filled = dict.fromkeys((*TEXTS, "model_sha256"), "") | dict.fromkeys(WHOLE, 0)
    typed = rows.fillna(filled | {"border": False}).astype(kinds)
    arrays = {name: typed[name].astype(object).where(typed[name].notna(), None) for name in ARRAYS}
    return typed.assign(**arrays)


def _column(arrays: NDArray[Any], known: NDArray[np.bool_]) -> "pd.Series[Any]":
    pairs = zip(arrays, known, strict=True)
    cells = [store.packed(array) if there else None for array, there in pairs]
    return pd.Series(cells, dtype=object)


def _finite(embeddings: NDArray[np.float16]) -> NDArray[np.bool_]:
    """(N,) which rows have a vector; none where vectors have no length."""
    if not embeddings.shape[1]:
        return np.zeros(len(embeddings), dtype=bool)
    return np.asarray(np.isfinite(embeddings).all(axis=1))


def _ignored(_: int) -> None:
    return None


def _never() -> bool:
    return False
