"""Plots of classification errors: confusion matrix, maps of cells, and slices.

The `customdata` of each marker identifies its cells, so that a selection maps to cells.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore.evaluation import metrics, outcomes
from allcore.evaluation.metrics import Confusion
from allcore.evaluation.model_agreement import KINDS as AGREEMENT
from allcore.evaluation.slices import SliceResult
from allcore.labels import CLASS_NAMES
from allcore.plots import point_map, style


def confusion_matrix(counts: Confusion) -> go.Figure:
    """Plot counts and shares of each actual class; rows are actual, columns predicted classes."""
    table = counts.as_array()
    shares = metrics.ratio(table, table.sum(axis=1, keepdims=True))
    names = [CLASS_NAMES["hem"], CLASS_NAMES["all"]]
    text = [
        [
            f"<b>{count:,.0f}</b><br>{100 * share:.0f} %" if np.isfinite(share) else "no cells"
            for count, share in zip(row, row_shares, strict=True)
        ]
        for row, row_shares in zip(table, shares, strict=True)
    ]
    # White text has contrast at both ends of the scale, in any theme of the page.
    figure = go.Figure(
        go.Heatmap(
            z=np.nan_to_num(shares), x=names, y=names, zmin=0, zmax=1, xgap=3, ygap=3,
            text=text, texttemplate="%{text}", textfont={"size": 16, "color": "#FFFFFF"},
            colorscale=[[0, "#73737D"], [1, "#4A3A80"]], showscale=False, hoverinfo="skip",
        )
    )  # fmt: skip
    figure.update_xaxes(title="Predicted", fixedrange=True, showgrid=False)
    figure.update_yaxes(
        title="Actual", autorange="reversed", fixedrange=True, showgrid=False, tickangle=-90
    )
    correct = [
        f"{100 * share:.0f} % of {name}"
        for share, name in ((shares[1, 1], "ALL blasts"), (shares[0, 0], "normal cells"))
        if np.isfinite(share)
    ]
    title = f"Correct: {' and '.join(correct)}"
    return style.finish(figure, title, height=340, line=style.NARROW)


def clickable_matrix(counts: Confusion) -> go.Figure:
    """`confusion_matrix` with clickable cells.

    Streamlit reports no clicks on a heat map, so nearly transparent squares cover its cells; their
    customdata is a key of `outcomes.OUTCOMES`.
    """
    figure = confusion_matrix(counts)
    names = [CLASS_NAMES["hem"], CLASS_NAMES["all"]]
    cells = [("tn", 0, 0), ("fp", 0, 1), ("fn", 1, 0), ("tp", 1, 1)]
    numbers = {key: float(getattr(counts, key)) for key, _, _ in cells}
    unchanged = {"marker": {"opacity": 0.01}}
    figure.add_scatter(
        x=[names[predicted] for _, _, predicted in cells],
        y=[names[actual] for _, actual, _ in cells],
        customdata=[[key] for key, _, _ in cells],
        text=[f"{outcomes.OUTCOMES[key]}: open {numbers[key]:,.0f}" for key, _, _ in cells],
        mode="markers",
        marker={"symbol": "square", "size": 100, "color": "#FFFFFF", "opacity": 0.01},
        selected=unchanged,
        unselected=unchanged,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
        name="",
    )
    # Markers would widen the axes beyond the cells.
    figure.update_xaxes(range=[-0.5, 1.5])
    figure.update_yaxes(range=[1.5, -0.5], autorange=None)
    # Without a distance limit a click selects the nearest square, which is that of its cell.
    return style.lay_out(
        figure, clickmode="event+select", dragmode=False, hovermode="closest", hoverdistance=-1
    )


# Colour shows the label, shape whether the prediction is correct; errors are drawn on top.
_OUTCOMES = {
    "tn": (style.NORMAL, "circle", 4, 0.35),
    "tp": (style.BLAST, "circle", 4, 0.35),
    "fp": (style.NORMAL, "x", 7, 0.95),
    "fn": (style.BLAST, "x", 7, 0.95),
}
_AGREEMENT = {
    "both_right": (style.REFUSED, "circle", 4, 0.3),
    "both_wrong": (style.BLAST, "x", 7, 0.9),
    "only_a": (style.GREEN, "triangle-up", 7, 0.8),
    "only_b": (style.PINK, "triangle-down", 7, 0.8),
}


def cell_map(table: pd.DataFrame, colour: str, kind: str) -> go.Figure:
    """Plot the map of cells, with box and lasso selection.

    The figure depends only on the table: if a selection changed it, the page would lose the
    selection.

    Args:
        table: columns image_id, x, y and `colour`; cells without coordinates are not drawn.
        colour: column that determines the colour.
        kind: type of `colour`: "outcome" (keys of `outcomes.OUTCOMES`), "label" ('all', 'hem'),
            "subject", or any other for a number.
    """
    placed = table[np.isfinite(table["x"]) & np.isfinite(table["y"])]
    traces: list[Any]
    if kind == "outcome":
        wrong = placed[colour].isin(("fp", "fn")).sum()
        title = f"{wrong:,} of {len(placed):,} cells are predicted wrongly"
        traces = point_map.categories(placed, colour, _OUTCOMES, outcomes.OUTCOMES)
    elif kind == "label":
        blasts, normal = ((placed[colour] == label).sum() for label in ("all", "hem"))
        title = f"{blasts:,} ALL blasts and {normal:,} normal cells by how alike they look"
        named = {"hem": "Normal cells", "all": "ALL blasts"}
        traces = point_map.categories(placed, colour, point_map.LABEL_STYLES, named)
    else:
        draw = point_map.by_subject if kind == "subject" else point_map.by_number
        traces, title = draw(placed, colour)
    return point_map.as_map(go.Figure(traces), title)


def two_probabilities(
    table: pd.DataFrame,
    thresholds: tuple[float, float],
    names: tuple[str, str] = ("first model", "second model"),
) -> go.Figure:
    """Scatter plot of two models' probabilities of the same cells, with both thresholds.

    Args:
        table: table of a `ModelAgreement`.
        thresholds: thresholds of the first and the second model.
        names: names of the models.
    """
    figure = go.Figure()
    only = {"only_a": names[0], "only_b": names[1]}
    for kind, point_style in _AGREEMENT.items():
        name = f"Only {only[kind]} is correct" if kind in only else AGREEMENT[kind]
        figure.add_trace(
            point_map.points(
                table[table["kind"] == kind], "probability_a", "probability_b", point_style, name,
                hover="%{customdata}<br>%{x:.3f} and %{y:.3f}", many=len(table),
            )
        )  # fmt: skip
    line = {"dash": "dash", "color": style.REFUSED, "width": 1.5}
    figure.add_vline(x=thresholds[0], line=line)
    figure.add_hline(y=thresholds[1], line=line)
    title = "Probability of ALL blast by the {}"
    figure.update_xaxes(title=title.format(names[0]), range=[-0.03, 1.03])
    figure.update_yaxes(title=title.format(names[1]), range=[-0.03, 1.03])
    style.lay_out(figure, dragmode="lasso")
    counts = table["kind"].value_counts()
    wrong = f"Both models are wrong on {counts.get('both_wrong', 0):,} of {len(table):,} cells"
    one = counts.get("only_a", 0) + counts.get("only_b", 0)
    return style.finish(figure, f"{wrong}, one of them on {one:,}", height=560)


def slice_bars(rows: Sequence[SliceResult], *, most: int = 20) -> go.Figure:
    """Plot the difference of each slice's accuracy to the rest, with 95 % intervals.

    Args:
        rows: from `compare_slices`, the first on top; those without a difference are skipped.
        most: maximum number of slices.
    """
    shown_rows = [row for row in rows if np.isfinite(row.difference.value)][:most]
    figure = go.Figure()
    for worse, name, colour, symbol in (
        (True, "Worse than the rest (adjusted p below 0.05)", style.BLAST, "diamond"),
        (False, "No clear difference", style.REFUSED, "circle"),
    ):
        placed_rows = [(place, row) for place, row in enumerate(shown_rows) if row.worse is worse]
        figure.add_trace(_difference_points(placed_rows, name, colour, symbol))
    figure.add_vline(x=0, line={"color": style.REFUSED, "width": 1})
    figure.update_xaxes(title="Accuracy less that of the rest (percentage points)")
    worse_slices = sum(row.worse for row in rows)
    title = f"None of {len(rows):,} slices is clearly worse than the rest"
    if worse_slices:
        title = f"{worse_slices:,} of {len(rows):,} slices are clearly worse than the rest"
    return style.finish_rows(
        figure, title, [_short(row.slice.title) for row in shown_rows],
        height=200 + 34 * max(1, len(shown_rows)), title="Slice", zeroline=False, automargin=True,
    )  # fmt: skip


def _difference_points(
    placed_rows: Sequence[tuple[int, SliceResult]], name: str, colour: str, symbol: str
) -> go.Scatter:
    differences = [row.difference for _, row in placed_rows]
    bounds = [
        f"{100 * one.low:.0f} to {100 * one.high:.0f}, over {row.unit}"
        if one.known
        else "no interval"
        for one, (_, row) in zip(differences, placed_rows, strict=True)
    ]
    return go.Scatter(
        x=[100 * one.value for one in differences], y=[place for place, _ in placed_rows],
        error_x=style.error_bars(differences, scale=100), mode="markers", name=name,
        marker={"color": colour, "symbol": symbol, "size": 10},
        customdata=[
            [row.slice.key, row.slice.title, f"{row.cells:,}", bound]
            for (_, row), bound in zip(placed_rows, bounds, strict=True)
        ],
        hovertemplate="%{customdata[1]}<br>%{customdata[2]} cells<br>%{x:.0f} points "
        "(%{customdata[3]})<extra></extra>",
    )  # fmt: skip


def _short(title: str) -> str:
    """Title that fits beside an axis on a phone; the hover text has the whole title."""
    short = title.split(" (")[0]
    return short if len(short) <= 28 else f"{short[:27]}…"
