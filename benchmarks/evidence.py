"""The whole evidence for one answer, and how often its saliency maps stand the deletion check."""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np

from allcore import modelfolder, settings
from allcore.errors import AllScopeError
from allcore.evaluation import intervals, words
from allcore.inference import evidence
from allcore.inference.evidence import Evidence
from allcore.inference.predictor import Predictor
from benchmarks import material, timing
from benchmarks.timing import Result, Scale

SLOW_END = 0.95
"""Of the pictures, so many are done within the seconds that are told."""


def run(scale: Scale) -> Result:
    """Seconds from an answer to all of its evidence, against those of the answer alone.

    How often each map is supported goes to standard error, by Wilson's interval over cells.
    """
    predictor = material.predictor()
    folder = modelfolder.folder(settings.load().model)
    near = evidence.kept(folder)
    others = _others(predictor)
    found, alone = [], []
    with material.pictures(scale.images + 1) as paths:
        for path in paths:
            rgb = material.rgb(path)
            started = time.perf_counter()
            cell = predictor.prepare(rgb)
            (answer,) = predictor.predict([rgb])
            alone.append(time.perf_counter() - started)
            if answer.p_all is None:
                continue
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found.append(
                evidence.gather(
                    predictor, rgb, cell, answer, folder, digest=digest, near=near, others=others
                )
            )
    if len(found) < 2:
        raise AllScopeError(
            "The model refuses these pictures: set ALLSCOPE_DATA to a folder of cells it knows."
        )
    _tell(found[1:])  # the first one pays for what is read and chosen once
    return timing.result(
        "evidence",
        ours=float(np.quantile([each.seconds for each in found[1:]], SLOW_END)),
        reference=float(np.quantile(alone[1:], SLOW_END)),
        unit="s",
        device=str(predictor.device),
    )


def _others(predictor: Predictor) -> list[tuple[Path, Predictor]]:
    chosen = settings.load()
    folders = [modelfolder.folder(name) for name in modelfolder.names()]
    return [
        (folder, Predictor.load(folder, chosen.device, threads=chosen.threads))
        for folder in folders
        if folder.name != predictor.info.name
    ]


def _tell(found: list[Evidence]) -> None:
    """Say how often each map marks what the answer rests on."""
    for index, method in enumerate(("Grad-CAM", "Integrated gradients")):
        maps = [each.saliency[index] for each in found]
        checks = [each.deletion for each in maps if each.deletion]
        supported = sum(check.supported for check in checks)
        share = words.share(intervals.wilson(supported, len(checks)), len(checks))
        falls = [check.fall for check in checks]
        others = [fall for check in checks for fall in check.falls]
        inside = np.nanmean([each.heat.share_in_cell for each in maps])
        errors = [each.incomplete for each in maps if each.incomplete is not None]
        told = f"{method}: supported in {share}; {100 * inside:.0f} % of heat inside the cell"
        if falls:
            told += (
                f"; covering it takes {np.mean(falls):.2f} of log-odds, other regions take "
                f"{np.mean(others):.2f}"
            )
        if errors:
            told += f"; incomplete by {100 * np.median(errors):.0f} % (median)"
        print(told, file=sys.stderr, flush=True)
