"""Plots of predictions: probability of one cell, and shares of blasts by subject of a batch."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from allcore.evaluation.subject_shares import SubjectShare
from allcore.labels import CLASS_COLOURS
from allcore.plots import style

_MANY = 40  # maximum number of names below an axis
_SHOWN = 12  # characters of a name below an axis
_HEIGHT = 440


def probability_scale(p_all: float, *, threshold: float) -> go.Figure:
    """Bar of one calibrated probability from 0 to 1, with the threshold."""
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
        line={"width": 3, "color": style.REFUSED},
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
    return style.finish(figure, title, height=190)


def subject_shares(shares: Sequence[SubjectShare]) -> go.Figure | None:
    """Plot each subject's share of cells called blast, ascending, with its interval over cells.

    Args:
        shares: from `subject_shares`; unknown subjects and those with too few cells are omitted.

    Returns:
        None where no subject has enough cells.
    """
    known = [share for share in shares if share.subject is not None and share.enough]
    ordered = sorted(known, key=lambda share: share.share.value)
    if not ordered:
        return None
    figure = go.Figure(_points(ordered))
    few = len(ordered) <= _MANY
    figure.update_xaxes(
        title="Subject" if few else f"{len(ordered):,} subjects, lowest share first",
        tickvals=list(range(len(ordered))), ticktext=[_short(share) for share in ordered],
        showticklabels=few, tickangle=-90, showgrid=False, zeroline=False,
        range=[-0.6, len(ordered) - 0.4], fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(
        title="Share of cells called ALL blast", range=[-0.04, 1.04], fixedrange=True
    )
    figure.update_layout(showlegend=False)
    return style.finish(figure, _title(ordered), height=_HEIGHT)


def _points(ordered: Sequence[SubjectShare]) -> go.Scatter:
    value = [share.share.value for share in ordered]
    return go.Scatter(
        x=list(range(len(ordered))),
        y=value,
        error_y={
            "array": [share.share.high - share.share.value for share in ordered],
            "arrayminus": [share.share.value - share.share.low for share in ordered],
            "width": 3,
        },
        customdata=[(escape(share.subject or ""), share.words) for share in ordered],
        mode="markers",
        marker={"color": style.BLAST, "size": 9},
        hovertemplate="Subject %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    )


def _title(ordered: Sequence[SubjectShare]) -> str:
    lowest, highest = ordered[0], ordered[-1]
    if len(ordered) == 1:
        return f"{_percent(highest)} of subject {_short(highest)}'s cells are called ALL blast"
    shares = f"{_percent(lowest)} to {_percent(highest)}"
    return f"Blast shares of {len(ordered):,} subjects run from {shares}"


def _percent(share: SubjectShare) -> str:
    return f"{100 * share.share.value:.0f} %"


def _short(share: SubjectShare) -> str:
    """A subject's name for plotly: shortened, and with escaped mark-up."""
    name = share.subject or ""
    return escape(name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…")
