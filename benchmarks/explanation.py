"""The whole evidence for one answer, and how often its saliency maps stand the deletion check."""

import hashlib
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from allcore import formats, model_folder, settings
from allcore.errors import AllScopeError
from allcore.evaluation import intervals
from allcore.explain import deletion_check
from allcore.explain.deletion_check import Deletion
from allcore.explain.explanation import Explainer
from allcore.explain.parts import METHODS, Explanation
from allcore.inference.predictor import Predictor
from allcore.inference.upload import CellPicture
from allcore.model_folder import InstalledModel
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

SLOW_END = 0.95
"""Of the pictures, so many are done within the seconds that are told."""


@dataclass(frozen=True)
class _Asked:
    """A picture's evidence, and the check of its maps by another way of covering."""

    explanation: Explanation
    blurred: tuple[Deletion | None, ...]
    alone: float  # seconds of the answer


def run(scale: Scale) -> Result:
    """Seconds from an answer to all of its evidence, against those of the answer alone.

    How often each map is supported goes to standard error, by Wilson's interval over cells.
    """
    predictor = inputs.predictor()
    with inputs.pictures(scale.images + 1) as paths:
        found = list(_asked(predictor, paths))[1:]  # the first pays for what is read only once
    if not found:
        raise AllScopeError(
            "The model refuses these pictures: set ALLSCOPE_DATA to a folder of cells it knows."
        )
    _tell(found)
    return timing.result(
        "evidence",
        ours=float(np.quantile([each.explanation.seconds for each in found], SLOW_END)),
        reference=float(np.quantile([each.alone for each in found], SLOW_END)),
        unit="s",
        device=str(predictor.device),
    )


def _asked(predictor: Predictor, paths: Iterable[Path]) -> Iterator[_Asked]:
    """The explanation of each picture that is answered."""
    model = model_folder.resolve(settings.load().model)
    others = _others(model)
    explainer = Explainer({model: predictor, **others}.__getitem__)
    for path in paths:
        picture = CellPicture(inputs.rgb(path), hashlib.sha256(path.read_bytes()).hexdigest())
        started = time.perf_counter()
        (prediction,) = predictor.predict([picture])
        alone = time.perf_counter() - started
        if prediction.p_all is None:
            continue
        explanation = explainer.explanation(model, picture, prediction, others=list(others))
        cell, heats = predictor.prepare(picture), [each.heat for each in explanation.saliency]
        other = deletion_check.check(predictor, cell, heats, digest=picture.sha256, fill="blurred")
        yield _Asked(explanation, other, alone)


def _others(model: InstalledModel) -> dict[InstalledModel, Predictor]:
    config = settings.load()
    return {
        other: Predictor.load(other.folder, config.device, threads=config.threads)
        for other in model_folder.resolve_all()[0]
        if other != model
    }


def _tell(found: list[_Asked]) -> None:
    """Say how often each map marks what the answer rests on."""
    for index, method in enumerate(METHODS):
        maps = [each.explanation.saliency[index] for each in found]
        inside = np.nanmean([each.heat.share_in_cell for each in maps])
        errors = [each.incomplete for each in maps if each.incomplete is not None]
        told = [f"{method}: {100 * inside:.0f} % of heat inside the cell"]
        told += [f"incomplete by {100 * np.median(errors):.0f} % (median)"] if errors else []
        told += [
            f"under the mean colour {_supported([each.deletion for each in maps])}",
            f"under the cell blurred {_supported([each.blurred[index] for each in found])}",
        ]
        print("\n  ".join(told), file=sys.stderr, flush=True)


def _supported(checks: Sequence[Deletion | None]) -> str:
    done = [each for each in checks if each is not None]
    if not done:
        return "there was nothing to check"
    hits = sum(each.supported for each in done)
    share = formats.share(intervals.wilson(hits, len(done)), len(done))
    lost = np.mean([each.fall for each in done])
    others = np.mean([fall for each in done for fall in each.random_falls])
    return f"supported in {share}; takes {lost:.2f} of log-odds, others {others:.2f}"
