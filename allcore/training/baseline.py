"""Baseline: boosted trees on the area and the brightness of a cell.

A network that does no better has learned nothing beyond the size and brightness of cells.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from allcore.data.decoded_cells import DecodedCells


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline."""

    model: HistGradientBoostingClassifier

    def probability(self, cells: DecodedCells) -> NDArray[np.float64]:
        """Probability (N,) of an ALL blast."""
        result: NDArray[np.float64] = self.model.predict_proba(_features(cells))[:, 1]
        return result


def fit(
    cells: DecodedCells,
    *,
    train: NDArray[np.bool_],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    seed: int,
) -> Baseline:
    """Fit small boosted trees on area and brightness of the training cells.

    Args:
        cells: all cells (N).
        train: (N,) mask of the training cells.
        targets: (N,) 1 for ALL blasts.
        weights: (T,) weight of each training cell.
        seed: of the trees.
    """
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=8, min_samples_leaf=40, early_stopping=False, random_state=seed
    )
    model.fit(_features(cells)[train], targets[train] > 0.5, sample_weight=weights * len(weights))
    return Baseline(model)


def _features(cells: DecodedCells) -> NDArray[np.float64]:
    return np.column_stack([cells.area, cells.brightness])
