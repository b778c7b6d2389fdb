import numpy as np
import pandas as pd
import pytest

from allcore.evaluation.comparison import METRICS, NetworkComparison
from allcore.notice import RESEARCH_USE
from allcore.reports import comparison_tables
from tests import compared

BOTH = ("unseen", "paper")


@pytest.fixture(scope="module")
def found() -> NetworkComparison:
    return compared.comparison(("lenet5", "qcresnet", "ensemble", "area_brightness"))


def test_table__both_protocols_side_by_side_best_unseen_first(found: NetworkComparison) -> None:
    table = comparison_tables.comparison_table(found, figures=["weighted_f1"], protocols=BOTH)
    assert list(table["Network"])[:2] == ["Ensemble", "QCResNet"]
    values = [float(text.split()[0]) for text in table["Weighted F1, unseen"]]
    assert values == sorted(values, reverse=True)
    assert list(table.columns)[1:4] == [
        "Weighted F1, unseen",
        "Weighted F1, paper",
        "Weighted F1, gap",
    ]
    assert {"Parameters", "MACs", "Images/s", "Epochs, unseen"} <= set(table.columns)


def test_table__one_protocol_has_no_gap(found: NetworkComparison) -> None:
    table = comparison_tables.comparison_table(found, figures=METRICS, protocols=["paper"])
    assert not [column for column in table if column.endswith((", gap", ", unseen"))]
    assert len([column for column in table if column.endswith(", paper")]) == len(METRICS) + 1


def test_table__a_network_measured_under_one_protocol_only() -> None:
    one, other = compared.comparison(("svm",), ("paper",)), compared.comparison(("qcresnet",))
    both = NetworkComparison(rows=one.rows + other.rows, gaps=other.gaps)
    table = comparison_tables.comparison_table(both, figures=["auroc"], protocols=BOTH).set_index(
        "Network"
    )
    assert list(table.index) == ["QCResNet", "SVM"]
    assert table.loc["SVM", "AUROC, unseen"] == "not measured"


def test_export__carries_the_notice_and_every_figure(found: NetworkComparison) -> None:
    table = comparison_tables.export_table(found)
    assert set(table["notice"]) == {RESEARCH_USE}
    assert len(table) == len(found.rows)
    first = table.iloc[0]
    row = found.row(first["network"], first["protocol"])
    assert row is not None
    for name in METRICS:
        assert first[f"{name}_high"] == row.estimate(name).high
    assert {"auroc_gap_low", "parameters", "command", "seed"} <= set(table.columns)


def test_by_subject__shares_of_cells_called_rightly() -> None:
    cells = pd.DataFrame(
        {
            "network": "qcresnet",
            "protocol": ["unseen"] * 5 + ["paper"],
            "subject": ["1", "1", "H1", "H1", None, "1"],
            "label": ["all", "all", "hem", "hem", "all", "all"],
            "probability": [0.5, 0.4, 0.1, 0.2, 0.9, 0.9],
        }
    )
    found = comparison_tables.accuracy_by_subject(cells).set_index("subject")
    assert found["accuracy"].to_dict() == {"1": 0.5, "H1": 1.0}
    assert found["label"].to_dict() == {"1": "all", "H1": "hem"}
    assert found["cells"].to_dict() == {"1": 2, "H1": 2}


def test_curves__means_over_folds_that_reached_an_epoch_together() -> None:
    history = pd.DataFrame(
        {
            "network": "lenet5",
            "protocol": "unseen",
            "fold": [0, 0, 0, 1, 1],
            "epoch": [0, 1, 2, 0, 1],
            "seconds": [1.0, 2.0, 3.0, 3.0, 6.0],
            "validation_loss": [0.6, 0.5, 0.4, 0.8, 0.7],
        }
    )
    found = comparison_tables.loss_curves(history, "unseen")
    assert list(found["epoch"]) == [1, 2]
    np.testing.assert_allclose(found["loss"], [0.7, 0.6])
    np.testing.assert_allclose(found["seconds"], [2.0, 4.0])
    np.testing.assert_allclose(found["low"], [0.6, 0.5])
    np.testing.assert_allclose(found["high"], [0.8, 0.7])
    assert comparison_tables.loss_curves(history, "paper").empty
