"""Quality of the segmentation of white cells in smear fields.

``python -m benchmarks.segmentation_quality BCCD CNMC`` writes ``docs/segmentation.md`` from the
fields of BCCD and from C-NMC's cells laid over drawn smears.
"""

import hashlib
import statistics
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from PIL import Image

from allcore.data import cells, readers
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import BadImage
from allcore.evaluation import intervals
from allcore.evaluation.intervals import Interval
from allcore.inference import white_cells
from benchmarks import segmentation_speed as peer
from benchmarks import synthetic_smears, timing
from benchmarks.servers import ROOT

Frame = tuple[int, int, int, int]
Finder = Callable[[Rgb], Sequence[Frame]]
Floats = NDArray[np.float64]

PAGE = ROOT / "docs" / "segmentation.md"
TEXT = Path(__file__).with_suffix(".md")
HIT = 0.5
"""Least intersection over union of a cell's frame with a box that it is counted for."""
MARGIN = 0.15
"""Of a box's longer side, around a picture of one cell."""
LARGE = (4320, 5760)
"""Height and width of a picture at the limit of what is read."""
FIELD = (600, 800)


@dataclass(frozen=True)
class Found:
    """What was found in one field.

    Attributes:
        overlaps: for each box, the greatest intersection over union with a frame; 0 for none.
        extra: frames that meet no box.
        first: whether the first frame meets a box; None where there is no box.
    """

    overlaps: tuple[float, ...]
    extra: int
    first: bool | None


def main(
    bccd: Annotated[Path, typer.Argument(help="Folder that holds BCCD/JPEGImages.")],
    cnmc: Annotated[Path, typer.Argument(help="Folder of C-NMC cells.")],
    pasted: Annotated[int, typer.Option(min=2, help="Cells that are laid over smears.")] = 100,
    out: Annotated[Path, typer.Option(help="The page that is written.")] = PAGE,
) -> None:
    """Measure and write the page."""
    fields = sorted((bccd / "BCCD" / "JPEGImages").glob("*.jpg"))
    if not fields:
        raise typer.BadParameter(f"there is no BCCD/JPEGImages in {bccd}")
    dice = dices(cnmc, pasted)
    told = TEXT.read_text(encoding="utf-8").format(
        fields=markdown(_table(fields)),
        crops=_crops_in_words([path for path in fields if not developed_on(path.stem)]),
        dice=_dice_in_words(dice),
        times=_times(fields[0]),
        machine=timing.machine(),
    )
    out.write_text(told, encoding="utf-8")
    print(f"Written: {out}")


def developed_on(name: str) -> bool:
    """Whether a field belongs to the half that the method was developed on, by its name."""
    return hashlib.sha256(name.encode()).digest()[0] < 128


def measured(path: Path, finder: Finder) -> Found:
    """What a finder finds in a field, against the boxes of white cells."""
    found, known = finder(decoding.decode_file(path)), boxes(path)
    overlaps = np.array([[overlap(frame, box) for frame in found] for box in known])
    overlaps = overlaps.reshape(len(known), len(found))
    hits = overlaps >= HIT
    return Found(
        overlaps=tuple(overlaps.max(axis=1, initial=0.0).tolist()),
        extra=int((~hits.any(axis=0)).sum()),
        first=bool(hits[:, :1].any()) if known else None,
    )


def boxes(path: Path, kind: str = "WBC") -> list[Frame]:
    """Top, left, bottom, right of the boxes of one kind in a field."""
    table = path.parents[1] / "Annotations" / f"{path.stem}.xml"
    made = []
    for each in ElementTree.parse(table).getroot().iter("object"):
        if each.findtext("name") == kind:
            sides = ("ymin", "xmin", "ymax", "xmax")
            top, left, bottom, right = (
                int(float(each.findtext(f"bndbox/{side}", "0"))) for side in sides
            )
            made.append((top, left, bottom, right))
    return made


def overlap(one: Frame, other: Frame) -> float:
    """Intersection over union of two frames."""
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0, height) * max(0, width)
    areas = ((frame[2] - frame[0]) * (frame[3] - frame[1]) for frame in (one, other))
    return both / (sum(areas) - both)


def dices(root: Path, count: int) -> pd.DataFrame:
    """Dice's coefficient of each of ``count`` cells laid over a drawn smear, and its subject."""
    manifest = readers.read(root)
    paths = manifest.paths()
    rows = np.random.default_rng(0).permutation(len(manifest))[:count]
    made = []
    for row in rows:
        cell = cells.centre_crop(decoding.decode_file(paths[row]))
        smear = synthetic_smears.field(*FIELD, seed=int(row))
        picture, mask = synthetic_smears.pasted(smear, cell, cells.mask_of(cell))
        subject = manifest.table["subject"].iloc[row]
        made.append({"subject": subject, "dice": _best_dice(picture, mask)})
    return pd.DataFrame(made)


def ours(rgb: Rgb) -> list[Frame]:
    """Frames of our candidates."""
    try:
        return [cell.frame for cell in white_cells.candidates(rgb)]
    except BadImage:
        return []


def first_of_crops(path: Path) -> list[float]:
    """For each box of a field, how well the first cell meets it in a picture of the box alone."""
    rgb, met = decoding.decode_file(path), []
    for top, left, bottom, right in boxes(path):
        margin = round(MARGIN * max(bottom - top, right - left))
        y, x = max(0, top - margin), max(0, left - margin)
        found = ours(rgb[y : bottom + margin, x : right + margin])
        box = (top - y, left - x, bottom - y, right - x)
        met.append(overlap(found[0], box) if found else 0.0)
    return met


def _best_dice(picture: Rgb, mask: NDArray[np.bool_]) -> float:
    try:
        found = [cell.mask for cell in white_cells.candidates(picture)]
    except BadImage:
        return 0.0
    return max(2 * float((each & mask).sum()) / float(each.sum() + mask.sum()) for each in found)


def _table(fields: list[Path]) -> pd.DataFrame:
    finders: dict[str, Finder] = {"ALLScope": ours, "scikit-image's recipe": peer.recipe}
    halves = {
        "reported": [path for path in fields if not developed_on(path.stem)],
        "developed on": [path for path in fields if developed_on(path.stem)],
    }
    return pd.DataFrame(
        [
            {"half": half, "fields": len(paths), "finder": name, **_figures(paths, finder)}
            for half, paths in halves.items()
            for name, finder in finders.items()
        ]
    )


def _figures(paths: list[Path], finder: Finder) -> dict[str, str]:
    found = [measured(path, finder) for path in paths]
    size = max(len(each.overlaps) for each in found)
    overlaps = np.full((len(found), size), np.nan)
    for row, each in zip(overlaps, found, strict=True):
        row[: len(each.overlaps)] = each.overlaps
    extra = np.array([float(each.extra) for each in found])
    first = np.array([np.nan if each.first is None else float(each.first) for each in found])
    hit = np.where(np.isnan(overlaps), np.nan, overlaps >= HIT)
    return {
        "boxes": f"{int(np.isfinite(hit).sum())}",
        "boxes found": _share(hit),
        "first is a white cell": _share(first[:, None]),
        "overlap, median": _plain(_bootstrapped(overlaps, np.nanmedian), ".2f"),
        "others a field": _plain(_bootstrapped(extra[:, None], np.nanmean), ".2f"),
    }


def _bootstrapped(values: Floats, figure: Callable[[Floats], float]) -> Interval:
    """A figure of values (N, K) with its interval by resampling the N rows."""
    return intervals.percentile(float(figure(values)), _resampled(values, figure))


def _resampled(values: Floats, figure: Callable[[Floats], float]) -> Floats:
    random = np.random.default_rng(intervals.SEED)
    drawn = random.integers(0, len(values), (intervals.RESAMPLES, len(values)))
    return np.array([figure(values[rows]) for rows in drawn])


def _share(values: Floats) -> str:
    """A share of values (N, K) of 0, 1 and NaN, with Wilson's interval where it is 0 or 1."""
    value, degrees = float(np.nanmean(values)), len(values) - 1
    resampled = _resampled(values, np.nanmean)
    return _plain(intervals.student(value, resampled, degrees=degrees, share=True), ".3f")


def _plain(known: Interval, form: str) -> str:
    return f"{known.value:{form}} ({known.low:{form}} to {known.high:{form}})"


def _crops_in_words(paths: list[Path]) -> str:
    rows = [met for met in map(first_of_crops, paths) if met]
    values = np.full((len(rows), max(map(len, rows))), np.nan)
    for row, met in zip(values, rows, strict=True):
        row[: len(met)] = met
    hit = np.where(np.isnan(values), np.nan, values >= HIT)
    median = _plain(_bootstrapped(values, np.nanmedian), ".2f")
    return (
        f"{int(np.isfinite(hit).sum())} boxes of the reported half, each cut from its field with "
        f"{MARGIN:.0%} of its longer side around it: the first cell meets the box in a share of "
        f"{_share(hit)}, with a median overlap of {median}."
    )


def _dice_in_words(table: pd.DataFrame) -> str:
    grouped = [group.to_numpy() for _, group in table.groupby("subject")["dice"]]
    values = np.full((len(grouped), max(map(len, grouped))), np.nan)
    for row, group in zip(values, grouped, strict=True):
        row[: len(group)] = group
    median = _plain(_bootstrapped(values, np.nanmedian), ".3f")
    low = _plain(_bootstrapped(values, lambda drawn: float(np.nanquantile(drawn, 0.05))), ".3f")
    return (
        f"{len(table):,} cells of {len(grouped)} subjects: median of Dice's coefficient {median}, "
        f"5 % of the cells below {low}; intervals over subjects."
    )


def _times(path: Path) -> str:
    """Seconds for a field and for one at the limit of what is read."""
    field = decoding.decode_file(path)
    height, width = LARGE
    image = Image.fromarray(field).resize((width, height), Image.Resampling.BILINEAR)
    times = [_seconds(rgb) for rgb in (field, np.asarray(image))]
    return (
        f"{times[0]:.2f} s for a field of {field.shape[1]} x {field.shape[0]} pixels and "
        f"{times[1]:.2f} s for the same enlarged to {width} x {height}"
    )


def _seconds(rgb: Rgb) -> float:
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        white_cells.candidates(rgb)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def markdown(table: pd.DataFrame) -> str:
    """The table in Markdown."""
    head = [list(table.columns), ["---"] * len(table.columns)]
    lines = [*head, *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    typer.run(main)
