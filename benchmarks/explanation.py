"""Explanation of a prediction in full, and how often its saliency maps pass the deletion check."""

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
from allcore.explain.parts import METHODS
from allcore.explain.result import Explanation
from allcore.inference.predictor import Predictor
from allcore.inference.upload import CellPicture
from allcore.model_folder import InstalledModel
from benchmarks import inputs, timing
from benchmarks.timing import Result, Scale

SLOW_END = 0.95
"""Quantile of the seconds over pictures that is reported."""


@dataclass(frozen=True)
class _ExplainedCell:
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
        explained = list(_explained_cells(predictor, paths))[
            1:
        ]  # the first pays for what is read only once
    if not explained:
        raise AllScopeError(
            "The model refuses these pictures: set ALLSCOPE_DATA to a folder of cells it knows."
        )
    _print_maps(explained)
    return timing.result(
        "evidence",
        ours=float(np.quantile([cell.explanation.seconds for cell in explained], SLOW_END)),
        reference=float(np.quantile([cell.alone for cell in explained], SLOW_END)),
        unit="s",
        device=str(predictor.device),
    )


def _explained_cells(predictor: Predictor, paths: Iterable[Path]) -> Iterator[_ExplainedCell]:
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
        cell, heats = (
            predictor.prepare(picture),
            [saliency.heat for saliency in explanation.saliency],
        )
        other = deletion_check.check(predictor, cell, heats, digest=picture.sha256, fill="blurred")
        yield _ExplainedCell(explanation, other, alone)


def _others(model: InstalledModel) -> dict[InstalledModel, Predictor]:
    config = settings.load()
    return {
        other: Predictor.load(other.folder, config.device, threads=config.threads)
        for other in model_folder.resolve_all()[0]
        if other != model
    }


def _print_maps(explained: list[_ExplainedCell]) -> None:
    """Print how often each saliency map marks what the prediction rests on."""
    for index, method in enumerate(METHODS):
        maps = [cell.explanation.saliency[index] for cell in explained]
        inside = np.nanmean([saliency.heat.share_in_cell for saliency in maps])
        errors = [saliency.incomplete for saliency in maps if saliency.incomplete is not None]
        texts = [f"{method}: {100 * inside:.0f} % of heat inside the cell"]
        texts += [f"incomplete by {100 * np.median(errors):.0f} % (median)"] if errors else []
        texts += [
            f"under the mean colour {_supported([saliency.deletion for saliency in maps])}",
            f"under the cell blurred {_supported([cell.blurred[index] for cell in explained])}",
        ]
        print("\n  ".join(texts), file=sys.stderr, flush=True)


def _supported(checks: Sequence[Deletion | None]) -> str:
    checked = [check for check in checks if check is not None]
    if not checked:
        return "there was nothing to check"
    hits = sum(check.supported for check in checked)
    share = formats.share(intervals.wilson(hits, len(checked)), len(checked))
    lost = np.mean([check.fall for check in checked])
    others = np.mean([fall for check in checked for fall in check.random_falls])
    return f"supported in {share}; takes {lost:.2f} of log-odds, others {others:.2f}"
