"""Calibration of log-odds on validation cells: temperature scaling and Platt scaling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from allcore.data import sampling

Floats = NDArray[np.float64]

TEMPERATURES = (0.05, 20.0)
"""Bounds of the temperature; beyond them the cells are separable or carry no information."""


@dataclass(frozen=True)
class PlattScaling:
    """Calibrated log-odds are ``logit / temperature + bias``."""

    temperature: float
    bias: float

    def log_odds(self, logits: Floats) -> Floats:
        """Calibrated log-odds (N,) of raw ones."""
        return np.asarray(logits, dtype=float) / self.temperature + self.bias

    def probability(self, logits: Floats) -> Floats:
        """Calibrated probability (N,) of an ALL blast."""
        return np.asarray(special.expit(self.log_odds(logits)))


def probability(logit: Floats, temperature: float) -> Floats:
    """Calibrated probability of an ALL blast from its log-odds: sigmoid(logit / temperature)."""
    return np.asarray(special.expit(np.asarray(logit, dtype=float) / temperature))


def fit_temperature(
    logits: Floats, labels: NDArray[np.integer], groups: NDArray[np.str_] | None = None
) -> float:
    """Fit the temperature that minimises the negative log-likelihood of validation cells.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. With ``groups``, subjects
    count equally within their class, so that one subject with 700 cells does not dominate.

    Args:
        logits: (N,) log-odds of an ALL blast, of validation cells only.
        labels: (N,) 1 for an ALL blast, 0 for a normal cell.
        groups: (N,) the subject of each cell, or None for equal weights of all cells.

    Returns:
        The temperature, within ``TEMPERATURES``.

    Raises:
        DataError: no cells.
    """
    logits, labels = np.asarray(logits, dtype=float), np.asarray(labels)
    weights = sampling.equal_subject_weights(labels=labels, groups=groups)
    signed = np.where(labels == 1, logits, -logits)

    def loss(log_temperature: float) -> float:
        # -log sigmoid(z) = logaddexp(0, -z)
        return float(weights @ np.logaddexp(0, -signed / np.exp(log_temperature)))

    low, high = np.log(TEMPERATURES)
    optimum = optimize.minimize_scalar(
        loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(optimum.x))


def fit_platt(
    logits: Floats, labels: NDArray[np.integer], groups: NDArray[np.str_] | None = None
) -> PlattScaling:
    """Fit the temperature and bias that minimise the negative log-likelihood of validation cells.

    Platt, "Probabilistic Outputs for Support Vector Machines", 1999, with his softened targets. The
    bias corrects networks trained with balanced sampling for the data's prevalence, so that 0.5 is
    a valid operating point. Arguments as in ``fit_temperature``.

    Raises:
        DataError: no cells.
    """
    logits, labels = np.asarray(logits, dtype=float), np.asarray(labels)
    weights = sampling.equal_subject_weights(labels=labels, groups=groups)
    blasts = int((labels == 1).sum())
    normals = len(labels) - blasts
    target = np.where(labels == 1, (blasts + 1) / (blasts + 2), 1 / (normals + 2))

    def loss(point: Floats) -> float:
        log_odds = logits / np.exp(point[0]) + point[1]
        return float(weights @ (np.logaddexp(0, log_odds) - target * log_odds))

    low, high = np.log(TEMPERATURES)
    optimum = optimize.minimize(
        loss, x0=np.zeros(2), method="L-BFGS-B", bounds=[(low, high), (-10.0, 10.0)]
    )
    return PlattScaling(float(np.exp(optimum.x[0])), float(optimum.x[1]))
