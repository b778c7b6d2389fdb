"""Creation and update of the index of a data set.

Only files that are new or have another size or time are read. Results are written in chunks, so
that an interrupted run loses at most one chunk, and memory does not grow with the data set.
"""

import contextlib
import itertools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from filelock import Timeout
from numpy.typing import NDArray

from allcore.audit.index import embeddings as vectors
from allcore.audit.index import files, jobs, shards, store, texture_hashes
from allcore.audit.index.cell_reader import CellReader, GroupReader
from allcore.audit.index.files import FileState
from allcore.audit.index.jobs import RunRecorder
from allcore.audit.index.store import About, Index
from allcore.data import duplicate_cells, readers
from allcore.data.manifest import Manifest
from allcore.errors import DataError

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor

CHUNK, GROUP = 64, 8
"""Images of one part of an unfinished index, and of one step of a worker."""


@dataclass(frozen=True)
class IndexChanges:
    """Counts of the changes of a run."""

    added: int  # images that were not in the index
    changed: int  # images whose file changed, or that lacked the model's embedding
    dropped: int  # images that are no longer in the data set
    kept: int  # images that were not read again
    unreadable: int  # all images that can't be used

    @property
    def images(self) -> int:
        """Images in the data set."""
        return self.added + self.changed + self.kept

    @property
    def nothing(self) -> bool:
        """True if the index is unchanged."""
        return self.added == self.changed == self.dropped == 0


def build_index(
    data: Path,
    *,
    loader: "Callable[[], Predictor] | None" = None,
    home: Path | None = None,
    read_groups: GroupReader | None = None,
    start: Callable[[int], object] = lambda _: None,
    progress: Callable[[int], object] = lambda _: None,
) -> IndexChanges:
    """Index a data set: read new files, drop missing ones, keep the rest.

    An interrupt (Ctrl-C) keeps the images read so far, and the next run resumes. The index folder
    holds the run's progress and its stop request: see ``audit.index.jobs``.

    Args:
        data: folder or CSV file that ``readers.read`` understands.
        loader: loads the model of the embeddings within the run; a model that can't be loaded makes
            the run fail. None leaves the embeddings unchanged.
        home: state folder; None takes the settings'.
        read_groups: reads the files; None takes threads of this process.
        start: called with the number of files to read.
        progress: called with the number of files read since the last call; may raise ``Stopped``.

    Raises:
        DataError: the data set can't be read or vanishes, the index can't be written, another run
            holds it, or the run was stopped (``Stopped``). Completed chunks stay.
    """
    if not data.expanduser().exists():
        readers.read(data)  # raises before the index folder is written
    path = store.folder(data, home)
    try:
        with jobs.hold_index_folder(path) as recorder:
            predictor = loader() if loader is not None else None
            recorder.step(jobs.CHECKING)
            run = _Run(readers.read(data), data, path, predictor, home, read_groups)
            recorder.stop_if_asked()
            return run(recorder, start, progress)
    except Timeout:
        raise DataError(f"{data} is being indexed already: wait until that is done.") from None
    except OSError as error:
        raise store.unwritable(path, error) from error


class _Run:
    """One run over one data set, with the state shared by its steps."""

    def __init__(
        self,
        manifest: Manifest,
        data: Path,
        path: Path,
        predictor: "Predictor | None",
        home: Path | None,
        read_groups: GroupReader | None = None,
    ) -> None:
        self.manifest, self.data, self.path = manifest, data, path
        self.predictor, self.home = predictor, home
        self.read_groups = read_groups or CellReader(predictor, home).read_groups
        self.about = self._about()
        self.parts = path / store.PARTS

    def __call__(
        self,
        recorder: RunRecorder,
        start: Callable[[int], object],
        progress: Callable[[int], object],
    ) -> IndexChanges:
        states = files.file_states(self.manifest)
        known, fresh = self._known(states)
        stale = [state for state in states if state.image_id not in fresh]

        def report(count: int) -> None:
            progress(count)
            recorder.add(count)
            recorder.stop_if_asked()

        start(len(stale))
        recorder.step(jobs.READING, len(stale))
        self._read(stale, report)
        recorder.step(jobs.ASSEMBLING)
        names = {state.image_id for state in states}
        resumed = len(fresh - known)
        added = sum(state.image_id not in known for state in stale) + resumed
        changes = IndexChanges(
            added=added,
            changed=len(stale) - added + resumed,
            dropped=len(known - names),
            kept=len(fresh & known),
            unreadable=0,
        )
        return self._finish(states, changes)

    def _about(self) -> About:
        """Metadata of the new index; without a model the previous embeddings stay."""
        about = About(root=str(self.data.expanduser().resolve()), name=self.manifest.name)
        before = store.read_about(self.path)
        if self.predictor is not None:
            info = self.predictor.info
            return replace(about, model=info.name, model_sha256=info.weights_sha256)
        if before is None or before.version != store.VERSION:
            return about
        return replace(about, model=before.model, model_sha256=before.model_sha256)

    def _finished(self) -> Index | None:
        try:
            return store.read(self.data, self.home)
        except DataError:
            return None

    def _known(self, states: Sequence[FileState]) -> tuple[set[str], set[str]]:
        """Images of the finished index; and images, also of a stopped run, that are up to date."""
        finished = self._finished()
        gathered = shards.gather(self.parts, finished)
        if gathered is None:
            shutil.rmtree(self.parts, ignore_errors=True)
            return set(), set()
        columns = ["image_id", "path", "size_bytes", "mtime_ns", "model_sha256", "error"]
        before = {
            image_id: (path, size, time)
            for image_id, path, size, time, of, error in gathered[0][columns].itertuples(
                index=False
            )
            if self.predictor is None or error or of == self.about.model_sha256
        }
        fresh = {
            state.image_id
            for state in states
            if state.known and before.get(state.image_id) == (state.path, state.size, state.time)
        }
        return set() if finished is None else set(finished.table["image_id"]), fresh

    def _read(self, stale: Sequence[FileState], report: Callable[[int], object]) -> None:
        number = shards.next_number(self.parts)
        model = "" if self.predictor is None else self.about.model_sha256
        size = min(GROUP, CHUNK)
        groups = (stale[i : i + size] for i in range(0, len(stale), size))
        with contextlib.closing(self.read_groups(groups)) as cells_by_group:
            while some := list(itertools.islice(cells_by_group, CHUNK // size)):
                if not self.manifest.root.is_dir():
                    raise DataError(
                        f"{self.manifest.root} vanished while it was indexed: bring it back and "
                        "run the command again; what was read is kept."
                    )
                cells = [cell for group in some for cell in group]
                path = self.parts / f"{number:06}.parquet"
                shards.write(path, cells, model=model)
                number += 1
                report(len(cells))

    def _finish(self, states: Sequence[FileState], changes: IndexChanges) -> IndexChanges:
        """Assemble the parts, search duplicates and compute the map; skipped without changes."""
        about = store.read_about(self.path)
        finished = self._finished()
        gathered = shards.gather(self.parts, finished)
        if gathered is None:
            raise DataError(f"Nothing of {self.data} could be indexed: run the command again.")
        every_row, parts = gathered
        del gathered
        names = [state.image_id for state in states]
        rows = every_row.set_index("image_id").loc[names].reset_index()
        changes = replace(changes, unreadable=int((rows["error"] != "").sum()))
        if changes.nothing and about is not None and not self.parts.exists():
            text = store.about_text(replace(about, changes=asdict(changes)))
            store.replace(self.path / store.ABOUT, text)
            return changes
        about = replace(
            self.about,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            changes=asdict(changes),
        )
        del every_row
        arrays = shards.arrays(rows, parts, finished, self.parts)
        del finished  # frees its table, as large as the new one
        store.write(self.path, _assembled(about, rows.drop(columns=list(shards.PLACE)), *arrays))
        if changes.dropped or changes.changed:
            store.prune(self.home)
        return changes


def _assembled(
    about: About,
    rows: pd.DataFrame,
    grids: NDArray[np.uint8],
    rings: NDArray[np.uint8],
    embeddings: NDArray[np.float16],
) -> Index:
    usable = np.flatnonzero(rows["error"] == "")
    twins = texture_hashes.near_duplicates(grids, rings, usable)
    points = vectors.flat_map(embeddings)
    table = rows.assign(
        family=duplicate_cells.connected_components(twins, len(rows)),
        map_x=points[:, 0],
        map_y=points[:, 1],
    )
    return Index(about, table, grids, rings, embeddings, twins)
