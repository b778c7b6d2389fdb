"""Simulated predictions of a model, for benchmarks that need tables and no pictures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from allcore.evaluation import slice_search
from allcore.evaluation.metrics import Floats
from allcore.evaluation.slices import Slice

CELLS, SUBJECTS, SEED = 15_000, 50, 20190412
BLAST_SHARE = 0.62  # of the subjects, as in C-NMC 2019


@dataclass(frozen=True)
class Predicted:
    """N labelled cells; every subject has cells of one class, as in C-NMC 2019."""

    labels: NDArray[np.int64]  # (N,) 1 for an ALL blast, 0 for a normal cell
    probabilities: Floats  # (N,)
    subjects: NDArray[np.str_]  # (N,)


def draw(cells: int = CELLS, subjects: int = SUBJECTS, seed: int = SEED) -> Predicted:
    """Draw cells of subjects of very unequal size, about as hard to tell apart as C-NMC's are.

    Log-odds are the sum of the class's, the subject's and the cell's own share.
    """
    rng = np.random.default_rng(seed)
    blast = np.arange(subjects) < round(BLAST_SHARE * subjects)
    share = rng.dirichlet(np.ones(subjects))
    # Each subject has a cell; the others fall to them by their share.
    of_cell = np.concatenate([np.arange(subjects), rng.choice(subjects, cells - subjects, p=share)])
    labels = blast[of_cell].astype(np.int64)
    log_odds = np.where(labels == 1, 1.4, -1.0)
    log_odds += rng.normal(0, 1.1, subjects)[of_cell] + rng.normal(0, 1.4, cells)
    names = np.array([f"S{number:02d}" for number in range(subjects)])
    return Predicted(labels, special.expit(log_odds), names[of_cell])


def slices(cells: Predicted, seed: int = SEED) -> tuple[Slice, ...]:
    """Draw facts and a cluster for each cell, and give every slice that the page would try."""
    rng = np.random.default_rng(seed)
    names = list(slice_search.MEASURE_WORDS)
    facts = pd.DataFrame(rng.normal(size=(len(cells.labels), len(names))), columns=names)
    clusters = rng.integers(slice_search.CLUSTERS, size=len(cells.labels))
    table = pd.DataFrame({"subject": cells.subjects})
    return slice_search.candidate_slices(table, facts, clusters)
