"""Points on a 2-D map, coloured by a category, a subject or a number."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore.evaluation.slices import fact_title
from allcore.plots import style

Style = tuple[str, str, int, float]
"""Colour, symbol, size and opacity."""
LABEL_STYLES = {"hem": (style.NORMAL, "circle", 5, 0.55), "all": (style.BLAST, "diamond", 5, 0.55)}
# Muted, for there are more subjects than colours that anyone can tell apart: the name is in the
# hover, and neighbours on the map differ often enough to see where one subject ends.
_SUBJECTS = (
    "#7A9CC6", "#C8A165", "#7FB39A", "#C58B9A", "#9A8FC0", "#A7A873", "#6FAEB5", "#B98F75",
    "#8C9FA8", "#B7A0C4",
)  # fmt: skip
# From here on WebGL draws points faster than SVG.
_MANY_POINTS = 1000


def as_map(figure: go.Figure, title: str) -> go.Figure:
    """Make a figure of points a map: no units, equal scales, the lasso at hand."""
    # A map has no units: only what is near means something.
    hidden = {"showticklabels": False, "showgrid": False, "zeroline": False, "ticks": ""}
    figure.update_xaxes(title="Map, first axis (no unit)", **hidden)
    figure.update_yaxes(title="Map, second axis (no unit)", scaleanchor="x", **hidden)
    style.lay_out(figure, dragmode="lasso")
    figure = style.finish(figure, title, height=560)
    return style.lay_out(figure, legend={"y": -0.08})


def categories(
    table: pd.DataFrame, colour: str, styles: dict[str, Style], names: dict[str, str]
) -> list[Any]:
    """One trace for each key of `styles`, drawn in that order."""
    return [
        points(
            table[table[colour] == key], "x", "y", style, names[key],
            hover="%{customdata}", many=len(table),
        )
        for key, style in styles.items()
    ]  # fmt: skip


def by_subject(table: pd.DataFrame, colour: str) -> tuple[list[Any], str]:
    """One trace coloured by subject, and the title that says how many there are."""
    codes, names = pd.factorize(table[colour], sort=True)
    place = np.where(codes < 0, len(_SUBJECTS), codes % len(_SUBJECTS))
    trace = points(
        table, "x", "y", ("", "circle", 5, 0.7), "Subject",
        hover="Subject %{text}<br>%{customdata}", many=len(table),
    )  # fmt: skip
    # Numbers on a scale of steps: plotly checks a colour a point word by word, for a second.
    trace.marker.update(
        {"color": place.astype(np.int8), "colorscale": _steps((*_SUBJECTS, style.REFUSED))}
        | {"cmin": -0.5, "cmax": len(_SUBJECTS) + 0.5}
    )
    trace.text = table[colour].fillna("unknown").astype(str).to_numpy()
    trace.showlegend = False
    return [trace], f"Cells of {len(names):,} subjects by how alike they look"


def by_number(table: pd.DataFrame, colour: str, name: str = "") -> tuple[list[Any], str]:
    """One trace coloured by a number, called `name` or what the fact is called; and its title."""
    known = table[np.isfinite(table[colour].astype(float))]
    values = known[colour].to_numpy(dtype=float)
    name = name or fact_title(colour)
    trace = points(
        known, "x", "y", ("", "circle", 5, 0.75), name,
        hover=f"{name} %{{marker.color:.4g}}<br>%{{customdata}}", many=len(table),
    )  # fmt: skip
    # The outermost hundredths would leave one colour for all others.
    low, high = np.quantile(values, [0.01, 0.99]) if len(values) else (0.0, 1.0)
    bar = {"title": {"text": name, "side": "right"}, "thickness": 12}
    trace.marker.update(
        {"color": values, "colorscale": "Cividis", "cmin": low, "cmax": high, "colorbar": bar}
    )
    trace.showlegend = False
    return [trace], f"{name} of {len(known):,} cells, by how alike they look"


def points(
    table: pd.DataFrame, x: str, y: str, style: Style, name: str, *, hover: str, many: int
) -> Any:
    """A trace of markers, its name with how many there are.

    Args:
        table: columns image_id, `x` and `y`.
        x: column of the horizontal axis.
        y: column of the vertical axis.
        style: an empty colour leaves it to the caller.
        name: in the legend.
        hover: template of what is said of a point.
        many: points of the whole figure, by which all its traces are drawn alike.
    """
    colour, symbol, size, opacity = style
    # One kind of drawing a figure: a lasso over both kinds selects from one only.
    kind = go.Scattergl if many >= _MANY_POINTS else go.Scatter
    marker = {"symbol": symbol, "size": size, "opacity": opacity}
    return kind(
        x=table[x],
        y=table[y],
        customdata=table["image_id"].to_numpy(),  # one deep: half the work of writing it
        mode="markers",
        marker=marker | ({"color": colour} if colour else {}),
        name=f"{name} ({len(table):,})",
        hovertemplate=f"{hover}<extra></extra>",
    )


def _steps(colours: Sequence[str]) -> list[list[Any]]:
    """A colour scale on which each of the colours has an equal part of its own."""
    ends = np.linspace(0, 1, len(colours) + 1)
    return [[float(end), colour] for i, colour in enumerate(colours) for end in ends[i : i + 2]]
