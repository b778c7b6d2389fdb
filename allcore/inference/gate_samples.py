"""Samples to fit and evaluate a gate on: cells of a data set, and out-of-distribution images."""

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
from allcore.data import ood_samples, sampling, stain
from allcore.data.cells import Rgb
from allcore.data.images import decoding, formats
from allcore.data.manifest import Manifest
from allcore.data.ood_samples import OodSample
from allcore.data.stain import Appearance
from allcore.errors import BadImage, DataError
from allcore.inference import gate, held_out
from allcore.inference.gate import ImageStats
from allcore.inference.gate_fit import PictureFeatures, Rotation
from allcore.inference.predictor import Predictor
from allcore.inference.upload import CellPicture

BATCH = 16
PER_KIND = 200
"""Number of synthetic samples of each kind."""
APPEARANCE = 400
"""Most cells whose stain and size are measured, half of each class."""
ALTERED = 3
"""Number of altered cells of each subject."""


@dataclass(frozen=True)
class OodFeatures:
    """Features of out-of-distribution samples that passed the checks before the gate."""

    totals: dict[str, int]  # number of samples, by kind
    features: dict[str, PictureFeatures]  # by kind, of the samples with an apparent cell on black


def known_images(data: Manifest, folder: Path) -> Manifest:
    """Return the labelled images in the model's split, in the data set's order.

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
    """Rows for fit, limit and evaluation; for an out-of-fold model one rotation a fold.

    Args:
        cells: a table with ``image_id`` and ``split``, of N images.
        folder: the model folder.

    Raises:
        DataError: a part is empty.
    """
    if model_folder.read_info(folder).training.get("out_of_fold"):
        held = model_folder.read_predictions(folder).set_index("image_id")["fold"]
        fold = held.reindex(cells["image_id"]).to_numpy()
        count = int(held.max()) + 1
        parts = [_rotation(fold == (k + 1) % count, fold == k) for k in range(count)]
    else:
        part = cells["split"].to_numpy()
        parts = [_rotation(part == "validation", part == "test", fitted=part == "train")]
    if any(not len(rows) for rotation in parts for rows in vars(rotation).values()):
        raise DataError("A gate needs training, validation and test images: connect all of them.")
    return tuple(parts)


def training_appearance(cells: Manifest) -> Appearance:
    """Stain and size of training cells, with classes and subjects alike.

    Cells of a test part are left out, unless all cells are tested out of fold.
    """
    used = cells.table[cells.table["split"] == "train"]
    table = (used if len(used) else cells.table).reset_index(drop=True)
    sample = sampling.draw_sample(Manifest(cells.root, table, cells.name), cells=APPEARANCE)
    pictures = map(CellPicture, decode_files(sample.paths()))
    return stain.measure_appearance((picture.rgb, picture.mask) for picture in pictures)


def read_pictures(
    predictor: Predictor, pictures: Iterable[Rgb], *, progress: Callable[[], object] = lambda: None
) -> tuple[PictureFeatures, list[int]]:
    """Features of the images that show a cell on black, and their positions among all images."""
    vectors: list[Tensor] = []
    logits: list[Tensor] = []
    stats: list[ImageStats] = []
    places: list[int] = []
    for batch in _batches(_examined(predictor, pictures, progress)):
        cells = torch.stack([cell for _, cell, _ in batch])
        with predictor.lock, torch.inference_mode():
            vector, logit = predictor.network.read(predictor.normalised(cells))
        vectors.append(vector.float().cpu())
        logits.append(logit.float().cpu())
        stats += [image_stats for _, _, image_stats in batch]
        places += [place for place, _, _ in batch]
    if not stats:
        return PictureFeatures(np.empty((0, 0), np.float32), np.empty(0, np.float32), ()), []
    return PictureFeatures(
        torch.cat(vectors).numpy(), torch.cat(logits).numpy(), tuple(stats)
    ), places


def read_ood_samples(
    predictor: Predictor, cells: Sequence[Path], *, fields: Path | None, per_kind: int = PER_KIND
) -> OodFeatures:
    """Features of synthetic samples, photographs, altered cells, and smear fields where given.

    Args:
        predictor: the model.
        cells: images of real cells to alter.
        fields: a folder of whole smear fields.
        per_kind: number of synthetic samples of each kind.
    """
    kinds: list[str] = []

    def pictures() -> Iterator[Rgb]:
        for sample in _ood_samples(cells, fields, per_kind):
            kinds.append(sample.kind)
            yield sample.rgb

    features, places = read_pictures(predictor, pictures())
    kind = np.array(kinds)[places]
    rows = {name: np.flatnonzero(kind == name) for name in np.unique(kind).tolist()}
    return OodFeatures(dict(Counter(kinds)), {name: features.of(own) for name, own in rows.items()})


def paths_to_alter(cells: "pd.DataFrame", *, seed: int = 0) -> list[str]:
    """Paths of a few cells of each subject, drawn by seed."""
    drawn = cells.sample(frac=1, random_state=seed).groupby("group").head(ALTERED)
    return sorted(drawn["path"])


def decode_files(paths: Iterable[Path]) -> Iterator[Rgb]:
    """Decode files one by one; an unreadable file gives a black image without a cell."""
    for path in paths:
        try:
            yield decoding.decode(path.read_bytes())
        except (BadImage, OSError):
            yield np.zeros((formats.MIN_SIDE, formats.MIN_SIDE, 3), dtype=np.uint8)


def _rotation(
    limited: NDArray[np.bool_], judged: NDArray[np.bool_], fitted: NDArray[np.bool_] | None = None
) -> Rotation:
    rest = ~limited & ~judged if fitted is None else fitted
    return Rotation(*(np.flatnonzero(part) for part in (rest, limited, judged)))


def _examined(
    predictor: Predictor, pictures: Iterable[Rgb], progress: Callable[[], object]
) -> Iterator[tuple[int, Tensor, ImageStats]]:
    for place, rgb in enumerate(pictures):
        progress()
        picture = CellPicture(rgb)
        try:
            yield place, predictor.prepare(picture), gate.image_stats(rgb, picture.mask)
        except BadImage:
            continue


def _batches(
    examined: Iterator[tuple[int, Tensor, ImageStats]],
) -> Iterator[list[tuple[int, Tensor, ImageStats]]]:
    while batch := list(islice(examined, BATCH)):
        yield batch


def _ood_samples(cells: Sequence[Path], fields: Path | None, per_kind: int) -> Iterator[OodSample]:
    yield from ood_samples.draw_samples(per_kind)
    yield from ood_samples.photographs()
    for rgb in decode_files(cells):
        yield from ood_samples.altered_samples(rgb)
    if fields is not None:
        yield from ood_samples.fields(fields)
