"""Style of all plots: colours, layout, and the notice on saved plots.

A figure has no theme colours: the page's theme supplies them. Titles state the result and break
into lines that fit a phone.
"""

import re
import textwrap
from html import unescape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from allcore import notice
from allcore.evaluation.metrics import Floats
from allcore.labels import CLASS_COLOURS

BLAST, NORMAL = CLASS_COLOURS["all"], CLASS_COLOURS["hem"]


REFUSED = "#7A7A7A"
UNIT = [-0.02, 1.02]
"""Range of an axis of shares, with room for marks at its ends."""
BAND = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
"""Invisible edges of a band."""
# Characters of a title line that fit a screen of 390 pixels.
_LINE = 40


def legend_on_top(figure: go.Figure) -> go.Figure:
    """Move the legend to the top, for plots whose axis names would overlap it below."""
    figure.update_layout(
        legend={"y": 1.0, "yanchor": "bottom"}, margin_t=figure.layout.margin.t + 26
    )
    return figure


def band(figure: go.Figure, x: Floats, low: Floats, high: Floats) -> None:
    """Draw the 95 % band over subjects, if it is defined."""
    if len(x) and np.isfinite(low).all():
        figure.add_scatter(x=x, y=high, showlegend=False, **BAND)
        figure.add_scatter(
            x=x, y=low, fill="tonexty", fillcolor=faint(REFUSED, 0.25),
            name="95 % over subjects", **BAND,
        )  # fmt: skip


def faint(colour: str, strength: float) -> str:
    """Colour with an opacity from 0 to 1, in plotly's format."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"


def diagonal(figure: go.Figure, *, name: str) -> None:
    """Draw the dotted diagonal, the reference line of a curve."""
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"dash": "dot", "color": REFUSED, "width": 1},
        name=name,
        hoverinfo="skip",
    )


def finish(figure: go.Figure, title: str, *, height: int) -> go.Figure:
    """Set the height, a title in lines that fit a phone, a legend below and small margins."""
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
    """Update parts of the layout, and keep their other settings.

    Equivalent to plotly's ``update_layout``, which takes ten times as long: pages draw at every
    move of a threshold.
    """
    for name, value in parts.items():
        if isinstance(value, dict):
            value = figure.layout[name].to_plotly_json() | value
        figure.layout[name] = value
    return figure


WIDTH = 900
"""Width of a saved figure before scaling, pixels."""
_SUBTITLE = {"text": notice.RESEARCH_USE, "font": {"size": 11}}
_ROOM = 18  # height of the notice above the figure, pixels
_LONGEST = 80


def with_notice(layout: dict[str, Any]) -> dict[str, Any]:
    """Add the notice to a figure's layout, as a small line below the title.

    The line is part of the title, so it overlaps no axis or legend at any width, and every saved
    image of the figure contains it.

    Args:
        layout: layout of a figure, from `to_plotly_json`; a title may be missing.
    """
    title, margin = dict(layout.get("title") or {}), dict(layout.get("margin") or {})
    title.setdefault("text", "")
    if title.get("subtitle", {}).get("text") != notice.RESEARCH_USE:
        title["subtitle"] = dict(_SUBTITLE)
        if "t" in margin:
            margin["t"] += _ROOM
    return layout | {"title": title, "margin": margin}


def add_notice(figure: go.Figure) -> None:
    """Add the notice in place, in a millisecond; repeated calls have no effect."""
    layout = figure.layout
    if layout.title.subtitle.text == notice.RESEARCH_USE:
        return
    layout.title.subtitle = _SUBTITLE
    if layout.margin.t is not None:
        layout.margin.t += _ROOM


def plain_title(title: str) -> str:
    """A figure's title as plain text, without breaks and mark-up."""
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br ?/?>", " ", title)))


def file_name(name: str) -> str:
    """Convert a name to a file name valid on any system, without suffix.

    >>> file_name("ROC: qcresnet-cnmc / test")
    'ROC-qcresnet-cnmc-test'
    """
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-_")
    return re.sub(r"-{2,}", "-", words)[:_LONGEST] or "figure"
