"""Plots of a batch of predictions: shares of blasts by subject."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from allcore.evaluation.subjects import SubjectShare
from allcore.plots import style

_SHOWN = 12  # characters of a name below an axis


def subject_shares(shares: Sequence[SubjectShare]) -> go.Figure | None:
    """Plot each subject's share of cells predicted ALL blast, with its interval; ascending.

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
        return f"{_percent(highest)} of subject {_short(highest)}'s cells are predicted ALL blast"
    shares = f"{_percent(lowest)} to {_percent(highest)}"
    return f"Blast shares of {len(ordered):,} subjects run from {shares}"


def _percent(share: SubjectShare) -> str:
    return f"{100 * share.share.value:.0f} %"


def _short(share: SubjectShare) -> str:
    """A subject's name for plotly: shortened, and with escaped mark-up."""
    name = share.subject or ""
    return escape(name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…")
