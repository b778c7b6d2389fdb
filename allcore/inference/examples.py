"""Example images to try the model on, selected by the installed model's predictions.

A name such as "High probability" promises a prediction, so synthetic cells are predicted until one
matches its name; a name without a matching cell is left out. The examples are stored on disk by the
digest of the model and the version of the synthetic data set.
"""

import hashlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock
from PIL import Image

from allcore import settings
from allcore.data import cells, ood_samples
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import DataError
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction
from allcore.synthetic import dataset, demo

VERSION = "2"
"""Version of the selection; a new value makes stored examples be selected again."""
FILE, PICTURE = "examples.json", "not-a-cell.png"
MOST = 64
"""Maximum number of images to predict for one example."""
BATCH = 8
HIGH, LOW, NEAR = 0.95, 0.25, 0.04
"""Least high and greatest low probability; greatest distance of a near one from the threshold."""
OOD_KIND = "photograph, cut out like a cell"
"""Kind of `ood_samples` for the example without a cell."""
LIGHT = 70.0
"""Mean grey level of the photograph, about that of a cell."""

DRAWN = "drawn by this program"
CUT = "cut out of a photograph by this program"


@dataclass(frozen=True)
class ExamplePicture:
    """Example image to try the model on."""

    name: str  # display name; the installed model's prediction matches it
    path: Path  # the image file
    sentence: str  # what to look at
    origin: str = DRAWN  # how the image was made, shown next to its name

    @property
    def title(self) -> str:
        """Name and kind of the image, as the heading of its prediction."""
        return f"{self.name} ({self.origin})"


@dataclass(frozen=True)
class _Promise:
    """Example without an image: its label and fault, and a test of its prediction."""

    example: ExamplePicture
    label: str | None
    fault: str
    holds: Callable[[Prediction], bool]


def examples(predictor: Predictor) -> tuple[ExamplePicture, ...]:
    """Return the examples for a model; the first call selects them, in one process for all.

    The selection takes some seconds, and generates the demonstration set where it is missing.

    Raises:
        DataError: the demonstration set or the home folder can't be written.
    """
    folder = _folder(predictor)
    if stored := _read(folder):
        return stored
    demo.ensure_demo()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            return _read(folder) or _select(predictor, folder)
    except OSError as error:
        raise DataError(
            f"The examples can't be kept in {folder.parent} ({error.strerror}): set ALLSCOPE_HOME "
            "to a folder that can be written to."
        ) from error


def is_ready(predictor: Predictor) -> bool:
    """True if the examples for a model are already on disk."""
    return bool(_read(_folder(predictor)))


def _promises(threshold: float) -> tuple[_Promise, ...]:
    def of(name: str, sentence: str) -> ExamplePicture:
        return ExamplePicture(name, Path(), sentence)

    return (
        _Promise(
            of("High probability", "See how far the probability lies above the threshold, that "
               "turned copies are answered alike, and whether that makes the answer certain."),
            "all", "", lambda prediction: (prediction.p_all or 0) >= HIGH,
        ),
        _Promise(
            of("Low probability", "See how far the probability lies below the threshold, and "
               "which training cells are most like it."),
            "hem", "",
            lambda prediction: prediction.p_all is not None and prediction.p_all <= LOW,
        ),
        _Promise(
            of("Near the threshold", "A hair's breadth decides the verdict here: see whether it "
               "holds when the cell is turned, and whether the model can tell at all."),
            None, "", lambda prediction: abs((prediction.p_all or -1) - threshold) <= NEAR,
        ),
        _Promise(
            of("Refused: out of focus", "The chromatin is blurred, so there is nothing to go by: "
               "no probability is shown unless you ask for it."),
            None, "blurred", lambda prediction: prediction.check == "focused",
        ),
    )  # fmt: skip


NOT_A_CELL = ExamplePicture(
    "Refused: not a cell",
    Path(),
    "A part of a photograph in the outline of a cell, lit and sharp like one: it is refused for "
    "being unlike anything that the model was trained on.",
    CUT,
)


def _folder(predictor: Predictor) -> Path:
    """Folder of the examples for this model, gate and synthetic set."""
    info, gate = predictor.info, predictor.gate
    origin = {
        "weights": info.weights_sha256, "threshold": info.threshold,
        "temperature": info.temperature, "preprocessing": asdict(info.preprocessing),
        "gate": None if gate is None else [asdict(gate.limits), gate.max_distance],
        "drawn": demo.VERSION, "version": VERSION,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(origin, sort_keys=True, default=str).encode()).hexdigest()
    return settings.load().home / "curated" / digest[:16]


def _read(folder: Path) -> tuple[ExamplePicture, ...]:
    """Read the examples in a folder; empty where the folder or an image is missing."""
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
        demo_set = settings.load().demo_set
        stored = tuple(
            ExamplePicture(
                row["name"],
                (folder if row["origin"] == CUT else demo_set) / row["file"],
                row["sentence"],
                row["origin"],
            )
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return stored if all(example.path.is_file() for example in stored) else ()


def _select(predictor: Predictor, folder: Path) -> tuple[ExamplePicture, ...]:
    """Select the examples; write them to a temporary sibling folder, then rename it."""
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        selected = [*_drawn_cells(predictor), *_photograph(predictor, work)]
        rows = [
            {
                "name": example.name,
                "file": example.path.name,
                "sentence": example.sentence,
                "origin": example.origin,
            }
            for example in selected
        ]
        (work / FILE).write_text(json.dumps(rows, indent=2), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return _read(folder)


def _drawn_cells(predictor: Predictor) -> Iterator[ExamplePicture]:
    root = settings.load().demo_set
    truth = dataset.read_truth(root).sample(frac=1, random_state=0)
    known: dict[str, Prediction] = {}
    taken: set[str] = set()
    for promise in _promises(predictor.info.threshold):
        fits = truth["fault"] == promise.fault
        if promise.label:
            fits &= truth["true_label"] == promise.label
        ids = [name for name in truth.loc[fits, "image_id"].head(MOST) if name not in taken]
        for image_id, prediction in _predict(predictor, root, ids, known):
            if promise.holds(prediction):
                taken.add(image_id)
                yield replace(promise.example, path=root / f"{image_id}.png")
                break


def _predict(
    predictor: Predictor, root: Path, ids: Sequence[str], known: dict[str, Prediction]
) -> Iterator[tuple[str, Prediction]]:
    """Predict synthetic cells in small batches, each at most once."""
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        new = [name for name in some if name not in known]
        pictures = [decoding.decode((root / f"{name}.png").read_bytes()) for name in new]
        known.update(zip(new, predictor.predict(pictures), strict=True))
        yield from ((name, known[name]) for name in some)


def _photograph(predictor: Predictor, folder: Path) -> Iterator[ExamplePicture]:
    """Yield a photograph without a cell that passes all checks but the last."""
    if predictor.gate is None:  # without a gate there is no out-of-distribution check
        return
    samples = ood_samples.draw_samples(MOST)
    pictures = (sample.rgb for sample in samples if sample.kind == OOD_KIND)
    for rgb in map(_lit, itertools.islice(pictures, MOST)):
        if predictor.predict([rgb])[0].check == "known":
            Image.fromarray(rgb).save(folder / PICTURE)
            yield replace(NOT_A_CELL, path=folder / PICTURE)
            return


def _lit(rgb: Rgb) -> Rgb:
    """Grey version of a cropped image with the brightness of a cell."""
    grey = rgb.astype(np.float32).mean(axis=2, keepdims=True).repeat(3, axis=2)
    mask = cells.mask_of(rgb)
    level = float(grey[mask].mean()) if mask.any() else LIGHT
    return np.asarray(np.clip(np.rint(grey * (LIGHT / max(level, 1.0))), 0, 255), dtype=np.uint8)
