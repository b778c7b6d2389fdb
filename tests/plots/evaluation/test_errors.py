import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from allcore.evaluation import metrics, model_agreement, model_evaluation, outcomes, slices
from allcore.labels import CLASS_COLOURS
from allcore.plots import style
from allcore.plots.evaluation import errors as error_plots
from tests import simulated


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    table = simulated.predictions()
    random = np.random.default_rng(0)
    labels = model_evaluation.labels_array(table)
    return table.assign(
        x=random.normal(size=len(table)),
        y=random.normal(size=len(table)),
        outcome=outcomes.cell_outcomes(labels, table["probability"].to_numpy(), 0.5),
        focus=random.gamma(2.0, 3.0, len(table)),
    )


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text).replace("<br>", " ")


def drawn_ids(figure: go.Figure) -> list[str]:
    return sorted(np.concatenate([np.asarray(trace.customdata) for trace in figure.data]))


def compared(cells: pd.DataFrame) -> pd.DataFrame:
    random = np.random.default_rng(1)
    other = cells.assign(probability=random.random(len(cells)))
    joined = model_agreement.join_predictions(cells, other)
    return model_agreement.agreement_at(joined, threshold_a=0.5, threshold_b=0.4).table


def tried(cells: pd.DataFrame, *, bad: bool) -> tuple[slices.SliceResult, ...]:
    made = [*slices.quantile_slices(cells[["focus"]]), *slices.subject_slices(cells["subject"])]
    right = np.ones(len(cells), dtype=bool)
    right[::10] = False
    if bad:
        right &= ~(made[0].members & (np.arange(len(cells)) % 3 > 0))
    return simulated.compare_slices(
        made,
        right=right,
        labels=model_evaluation.labels_array(cells),
        groups=model_evaluation.subject_groups(cells),
    )


MAPS = [("outcome", "outcome"), ("label", "label"), ("subject", "subject"), ("focus", "quality")]


@pytest.mark.parametrize(("colour", "kind"), MAPS)
def test_map_points__every_cell_once_and_ready_for_a_lasso(
    cells: pd.DataFrame, colour: str, kind: str
) -> None:
    figure = error_plots.cell_map(cells, colour, kind)
    assert drawn_ids(figure) == sorted(cells["image_id"])
    assert figure.layout.dragmode == "lasso"
    assert all(isinstance(trace, go.Scattergl) for trace in figure.data)
    assert figure.to_json() == error_plots.cell_map(cells, colour, kind).to_json()


def test_map_points__outcome_by_colour_of_the_label_and_shape(cells: pd.DataFrame) -> None:
    figure = error_plots.cell_map(cells, "outcome", "outcome")
    by_name = {trace.name.split(" (")[0]: trace for trace in figure.data}
    for key, name in outcomes.OUTCOMES.items():
        chosen = cells[cells["outcome"] == key]
        assert sorted(by_name[name].customdata) == sorted(chosen["image_id"])
        assert by_name[name].marker.color == CLASS_COLOURS[chosen["label"].iloc[0]]
        assert by_name[name].marker.symbol == ("x" if key in ("fp", "fn") else "circle")
    wrong = cells["outcome"].isin(("fp", "fn")).sum()
    assert title(figure).startswith(f"{wrong} of {len(cells):,} cells")
    # Errors are drawn last, on top.
    assert {trace.marker.symbol for trace in figure.data[-2:]} == {"x"}


def test_map_points__few_cells_are_drawn_as_svg(cells: pd.DataFrame) -> None:
    figure = error_plots.cell_map(cells[:100], "label", "label")
    assert all(type(trace) is go.Scatter for trace in figure.data)


def test_map_points__quality_has_a_scale_that_outliers_do_not_stretch(cells: pd.DataFrame) -> None:
    table = cells.assign(focus=cells["focus"].mask(cells.index < 3))
    table.loc[5, "focus"] = 1e6
    figure = error_plots.cell_map(table, "focus", "quality")
    marker = figure.data[0].marker
    assert len(marker.color) == len(table) - 3
    assert marker.cmax < 100
    assert marker.colorbar.title.text == "Focus"


def test_map_points__subjects_are_named_in_the_hover(cells: pd.DataFrame) -> None:
    table = cells.assign(subject=cells["subject"].mask(cells.index < 2))
    trace = error_plots.cell_map(table, "subject", "subject").data[0]
    assert trace.text.tolist() == table["subject"].fillna("unknown").tolist()
    colours = pd.Series(trace.marker.color).groupby(trace.text).nunique()
    assert (colours == 1).all()
    scale = trace.marker.colorscale
    of = {name: place for place, name in zip(trace.marker.color, trace.text, strict=True)}
    assert scale[2 * of["unknown"]][1] == scale[-1][1] == style.REFUSED
    assert trace.marker.cmin == -0.5
    assert trace.marker.cmax == len(scale) / 2 - 0.5
    assert "%{text}" in trace.hovertemplate


def test_map_points__cells_without_a_place_are_left_out(cells: pd.DataFrame) -> None:
    table = cells.assign(x=cells["x"].mask(cells.index < 7))
    assert drawn_ids(error_plots.cell_map(table, "label", "label")) == sorted(cells["image_id"][7:])
    nobody = table.assign(y=np.nan)
    for colour, kind in MAPS:
        assert error_plots.cell_map(nobody, colour, kind).data is not None


def test_map_points__fifteen_thousand_cells_stay_small(cells: pd.DataFrame) -> None:
    many = pd.concat([cells] * 15, ignore_index=True)[:15_000]
    text = error_plots.cell_map(many, "outcome", "outcome").to_json()
    assert len(many) == 15_000 and len(text) < 1.5e6


def test_two_probabilities__by_kind_with_both_thresholds(cells: pd.DataFrame) -> None:
    table = compared(cells)
    figure = error_plots.two_probabilities(table, (0.5, 0.4), ("QCResNet", "VGG"))
    assert drawn_ids(figure) == sorted(cells["image_id"])
    across, up = figure.layout.shapes
    assert (across.x0, across.x1, up.y0, up.y1) == (0.5, 0.5, 0.4, 0.4)
    by_name = {trace.name.split(" (")[0]: trace for trace in figure.data}
    only = table[table["kind"] == "only_b"]
    assert by_name["Only VGG is correct"].x.tolist() == only["probability_a"].tolist()
    assert by_name["Only VGG is correct"].y.tolist() == only["probability_b"].tolist()
    both = (table["kind"] == "both_wrong").sum()
    assert title(figure).startswith(f"Both models are wrong on {both} of")
    assert "QCResNet" in figure.layout.xaxis.title.text
    assert "VGG" in figure.layout.yaxis.title.text


def test_slice_bars__found_ones_are_marked_and_on_top(cells: pd.DataFrame) -> None:
    rows = tried(cells, bad=True)
    figure = error_plots.slice_bars(rows)
    found, others = figure.data
    assert [row.slice.key for row in rows if row.worse] == [each[0] for each in found.customdata]
    assert found.y[0] == 0 and found.marker.symbol != others.marker.symbol
    assert found.x[0] == pytest.approx(100 * rows[0].difference.value)
    assert found.error_x.array[0] == pytest.approx(
        100 * (rows[0].difference.high - rows[0].difference.value)
    )
    assert sorted([*found.y, *others.y]) == list(range(20))
    assert f"of {len(rows)} slices are clearly worse" in title(figure)


def test_slice_bars__nothing_found(cells: pd.DataFrame) -> None:
    figure = error_plots.slice_bars(tried(cells, bad=False), most=3)
    assert len(figure.data[0].x) == 0 and len(figure.data[1].x) == 3
    assert "is clearly worse" in title(figure)
    assert error_plots.slice_bars(()).layout.height > 0


def test_clickable_matrix__squares_carry_the_outcome_of_their_cell() -> None:
    counts = metrics.Confusion(tp=30.0, fp=5.0, fn=10.0, tn=15.0)
    figure = error_plots.clickable_matrix(counts)
    heat, squares = figure.data
    placed = dict(zip(zip(squares.x, squares.y, strict=True), squares.customdata, strict=True))
    for i, truth in enumerate(heat.y):
        for j, called in enumerate(heat.x):
            key = placed[called, truth][0]
            assert f"<b>{getattr(counts, key):.0f}</b>" in heat.text[i][j]
    assert (
        go.Figure(heat).to_json()
        == go.Figure(error_plots.confusion_matrix(counts).data[0]).to_json()
    )
    assert squares.marker.opacity == squares.unselected.marker.opacity < 0.05
    assert "select" in figure.layout.clickmode and figure.layout.hoverdistance == -1
    assert "open 10" in squares.text[2]
    assert figure.layout.yaxis.range == (1.5, -0.5) and figure.layout.yaxis.autorange is None


def test_figures__titles_fit_a_phone_and_axes_are_named(cells: pd.DataFrame) -> None:
    drawn = [error_plots.cell_map(cells, *each) for each in MAPS]
    drawn += [
        error_plots.two_probabilities(compared(cells), (0.5, 0.4)),
        error_plots.slice_bars(tried(cells, bad=True)),
        error_plots.clickable_matrix(metrics.Confusion(tp=3.0, fp=1.0, fn=1.0, tn=3.0)),
    ]
    for figure in drawn:
        assert max(map(len, figure.layout.title.text.split("<br>"))) <= 40
        assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text
        assert figure.layout.paper_bgcolor is figure.layout.plot_bgcolor is None
        json.loads(figure.to_json())
