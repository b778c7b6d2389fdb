"""How much each cell counts where a choice is made on validation cells."""

import numpy as np
from numpy.typing import NDArray

from allcore.errors import DataError
from allcore.evaluation.metrics import Floats


def fair(*, labels: NDArray[np.integer], groups: NDArray[np.str_] | None) -> Floats:
    """(N,) weights that sum to N: subjects count equally within their class.

    Each class keeps the weight that its cells have, so the prevalence, and with it the support
    weights of the weighted F1, stay those of the data. Without `groups` every weight is 1.

    Raises:
        DataError: no cells.
    """
    labels = np.asarray(labels)
    if len(labels) == 0:
        raise DataError("There are no validation cells to choose on.")
    if groups is None:
        return np.ones(len(labels))
    weight = np.zeros(len(labels))
    for label in np.unique(labels):
        of_class = labels == label
        _, which, cells = np.unique(
            np.asarray(groups, dtype=str)[of_class], return_inverse=True, return_counts=True
        )
        weight[of_class] = of_class.sum() / len(cells) / cells[which]
    return weight
