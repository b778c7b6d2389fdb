"""Data in, plotly figure out. Figures carry no colours of a theme: the page's theme supplies them.

Titles state the finding and break into lines that fit a phone.
"""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore import formats
from allcore.evaluation import metrics
from allcore.evaluation.calibration import ReliabilityBin
from allcore.evaluation.curves import Roc
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Confusion, Floats
from allcore.evaluation.subjects import SubjectRow
from allcore.labels import CLASS_COLOURS, CLASS_NAMES

BLAST, NORMAL = CLASS_COLOURS["all"], CLASS_COLOURS["hem"]
REFUSED = "#7A7A7A"

UNIT = [-0.02, 1.02]
"""Range of an axis of shares, with room for the marks at its ends."""
BAND = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
"""How the edges of a band are drawn: not at all."""

# Characters of a title's line that fit a screen of 390 pixels.
_LINE = 40
# From here on WebGL draws points faster than SVG.
_MANY_POINTS = 1000


def confusion_matrix(counts: Confusion) -> go.Figure:
    """Counts and shares of each true class, rows the truth and columns the call."""
    table = counts.as_array()
    shares = metrics.ratio(table, table.sum(axis=1, keepdims=True))
    names = [CLASS_NAMES["hem"], CLASS_NAMES["all"]]
    text = [
        [
            f"<b>{count:,.0f}</b><br>{100 * share:.0f} % of<br>{name}"
            if np.isfinite(share)
            else "no cells"
            for count, share in zip(row, row_shares, strict=True)
        ]
        for row, row_shares, name in zip(table, shares, ("normal cells", "ALL blasts"), strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=np.nan_to_num(shares),
            x=names,
            y=names,
            text=text,
            texttemplate="%{text}",
            textfont={"size": 15, "color": "#FFFFFF"},
            hoverinfo="skip",
            # White text reads on both ends, whatever the page's theme.
            colorscale=[[0, "#73737D"], [1, "#4A3A80"]],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=3,
            ygap=3,
        )
    )
    figure.update_xaxes(title="Called", fixedrange=True, showgrid=False)
    figure.update_yaxes(
        title="Truth", autorange="reversed", fixedrange=True, showgrid=False, tickangle=-90
    )
    right = [
        f"{100 * share:.0f} % of {name}"
        for share, name in ((shares[1, 1], "ALL blasts"), (shares[0, 0], "normal cells"))
        if np.isfinite(share)
    ]
    return finish(figure, f"{' and '.join(right)} are called rightly", height=400)


def roc(curve: Roc, *, point: tuple[float, float], area: Interval) -> go.Figure:
    """ROC curve with its band over subjects and the operating point.

    Args:
        curve: from `curves.roc`.
        point: share of false positives and sensitivity at the model's threshold.
        area: AUROC with its interval over subjects.
    """
    figure = go.Figure()
    band(figure, curve.grid, curve.low, curve.high)
    diagonal(figure, name="Chance")
    figure.add_scatter(
        x=curve.false_positives,
        y=curve.sensitivity,
        customdata=curve.thresholds,
        mode="lines",
        line={"color": BLAST, "width": 2.5},
        name="Model",
        hovertemplate="1 - specificity %{x:.3f}<br>Sensitivity %{y:.3f}"
        "<br>Threshold %{customdata:.3f}<extra></extra>",
    )
    figure.add_scatter(
        x=[point[0]],
        y=[point[1]],
        mode="markers",
        marker={"size": 13, "symbol": "diamond", "color": BLAST, "line": {"width": 2}},
        name="Operating point",
        hovertemplate="1 - specificity %{x:.3f}<br>Sensitivity %{y:.3f}<extra></extra>",
    )
    figure.update_xaxes(title="1 - specificity (share of normal cells)", range=[-0.02, 1.02])
    figure.update_yaxes(title="Sensitivity (share of blasts)", range=[-0.02, 1.02])
    return finish(figure, f"AUROC {formats.estimate(area)} over subjects", height=440)


def reliability(bins: Sequence[ReliabilityBin], *, error: float) -> go.Figure:
    """Reliability curve: the share of blasts among cells of like probability.

    Args:
        bins: from `calibration.reliability`.
        error: expected calibration error.
    """
    share = np.array([b.blasts.value for b in bins])
    figure = go.Figure()
    diagonal(figure, name="Perfectly calibrated")
    figure.add_scatter(
        x=[b.probability for b in bins],
        y=share,
        error_y={
            "array": np.array([b.blasts.high for b in bins]) - share,
            "arrayminus": share - np.array([b.blasts.low for b in bins]),
            "width": 3,
        },
        customdata=[b.cells for b in bins],
        mode="lines+markers",
        line={"color": BLAST},
        name="Model (95 % over cells)",
        hovertemplate="Mean probability %{x:.2f}<br>Share of blasts %{y:.2f}"
        "<br>%{customdata:,} cells<extra></extra>",
    )
    figure.update_xaxes(title="Predicted probability of ALL blast", range=[-0.02, 1.02])
    figure.update_yaxes(title="Share of ALL blasts", range=[-0.04, 1.04])
    points = f"{100 * error:.1f} percentage points"
    return finish(figure, f"Probabilities are off by {points} on average", height=440)


def subject_strip(
    cells: pd.DataFrame, rows: Sequence[SubjectRow], *, threshold: float
) -> go.Figure:
    """Every cell's probability, one line a subject, the most often wrong subject on top.

    Args:
        cells: columns image_id, subject, label and probability.
        rows: from `subjects.rows`, worst first.
        threshold: probability at or above which a cell is called a blast.
    """
    order = [row.subject for row in rows]
    place = cells["subject"].map({name: i for i, name in enumerate(order)})
    # The same cell lies at the same height in every run.
    height = place + np.random.default_rng(0).uniform(-0.32, 0.32, len(cells))
    scatter = go.Scattergl if len(cells) >= _MANY_POINTS else go.Scatter
    figure = go.Figure()
    for label, colour in CLASS_COLOURS.items():
        chosen = cells["label"] == label
        figure.add_trace(
            scatter(
                x=cells.loc[chosen, "probability"],
                y=height[chosen],
                customdata=cells.loc[chosen, "image_id"].to_numpy(),
                mode="markers",
                marker={"color": colour, "size": 5, "opacity": 0.5},
                name=CLASS_NAMES[label],
                hovertemplate="%{customdata}<br>Probability %{x:.3f}<extra></extra>",
            )
        )
    figure.add_vline(x=threshold, line={"dash": "dash", "color": REFUSED, "width": 1.5})
    figure.update_xaxes(title="Predicted probability of ALL blast", range=[-0.02, 1.02])
    figure.update_yaxes(
        title="Subject",
        tickvals=list(range(len(order))),
        ticktext=order,
        range=[len(order) - 0.4, -0.6],
        showgrid=False,
    )
    worst = rows[0]
    share = f"{100 * worst.accuracy.value:.0f} %"
    title = f"Subject {worst.subject} does worst: {share} of its cells are called rightly"
    tall = 180 + 26 * len(order)
    # A share of the height: the legend stays just below the axis however many subjects there are.
    return lay_out(finish(figure, title, height=tall), legend={"y": -60 / (tall - 150)})


def learning_curve(history: pd.DataFrame) -> go.Figure:
    """Loss by epoch; one row an epoch, with the columns train_loss and validation_loss."""
    figure = go.Figure()
    epochs = np.arange(1, len(history) + 1)
    for column, name, colour in (
        ("train_loss", "Training", NORMAL),
        ("validation_loss", "Validation subjects", BLAST),
    ):
        figure.add_scatter(
            x=epochs,
            y=history[column],
            mode="lines+markers",
            line={"color": colour},
            name=name,
            hovertemplate="Epoch %{x}<br>Loss %{y:.3f}<extra></extra>",
        )
    best = epochs[int(history["validation_loss"].to_numpy().argmin())]
    figure.update_xaxes(title="Epoch", dtick=max(1, len(history) // 10))
    figure.update_yaxes(title="Loss (cross-entropy, nats)", rangemode="tozero")
    title = f"Validation loss is lowest after epoch {best} of {len(history)}"
    return finish(figure, title, height=380)


def probability_scale(p_all: float, *, threshold: float) -> go.Figure:
    """One calibrated probability against the threshold, both on one scale from 0 to 1."""
    called = "all" if p_all >= threshold else "hem"
    figure = go.Figure(
        go.Bar(
            x=[p_all],
            y=[""],
            orientation="h",
            marker={"color": CLASS_COLOURS[called]},
            width=0.5,
            hovertemplate="Probability %{x:.3f}<extra></extra>",
        )
    )
    figure.add_shape(
        type="rect", x0=0, x1=1, y0=-0.25, y1=0.25, line_width=0,
        fillcolor="rgba(122,122,122,0.18)", layer="below",
    )  # fmt: skip
    figure.add_shape(
        type="line", x0=threshold, x1=threshold, y0=-0.42, y1=0.42,
        line={"width": 3, "color": REFUSED},
    )  # fmt: skip
    figure.add_annotation(
        x=threshold, y=0.42, text=f"threshold {threshold:.2f}", showarrow=False, yanchor="bottom"
    )
    figure.update_xaxes(
        title="Calibrated probability of an ALL blast", range=[0, 1], showgrid=False, nticks=6
    )
    figure.update_yaxes(visible=False, range=[-0.5, 0.85])
    side = "at or above" if called == "all" else "below"
    title = f"{p_all:.2f}, {side} the threshold {threshold:.2f}"
    return finish(figure, title, height=190)


def split_bars(counts: pd.DataFrame) -> go.Figure:
    """Images of each class by split.

    Args:
        counts: from `overview.split_counts`.
    """
    figure = go.Figure()
    for label, name in CLASS_NAMES.items():
        if label in counts:
            figure.add_bar(
                x=counts[label], y=counts["split"], name=name, orientation="h",
                marker_color=CLASS_COLOURS[label], text=counts[label], texttemplate="%{text:,}",
                textposition="inside", textangle=0, insidetextanchor="middle",
                hovertemplate=f"%{{y}}: %{{x:,}} images, {name}<extra></extra>",
            )  # fmt: skip
    figure.update_layout(barmode="stack", legend_traceorder="normal", bargap=0.3)
    figure.update_xaxes(title="Images", fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    blasts = counts["all"].sum() if "all" in counts else 0
    title = f"{100 * blasts / max(1, counts['images'].sum()):.0f} % of the images are ALL blasts"
    return legend_on_top(finish(figure, title, height=340))


def subject_bars(counts: pd.DataFrame) -> go.Figure:
    """Images of each subject, most first.

    Args:
        counts: from `overview.subject_counts`; only subjects of one class are coloured.
    """
    figure = go.Figure()
    for label in counts["label"].unique():
        rows = counts[counts["label"] == label]
        figure.add_bar(
            x=rows["subject"], y=rows["images"], name=CLASS_NAMES.get(label, label),
            marker_color=CLASS_COLOURS.get(label, REFUSED), customdata=rows[["split"]],
            hovertemplate="Subject %{x}: %{y:,} images, %{customdata[0]}<extra></extra>",
        )  # fmt: skip
    most, least = counts.iloc[0], counts.iloc[-1]
    figure.update_xaxes(
        title="Subject", type="category", categoryorder="array",
        categoryarray=counts["subject"], showticklabels=len(counts) <= _LINE, fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(title="Images", fixedrange=True)
    title = f"Subject {most.subject} has {most.images:,} images"
    if len(counts) > 1:
        title += f", subject {least.subject} has {least.images:,}"
    return legend_on_top(finish(figure, title, height=340))


def legend_on_top(figure: go.Figure) -> go.Figure:
    """Where names under the axis would run into a legend below."""
    figure.update_layout(
        legend={"y": 1.0, "yanchor": "bottom"}, margin_t=figure.layout.margin.t + 26
    )
    return figure


def band(figure: go.Figure, x: Floats, low: Floats, high: Floats) -> None:
    """The 95 % band over subjects, where there is one."""
    if len(x) and np.isfinite(low).all():
        figure.add_scatter(x=x, y=high, showlegend=False, **BAND)
        figure.add_scatter(
            x=x, y=low, fill="tonexty", fillcolor=faint(REFUSED, 0.25),
            name="95 % over subjects", **BAND,
        )  # fmt: skip


def faint(colour: str, strength: float) -> str:
    """A colour as plotly takes it with an opacity from 0 to 1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"


def diagonal(figure: go.Figure, *, name: str) -> None:
    """Draw the dotted line from corner to corner that a curve is read against."""
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"dash": "dot", "color": REFUSED, "width": 1},
        name=name,
        hoverinfo="skip",
    )


def finish(figure: go.Figure, title: str, *, height: int) -> go.Figure:
    """Title in lines that fit a phone, legend below, little margin."""
    lines = textwrap.wrap(title, _LINE)
    return lay_out(
        figure,
        title={"text": "<br>".join(lines), "x": 0, "xanchor": "left", "y": 1, "yanchor": "top"}
        | {"pad": {"t": 20, "l": 4}},
        height=height,
        margin={"l": 10, "r": 10, "t": 34 + 22 * len(lines), "b": 10},
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "itemsizing": "constant"},
        hoverlabel={"align": "left"},
    )


def lay_out(figure: go.Figure, **parts: Any) -> go.Figure:
    """Set parts of the layout, keeping what else is set in them.

    As plotly's ``update_layout``, which takes ten times as long: pages draw at every move of a
    threshold.
    """
    for name, value in parts.items():
        if isinstance(value, dict):
            value = figure.layout[name].to_plotly_json() | value
        figure.layout[name] = value
    return figure
