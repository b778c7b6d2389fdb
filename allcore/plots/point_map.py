"""Traces of points on a 2-D map, coloured by a category, a subject or a number."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore.evaluation.slices import fact_title
from allcore.plots import style

Style = tuple[str, str, int, float]
"""Colour, symbol, size and opacity."""
_BAND = 2.5  # ratio of extents from which points count as a flat band
LABEL_STYLES = {"hem": (style.NORMAL, "circle", 5, 0.55), "all": (style.BLAST, "diamond", 5, 0.55)}
# Muted colours, because there are more subjects than distinguishable colours. The hover text has
# the name, and colours of neighbours on the map mostly differ between subjects.
_SUBJECTS = (
    "#7A9CC6", "#C8A165", "#7FB39A", "#C58B9A", "#9A8FC0", "#A7A873", "#6FAEB5", "#B98F75",
    "#8C9FA8", "#B7A0C4",
)  # fmt: skip


def as_map(figure: go.Figure, title: str) -> go.Figure:
    """Turn a figure of points into a map: no units, lasso selection, and equal scales.

    Only distances between neighbours have a meaning, so points in a flat band fill the plot.
    """
    wide, high = (_extent(figure, axis) for axis in ("x", "y"))
    band = max(wide, high) > _BAND * min(wide, high)
    hidden = {"showticklabels": False, "showgrid": False, "zeroline": False, "ticks": ""}
    figure.update_xaxes(title="Map, first axis (no unit)", **hidden)
    figure.update_yaxes(
        title="Map, second axis (no unit)", scaleanchor=None if band else "x", **hidden
    )
    style.lay_out(figure, dragmode="lasso")
    figure = style.finish(figure, title, height=560)
    return style.lay_out(figure, legend={"y": -0.08})


def _extent(figure: go.Figure, axis: str) -> float:
    """Range of the points of all traces on an axis."""
    values = [np.asarray(trace[axis], dtype=float) for trace in figure.data]
    known = [one[np.isfinite(one)] for one in values]
    joined = np.concatenate([*known, np.zeros(0)])
    return float(np.ptp(joined)) if len(joined) else 0.0


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
    """Return one trace coloured by subject, and a title with the number of subjects."""
    codes, names = pd.factorize(table[colour], sort=True)
    place = np.where(codes < 0, len(_SUBJECTS), codes % len(_SUBJECTS))
    trace = points(
        table, "x", "y", ("", "circle", 5, 0.7), "Subject",
        hover="Subject %{text}<br>%{customdata}", many=len(table),
    )  # fmt: skip
    # Numbers on a stepped colour scale: plotly takes a second to validate one colour per point.
    colours = (*_SUBJECTS, style.REFUSED)
    ends = np.linspace(0, 1, len(colours) + 1)
    scale = [[float(end), one] for i, one in enumerate(colours) for end in ends[i : i + 2]]
    trace.marker.update(color=place.astype(np.int8), colorscale=scale)
    trace.marker.update(cmin=-0.5, cmax=len(_SUBJECTS) + 0.5)
    trace.text = table[colour].fillna("unknown").astype(str).to_numpy()
    trace.showlegend = False
    return [trace], f"Cells of {len(names):,} subjects by how alike they look"


def by_number(table: pd.DataFrame, colour: str, name: str = "") -> tuple[list[Any], str]:
    """Return one trace coloured by a number, and a title; `name` defaults to `fact_title`."""
    known = table[np.isfinite(table[colour].astype(float))]
    values = known[colour].to_numpy(dtype=float)
    name = name or fact_title(colour)
    trace = points(
        known, "x", "y", ("", "circle", 5, 0.75), name,
        hover=f"{name} %{{marker.color:.4g}}<br>%{{customdata}}", many=len(table),
    )  # fmt: skip
    # Limits at the 1st and 99th percentile: outliers would leave one colour for all others.
    low, high = np.quantile(values, [0.01, 0.99]) if len(values) else (0.0, 1.0)
    bar = {"title": {"text": name, "side": "right"}, "thickness": 12}
    trace.marker.update(
        {"color": values, "colorscale": "Cividis", "cmin": low, "cmax": high, "colorbar": bar}
    )
    trace.showlegend = False
    return [trace], f"{name} of {len(known):,} cells, by how alike they look"


def points(
    table: pd.DataFrame, x: str, y: str, point: Style, name: str, *, hover: str, many: int
) -> Any:
    """Trace of markers; its name has the number of points.

    Args:
        table: columns image_id, `x` and `y`.
        x: column of the horizontal axis.
        y: column of the vertical axis.
        point: style of the markers; an empty colour is left to the caller.
        name: name in the legend.
        hover: hover template of a point.
        many: number of points of the whole figure, which selects WebGL or SVG for all its traces.
    """
    colour, symbol, size, opacity = point
    # One trace type per figure: a lasso over both types selects from one only.
    kind = go.Scattergl if many >= style.MANY_POINTS else go.Scatter
    marker = {"symbol": symbol, "size": size, "opacity": opacity}
    return kind(
        x=table[x],
        y=table[y],
        customdata=table["image_id"].to_numpy(),  # a 1-D array takes half the time to serialise
        mode="markers",
        marker=marker | ({"color": colour} if colour else {}),
        name=f"{name} ({len(table):,})",
        hovertemplate=f"{hover}<extra></extra>",
    )
