import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from allcore.evaluation import metrics, model_evaluation, subjects
from allcore.plots import about, style
from allcore.plots.evaluation import errors as error_plots
from allcore.plots.evaluation import subjects as subject_plots
from tests import simulated


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    table = simulated.predictions()
    return table[table["split"] == "test"].reset_index(drop=True)


def figures(cells: pd.DataFrame) -> dict[str, go.Figure]:
    sample = model_evaluation.sample_of_predictions(cells)
    labels, probabilities = sample.labels, sample.probabilities
    rows = subjects.subject_rows(
        labels=labels,
        probabilities=probabilities,
        subjects=cells["subject"].to_numpy(),
        threshold=0.5,
    )
    counts = metrics.confusion(labels=labels, probabilities=probabilities, threshold=0.5)
    history = pd.DataFrame({"train_loss": [0.7, 0.5, 0.4], "validation_loss": [0.7, 0.5, 0.6]})
    return {
        "confusion": error_plots.confusion_matrix(counts),
        "strip": subject_plots.subject_strip(cells, rows, threshold=0.5),
        "learning": about.learning_curve(history),
    }


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text).replace("<br>", " ")


def test_figures__titles_state_findings_and_fit_a_phone(cells: pd.DataFrame) -> None:
    drawn = figures(cells)
    for name, figure in drawn.items():
        lines = figure.layout.title.text.split("<br>")
        assert max(map(len, lines)) <= 40, name
        assert len(title(figure)) <= 75, name
        assert figure.layout.xaxis.title.text, name
        assert figure.layout.yaxis.title.text, name
    worst = cells.assign(right=(cells["probability"] >= 0.5) == (cells["label"] == "all"))
    name = worst.groupby("subject")["right"].mean().idxmin()
    assert f"Subject {name} does worst" in title(drawn["strip"])
    assert title(drawn["learning"]) == "Validation loss is lowest after epoch 2 of 3"


def test_figures__carry_no_ground_of_their_own(cells: pd.DataFrame) -> None:
    for figure in figures(cells).values():
        assert figure.layout.paper_bgcolor is None
        assert figure.layout.plot_bgcolor is None
        assert figure.layout.font.color is None


def test_confusion_matrix__rows_are_the_actual_classes() -> None:
    counts = metrics.Confusion(tp=30.0, fp=5.0, fn=10.0, tn=15.0)
    figure = error_plots.confusion_matrix(counts)
    heat = figure.data[0]
    assert heat.y[1] == heat.x[1] == "ALL blast"
    assert "<b>10</b><br>25 %" in heat.text[1][0]
    assert title(figure) == "Correct: 75 % of ALL blasts and 75 % of normal cells"


def test_confusion_matrix__one_class() -> None:
    figure = error_plots.confusion_matrix(metrics.Confusion(tp=3.0, fp=0.0, fn=1.0, tn=0.0))
    assert title(figure) == "Correct: 75 % of ALL blasts"
    assert list(figure.data[0].text[0]) == ["no cells", "no cells"]


def test_subject_strip__every_cell_once_in_its_class(cells: pd.DataFrame) -> None:
    figure = figures(cells)["strip"]
    drawn = {trace.name: trace for trace in figure.data}
    assert drawn["ALL blast"].marker.color == style.BLAST
    ids = np.concatenate([trace.customdata for trace in figure.data])
    assert sorted(ids) == sorted(cells["image_id"])


def test_subject_strip__many_points_use_webgl(cells: pd.DataFrame) -> None:
    many = pd.concat([cells, cells], ignore_index=True)
    assert len(many) > 1000
    assert isinstance(figures(many)["strip"].data[0], go.Scattergl)
