"""Fitting a model's gate, and measuring it on subjects and pictures that it was not fitted on.

Three ways to tell strange cells are compared: the Mahalanobis distance (Lee et al., NeurIPS 2018)
with the covariance of Ledoit and Wolf (2004), the distance to the nearest training cells (Sun et
al., *Out-of-Distribution Detection with Deep Nearest Neighbors*, ICML 2022), and the energy of the
answer (Liu et al., *Energy-based Out-of-distribution Detection*, NeurIPS 2020). Each is fitted on
training subjects, limited on validation subjects and judged on the others. Gates use the first;
the figures of all three are kept beside it, so that anyone sees where another would do better.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.inference import gate
from allcore.inference.gate import Floats, Gate, Limits, Looks, Range

ACCEPTED = 0.99
"""Share of validation subjects' cells that the limit of a distance lets through: so that with
what the plain facts refuse, the whole gate lets through 98 %."""
NEAREST = 10
KEPT = "mahalanobis"
"""The method that gates use."""

Rows = NDArray[np.intp]
Scorer = Callable[[Floats, Floats], Floats]
"""Vectors (N, D) and log-odds (N,) to strangeness (N,), higher is stranger."""


@dataclass(frozen=True)
class Read:
    """What was read of N pictures that show a cell on black.

    Attributes:
        vectors: (N, D) what the network reads.
        logits: (N,) log-odds.
        looks: N plain facts.
    """

    vectors: Floats
    logits: Floats
    looks: tuple[Looks, ...]

    def of(self, rows: Rows) -> "Read":
        """Some of the pictures."""
        return Read(self.vectors[rows], self.logits[rows], tuple(self.looks[row] for row in rows))

    @property
    def plain(self) -> pd.DataFrame:
        """The plain facts, one row a picture."""
        return pd.DataFrame([vars(each) for each in self.looks])


@dataclass(frozen=True)
class Rotation:
    """Rows of a data set: who is fitted on, who sets the limit, and who judges both."""

    fitted: Rows
    limited: Rows
    judged: Rows


@dataclass(frozen=True)
class Judged:
    """What happened to the pictures of one or more rotations.

    Attributes:
        accepted: (N,) whether the whole gate lets a cell through; NaN where it was not judged.
        refused_by: cells refused by rung.
        known: by method, (N,) whether its distance alone lets a cell through.
        strangers: by kind, share of strangers that the whole gate refuses, a mean of rotations.
        methods: by method and kind, share of strangers that its distance alone refuses.
    """

    accepted: Floats
    refused_by: dict[str, int]
    known: dict[str, Floats]
    strangers: dict[str, float]
    methods: dict[str, dict[str, float]]


def fit(cells: Read, *, limit_on: Read) -> Gate:
    """The gate of training cells, its limit set on validation cells."""
    centre, whiten = mahalanobis(cells.vectors)
    farthest = limit(gate.distances(limit_on.vectors, centre, whiten))
    return Gate(limits(cells.plain), centre, whiten, farthest, {})


def final(cells: Read, rotations: Sequence[Rotation]) -> Gate:
    """The gate that ships: of all cells that a rotation fits, limits or judges out of fold.

    Its limit is that of the cells' distances by fits that had not seen their subjects. Where there
    is but one rotation, whose test subjects must stay unseen, it is that rotation's gate.
    """
    if len(rotations) == 1:
        (turn,) = rotations
        return fit(cells.of(turn.fitted), limit_on=cells.of(turn.limited))
    centre, whiten = mahalanobis(cells.vectors)
    unseen = []
    for turn in rotations:
        own = mahalanobis(cells.vectors[turn.fitted])
        unseen.append(gate.distances(cells.vectors[turn.limited], *own))
    return Gate(limits(cells.plain), centre, whiten, limit(np.concatenate(unseen)), {})


def limit(distances: Floats) -> float:
    """The distance that lets ``ACCEPTED`` of the cells through."""
    return float(np.quantile(distances, ACCEPTED))


def limits(plain: pd.DataFrame) -> Limits:
    """What plain facts may be: the range of training cells but the last few, and a margin.

    The margin is wide where a camera may rightly differ (light, size), and none where red over
    blue tells whether the channels were swapped. Grain depends on how a picture was compressed,
    so that focus has the widest.
    """
    return Limits(
        area=_range(plain["area"], (0.001, 0.999), 1.3, 1.3),
        brightness=_range(plain["brightness"], (0.001, 0.999), 1.25, 1.25),
        focus=_range(plain["focus"], (0.01, 0.999), 1.7, 1.7),
        redness=_range(plain["redness"], (0.001, 0.997), 1.05, 1.0),
    )


def mahalanobis(vectors: Floats) -> tuple[Floats, Floats]:
    """Centre (D,) and whitening (D, D) of vectors (N, D)."""
    from sklearn.covariance import LedoitWolf

    centre = vectors.mean(axis=0, dtype=np.float64)
    scale = vectors.std(axis=0, dtype=np.float64) + 1e-6
    precision = LedoitWolf().fit((vectors - centre) / scale).precision_
    whiten = np.linalg.cholesky(precision) / scale[:, None]
    return centre.astype(np.float32), whiten.astype(np.float32)


def judge(cells: Read, rotations: Sequence[Rotation], strangers: Mapping[str, Read]) -> Judged:
    """Fit, limit and judge in turn.

    Args:
        cells: of the data set.
        rotations: each cell is judged by at most one.
        strangers: what passed the rungs before, by kind.
    """
    accepted = np.full(len(cells.logits), np.nan, dtype=np.float32)
    known = {name: accepted.copy() for name in METHODS}
    refused_by: dict[str, int] = {}
    shares: list[dict[str, float]] = []
    alone: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    for turn in rotations:
        fitted, limited, judged = (
            cells.of(rows) for rows in (turn.fitted, turn.limited, turn.judged)
        )
        whole = fit(fitted, limit_on=limited)
        rungs = _rungs(whole, judged)
        accepted[turn.judged] = [rung == "" for rung in rungs]
        for rung in filter(None, rungs):
            refused_by[rung] = refused_by.get(rung, 0) + 1
        shares.append({kind: _refused(whole, each) for kind, each in strangers.items()})
        for name, make in METHODS.items():
            score = make(fitted)
            farthest = limit(score(limited.vectors, limited.logits))
            known[name][turn.judged] = score(judged.vectors, judged.logits) <= farthest
            alone[name].append(
                {
                    kind: float((score(each.vectors, each.logits) > farthest).mean())
                    for kind, each in strangers.items()
                }
            )
    methods = {name: _mean(found) for name, found in alone.items()}
    return Judged(accepted, refused_by, known, _mean(shares), methods)


def _by_mahalanobis(cells: Read) -> Scorer:
    centre, whiten = mahalanobis(cells.vectors)
    return lambda vectors, _: gate.distances(vectors, centre, whiten)


def _by_nearest(cells: Read) -> Scorer:
    """Euclidean distance of standardised vectors to the tenth nearest."""
    from sklearn.neighbors import NearestNeighbors

    centre = cells.vectors.mean(axis=0)
    scale = cells.vectors.std(axis=0) + 1e-6
    found = NearestNeighbors(n_neighbors=NEAREST, algorithm="brute")
    found.fit((cells.vectors - centre) / scale)

    def score(vectors: Floats, _: Floats) -> Floats:
        distances, _rows = found.kneighbors((vectors - centre) / scale)
        return np.asarray(distances[:, -1], dtype=np.float32)

    return score


def _by_energy(_cells: Read) -> Scorer:
    """Of one log-odds z, whose two scores are z / 2 and -z / 2: low where the answer is sure."""
    return lambda _, logits: -np.logaddexp(logits / 2, -logits / 2)


METHODS: dict[str, Callable[[Read], Scorer]] = {
    "mahalanobis": _by_mahalanobis,
    "nearest": _by_nearest,
    "energy": _by_energy,
}


def _rungs(whole: Gate, cells: Read) -> list[str]:
    """For each cell the rung that refuses it, empty where none does."""
    strange = whole.strangeness(cells.vectors) > 1
    found = [whole.refusal(each) for each in cells.looks]
    pairs = zip(found, strange, strict=True)
    return [refusal.rung if refusal else "known" if odd else "" for refusal, odd in pairs]


def _refused(whole: Gate, cells: Read) -> float:
    return float(np.mean([rung != "" for rung in _rungs(whole, cells)]))


def _mean(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {kind: float(np.mean([each[kind] for each in found])) for kind in found[0]}


def _range(
    values: "pd.Series[float]", ends: tuple[float, float], below: float, above: float
) -> Range:
    low, high = np.quantile(values, ends)
    return float(low / below), float(high * above)
