import numpy as np
import pytest

from allcore.audit.index import neighbours
from benchmarks import drawn_features
from benchmarks import neighbours as measured


def test_nearest_rows__approximate_ones_are_nearly_the_exact_ones() -> None:
    vectors = drawn_features.descriptors(3000)
    nearest = neighbours.approximate(vectors, measured.COUNT)
    assert nearest.shape == (3000, measured.COUNT)
    assert measured.recall(vectors, nearest) > 0.95
    assert measured.recall(vectors, neighbours.nearest_rows(vectors, measured.COUNT)) == 1


def test_nearest_rows__of_fewer_vectors_than_neighbours_is_filled_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbours, "EXACT", 0)
    vectors = np.eye(3, dtype=np.float32)
    nearest = neighbours.nearest_rows(vectors, 5)
    assert nearest[:, 0].tolist() == [0, 1, 2]
    assert np.sort(nearest, axis=1)[:, 2:].tolist() == [[0, 1, 2]] * 3
    assert (nearest[:, 3:] == -1).all()
