"""Plots by subject: probabilities of the cells, and the calls of the subjects."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore import formats
from allcore.evaluation import subjects
from allcore.evaluation.subjects import SubjectCall, SubjectRow
from allcore.labels import CLASS_COLOURS, CLASS_NAMES
from allcore.plots import style

SYMBOLS = {"right": "circle", "wrong": "x", "undecided": "diamond-open"}
_ANSWERS = {
    "all": "ALL", "hem": "normal",
    subjects.TOO_FEW: "too few cells", subjects.CANT_TELL: "can't tell",
}  # fmt: skip


def subject_strip(
    cells: pd.DataFrame, rows: Sequence[SubjectRow], *, threshold: float
) -> go.Figure:
    """Strip plot of the cells' probabilities, one row per subject, lowest accuracy on top.

    Args:
        cells: columns image_id, subject, label and probability.
        rows: from `subject_rows`, lowest accuracy first.
        threshold: probability at or above which a cell is predicted to be a blast.
    """
    order = [row.subject for row in rows]
    place = cells["subject"].map({name: i for i, name in enumerate(order)})
    # Fixed seed: the jitter is the same in every run.
    height = place + np.random.default_rng(0).uniform(-0.32, 0.32, len(cells))
    scatter = go.Scattergl if len(cells) >= style.MANY_POINTS else go.Scatter
    figure = go.Figure()
    for label, colour in CLASS_COLOURS.items():
        rows_of_class = cells["label"] == label
        figure.add_trace(
            scatter(
                x=cells.loc[rows_of_class, "probability"], y=height[rows_of_class], mode="markers",
                customdata=cells.loc[rows_of_class, "image_id"].to_numpy(), name=CLASS_NAMES[label],
                marker={"color": colour, "size": 5, "opacity": 0.5},
                hovertemplate="%{customdata}<br>Probability %{x:.3f}<extra></extra>",
            )
        )  # fmt: skip
    figure.add_vline(x=threshold, line={"dash": "dash", "color": style.REFUSED, "width": 1.5})
    figure.update_xaxes(title="Predicted probability of ALL blast", range=style.UNIT)
    worst = rows[0]
    share = f"{100 * worst.accuracy.value:.0f} %"
    title = f"Subject {worst.subject} does worst: {share} of its cells are correct"
    tall = 180 + 26 * len(order)
    return style.finish_rows(figure, title, order, height=tall, title="Subject")


def subject_call_shares(calls: Sequence[SubjectCall], cutoff: float) -> go.Figure:
    """Plot each subject's share of cells predicted ALL blast, ascending, with the cut-off.

    Args:
        calls: from `subjects.call_subjects`; at least one.
        cutoff: cut-off of the calls.
    """
    rising = sorted(calls, key=lambda call: (call.blasts.value, call.subject))
    figure = go.Figure()
    for label, colour in CLASS_COLOURS.items():
        for outcome, symbol in SYMBOLS.items():
            of_kind = {
                i: call
                for i, call in enumerate(rising)
                if (call.label, call.outcome) == (label, outcome)
            }
            if of_kind:
                name = f"{'ALL' if label == 'all' else 'Normal'}, {outcome}"
                _add_calls(figure, of_kind, name, {"color": colour, "symbol": symbol})
    ends = [-0.6, len(rising) - 0.4]
    style.add_line(figure, ends, [cutoff] * 2, f"Cut-off {cutoff:.2f}", dash="dash")
    style.name_subjects(figure, [call.subject for call in rising])
    outcomes = [call.outcome for call in calls]
    right, wrong, undecided = (outcomes.count(name) for name in subjects.OUTCOMES)
    title = (
        f"{right} of {formats.count(len(calls), 'subject')} are predicted correctly, {wrong} "
        f"wrongly, {undecided} not at all"
    )
    style.finish(figure, title, height=460)
    return style.lay_out(figure, legend={"y": -0.24})  # below the subjects' names


def _add_calls(
    figure: go.Figure, calls: Mapping[int, SubjectCall], name: str, marker: dict[str, str]
) -> None:
    shares = [call.blasts for call in calls.values()]
    figure.add_scatter(
        x=list(calls), y=[share.value for share in shares], name=name, mode="markers",
        error_y=style.error_bars(shares) | {"width": 2, "thickness": 1},
        marker=marker | {"size": 9},
        customdata=[
            (call.subject, formats.share(call.blasts, call.cells), _ANSWERS[call.answer])
            for call in calls.values()
        ],
        hovertemplate="Subject %{customdata[0]}<br>%{customdata[1]}<br>Answer: %{customdata[2]}"
        f"<extra>{name}</extra>",
    )  # fmt: skip
