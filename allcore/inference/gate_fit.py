"""Fit of a model's gate, and its evaluation on held-out subjects and images.

Three out-of-distribution detectors are compared: the Mahalanobis distance (Lee et al., NeurIPS
2018) with the covariance of Ledoit and Wolf (2004), the distance to the nearest training cells (Sun
et al., *Out-of-Distribution Detection with Deep Nearest Neighbors*, ICML 2022), and the energy
score (Liu et al., *Energy-based Out-of-distribution Detection*, NeurIPS 2020). Each is fitted on
training subjects, its threshold set on validation subjects, and evaluated on the others. Gates use
the first; the results of all three are recorded for comparison.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.inference import gate
from allcore.inference.gate import Floats, Gate, GateLimits, ImageStats, Range

ACCEPTED = 0.99
"""Share of validation subjects' cells that a distance limit accepts.

With the checks of image statistics, the whole gate accepts 98 %.
"""
NEAREST = 10
METHOD = "mahalanobis"
"""Detector of the gates."""

Rows = NDArray[np.intp]
Scorer = Callable[[Floats, Floats], Floats]
"""Maps features (N, D) and log-odds (N,) to out-of-distribution scores (N,)."""


@dataclass(frozen=True)
class PictureFeatures:
    """Features of N images that show a cell on black."""

    vectors: Floats  # (N, D) features of the network
    logits: Floats  # (N,) log-odds
    stats: tuple[ImageStats, ...]  # N image statistics

    def of(self, rows: Rows) -> "PictureFeatures":
        """Select images by row."""
        stats = tuple(self.stats[row] for row in rows)
        return PictureFeatures(self.vectors[rows], self.logits[rows], stats)

    @property
    def table(self) -> pd.DataFrame:
        """Return the image statistics as a table, one row an image."""
        return pd.DataFrame([vars(stats) for stats in self.stats])


@dataclass(frozen=True)
class Rotation:
    """Rows of a data set for the fit, for the limit and for the evaluation."""

    fitted: Rows
    limited: Rows
    judged: Rows


@dataclass(frozen=True)
class GateEvaluation:
    """Evaluation of a gate on the images of one or more rotations."""

    accepted: Floats  # (N,) whether the whole gate accepts a cell; NaN where it was not evaluated
    refused_by: dict[str, int]  # number of refused cells, by check
    known: dict[str, Floats]  # by method, (N,) whether its distance alone accepts a cell
    # by kind, share of out-of-distribution samples that the whole gate refuses, a mean of rotations
    refused_ood: dict[str, float]
    # by method and kind, share of samples that its distance alone refuses
    methods: dict[str, dict[str, float]]


def fit_gate(cells: PictureFeatures, *, limit_on: PictureFeatures) -> Gate:
    """Fit a gate to training cells and set its limit on validation cells."""
    centre, whiten = mahalanobis(cells.vectors)
    distances = gate.mahalanobis_distances(limit_on.vectors, centre, whiten)
    return Gate(stats_limits(cells.table), centre, whiten, distance_limit(distances), {})


def fit_final_gate(cells: PictureFeatures, rotations: Sequence[Rotation]) -> Gate:
    """Fit the gate that ships: on all cells of all rotations.

    Its limit comes from the cells' distances under fits without their subjects. With a single
    rotation, whose test subjects must stay unseen, it is that rotation's gate.
    """
    if len(rotations) == 1:
        (rotation,) = rotations
        return fit_gate(cells.of(rotation.fitted), limit_on=cells.of(rotation.limited))
    centre, whiten = mahalanobis(cells.vectors)
    unseen = []
    for rotation in rotations:
        fit = mahalanobis(cells.vectors[rotation.fitted])
        unseen.append(gate.mahalanobis_distances(cells.vectors[rotation.limited], *fit))
    limit = distance_limit(np.concatenate(unseen))
    return Gate(stats_limits(cells.table), centre, whiten, limit, {})


def distance_limit(distances: Floats) -> float:
    """Distance that accepts the share ``ACCEPTED`` of the cells."""
    return float(np.quantile(distances, ACCEPTED))


def stats_limits(stats: pd.DataFrame) -> GateLimits:
    """Limits of image statistics: the range of training cells without its tails, plus a margin.

    The margin is wide where cameras legitimately differ (light, size), and zero for red over blue,
    which shows swapped channels. Compression changes grain, so focus has the widest margin.
    """
    return GateLimits(
        area=_range(stats["area"], (0.001, 0.999), 1.3, 1.3),
        brightness=_range(stats["brightness"], (0.001, 0.999), 1.25, 1.25),
        focus=_range(stats["focus"], (0.01, 0.999), 1.7, 1.7),
        redness=_range(stats["redness"], (0.001, 0.997), 1.05, 1.0),
    )


def mahalanobis(vectors: Floats) -> tuple[Floats, Floats]:
    """Centre (D,) and whitening (D, D) of vectors (N, D)."""
    from sklearn.covariance import LedoitWolf

    centre = vectors.mean(axis=0, dtype=np.float64)
    scale = vectors.std(axis=0, dtype=np.float64) + 1e-6
    precision = LedoitWolf().fit((vectors - centre) / scale).precision_
    whiten = np.linalg.cholesky(precision) / scale[:, None]
    return centre.astype(np.float32), whiten.astype(np.float32)


def evaluate_gate(
    cells: PictureFeatures, rotations: Sequence[Rotation], samples: Mapping[str, PictureFeatures]
) -> GateEvaluation:
    """Fit, limit and evaluate the gate in each rotation.

    Args:
        cells: of the data set.
        rotations: each cell is evaluated by at most one.
        samples: out-of-distribution samples that passed the checks before the gate, by kind.
    """
    accepted = np.full(len(cells.logits), np.nan, dtype=np.float32)
    known = {name: accepted.copy() for name in METHODS}
    refused_by: dict[str, int] = {}
    shares: list[dict[str, float]] = []
    alone: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    for rotation in rotations:
        fitted, limited, judged = (
            cells.of(rows) for rows in (rotation.fitted, rotation.limited, rotation.judged)
        )
        whole = fit_gate(fitted, limit_on=limited)
        checks = _failed_checks(whole, judged)
        accepted[rotation.judged] = [check == "" for check in checks]
        for check in filter(None, checks):
            refused_by[check] = refused_by.get(check, 0) + 1
        shares.append({kind: _refused(whole, sample) for kind, sample in samples.items()})
        for name, make_scorer in METHODS.items():
            score = make_scorer(fitted)
            limit = distance_limit(score(limited.vectors, limited.logits))
            known[name][rotation.judged] = score(judged.vectors, judged.logits) <= limit
            alone[name].append(
                {
                    kind: float((score(sample.vectors, sample.logits) > limit).mean())
                    for kind, sample in samples.items()
                }
            )
    methods = {name: _mean(rows) for name, rows in alone.items()}
    return GateEvaluation(accepted, refused_by, known, _mean(shares), methods)


def _by_mahalanobis(cells: PictureFeatures) -> Scorer:
    centre, whiten = mahalanobis(cells.vectors)
    return lambda vectors, _: gate.mahalanobis_distances(vectors, centre, whiten)


def _by_nearest(cells: PictureFeatures) -> Scorer:
    """Euclidean distance of standardised vectors to the tenth nearest training cell."""
    from sklearn.neighbors import NearestNeighbors

    centre = cells.vectors.mean(axis=0)
    scale = cells.vectors.std(axis=0) + 1e-6
    neighbours = NearestNeighbors(n_neighbors=NEAREST, algorithm="brute")
    neighbours.fit((cells.vectors - centre) / scale)

    def score(vectors: Floats, _: Floats) -> Floats:
        distances, _rows = neighbours.kneighbors((vectors - centre) / scale)
        return np.asarray(distances[:, -1], dtype=np.float32)

    return score


def _by_energy(_cells: PictureFeatures) -> Scorer:
    """Energy of one log-odds z, as the two logits z / 2 and -z / 2; low for confident ones."""
    return lambda _, logits: -np.logaddexp(logits / 2, -logits / 2)


METHODS: dict[str, Callable[[PictureFeatures], Scorer]] = {
    "mahalanobis": _by_mahalanobis,
    "nearest": _by_nearest,
    "energy": _by_energy,
}


def _failed_checks(whole: Gate, cells: PictureFeatures) -> list[str]:
    """For each cell the check that refuses it; empty where accepted."""
    too_far = whole.ood_scores(cells.vectors) > 1
    refusals = [whole.refusal(stats) for stats in cells.stats]
    return [
        refusal.check if refusal else "known" if far else ""
        for refusal, far in zip(refusals, too_far, strict=True)
    ]


def _refused(whole: Gate, cells: PictureFeatures) -> float:
    return float(np.mean([check != "" for check in _failed_checks(whole, cells)]))


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {kind: float(np.mean([row[kind] for row in rows])) for kind in rows[0]}


def _range(
    values: "pd.Series[float]", ends: tuple[float, float], below: float, above: float
) -> Range:
    low, high = np.quantile(values, ends)
    return float(low / below), float(high * above)
