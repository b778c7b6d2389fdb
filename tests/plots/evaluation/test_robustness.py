import plotly.graph_objects as go
import pytest

from allcore.evaluation import robustness
from allcore.plots.evaluation import robustness as robustness_plots
from tests import altered


@pytest.fixture(scope="module")
def found() -> robustness.Robustness:
    return altered.result()


def named(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


@pytest.mark.parametrize("name", robustness.METRICS)
def test_curves__a_panel_an_alteration(found: robustness.Robustness, name: str) -> None:
    figure = robustness_plots.robustness_curves(found, name)
    assert len(named(figure, "As it is")) == len(found.alterations)
    assert len(named(figure, "95 % over subjects")) == len(found.alterations)
    titles = [note.text for note in figure.layout.annotations]
    assert titles == ["Noise", "Bias"]
    lines = figure.layout.title.text.split("<br>")
    assert max(map(len, lines)) <= 40 and len(lines) <= 4
    assert figure.layout.xaxis.title.text == "deviations" and figure.layout.yaxis.title.text
    figure.to_json()


def test_curves__value_and_band(found: robustness.Robustness) -> None:
    figure = robustness_plots.robustness_curves(found)
    rows = found.of("noise")
    line, low = named(figure, "AUROC")[0], named(figure, "95 % over subjects")[0]
    assert list(line.x) == [0, 1, 2, 4]
    assert list(line.y) == [row.figures["auroc"].value for row in rows]
    assert list(low.y) == [row.figures["auroc"].low for row in rows]
    mark = named(figure, "As it is")[0]
    assert (mark.x[0], mark.y[0]) == (0, rows[0].figures["auroc"].value)
    assert "%" in line.customdata[-1][2] and "\u2212" in line.customdata[-1][1]


def test_curves__without_intervals_there_is_no_band() -> None:
    figure = robustness_plots.robustness_curves(altered.result(known=False))
    assert named(figure, "95 % over subjects") == []
    assert "too few subjects" in figure.layout.title.text.replace("<br>", " ")


def test_finding__what_moves_the_figure_most(found: robustness.Robustness) -> None:
    said = robustness_plots.robustness_text(found)
    assert said.startswith("Noise moves the AUROC of simulated\u2011model most: \u22120.")
    assert said.endswith("at 4 (deviations)")
    assert robustness_plots.robustness_text(found, "specificity").startswith("Noise moves")


def test_finding__nothing_clear() -> None:
    found = altered.result(sweeps=altered.SWEEPS[1:])  # a bias leaves the order of cells
    said = robustness_plots.robustness_text(found)
    assert said == "No alteration moves the AUROC of simulated\u2011model clearly"
