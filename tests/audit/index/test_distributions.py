import numpy as np
import pandas as pd
import pytest
from scipy import stats

from allcore.audit.index import distributions
from allcore.data.cell_measurements import MEASURES

AREA = MEASURES[0]


def cells(values: dict[str, list[list[float]]]) -> pd.DataFrame:
    """A row a cell from the cells of each subject of each label."""
    return pd.DataFrame(
        [
            {"label": label, "group": f"{label}{number}", "area": value}
            for label, subjects in values.items()
            for number, own in enumerate(subjects)
            for value in own
        ]
    )


def test_distribution__compares_subjects_not_cells() -> None:
    table = cells({"all": [[10.0] * 500, [4.0], [5.0]], "hem": [[1.0], [2.0], [3.0]]})
    found = distributions.measure_distribution(table, AREA)
    assert found is not None
    assert found.difference.value == pytest.approx((10 + 4 + 5) / 3 - 2)
    peer = stats.ttest_ind([10, 4, 5], [1, 2, 3], equal_var=False).confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx((peer.low, peer.high))
    assert found.cells == {"all": 502, "hem": 3}


def test_distribution__shares_hold_every_cell() -> None:
    random = np.random.default_rng(0)
    odd = [[*random.normal(100, 5, 2000), 1e9]]
    found = distributions.measure_distribution(cells({"all": odd, "hem": [[90.0, 95.0]]}), AREA)
    assert found is not None
    assert found.edges[-1] < 200  # the odd one does not stretch the axis
    assert all(shares.sum() == pytest.approx(1) for shares in found.shares.values())


def test_distribution__one_class_has_no_difference() -> None:
    found = distributions.measure_distribution(cells({"all": [[1.0, 2.0], [3.0]]}), AREA)
    assert found is not None
    assert np.isnan(found.difference.value)
    assert set(found.shares) == {"all"}


def test_distribution__one_subject_has_no_interval() -> None:
    found = distributions.measure_distribution(
        cells({"all": [[1.0, 3.0]], "hem": [[4.0], [6.0]]}), AREA
    )
    assert found is not None
    assert found.difference.value == -3
    assert not found.difference.known


def test_distribution__nothing_measured_or_labelled() -> None:
    table = pd.DataFrame({"label": ["all", "no label"], "group": ["a", "b"], "area": [np.nan, 1.0]})
    assert distributions.measure_distribution(table, AREA) is None


def test_distribution__all_alike() -> None:
    found = distributions.measure_distribution(
        cells({"all": [[7.0, 7.0]], "hem": [[7.0], [7.0]]}), AREA
    )
    assert found is not None
    assert found.edges[0] < 7 < found.edges[-1]
