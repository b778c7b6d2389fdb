"""What normalising the stain does to answers, and what becomes of cells of another laboratory.

``python -m benchmarks.smear_normalisation BCCD CNMC`` writes ``docs/smear.md``.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from PIL import Image
from scipy.special import logit
from skimage import color, exposure

from allcore import model_folder, settings
from allcore.data import cells, readers, sampling, stain
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.data.manifest import Manifest
from allcore.data.perturbations import Cell, Sweep, compressed
from allcore.data.stain import Appearance, Mask
from allcore.errors import AllScopeError
from allcore.evaluation import intervals, paired
from allcore.inference import image_sources, perturbed_predictions, smear, streaming
from allcore.inference.predictor import Predictor
from allcore.inference.results import PredictedCell
from benchmarks import large_fields
from benchmarks.segmentation_quality import ROOT, markdown

Pixels = NDArray[np.uint8]
Map = Callable[[Pixels], Pixels]
"""Maps colours (N, 3)."""

BICUBIC = Image.Resampling.BICUBIC
PAGE = ROOT / "docs" / "smear.md"
TEXT = Path(__file__).with_suffix(".md")
MEASURED = 200
"""Cells on which a map back is fitted."""
SAMPLED = 30
"""Fields whose cells give the stain that cells go to."""
QUALITIES = (90, 75)
"""Of JPEG, in the camera's rows; the fields of BCCD have the tables of 75."""
LYMPHOCYTES = frozenset((
    20, 21, 37, 38, 47, 54, 55, 76, 89, 99, 111, 120, 134, 140, 148, 157, 191, 206, 211, 217, 224,
    229, 233, 241, 254, 258, 264, 270, 275, 283, 305, 347, 356,
))  # fmt: skip
"""Numbers of the fields of BCCD whose white cell is a lymphocyte, by the table of white cells
that Mooney published with the images (Kaggle, "Blood Cell Images", 2018)."""
MONOCYTES = frozenset((
    15, 40, 83, 104, 110, 127, 196, 225, 232, 255, 262, 278, 281, 291, 309, 312, 318, 323, 335, 342,
))  # fmt: skip
"""The same of monocytes."""
A_CELL = 2_000
"""Most pixels of a cell that a map is fitted to."""


def affine(source: Pixels, target: Pixels) -> Map:
    """The map of ``allcore.data.stain``."""
    return stain.fit_map(_appearance(source), _appearance(target)).apply


def reinhard(source: Pixels, target: Pixels) -> Map:
    """Mean and deviation of CIELAB's channels (Reinhard et al. 2001)."""
    (mean, deviation), (wanted, spread) = (
        (lab.mean(axis=0), lab.std(axis=0)) for lab in map(_lab, (source, target))
    )

    def apply(pixels: Pixels) -> Pixels:
        moved = (_lab(pixels) - mean) / deviation * spread + wanted
        return np.rint(255 * color.lab2rgb(moved).clip(0, 1)).astype(np.uint8)

    return apply


def macenko(source: Pixels, target: Pixels) -> Map:
    """Two stain vectors and their 99th percentiles (Macenko et al. 2009)."""
    vectors, most = _stains(source)
    wanted, strongest = _stains(target)

    def apply(pixels: Pixels) -> Pixels:
        amounts = np.linalg.lstsq(vectors, _density(pixels).T, rcond=None)[0]
        density = wanted @ (amounts * (strongest / most)[:, None])
        return np.rint(256 * np.exp(-density.T) - 1).clip(0, 255).astype(np.uint8)

    return apply


def histogram(source: Pixels, target: Pixels) -> Map:
    """Distribution of each channel."""
    levels = np.empty((256, 3), dtype=np.uint8)
    for channel in range(3):
        known, places = np.unique(source[:, channel], return_index=True)
        matched = exposure.match_histograms(source[:, channel], target[:, channel])[places]
        levels[:, channel] = np.interp(np.arange(256), known, matched).round()
    return lambda pixels: np.stack([levels[pixels[:, c], c] for c in range(3)], axis=1)


USED = "affine (used)"
METHODS: dict[str, Callable[[Pixels, Pixels], Map]] = {
    USED: affine, "Reinhard": reinhard, "Macenko": macenko, "histogram": histogram,
}  # fmt: skip


def main(
    bccd: Annotated[Path, typer.Argument(help="Folder that holds BCCD/JPEGImages.")],
    cnmc: Annotated[Path, typer.Argument(help="Folder of C-NMC cells.")],
    model: Annotated[str | None, typer.Option(help="An out-of-fold model.")] = None,
    count: Annotated[int, typer.Option("--cells", min=2, help="Cells that go and return.")] = 300,
    most: Annotated[int, typer.Option("--fields", min=1, help="Fields that are answered.")] = 364,
    out: Annotated[Path, typer.Option(help="The page that is written.")] = PAGE,
) -> None:
    """Measure and write the page."""
    installed = model_folder.resolve(model or settings.load().model)
    predictor = Predictor.load(installed.folder, "cpu")
    if predictor.gate is None or predictor.gate.appearance is None:
        raise AllScopeError("The model's gate has no appearance: fit it by 'evaluate --gate'.")
    target = predictor.gate.appearance
    paths = sorted((bccd / "BCCD" / "JPEGImages").glob("*.jpg"))[:most]
    sources = list(image_sources.walk(paths))
    fields = smear.measure_fields(sources, "always", target)
    (normaliser,) = fields.normalisers.values()
    answered = list(streaming.stream_predictions(predictor, sources, fields=fields))
    rows = [one.row for one in answered if isinstance(one.row, PredictedCell)]
    there = field_appearance(paths[:: max(1, len(paths) // SAMPLED)])
    known = perturbed_predictions.cells_to_perturb(
        readers.read(cnmc), installed.info, installed.folder, cells=count
    )
    text = TEXT.read_text(encoding="utf-8").format(
        model=f"{installed.info.name} of weights {installed.info.weights_sha256[:12]}",
        cells=len(known.manifest),
        subjects=known.manifest.table["group"].nunique(),
        methods=markdown(
            round_trips(known, predictor, installed.folder, there, normaliser.cut.scale)
        ),
        fields=len(paths),
        measured=normaliser.sentence.removeprefix("stain and size by "),
        scale=normaliser.cut.scale,
        answers=markdown(answers(rows)),
        kinds=markdown(by_kind(answered)),
        reasons=refusals(rows),
    )
    if out.exists() and (section := large_fields.section_of(out)):
        text = large_fields.with_section(text, section)
    out.write_text(text, encoding="utf-8")
    print(f"Written: {out}")


def field_appearance(paths: Sequence[Path]) -> Appearance:
    """Appearance of the white cells of fields."""
    fields = map(decoding.decode_file, paths)
    return stain.measure_appearance(
        (rgb[top:bottom, left:right], cell.patch)
        for rgb in fields
        for cell in smear.whole_cells(rgb)
        for top, left, bottom, right in (cell.frame,)
    )


def round_trips(
    known: perturbed_predictions.CellsToPerturb,
    predictor: Predictor,
    folder: Path,
    there: Appearance,
    scale: float,
) -> pd.DataFrame:
    """How answers change when cells go to another stain and come back, by method.

    In the camera's rows cells have the size of the fields' cells in between as well, 1 / ``scale``,
    and are saved as JPEG there; the way back is the affine map.
    """
    if predictor.gate is None or predictor.gate.appearance is None:
        raise AllScopeError("The model's gate has no appearance: fit it by 'evaluate --gate'.")
    away = stain.fit_map(predictor.gate.appearance, there)
    sample = sampling.draw_sample(known.manifest, cells=MEASURED, seed=1)
    training = np.concatenate([_inside(cell) for cell in _cells(sample)])
    back = {name: fit(away.apply(training), training) for name, fit in METHODS.items()}
    cameras = {f"affine, as JPEG of quality {quality}": quality for quality in QUALITIES}
    names = ["original", "left there", *back, *cameras]
    passed: dict[str, list[bool]] = {name: [] for name in names}

    def change(cell: Cell, level: float) -> Cell:
        name = names[int(level)]
        if name in cameras:
            changed = through_camera(cell, away.apply, back[USED], scale, cameras[name])
        else:
            pixels, rgb = away.apply(cell.rgb[cell.mask]), np.zeros_like(cell.rgb)
            rgb[cell.mask] = pixels if name == "left there" else back[name](pixels)
            changed = Cell(rgb, cell.mask)
        (answer,) = predictor.predict([changed.rgb])
        passed[name].append(answer.verdict != "refused")
        return changed

    sweep = Sweep("stain", "Stain", "", tuple(map(float, range(len(names)))), 0.0, change)
    found = perturbed_predictions.predict_perturbed(known, folder, [sweep], device="cpu")
    table = known.manifest.table.iloc[list(found.rows)]
    labels = np.where(table["label"] == "all", 1, 0)
    subjects = table["group"].to_numpy(dtype=str)
    values = [found.probabilities["stain", level] for level in sweep.levels]
    metrics = [
        paired.resample_metrics(labels=labels, probabilities=each, subjects=subjects)
        for each in values
    ]
    lines = []
    for name, probability, own in zip(names, values, metrics, strict=True):
        moved = np.abs(_log_odds(probability) - _log_odds(values[0]))
        line = {
            "way back": name,
            "log-odds changed by, median": f"{np.median(moved):.2f}",
            "90th percentile": f"{np.quantile(moved, 0.9):.2f}",
            "AUROC": _in_words(paired.metric_interval(own, "auroc")),
            "less the original": "",
            "accepted": _share([one for one in passed[name] if one], passed[name]),
        }
        if name != "original":
            less = paired.paired_difference(own, metrics[0], "auroc")
            line["less the original"] = _in_words(less)
        else:
            line["accepted"] = ""
        lines.append(line)
    return pd.DataFrame(lines)


def through_camera(cell: Cell, away: Map, back: Map, scale: float, quality: int) -> Cell:
    """A cell as it comes back from a camera of other stain and size that saves JPEG."""
    colour = cell.rgb[cell.mask].mean(axis=0).astype(np.uint8)
    there = away(np.where(cell.mask[..., None], cell.rgb, colour).reshape(-1, 3))
    picture = Image.fromarray(there.reshape(cell.rgb.shape))
    height, width = cell.mask.shape
    small = np.asarray(picture.resize((round(width / scale), round(height / scale)), BICUBIC))
    saved = compressed(Cell(small, np.ones(small.shape[:2], dtype=bool)), quality).rgb
    stained = Image.fromarray(back(saved.reshape(-1, 3)).reshape(saved.shape))
    again = np.asarray(stained.resize((width, height), BICUBIC))
    return Cell(np.where(cell.mask[..., None], again, 0).astype(np.uint8), cell.mask)


def by_kind(answered: Sequence[streaming.StreamedPrediction]) -> pd.DataFrame:
    """Cells that the input checks accept, by the published kind of the field's white cell."""
    kinds: dict[str, list[streaming.StreamedPrediction]] = {
        name: [] for name in ("lymphocyte", "monocyte", "others")
    }
    for one in answered:
        if one.place is not None:
            kinds[kind_of(Path(one.row.path).stem)].append(one)
    return pd.DataFrame(
        {
            "white cell": kind,
            "cells": len(own),
            "accepted": _share([one for one in own if one.row.verdict != "refused"], own),
            "refused as unlike": sum(one.prediction.check == "known" for one in own),
            "for another reason": sum(
                one.prediction.check not in (None, "", "known") for one in own
            ),
            "median out-of-distribution score": f"{_median_score(own):.2f}",
        }
        for kind, own in kinds.items()
        if own
    )


def kind_of(field: str) -> str:
    """Published kind of the white cell of a field of BCCD, by the field's name."""
    number = int(field[-5:])
    if number in LYMPHOCYTES:
        return "lymphocyte"
    return "monocyte" if number in MONOCYTES else "others"


def answers(rows: Sequence[PredictedCell]) -> pd.DataFrame:
    """How many cells are answered, and how."""
    cells_found = [row for row in rows if row.cell]
    passed = [row for row in cells_found if row.verdict != "refused"]
    blasts = [row for row in passed if row.verdict == "all"]
    return pd.DataFrame(
        [
            {"": "cells that the input checks accept", "share": _share(passed, cells_found)},
            {"": "of these answered ALL blast", "share": _share(blasts, passed)},
        ]
    )


def refusals(rows: Sequence[PredictedCell]) -> str:
    """The reasons of refusals, most frequent first."""
    reasons = Counter(
        re.sub(r"[\d,]+ pixels", "n pixels", row.reason.split(":")[0].split("(")[0])
        for row in rows
        if row.reason
    )
    return "\n".join(
        f"- {count} times: {reason.strip()}" for reason, count in reasons.most_common()
    )


def _share(some: Sequence[object], of: Sequence[object]) -> str:
    if not of:
        return "none"
    known = intervals.wilson(len(some), len(of))
    return f"{len(some)} of {len(of)} ({100 * known.low:.1f} % to {100 * known.high:.1f} %)"


def _median_score(answered: Sequence[streaming.StreamedPrediction]) -> float:
    scores = [one.prediction.ood_score for one in answered]
    return float(np.median([score for score in scores if score is not None]))


def _cells(manifest: Manifest) -> list[tuple[Rgb, Mask]]:
    pictures = [cells.centre_crop(decoding.decode_file(path)) for path in manifest.paths()]
    return [(rgb, cells.mask_of(rgb)) for rgb in pictures]


def _inside(cell: tuple[Rgb, Mask]) -> Pixels:
    rgb, mask = cell
    pixels: Pixels = rgb[mask]
    return pixels[:: max(1, len(pixels) // A_CELL)][:A_CELL]


def _appearance(pixels: Pixels) -> Appearance:
    return stain.measure_appearance([(pixels[None], np.ones((1, len(pixels)), dtype=bool))])


def _density(pixels: Pixels) -> NDArray[np.float64]:
    return np.asarray(-np.log((pixels.astype(float) + 1) / 256))


def _lab(pixels: Pixels) -> NDArray[np.float64]:
    return np.asarray(color.rgb2lab(pixels[None]))[0]


def _stains(pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (3, 2) of two stains, and the 99th percentile of their amounts."""
    density = _density(pixels)
    plane = np.linalg.eigh(np.cov(density.T))[1][:, 1:]
    plane = plane * np.where(plane[0] < 0, -1, 1)
    angles = np.arctan2(*(density @ plane).T)
    ends = np.quantile(angles, (0.01, 0.99))
    vectors = plane @ np.array([np.sin(ends), np.cos(ends)])
    amounts = np.linalg.lstsq(vectors, density.T, rcond=None)[0]
    return vectors, np.quantile(amounts, 0.99, axis=1)


def _log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(probability.clip(1e-6, 1 - 1e-6)))


def _in_words(known: intervals.Interval) -> str:
    return f"{known.value:.3f} ({known.low:.3f} to {known.high:.3f})"


if __name__ == "__main__":
    typer.run(main)
