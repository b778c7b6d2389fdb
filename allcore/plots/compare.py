"""Plots of the comparison of networks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore.evaluation import metrics
from allcore.evaluation.comparison import BASELINE, NETWORKS, ComparisonRow, NetworkComparison
from allcore.evaluation.intervals import Interval
from allcore.labels import CLASS_COLOURS
from allcore.nets import summaries
from allcore.plots import style

# Okabe-Ito colours with contrast on a light and on a dark background.
GREEN, PINK = "#009E73", "#CC79A7"
COLOURS = {"vermilion": style.BLAST, "blue": style.NORMAL, "green": GREEN, "pink": PINK}
"""Colours by the name that an architecture uses."""
LINES = {
    name: (COLOURS[network.line[0]], network.line[1])
    for name, network in summaries.architectures().items()
} | {BASELINE: (style.REFUSED, "dot")}
"""Colour and dash of each network's line; no two networks share both."""
CLOCKS = {"epoch": "Epoch", "seconds": "Time since training began (s)"}
"""Horizontal axes of a learning curve, with their titles."""
_SIDES = {
    "unseen": ("Unseen subjects", GREEN, "circle"),
    "paper": ("Images split at random", PINK, "diamond"),
}
_SHAPES = {"all": "circle", "hem": "square"}


def gap_dumbbells(comparison: NetworkComparison, metric: str) -> go.Figure:
    """Dumbbell plot of a metric under both protocols, one row per network, best unseen on top.

    Args:
        comparison: comparison with at least one network under both protocols.
        metric: "accuracy", "weighted_f1" or "auroc".
    """
    rows = _rows_of_both(comparison, metric)
    figure = go.Figure()
    for place, (unseen, paper) in enumerate(rows):
        ends = [unseen.estimate(metric).value, paper.estimate(metric).value]
        figure.add_scatter(
            x=ends, y=[place, place], mode="lines", line={"color": style.REFUSED, "width": 2},
            showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    for side, side_rows in (
        ("unseen", [pair[0] for pair in rows]),
        ("paper", [p[1] for p in rows]),
    ):
        _add_estimates(figure, side, [(row.network, row.estimate(metric)) for row in side_rows])
    baseline = comparison.row(BASELINE, "unseen")
    if baseline is not None:
        _add_reference(figure, baseline.estimate(metric).value, places=len(rows))
    figure.update_xaxes(title=f"{metrics.TITLES[metric]} (95 % intervals)")
    figure.update_yaxes(
        title="Network",
        tickvals=list(range(len(rows))),
        ticktext=[NETWORKS[unseen.network] for unseen, _ in rows],
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    height = 200 + 34 * len(rows)
    figure = style.finish(figure, _gap_title(comparison, metric), height=height)
    return style.lay_out(
        figure, legend={"y": -60 / (height - 150)}
    )  # just below the axis, at any height


def learning_curves(curves: pd.DataFrame, networks: Sequence[str], *, clock: str) -> go.Figure:
    """Plot the validation loss of networks, mean and range over folds.

    Args:
        curves: from `comparison_tables.loss_curves`.
        networks: the networks to plot, each with at least one epoch.
        clock: a key of `CLOCKS`.
    """
    figure = go.Figure()
    lowest = []
    for network in networks:
        rows = curves[curves["network"] == network]
        _add_curve(figure, network, rows, clock)
        place = int(rows["loss"].to_numpy().argmin())
        lowest.append((rows["loss"].iloc[place], network, rows[clock].iloc[place]))
    figure.update_xaxes(title=CLOCKS[clock], rangemode="tozero")
    figure.update_yaxes(title="Validation loss (cross-entropy, nats)")
    loss, network, when = min(lowest)
    after = f"after epoch {when:.0f}" if clock == "epoch" else f"after {when:,.0f} s"
    title = f"{NETWORKS[network]} reaches the lowest validation loss, {loss:.3f} {after}"
    return style.finish(figure, title, height=440)


def subject_accuracies(table: pd.DataFrame, a: str, b: str) -> go.Figure:
    """Scatter plot of the accuracy by subject of two networks.

    Args:
        table: from `comparison_tables.accuracy_by_subject`.
        a: network on the vertical axis.
        b: network on the horizontal axis.
    """
    both = _side_by_side(table, a, b)
    low = 100 * min(1.0, both["accuracy_a"].min(), both["accuracy_b"].min())
    span = [max(0, np.floor(low / 10) * 10) - 2, 103]
    figure = go.Figure()
    style.diagonal(figure, name="Equally often right")
    figure.data[0].update(x=[0, 100], y=[0, 100])
    for label, colour in CLASS_COLOURS.items():
        rows = both[both["label"] == label]
        figure.add_scatter(
            x=100 * rows["accuracy_b"],
            y=100 * rows["accuracy_a"],
            customdata=rows[["subject", "cells"]].to_numpy(),
            mode="markers",
            marker={"color": colour, "symbol": _SHAPES[label], "opacity": 0.7}
            | {"size": rows["cells"], "sizemode": "area", "sizemin": 4}
            | {"sizeref": 2 * both["cells"].max() / 26**2, "line": {"width": 1}},
            name=f"Subject of {'ALL blasts' if label == 'all' else 'normal cells'}",
            hovertemplate="Subject %{customdata[0]}, %{customdata[1]:,} cells<br>"
            f"{NETWORKS[a]} %{{y:.0f}} %<br>{NETWORKS[b]} %{{x:.0f}} %<extra></extra>",
        )
    figure.update_xaxes(title=f"Called rightly by {NETWORKS[b]} (% of cells)", range=span)
    figure.update_yaxes(title=f"Called rightly by {NETWORKS[a]} (% of cells)", range=span)
    return style.finish(figure, _subjects_title(both, a, b), height=480)


def _rows_of_both(
    comparison: NetworkComparison, metric: str
) -> list[tuple[ComparisonRow, ComparisonRow]]:
    """Rows of the networks measured under both protocols as (unseen, paper), best unseen first."""
    first = comparison.ranked("unseen", metric)
    second = {row.network: row for row in comparison.ranked("paper", metric)}
    return [(row, second[row.network]) for row in first if row.network in second]


def _add_estimates(figure: go.Figure, side: str, estimates: Sequence[tuple[str, Interval]]) -> None:
    title, colour, symbol = _SIDES[side]
    value = np.array([interval.value for _, interval in estimates])
    high, low = (
        np.array([getattr(interval, end) for _, interval in estimates]) for end in ("high", "low")
    )
    figure.add_scatter(
        x=value,
        y=list(range(len(estimates))),
        error_x={"array": high - value, "arrayminus": value - low, "width": 3, "thickness": 1.5},
        customdata=[
            (NETWORKS[network], interval.low, interval.high) for network, interval in estimates
        ],
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 11},
        name=title,
        hovertemplate="%{customdata[0]}: %{x:.3f} (%{customdata[1]:.3f} to %{customdata[2]:.3f})"
        f"<extra>{title}</extra>",
    )


def _add_reference(figure: go.Figure, value: float, *, places: int) -> None:
    figure.add_scatter(
        x=[value, value],
        y=[-0.6, places - 0.4],
        mode="lines",
        line={"dash": "dash", "color": style.REFUSED, "width": 1.5},
        name="Area and brightness alone, unseen",
        hoverinfo="skip",
    )


def _gap_title(comparison: NetworkComparison, metric: str) -> str:
    gaps = [gap.gap.value for gap in comparison.gaps if gap.metric == metric]
    title = metrics.TITLES[metric]
    noun = title if title.isupper() else title[0].lower() + title[1:]
    above = sum(value > 0 for value in gaps)
    if not gaps or not above:
        return f"The random image split raises no {noun}"
    networks = "all" if above == len(gaps) else f"{above} of {len(gaps)}"
    return f"A random image split raises {noun} of {networks} networks, by up to {max(gaps):.2f}"


def _add_curve(figure: go.Figure, network: str, rows: pd.DataFrame, clock: str) -> None:
    colour, dash = LINES[network]
    if rows["folds"].max() > 1:
        band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        shared = {"x": rows[clock], "legendgroup": network} | band
        figure.add_scatter(y=rows["high"], **shared)
        figure.add_scatter(y=rows["low"], fill="tonexty", fillcolor=_faint(colour), **shared)
    figure.add_scatter(
        x=rows[clock],
        y=rows["loss"],
        customdata=rows[["epoch", "seconds"]].to_numpy(),
        mode="lines+markers",
        line={"color": colour, "dash": dash},
        marker={"size": 5},
        name=NETWORKS[network],
        legendgroup=network,
        hovertemplate=f"{NETWORKS[network]}<br>Epoch %{{customdata[0]}}, %{{customdata[1]:.0f}} s"
        "<br>Loss %{y:.3f}<extra></extra>",
    )


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def _side_by_side(table: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """Subjects tested with both networks: columns accuracy_a and accuracy_b."""
    first, second = (table[table["network"] == network] for network in (a, b))
    return first.merge(second[["subject", "accuracy"]], on="subject", suffixes=("_a", "_b"))


def _subjects_title(both: pd.DataFrame, a: str, b: str) -> str:
    ahead = int((both["accuracy_a"] > both["accuracy_b"]).sum())
    behind = int((both["accuracy_a"] < both["accuracy_b"]).sum())
    return (
        f"{NETWORKS[a]} is right more often on {ahead} of {len(both)} subjects, "
        f"{NETWORKS[b]} on {behind}"
    )
