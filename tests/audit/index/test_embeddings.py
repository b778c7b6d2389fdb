import numpy as np
import pandas as pd
import pytest

from allcore.audit.index import embeddings


def table(x: list[float], family: list[int] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {"map_x": x, "map_y": np.zeros(len(x)), "family": family or list(range(len(x)))}
    )


def test_nearest__the_closest_other_cell() -> None:
    assert embeddings.nearest_on_map(table([0, 1, 5, 7])).tolist() == [1, 0, 3, 2]


def test_nearest__copies_are_passed_over() -> None:
    assert embeddings.nearest_on_map(table([0, 0, 5, 7], [8, 8, 2, 3])).tolist() == [2, 2, 3, 2]
    assert embeddings.nearest_on_map(table([0, 0], [8, 8])).tolist() == [-1, -1]


def test_nearest__cells_without_a_place() -> None:
    assert embeddings.nearest_on_map(table([0, np.nan, 3])).tolist() == [2, -1, 0]
    assert embeddings.nearest_on_map(table([np.nan, 3])).tolist() == [-1, -1]


def test_same__share_and_chance() -> None:
    values = pd.Series(["a", "a", "b", "b"])
    assert embeddings.neighbour_agreement(values, np.array([1, 0, 1, 2])) == (0.75, 0.5)


def test_same__missing_values_and_neighbours_are_left_out() -> None:
    values = pd.Series(["a", "a", None, "b"])
    assert embeddings.neighbour_agreement(values, np.array([1, 2, 0, -1])) == (1.0, 1.0)
    assert np.isnan(embeddings.neighbour_agreement(values, np.full(4, -1))).all()


def test_correlation__of_ranks() -> None:
    neighbours = np.array([1, 0, 3, 2])
    assert embeddings.neighbour_correlation(
        pd.Series([1.0, 2.0, 30.0, 400.0]), neighbours
    ) == pytest.approx(0.6)
    assert np.isnan(embeddings.neighbour_correlation(pd.Series([1.0, 1.0, 1.0, 1.0]), neighbours))
