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
from allcore.explain import explanation as evidence
from allcore.explain.deletion_check import Deletion
from allcore.explain.explanation import Evidence
from allcore.inference.predictor import Predictor
from benchmarks import material, timing
from benchmarks.timing import Result, Scale

SLOW_END = 0.95
"""Of the pictures, so many are done within the seconds that are told."""


@dataclass(frozen=True)
class _Asked:
    """A picture's evidence, and the check of its maps by another way of covering."""

    evidence: Evidence
    blurred: tuple[Deletion | None, ...]
    alone: float  # seconds of the answer


def run(scale: Scale) -> Result:
    """Seconds from an answer to all of its evidence, against those of the answer alone.

    How often each map is supported goes to standard error, by Wilson's interval over cells.
    """
    predictor = material.predictor()
    with material.pictures(scale.images + 1) as paths:
        found = list(_asked(predictor, paths))[1:]  # the first pays for what is read only once
    if not found:
        raise AllScopeError(
            "The model refuses these pictures: set ALLSCOPE_DATA to a folder of cells it knows."
        )
    _tell(found)
    return timing.result(
        "evidence",
        ours=float(np.quantile([each.evidence.seconds for each in found], SLOW_END)),
        reference=float(np.quantile([each.alone for each in found], SLOW_END)),
        unit="s",
        device=str(predictor.device),
    )


def _asked(predictor: Predictor, paths: Iterable[Path]) -> Iterator[_Asked]:
    """What is found on each picture that is answered."""
    folder = model_folder.folder(settings.load().model)
    near, others = evidence.kept(folder), _others(predictor)
    for path in paths:
        rgb = material.rgb(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        started = time.perf_counter()
        cell = predictor.prepare(rgb)
        (answer,) = predictor.predict([rgb])
        alone = time.perf_counter() - started
        if answer.p_all is None:
            continue
        found = evidence.gather(
            predictor, rgb, cell, answer, folder, digest=digest, near=near, others=others
        )
        heats = [each.heat for each in found.saliency]
        other = deletion_check.check(predictor, cell, heats, digest=digest, fill="blurred")
        yield _Asked(found, other, alone)


def _others(predictor: Predictor) -> list[tuple[Path, Predictor]]:
    chosen = settings.load()
    folders = [model_folder.folder(name) for name in model_folder.names()]
    return [
        (folder, Predictor.load(folder, chosen.device, threads=chosen.threads))
        for folder in folders
        if folder.name != predictor.info.name
    ]


def _tell(found: list[_Asked]) -> None:
    """Say how often each map marks what the answer rests on."""
    for index, method in enumerate(("Grad-CAM", "Integrated gradients")):
        maps = [each.evidence.saliency[index] for each in found]
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
    others = np.mean([fall for each in done for fall in each.falls])
    return f"supported in {share}; takes {lost:.2f} of log-odds, others {others:.2f}"
