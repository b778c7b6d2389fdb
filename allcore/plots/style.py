"""Style of all plots: colours, layout, and what a plot carries when it leaves the program.

A plot carries no colours of a theme: the page's theme supplies them. Titles state the finding and
break into lines that fit a phone.
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
"""Range of an axis of shares, with room for the marks at its ends."""
BAND = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
"""How the edges of a band are drawn: not at all."""
# Characters of a title's line that fit a screen of 390 pixels.
_LINE = 40


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


WIDTH = 900
"""Pixels of a saved figure before it is scaled."""
_SUBTITLE = {"text": notice.RESEARCH_USE, "font": {"size": 11}}
_ROOM = 18  # pixels that the line takes above the figure
_LONGEST = 80


def with_notice(layout: dict[str, Any]) -> dict[str, Any]:
    """A figure's layout with the notice as a small line below the title.

    The line belongs to the title, so it stays clear of axes and legends at any width, and is part
    of every picture that is saved of the figure.

    Args:
        layout: of a figure, as `to_plotly_json` gives it; a title may be missing.
    """
    title, margin = dict(layout.get("title") or {}), dict(layout.get("margin") or {})
    title.setdefault("text", "")
    if title.get("subtitle", {}).get("text") != notice.RESEARCH_USE:
        title["subtitle"] = dict(_SUBTITLE)
        if "t" in margin:
            margin["t"] += _ROOM
    return layout | {"title": title, "margin": margin}


def add_notice(figure: go.Figure) -> None:
    """The same in place, in a millisecond, once however often it is asked for."""
    layout = figure.layout
    if layout.title.subtitle.text == notice.RESEARCH_USE:
        return
    layout.title.subtitle = _SUBTITLE
    if layout.margin.t is not None:
        layout.margin.t += _ROOM


def plain_title(title: str) -> str:
    """A figure's title as plain text, without its breaks and mark-up."""
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br ?/?>", " ", title)))


def file_name(name: str) -> str:
    """A name as a file of any system may be called, without suffix.

    >>> file_name("ROC: qcresnet-cnmc / test")
    'ROC-qcresnet-cnmc-test'
    """
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-_")
    return re.sub(r"-{2,}", "-", words)[:_LONGEST] or "figure"
