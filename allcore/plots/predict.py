"""Plots of predictions: probability of one cell, and shares of blasts by subject of a batch."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from allcore.evaluation.subjects import SubjectShare
from allcore.labels import CLASS_COLOURS
from allcore.plots import style

_SHOWN = 12  # characters of a name below an axis


def probability_scale(p_all: float, *, threshold: float) -> go.Figure:
    """Bar of one calibrated probability from 0 to 1, with the threshold."""
    called = "all" if p_all >= threshold else "hem"
    figure = go.Figure()
    figure.add_bar(
        x=[p_all], y=[""], orientation="h", marker={"color": CLASS_COLOURS[called]}, width=0.5,
        hovertemplate="Probability %{x:.3f}<extra></extra>",
    )  # fmt: skip
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
    figure = go.Figure(layout_showlegend=False)
    error_bars = style.error_bars([share.share for share in ordered])
    figure.add_scatter(
        x=list(range(len(ordered))), y=[share.share.value for share in ordered], mode="markers",
        error_y=error_bars | {"thickness": None}, marker={"color": style.BLAST, "size": 9},
        customdata=[(escape(share.subject or ""), share.words) for share in ordered],
        hovertemplate="Subject %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    )  # fmt: skip
    style.name_subjects(figure, [_short(share) for share in ordered], fixedrange=True)
    return style.finish(figure, _title(ordered), height=440)


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
