"""What a gate is fitted and judged on: a data set's cells, by subject, and pictures of no cell."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from allcore import model_folder
from allcore.data import ood_samples
from allcore.data.cells import Rgb
from allcore.data.manifest import Manifest
from allcore.data.ood_samples import OodSample
from allcore.errors import BadImage, DataError
from allcore.inference import gate, held_out, upload
from allcore.inference.gate import Looks
from allcore.inference.gate_fit import Read, Rotation
from allcore.inference.predictor import Predictor

BATCH = 16
PER_KIND = 200
"""Drawn strangers of each kind."""
ALTERED = 3
"""Cells of each subject that are altered."""


@dataclass(frozen=True)
class Turned:
    """Strangers as the rungs before found them.

    Attributes:
        shown: by kind, how many there were.
        read: by kind, those that seemed to show a cell on black.
    """

    shown: dict[str, int]
    read: dict[str, Read]


def known(data: Manifest, folder: Path) -> Manifest:
    """The labelled images that the model's folder knows by name, in the data set's order.

    Raises:
        DataError: there are none.
        ModelError: the folder is damaged.
    """
    labelled = data.labelled()
    part = held_out.parts(labelled.table, model_folder.read_info(folder), folder)
    table = labelled.table.assign(split=part)[part.notna()].reset_index(drop=True)
    if table.empty:
        raise DataError(
            f"The model knows none of the images of {data.root}: fit its gate on the data set that "
            "it was trained on."
        )
    return Manifest(data.root, table, data.name)


def rotations(cells: "pd.DataFrame", folder: Path) -> tuple[Rotation, ...]:
    """Who is fitted, who limits and who judges; for an out-of-fold model once a fold.

    Args:
        cells: a table with ``image_id`` and ``split``, of N images.
        folder: the model's.

    Raises:
        DataError: a part is empty.
    """
    if model_folder.read_info(folder).training.get("out_of_fold"):
        held = model_folder.read_predictions(folder).set_index("image_id")["fold"]
        fold = held.reindex(cells["image_id"]).to_numpy()
        count = int(held.max()) + 1
        turns = [_rotation(fold == (k + 1) % count, fold == k) for k in range(count)]
    else:
        part = cells["split"].to_numpy()
        turns = [_rotation(part == "validation", part == "test", fitted=part == "train")]
    if any(not len(rows) for turn in turns for rows in vars(turn).values()):
        raise DataError("A gate needs training, validation and test images: connect all of them.")
    return tuple(turns)


def read(
    predictor: Predictor, pictures: Iterable[Rgb], *, progress: Callable[[], object] = lambda: None
) -> tuple[Read, list[int]]:
    """Read those of the pictures that show a cell on black.

    Returns:
        What was read of them, and their places among all pictures.
    """
    vectors: list[Tensor] = []
    logits: list[Tensor] = []
    seen: list[Looks] = []
    places: list[int] = []
    for batch in _batches(_shown(predictor, pictures, progress)):
        cells = torch.stack([cell for _, cell, _ in batch])
        with predictor.lock, torch.inference_mode():
            vector, logit = predictor.network.read(predictor.normalised(cells))
        vectors.append(vector.float().cpu())
        logits.append(logit.float().cpu())
        seen += [looks for _, _, looks in batch]
        places += [place for place, _, _ in batch]
    if not seen:
        return Read(np.empty((0, 0), np.float32), np.empty(0, np.float32), ()), []
    return Read(torch.cat(vectors).numpy(), torch.cat(logits).numpy(), tuple(seen)), places


def strange(
    predictor: Predictor, cells: Sequence[Path], *, fields: Path | None, per_kind: int = PER_KIND
) -> Turned:
    """Read strangers: drawn ones, photographs, altered cells, and smear fields where there are any.

    Args:
        predictor: who reads.
        cells: pictures of real cells to alter.
        fields: a folder of whole smear fields.
        per_kind: drawn strangers of each kind.
    """
    kinds: list[str] = []

    def pictures_noting_kinds() -> Iterator[Rgb]:
        for each in _strangers(cells, fields, per_kind):
            kinds.append(each.kind)
            yield each.rgb

    found, places = read(predictor, pictures_noting_kinds())
    kind = np.array(kinds)[places]
    rows = {name: np.flatnonzero(kind == name) for name in np.unique(kind).tolist()}
    return Turned(dict(Counter(kinds)), {name: found.of(own) for name, own in rows.items()})


def altered(cells: "pd.DataFrame", *, seed: int = 0) -> list[str]:
    """Paths of a few cells of each subject, drawn by seed."""
    drawn = cells.sample(frac=1, random_state=seed).groupby("group").head(ALTERED)
    return sorted(drawn["path"])


def pictures(paths: Iterable[Path]) -> Iterator[Rgb]:
    """Decode files one after the other; what can't be read is black, which shows no cell."""
    for path in paths:
        try:
            yield upload.decode(path.read_bytes())
        except (BadImage, OSError):
            yield np.zeros((upload.MIN_SIDE, upload.MIN_SIDE, 3), dtype=np.uint8)


def _rotation(
    limited: NDArray[np.bool_], judged: NDArray[np.bool_], fitted: NDArray[np.bool_] | None = None
) -> Rotation:
    rest = ~limited & ~judged if fitted is None else fitted
    return Rotation(*(np.flatnonzero(part) for part in (rest, limited, judged)))


def _shown(
    predictor: Predictor, pictures: Iterable[Rgb], progress: Callable[[], object]
) -> Iterator[tuple[int, Tensor, Looks]]:
    for place, rgb in enumerate(pictures):
        progress()
        try:
            looks = gate.looks(rgb, upload.find_cell(rgb))
            yield place, predictor.prepare(rgb), looks
        except BadImage:
            continue


def _batches(
    shown: Iterator[tuple[int, Tensor, Looks]],
) -> Iterator[list[tuple[int, Tensor, Looks]]]:
    while batch := list(islice(shown, BATCH)):
        yield batch


def _strangers(cells: Sequence[Path], fields: Path | None, per_kind: int) -> Iterator[OodSample]:
    yield from ood_samples.draw_samples(per_kind)
    yield from ood_samples.photographs()
    for rgb in pictures(cells):
        yield from ood_samples.altered_samples(rgb)
    if fields is not None:
        yield from ood_samples.fields(fields)
