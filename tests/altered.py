"""Answers of a model that never was for altered cells: noise and bias on its logits."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from allcore.data.perturbations import Sweep
from allcore.evaluation import robustness
from allcore.evaluation.robustness import Robustness
from tests import simulated

SWEEPS = (
    Sweep("noise", "Noise", "deviations", (0.0, 1.0, 2.0, 4.0), 0.0, lambda cell, _: cell),
    Sweep("bias", "Bias", "log-odds", (0.0, 0.5, 1.0), 0.0, lambda cell, _: cell),
)


def answers(table: pd.DataFrame) -> dict[tuple[str, float], NDArray[np.float64]]:
    """Probabilities of the table's cells at each level."""
    logit = table["logit"].to_numpy()
    noise = np.random.default_rng(1).normal(size=len(table))
    found = {("noise", level): special.expit(logit + level * noise) for level in SWEEPS[0].levels}
    return found | {("bias", level): special.expit(logit + level) for level in SWEEPS[1].levels}


def result(*, known: bool = True, sweeps: tuple[Sweep, ...] = SWEEPS) -> Robustness:
    """A whole result; without subjects where they are not ``known``."""
    table = simulated.predictions()
    rows = robustness.robustness_rows(
        answers(table),
        sweeps,
        labels=(table["label"] == "all").to_numpy(dtype=int),
        subjects=table["group"].to_numpy(str) if known else None,
        threshold=0.5,
    )
    return Robustness(
        command="python -m allcore evaluate --robustness",
        model="simulated-model",
        weights_sha256="0" * 64,
        folds_sha256=None,
        data="Simulated cells",
        data_digest="f" * 64,
        threshold=0.5,
        cells=len(table),
        subjects=table["group"].nunique() if known else None,
        alterations=tuple(robustness.alteration_of(sweep) for sweep in sweeps),
        rows=rows,
    )
