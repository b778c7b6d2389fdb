"""2-D map of a data set's images."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from allcore.audit.index import embeddings
from allcore.plots import point_map, style
from allcore.plots.point_map import Style

MOST = 20_000
"""Maximum number of points: more are slow to draw and to send, and overlap."""
RARE = 1_000
"""Maximum size of a category whose images are never sampled."""
_GREY: Style = (style.REFUSED, "circle", 4, 0.45)
# Okabe-Ito colours, each with its own symbol; the most frequent category, drawn first, is grey.
_STYLES: tuple[Style, ...] = (
    _GREY,
    ("#0072B2", "diamond", 6, 0.7),
    ("#D55E00", "x", 6, 0.8),
    (style.GREEN, "triangle-up", 6, 0.8),
    (style.PINK, "square", 6, 0.8),
    ("#E69F00", "triangle-down", 6, 0.8),
    ("#56B4E9", "cross", 6, 0.8),
)
MOST_CATEGORIES = len(_STYLES)


@dataclass(frozen=True)
class Colour:
    """Attribute that determines the colours of the map."""

    title: str
    kind: Literal["label", "subject", "category", "number"]  # type of the values
    values: "pd.Series[Any]"  # (N,) in the table's order; missing where unknown
    names: Mapping[str, str] = field(default_factory=dict)  # of categories, by value
    unit: str = ""  # of numbers
    styles: Mapping[str, Style] = field(default_factory=dict)  # of categories; others get defaults


def map_points(
    table: pd.DataFrame, colour: Colour, *, title: str, rows: NDArray[np.intp] | None = None
) -> go.Figure:
    """Plot the map, with box and lasso selection.

    With more than `MOST` images a random sample is drawn, with rare categories complete; a selected
    area includes all its images. The figure depends only on table and colour, because a changed
    figure loses its selection.

    Args:
        table: catalogue table with an index, N rows; images without map coordinates are not drawn.
        colour: colours of its rows.
        title: from `neighbours_text`.
        rows: from `sampled_rows`; None makes them.
    """
    rows = sampled_rows(table, colour) if rows is None else rows
    points = pd.DataFrame(
        {
            "x": table["map_x"].to_numpy(dtype=np.float32)[rows],
            "y": table["map_y"].to_numpy(dtype=np.float32)[rows],
            "image_id": table["image_id"].to_numpy()[rows],
            "value": colour.values.to_numpy()[rows],
        }
    )
    if colour.kind == "subject":
        traces = point_map.by_subject(points, "value")[0]
    elif colour.kind == "number":
        points["value"] = points["value"].astype(np.float32)
        unit = f" ({colour.unit})" if colour.unit else ""
        traces = point_map.by_number(points, "value", f"{colour.title}{unit}")[0]
    else:
        points["value"] = points["value"].astype(str)
        traces = point_map.categories(points, "value", *_styles(points["value"], colour))
    return point_map.as_map(go.Figure(traces), title)


def sampled_rows(table: pd.DataFrame, colour: Colour) -> NDArray[np.intp]:
    """Row numbers of the drawn images, ascending."""
    known = colour.values.notna().to_numpy() & has_map_place(table)
    rows = np.flatnonzero(known)
    if len(rows) <= MOST:
        return rows
    mixed = np.random.default_rng(0).permutation(rows)
    if colour.kind in ("label", "category"):
        codes, names = pd.factorize(colour.values.iloc[mixed])
        rare = np.bincount(codes, minlength=len(names))[codes] <= RARE
        mixed = np.concatenate([mixed[rare], mixed[~rare]])
    return np.sort(mixed[:MOST])


def has_map_place(table: pd.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether an image has map coordinates."""
    if "map_x" not in table:
        return np.zeros(len(table), dtype=bool)
    return np.asarray(np.isfinite(table[["map_x", "map_y"]].to_numpy(dtype=float)).all(axis=1))


def neighbours_text(colour: Colour, neighbours: NDArray[np.intp]) -> str:
    """Agreement of neighbours on the map, in words.

    Args:
        colour: the compared attribute.
        neighbours: from `embeddings.nearest`.
    """
    if colour.kind == "number":
        agreement = embeddings.neighbour_correlation(colour.values, neighbours)
        text = f"rank correlation of neighbours on the map {agreement:.2f}"
    else:
        agreement, chance = embeddings.neighbour_agreement(colour.values, neighbours)
        text = f"the same for {100 * agreement:.0f} % of neighbours on the map, "
        text += f"{100 * chance:.0f} % by chance"
    known = np.isfinite(agreement)
    return f"{colour.title}: {text}" if known else f"{colour.title} of the cells on the map"


def _styles(values: "pd.Series[str]", colour: Colour) -> tuple[dict[str, Style], dict[str, str]]:
    """Style and name of each category present, most frequent first, because it is drawn below."""
    own = dict(point_map.LABEL_STYLES) if colour.kind == "label" else dict(colour.styles)
    present = [str(value) for value in values.value_counts().index]
    free = [one for one in _STYLES if one not in own.values()]
    rest = iter([*free, *[_GREY] * len(present)])
    styles = {value: own[value] if value in own else next(rest) for value in present}
    return styles, {value: colour.names.get(value, value) for value in present}
