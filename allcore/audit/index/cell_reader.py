"""Reading of files into the rows of an index, on threads of this process."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from allcore.audit.index import embeddings, features, store
from allcore.audit.index.features import MeasuredCell
from allcore.audit.index.files import FileState
from allcore.audit.index.shards import Cell
from allcore.data import thumbnails
from allcore.inference import batching

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor

DECODERS = 2
"""Workers where there is no network, whose threads set their number."""

GroupReader = Callable[[Iterable[Sequence[FileState]]], Generator[list[Cell]]]
"""Yields the cells of groups of files, in order; closed early where a run stops."""


@dataclass(frozen=True)
class CellReader:
    """Reads, measures and embeds files, and writes their thumbnails."""

    predictor: "Predictor | None"  # of the embeddings; None for none
    home: Path | None  # state folder; None takes the settings'

    def read_groups(self, groups: Iterable[Sequence[FileState]]) -> Generator[list[Cell]]:
        """Yield the cells of each group in order, some groups at a time."""
        return batching.ordered_map(self, groups, **self._workers())

    def __call__(self, states: Sequence[FileState]) -> list[Cell]:
        """Read, measure and embed some files."""
        cells = [self._cell(state) for state in states]
        embedded: list[NDArray[np.float16] | None] = [None] * len(cells)
        if self.predictor is not None:
            embedded = embeddings.embed(self.predictor, [cell.cut for cell in cells])
        return [
            (state, replace(cell, cut=None), vector)
            for state, cell, vector in zip(states, cells, embedded, strict=True)
        ]

    def _workers(self) -> dict[str, Any]:
        """Arguments of ``ordered_map``: without a network, threads that decode."""
        if self.predictor is None:
            return {"workers": DECODERS}
        from allcore.inference import devices

        return devices.workers()

    def _cell(self, state: FileState) -> MeasuredCell:
        """Read and prepare one file."""
        if state.error:
            return MeasuredCell("", state.error, again=True)
        cell = features.read_cell(state.file)
        if cell.rgb is None:
            return cell
        thumbnail = store.thumbnail(cell.sha256, self.home)
        if thumbnail.exists():
            thumbnail.touch()  # ``store.prune`` keeps recent thumbnails
        else:
            store.replace(thumbnail, thumbnails.webp(Image.fromarray(cell.rgb)))
        cut = None if self.predictor is None else embeddings.cut_cell(self.predictor, cell.rgb)
        return replace(cell, rgb=None, cut=cut)
