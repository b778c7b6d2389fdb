"""The synthetic demonstration set: synthetic cells in C-NMC's form, with planted faults.

Every image has the word SYNTHETIC in its margin, and the table has a column ``synthetic``. Images
are PNG, which stores the same pixels in a tenth of BMP's space.
"""

import functools
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from allcore.data import manifest, splits
from allcore.data.cells import NATIVE_SIDE, Rgb
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.synthetic import cell, plan
from allcore.synthetic.plan import PlannedCell

NAME = "Synthetic demonstration set"
TRUTH = "truth.csv"
CELLS, SUBJECTS, SEED = 600, 24, 20190408
FEWEST_SUBJECTS = 8
WORKERS = 2  # drawing threads; more would wait for each other
WORD, WORD_PLACE, WORD_SIZE = "SYNTHETIC", (10, 8), 16
WORD_GREY = 150


def draw_set(
    folder: Path, *, cells: int = CELLS, subjects: int = SUBJECTS, seed: int = SEED
) -> Manifest:
    """Draw a set into an empty or new folder, with ``manifest.csv`` and ``truth.csv``.

    The same seed gives the same bytes. ``truth.csv`` has one row an image: ``image_id``, ``fault``
    (empty without one), ``partner`` (image id of the original of a copy), ``true_label`` and
    ``area`` in pixels.

    Raises:
        DataError: the folder is not empty, or the numbers don't allow a set.
    """
    _check(folder, cells=cells, subjects=subjects)
    entries = plan.plan(cells=cells, subjects=subjects, random=_random(seed, 0))
    with ThreadPoolExecutor(WORKERS) as pool:
        digests = list(pool.map(lambda entry: _write(folder, entry, seed), entries))
    drawn = _manifest(folder, entries, digests, seed=seed)
    _truth(entries).to_csv(folder / TRUTH, index=False, lineterminator="\n")
    manifest.write(drawn, folder / manifest.FILE_NAME)
    return drawn


def read_truth(folder: Path) -> pd.DataFrame:
    """Read ``truth.csv`` of a set as text, empty cells as empty text; a DataError without one."""
    try:
        table = pd.read_csv(folder / TRUTH, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise DataError(
            f"{folder} holds no drawn set: draw one with 'python -m allcore data synth {folder}'."
        ) from None
    return table.astype({"area": float})


def _check(folder: Path, *, cells: int, subjects: int) -> None:
    if subjects < FEWEST_SUBJECTS or cells < 3 * subjects:
        raise DataError(
            f"A set needs at least {FEWEST_SUBJECTS} subjects and 3 cells a subject: "
            f"{cells} cells of {subjects} subjects are too few."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} can't be written to: {error.strerror}.") from error
    if occupied:
        raise DataError(f"{folder} is not empty: give a new folder, for nothing is overwritten.")


def _write(folder: Path, entry: PlannedCell, seed: int) -> str:
    """Draw one image into the folder and return the SHA-256 of its file."""
    buffer = io.BytesIO()
    Image.fromarray(_picture(entry, seed)).save(buffer, "PNG", compress_level=1)
    (folder / f"{entry.name}.png").write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _picture(entry: PlannedCell, seed: int) -> Rgb:
    number = entry.number if entry.partner is None else entry.partner
    picture = cell.draw_cell(entry.traits, _random(seed, 1, number))
    if entry.fault and entry.fault.changes:
        change = entry.fault.changes[entry.number % len(entry.fault.changes)]
        picture = change(picture, _random(seed, 2, entry.number))
    return np.maximum(picture, _word())


def _random(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


@functools.cache
def _word() -> Rgb:
    """The word in the margin, (450, 450, 3) uint8 on black."""
    image = Image.new("RGB", (NATIVE_SIDE, NATIVE_SIDE))
    font = ImageFont.load_default(size=WORD_SIZE)
    ImageDraw.Draw(image).text(WORD_PLACE, WORD, fill=(WORD_GREY,) * 3, font=font)
    return np.asarray(image)


def _manifest(
    folder: Path, entries: list[PlannedCell], digests: list[str], *, seed: int
) -> Manifest:
    rows: list[dict[str, str | None]] = [
        {
            "image_id": entry.name, "path": f"{entry.name}.png", "label": entry.label,
            "subject": entry.subject, "sha256": digest, "synthetic": "True", "dataset": NAME,
        }
        for entry, digest in zip(entries, digests, strict=True)
    ]  # fmt: skip
    drawn = manifest.build(folder, sorted(rows, key=_reading_order), name=NAME)
    smallest = drawn.table.groupby("label")["group"].nunique().min()
    split = splits.subject_split(drawn, seed=seed, folds=min(5, int(smallest)))
    drawn.table["split"] = split.parts.to_numpy()
    return drawn


def _truth(entries: list[PlannedCell]) -> pd.DataFrame:
    rows = [
        {
            "image_id": entry.name, "fault": entry.fault.kind if entry.fault else "",
            "partner": "" if entry.partner is None else entries[entry.partner].name,
            "true_label": entry.traits.label, "area": round(entry.traits.values["area"]),
        }
        for entry in entries
    ]  # fmt: skip
    return pd.DataFrame(rows).sort_values("image_id", ignore_index=True)


def _reading_order(row: dict[str, str | None]) -> tuple[bool, list[int]]:
    """Sort key: blasts first, then subject, image and cell."""
    parts = str(row["image_id"]).split("_")
    return row["label"] == "hem", [int(part.lstrip("H")) for part in parts[1:4]]
