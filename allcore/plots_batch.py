"""Figures of a batch of answers; data in, plotly figure out, as in `allcore.plots`."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from allcore import plots
from allcore.evaluation import words
from allcore.inference.grouping import Share

_MANY = 40  # subjects whose names fit below an axis
_SHOWN = 12  # letters of a name below an axis
_HEIGHT = 380


def subject_shares(shares: Sequence[Share], *, least: int) -> go.Figure | None:
    """Each subject's share of cells called blast, lowest first, with its interval over cells.

    Args:
        shares: from `grouping.shares`; those of unknown subjects and with too few cells are left
            out, and the title says how many the latter are.
        least: cells that a share needs.

    Returns:
        None where no subject has enough cells.
    """
    known = [share for share in shares if share.subject is not None]
    told = sorted((share for share in known if share.enough), key=lambda one: one.share.value)
    if not told:
        return None
    figure = go.Figure(_points(told))
    few = len(told) <= _MANY
    figure.update_xaxes(
        title="Subject" if few else f"{len(told):,} subjects, lowest share first",
        tickvals=list(range(len(told))), ticktext=[_short(share) for share in told],
        showticklabels=few, tickangle=-90, showgrid=False, zeroline=False,
        range=[-0.6, len(told) - 0.4], fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(
        title="Share of cells called ALL blast", range=[-0.04, 1.04], fixedrange=True
    )
    figure.update_layout(showlegend=False)
    return plots.finish(figure, _title(told, len(known), least), height=_HEIGHT)


def _points(told: Sequence[Share]) -> go.Scatter:
    value = [share.share.value for share in told]
    return go.Scatter(
        x=list(range(len(told))),
        y=value,
        error_y={
            "array": [share.share.high - share.share.value for share in told],
            "arrayminus": [share.share.value - share.share.low for share in told],
            "width": 3,
        },
        customdata=[(escape(share.subject or ""), share.words) for share in told],
        mode="markers",
        marker={"color": plots.BLAST, "size": 9},
        hovertemplate="Subject %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    )


def _title(told: Sequence[Share], known: int, least: int) -> str:
    lowest, highest = told[0], told[-1]
    if len(told) == 1:
        said = f"{_percent(highest)} of subject {_short(highest)}'s cells are called ALL blast"
    else:
        said = (
            f"Blast shares run from {_percent(lowest)} (subject {_short(lowest)}) to "
            f"{_percent(highest)} (subject {_short(highest)})"
        )
    if left := known - len(told):
        said += f"; {words.count(left, 'subject')} with fewer than {least:,} cells left out"
    return said


def _percent(share: Share) -> str:
    return f"{100 * share.share.value:.0f} %"


def _short(share: Share) -> str:
    """A subject's name as plotly may show it: short, and without mark-up."""
    name = share.subject or ""
    return escape(name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…")
