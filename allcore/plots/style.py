"""Style of all plots: colours, layout, and the notice on saved plots.

A figure has no theme colours: the page's theme supplies them. Titles state the result and break
into lines that fit a phone.
"""

import re
import textwrap
from collections.abc import Sequence
from html import unescape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from allcore import notice
from allcore.evaluation.intervals import Interval
from allcore.labels import CLASS_COLOURS

BLAST, NORMAL = CLASS_COLOURS["all"], CLASS_COLOURS["hem"]
GREEN, PINK = "#009E73", "#CC79A7"
"""Okabe-Ito colours other than those of the classes, with contrast on light and dark ground."""
REFUSED = "#7A7A7A"
CAUTION = "#F0B429"
"""Amber behind dark letters: marks of answers that are not validated."""
CAUTION_INK = "#7A4F00"
"""The same as letters on white."""
UNIT = [-0.02, 1.02]
"""Range of an axis of shares, with room for marks at its ends."""
MANY_POINTS = 1000
"""Number of points from which WebGL is faster than SVG."""
MANY_NAMES = 40
"""Largest number of names that fit below an axis."""
WIDTH = 900
"""Width of a saved figure before scaling, pixels."""
LINE, NARROW = 40, 30
"""Characters of a title that fit 390 pixels, a phone's, and 290, a third of a page."""
_SUBTITLE = {"text": notice.RESEARCH_USE, "font": {"size": 11}}
_ROOM = 18  # height of the notice above the figure, pixels
_LONGEST = 80


def legend_on_top(figure: go.Figure) -> go.Figure:
    """Move the legend to the top, for plots whose axis names would overlap it below."""
    figure.update_layout(
        legend={"y": 1.0, "yanchor": "bottom"}, margin_t=figure.layout.margin.t + 26
    )
    return figure


def band(
    figure: go.Figure,
    x: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    fill: str = "rgba(122,122,122,0.25)",
    name: str | None = "95 % over subjects",
    **trace: Any,
) -> None:
    """Draw a band, by default that of 95 % over subjects, if it is defined."""
    if np.size(x) and np.isfinite(low).all():
        edge = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"} | trace
        figure.add_scatter(y=high, **edge | {"showlegend": False})
        figure.add_scatter(y=low, fill="tonexty", fillcolor=fill, name=name, **edge)


def faint(colour: str, strength: float) -> str:
    """Colour with an opacity from 0 to 1, in plotly's format."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"


def add_line(
    figure: go.Figure, x: Sequence[float], y: Sequence[float], name: str = "", **line: Any
) -> None:
    """Draw a reference line between two points, dotted and grey unless `line` says otherwise."""
    figure.add_scatter(
        x=x, y=y, mode="lines", name=name, showlegend=bool(name), hoverinfo="skip",
        line={"dash": "dot", "color": REFUSED, "width": 1.5} | line,
    )  # fmt: skip


def error_bars(intervals: Sequence[Interval], *, scale: float = 1.0) -> dict[str, Any]:
    """Error bars of estimates, of length 0 where an interval is unknown."""
    values = np.array([(one.value, one.low, one.high) for one in intervals]).reshape(-1, 3)
    value, low, high = scale * values.T
    return {
        "array": np.nan_to_num(high - value), "arrayminus": np.nan_to_num(value - low),
        "width": 3, "thickness": 1.5,
    }  # fmt: skip


def finish(figure: go.Figure, title: str, *, height: int, line: int = LINE) -> go.Figure:
    """Set the height, a title in lines of so many characters, a legend below, small margins."""
    lines = textwrap.wrap(title, line)
    return lay_out(
        figure,
        title={"text": "<br>".join(lines), "x": 0, "xanchor": "left", "y": 1, "yanchor": "top"}
        | {"pad": {"t": 20, "l": 4}},
        height=height,
        margin={"l": 10, "r": 10, "t": 34 + 22 * len(lines), "b": 10},
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "itemsizing": "constant"},
        hoverlabel={"align": "left"},
    )


def finish_rows(
    figure: go.Figure, heading: str, names: Sequence[str], *, height: int, **axis: Any
) -> go.Figure:
    """`finish` for a figure of one row per name, the first on top at 0, the legend just below."""
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6],
        showgrid=False, **axis,
    )  # fmt: skip
    finish(figure, heading, height=height)
    return lay_out(figure, legend={"y": -60 / (height - 150)})


def name_subjects(figure: go.Figure, names: Sequence[str], **axes: Any) -> None:
    """Axes of a plot of shares of blasts by subject, ascending; many names are left out."""
    few = len(names) <= MANY_NAMES
    figure.update_xaxes(
        title="Subject" if few else f"{len(names):,} subjects, lowest share first",
        tickvals=list(range(len(names))), ticktext=names, showticklabels=few, tickangle=-90,
        showgrid=False, zeroline=False, range=[-0.6, len(names) - 0.4], **axes,
    )  # fmt: skip
    figure.update_yaxes(title="Share of cells predicted ALL blast", range=[-0.04, 1.04], **axes)


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


def add_notice(figure: go.Figure) -> None:
    """Add the notice as a small line below the title, once.

    The line is part of the title, so it overlaps no axis or legend at any width, and every saved
    image of the figure contains it.
    """
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
