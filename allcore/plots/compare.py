"""Plots of the comparison of networks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore.evaluation import metrics
from allcore.evaluation.comparison import BASELINE, NETWORKS, PRETRAINED, NetworkComparison
from allcore.evaluation.intervals import Interval
from allcore.labels import CLASS_COLOURS
from allcore.nets import summaries
from allcore.plots import style

COLOURS = {
    "vermilion": style.BLAST, "blue": style.NORMAL, "green": style.GREEN, "pink": style.PINK,
}  # fmt: skip
"""Colours by the name that an architecture uses."""
LINES = {
    name: (COLOURS[network.line[0]], network.line[1])
    for name, network in summaries.architectures().items()
} | {BASELINE: (style.REFUSED, "dot")}
LINES |= {name: (LINES[base][0], "longdashdot") for name, base in PRETRAINED.items()}
"""Colour and dash of each network's line; no two networks share both."""
CLOCKS = {"epoch": "Epoch", "seconds": "Time since training began (s)"}
"""Horizontal axes of a learning curve, with their titles."""


def gap_dumbbells(comparison: NetworkComparison, metric: str) -> go.Figure:
    """Dumbbell plot of a metric under both protocols, one row per network, best unseen on top.

    Args:
        comparison: comparison with at least one network under both protocols.
        metric: "accuracy", "weighted_f1" or "auroc".
    """
    paper = {row.network: row for row in comparison.ranked("paper", metric)}
    unseen = [row for row in comparison.ranked("unseen", metric) if row.network in paper]
    names = [NETWORKS[row.network] for row in unseen]
    figure = dumbbells(
        names,
        unseen=[row.estimate(metric) for row in unseen],
        at_random=[paper[row.network].estimate(metric) for row in unseen],
    )
    baseline = comparison.row(BASELINE, "unseen")
    if baseline is not None:
        value, name = baseline.estimate(metric).value, "Area and brightness alone, unseen"
        style.add_line(figure, [value] * 2, [-0.6, len(names) - 0.4], name, dash="dash")
    figure.update_xaxes(title=f"{metrics.TITLES[metric]} (95 % intervals)")
    return style.finish_rows(
        figure, _gap_title(comparison, metric), names, height=150 + 29 * len(names),
        title="Network", zeroline=False, fixedrange=True,
    )  # fmt: skip


def dumbbells(
    names: Sequence[str], *, unseen: Sequence[Interval], at_random: Sequence[Interval]
) -> go.Figure:
    """One row per name with its estimates on unseen subjects and on images split at random."""
    figure = go.Figure()
    for place, pair in enumerate(zip(unseen, at_random, strict=True)):
        ends = [interval.value for interval in pair]
        style.add_line(figure, ends, [place, place], dash="solid", width=2)
    for title, colour, symbol, intervals in (
        ("Unseen subjects", style.GREEN, "circle", unseen),
        ("Images split at random", style.PINK, "diamond", at_random),
    ):
        figure.add_scatter(
            x=[interval.value for interval in intervals], y=list(range(len(names))),
            error_x=style.error_bars(intervals), mode="markers", name=title,
            marker={"color": colour, "symbol": symbol, "size": 11},
            customdata=[
                (name, *bound_texts(interval))
                for name, interval in zip(names, intervals, strict=True)
            ],
            hovertemplate="%{customdata[0]}: %{x:.3f} (%{customdata[1]} to %{customdata[2]})"
            f"<extra>{title}</extra>",
        )  # fmt: skip
    return figure


def bound_texts(interval: Interval) -> tuple[str, str]:
    """Lower and upper bound for a hover text; "?" where unknown."""
    ends = (interval.low, interval.high)
    low, high = (f"{end:.3f}" if np.isfinite(end) else "?" for end in ends)
    return low, high


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
    first, second = (table[table["network"] == network] for network in (a, b))
    both = first.merge(second[["subject", "accuracy"]], on="subject", suffixes=("_a", "_b"))
    low = 100 * min(1.0, both["accuracy_a"].min(), both["accuracy_b"].min())
    span = [max(0, np.floor(low / 10) * 10) - 2, 103]
    figure = go.Figure()
    style.add_line(figure, [0, 100], [0, 100], "Equally often correct", width=1)
    for label, symbol, cells in (
        ("all", "circle", "ALL blasts"),
        ("hem", "square", "normal cells"),
    ):
        rows = both[both["label"] == label]
        figure.add_scatter(
            x=100 * rows["accuracy_b"], y=100 * rows["accuracy_a"], mode="markers",
            customdata=rows[["subject", "cells"]].to_numpy(), name=f"Subject of {cells}",
            marker={
                "color": CLASS_COLOURS[label], "symbol": symbol, "opacity": 0.7,
                "size": rows["cells"], "sizemode": "area", "sizemin": 4,
                "sizeref": 2 * both["cells"].max() / 26**2, "line": {"width": 1},
            },
            hovertemplate="Subject %{customdata[0]}, %{customdata[1]:,} cells<br>"
            f"{NETWORKS[a]} %{{y:.0f}} %<br>{NETWORKS[b]} %{{x:.0f}} %<extra></extra>",
        )  # fmt: skip
    lead = both["accuracy_a"] - both["accuracy_b"]
    ahead, behind = (lead > 0).sum(), (lead < 0).sum()
    title = (
        f"{NETWORKS[a]} is correct more often on {ahead} of {len(both)} subjects, "
        f"{NETWORKS[b]} on {behind}"
    )
    figure.update_xaxes(title=f"Correct by {NETWORKS[b]} (% of cells)", range=span)
    figure.update_yaxes(title=f"Correct by {NETWORKS[a]} (% of cells)", range=span)
    return style.finish(figure, title, height=480)


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
        style.band(
            figure, rows[clock], rows["low"], rows["high"], fill=style.faint(colour, 0.15),
            name=None, legendgroup=network, showlegend=False,
        )  # fmt: skip
    figure.add_scatter(
        x=rows[clock], y=rows["loss"], customdata=rows[["epoch", "seconds"]].to_numpy(),
        mode="lines+markers", line={"color": colour, "dash": dash}, marker={"size": 5},
        name=NETWORKS[network], legendgroup=network,
        hovertemplate=f"{NETWORKS[network]}<br>Epoch %{{customdata[0]}}, %{{customdata[1]:.0f}} s"
        "<br>Loss %{y:.3f}<extra></extra>",
    )  # fmt: skip
