import numpy as np
import pandas as pd
import pytest

from allcore.errors import DataError
from allcore.web.evaluation import cell_lists
from allcore.web.evaluation.context import Context


@pytest.mark.parametrize(
    ("kind", "label", "called"),
    [("fp", "hem", True), ("fn", "all", False), ("tp", "all", True), ("tn", "hem", False)],
)
def test_listed__an_outcome_farthest_from_the_threshold_first(
    context: Context, cells_at: pd.DataFrame, kind: str, label: str, called: bool
) -> None:
    found = cell_lists.list_cells(context, kind)
    wanted = np.flatnonzero((cells_at["label"] == label) & (cells_at["called"] == called))
    assert set(found) == set(wanted) and len(found) == len(wanted) > 0
    distance = np.abs(context.sample.probabilities[found] - context.threshold)
    assert (np.diff(distance) <= 0).all()


def test_listed__errors_and_all(context: Context, cells_at: pd.DataFrame) -> None:
    wrong = np.flatnonzero((cells_at["label"] == "all") != cells_at["called"])
    assert set(cell_lists.list_cells(context, "confident_errors")) == set(wrong)
    assert cell_lists.list_cells(context, cell_lists.ALL).tolist() == list(range(len(cells_at)))
    for key in ("least_certain", "near_threshold"):
        assert sorted(cell_lists.list_cells(context, key)) == list(range(len(cells_at)))


def test_listed__refuses_an_unknown_list(context: Context) -> None:
    with pytest.raises(DataError, match="no list"):
        cell_lists.list_cells(context, "nonsense")


def test_cards__actual_and_predicted_class_with_probability_and_subject() -> None:
    rows = pd.DataFrame(
        {
            "image_id": ["one", "two", "three"],
            "label": ["all", "hem", None],
            "subject": ["101", None, "H1"],
            "probability": [0.871, 0.2, 0.5],
        }
    )
    first, second, third = cell_lists.cards(rows, 0.9)
    assert (first.image_id, first.label) == ("one", "all")
    assert first.title == "Actual ALL blast"
    assert first.detail == "predicted normal 0.87, subject 101"
    assert second.detail == "predicted normal 0.20"
    assert third.title == "Actual unknown"
    (drawn,) = cell_lists.cards(rows.iloc[:1], 0.5, synthetic=True)
    assert drawn.synthetic and drawn.detail == "predicted ALL blast 0.87, subject 101"


def test_as_table__is_what_the_list_shows(context: Context, cells_at: pd.DataFrame) -> None:
    found = cell_lists.list_cells(context, "fn")
    table = cell_lists.export_table(context, found)
    assert table["image_id"].tolist() == list(cell_lists.cell_ids(context, found))
    assert set(table["outcome"]) == {"fn"}
    assert set(table["threshold"]) == {0.7}
    assert (table["probability"] < 0.7).all() and set(table["label"]) == {"all"}
