"""Plots by subject: probabilities of the cells, and the calls of the subjects."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore import formats
from allcore.evaluation import subjects
from allcore.evaluation.subjects import SubjectCall, SubjectRow
from allcore.labels import CLASS_COLOURS, CLASS_NAMES
from allcore.plots import style

# Number of points from which WebGL is faster than SVG.
_MANY_POINTS = 1000
SYMBOLS = {"right": "circle", "wrong": "x", "undecided": "diamond-open"}
_MANY_SUBJECTS = 40


def subject_strip(
    cells: pd.DataFrame, rows: Sequence[SubjectRow], *, threshold: float
) -> go.Figure:
    """Strip plot of the cells' probabilities, one row per subject, lowest accuracy on top.

    Args:
        cells: columns image_id, subject, label and probability.
        rows: from `subject_rows`, lowest accuracy first.
        threshold: probability at or above which a cell is called a blast.
    """
    order = [row.subject for row in rows]
    place = cells["subject"].map({name: i for i, name in enumerate(order)})
    # Fixed seed: the jitter is the same in every run.
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
    figure.add_vline(x=threshold, line={"dash": "dash", "color": style.REFUSED, "width": 1.5})
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
    # Relative to the height: the legend stays just below the axis for any number of subjects.
    return style.lay_out(style.finish(figure, title, height=tall), legend={"y": -60 / (tall - 150)})


def subject_call_shares(calls: Sequence[SubjectCall], cutoff: float) -> go.Figure:
    """Plot each subject's share of cells called blast, ascending, with the cut-off.

    Args:
        calls: from `subjects.call_subjects`; at least one.
        cutoff: cut-off of the calls.
    """
    rising = sorted(calls, key=lambda call: (call.blasts.value, call.subject))
    figure = go.Figure()
    for label, colour in CLASS_COLOURS.items():
        for outcome, symbol in SYMBOLS.items():
            places = [
                i for i, call in enumerate(rising) if (call.label, call.outcome) == (label, outcome)
            ]
            if places:
                name = f"{'ALL' if label == 'all' else 'Normal'}, {outcome}"
                _add_calls(figure, rising, places, name, (colour, symbol))
    figure.add_scatter(
        x=[-0.6, len(rising) - 0.4], y=[cutoff] * 2, mode="lines", hoverinfo="skip",
        line={"dash": "dash", "color": style.REFUSED, "width": 1.5}, name=f"Cut-off {cutoff:.2f}",
    )  # fmt: skip
    few = len(rising) <= _MANY_SUBJECTS
    figure.update_xaxes(
        title="Subject" if few else f"{len(rising):,} subjects, lowest share first",
        tickvals=list(range(len(rising))), ticktext=[call.subject for call in rising],
        showticklabels=few, tickangle=-90, showgrid=False, zeroline=False,
        range=[-0.6, len(rising) - 0.4],
    )  # fmt: skip
    figure.update_yaxes(title="Share of cells called ALL blast", range=[-0.04, 1.04])
    figure = style.finish(figure, _subjects_title(calls), height=460)
    return style.lay_out(figure, legend={"y": -0.24})  # below the subjects' names


def _add_calls(
    figure: go.Figure,
    rising: Sequence[SubjectCall],
    places: Sequence[int],
    name: str,
    style: tuple[str, str],
) -> None:
    chosen = [rising[i] for i in places]
    share = np.array([call.blasts.value for call in chosen])
    low, high = (
        np.array([getattr(call.blasts, end) for call in chosen]) for end in ("low", "high")
    )
    figure.add_scatter(
        x=list(places), y=share, name=name, mode="markers",
        error_y={"array": high - share, "arrayminus": share - low, "width": 2, "thickness": 1},
        marker={"color": style[0], "symbol": style[1], "size": 9},
        customdata=[
            (call.subject, formats.share(call.blasts, call.cells), _ANSWERS[call.answer])
            for call in chosen
        ],
        hovertemplate="Subject %{customdata[0]}<br>%{customdata[1]}<br>Answer: %{customdata[2]}"
        f"<extra>{name}</extra>",
    )  # fmt: skip


_ANSWERS = {
    "all": "ALL", "hem": "normal",
    subjects.TOO_FEW: "too few cells", subjects.CANT_TELL: "can't tell",
}  # fmt: skip


def _subjects_title(calls: Sequence[SubjectCall]) -> str:
    outcomes = [call.outcome for call in calls]
    right, wrong, undecided = (outcomes.count(name) for name in subjects.OUTCOMES)
    return (
        f"{right} of {formats.count(len(calls), 'subject')} are called rightly, {wrong} wrongly, "
        f"{undecided} not at all"
    )
