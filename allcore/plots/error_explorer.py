"""Figures of the error explorer; data in, plotly figure out, as in `allcore.plots.style`.

Each marker carries what it stands for in `customdata`, so that a selection becomes cells again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore.evaluation import outcomes
from allcore.evaluation.metrics import Confusion
from allcore.evaluation.model_agreement import KINDS as AGREEMENT
from allcore.evaluation.slices import SliceRow, fact_title
from allcore.labels import CLASS_NAMES
from allcore.plots import style as common

KINDS = {
    "outcome": "Outcome",
    "label": "Label",
    "subject": "Subject",
    "quality": "Quality",
}
"""What the map can be coloured by."""

# Colour tells the label and shape whether the call is right; wrong calls lie on top.
_OUTCOMES = {
    "tn": (common.NORMAL, "circle", 4, 0.35),
    "tp": (common.BLAST, "circle", 4, 0.35),
    "fp": (common.NORMAL, "x", 7, 0.95),
    "fn": (common.BLAST, "x", 7, 0.95),
}
LABELS = {"hem": (common.NORMAL, "circle", 5, 0.55), "all": (common.BLAST, "diamond", 5, 0.55)}
# Muted, for there are more subjects than colours that anyone can tell apart: the name is in the
# hover, and neighbours on the map differ often enough to see where one subject ends.
_SUBJECTS = (
    "#7A9CC6", "#C8A165", "#7FB39A", "#C58B9A", "#9A8FC0", "#A7A873", "#6FAEB5", "#B98F75",
    "#8C9FA8", "#B7A0C4",
)  # fmt: skip
_AGREEMENT = {
    "both_right": (common.REFUSED, "circle", 4, 0.3),
    "both_wrong": (common.BLAST, "x", 7, 0.9),
    "only_a": ("#009E73", "triangle-up", 7, 0.8),
    "only_b": ("#CC79A7", "triangle-down", 7, 0.8),
}
# From here on WebGL draws points faster than SVG.
_MANY_POINTS = 1000
_ROW = 34  # pixels a slice
_FRAME = 150  # pixels of title and axis above and below


def map_points(table: pd.DataFrame, colour: str, kind: str) -> go.Figure:
    """The map of cells, to be selected from with box or lasso.

    The figure hangs on the table alone: a selection must not change it, or the page would lose the
    selection.

    Args:
        table: columns image_id, x, y and `colour`; cells without a place are not drawn.
        colour: the column to colour by.
        kind: of `KINDS`: whether `colour` holds keys of `outcomes.OUTCOMES`, labels ('all', 'hem'),
            subjects, or a number.
    """
    placed = table[np.isfinite(table["x"]) & np.isfinite(table["y"])]
    draw = {"outcome": _by_outcome, "label": _by_label, "subject": by_subject}
    traces, title = draw.get(kind, by_number)(placed, colour)
    return as_map(go.Figure(traces), title)


def as_map(figure: go.Figure, title: str) -> go.Figure:
    """Make a figure of points a map: no units, equal scales, the lasso at hand."""
    # A map has no units: only what is near means something.
    hidden = {"showticklabels": False, "showgrid": False, "zeroline": False, "ticks": ""}
    figure.update_xaxes(title="Map, first axis (no unit)", **hidden)
    figure.update_yaxes(title="Map, second axis (no unit)", scaleanchor="x", **hidden)
    common.lay_out(figure, dragmode="lasso")
    figure = common.finish(figure, title, height=560)
    return common.lay_out(figure, legend={"y": -0.08})


def two_probabilities(
    table: pd.DataFrame,
    thresholds: tuple[float, float],
    names: tuple[str, str] = ("first model", "second model"),
) -> go.Figure:
    """Two models' probabilities of the same cells, each with its threshold.

    Args:
        table: of an `agreement.Agreement`.
        thresholds: of the first and the second model.
        names: of the models.
    """
    figure = go.Figure()
    for kind, style in _AGREEMENT.items():
        chosen = table[table["kind"] == kind]
        figure.add_trace(
            points(
                chosen, "probability_a", "probability_b", style, _agreement_name(kind, names),
                hover="%{customdata}<br>%{x:.3f} and %{y:.3f}", many=len(table),
            )
        )  # fmt: skip
    line = {"dash": "dash", "color": common.REFUSED, "width": 1.5}
    figure.add_vline(x=thresholds[0], line=line)
    figure.add_hline(y=thresholds[1], line=line)
    title = "Probability of ALL blast by the {}"
    figure.update_xaxes(title=title.format(names[0]), range=[-0.03, 1.03])
    figure.update_yaxes(title=title.format(names[1]), range=[-0.03, 1.03])
    common.lay_out(figure, dragmode="lasso")
    counts = table["kind"].value_counts()
    wrong = f"Both models are wrong on {counts.get('both_wrong', 0):,} of {len(table):,} cells"
    one = counts.get("only_a", 0) + counts.get("only_b", 0)
    return common.finish(figure, f"{wrong}, one of them on {one:,}", height=560)


def slice_bars(rows: Sequence[SliceRow], *, most: int = 20) -> go.Figure:
    """How far each slice's accuracy is from that of the rest, with 95 % intervals.

    Args:
        rows: from `slices.rows`, the first on top; those without a difference are passed over.
        most: how many to draw.
    """
    drawn = [row for row in rows if np.isfinite(row.difference.value)][:most]
    figure = go.Figure()
    for worse, name, colour, symbol in (
        (True, "Worse than chance would have it", common.BLAST, "diamond"),
        (False, "Not surely worse", common.REFUSED, "circle"),
    ):
        chosen = [(place, row) for place, row in enumerate(drawn) if row.worse is worse]
        figure.add_trace(_differences(chosen, name, colour, symbol))
    figure.add_vline(x=0, line={"color": common.REFUSED, "width": 1})
    figure.update_xaxes(title="Accuracy less that of the rest (percentage points)")
    figure.update_yaxes(
        title="Slice", tickvals=list(range(len(drawn))),
        ticktext=[_short(row.slice.title) for row in drawn],
        range=[len(drawn) - 0.4, -0.6], showgrid=False, zeroline=False, automargin=True,
    )  # fmt: skip
    height = _FRAME + 50 + _ROW * max(1, len(drawn))
    figure = common.finish(figure, _slices_title(rows), height=height)
    return common.lay_out(figure, legend={"y": -60 / (height - _FRAME)})


def clickable_matrix(counts: Confusion) -> go.Figure:
    """`plots.confusion_matrix` with cells that can be clicked.

    Streamlit reports no clicks on a heat map, so nearly transparent squares lie over its cells;
    their customdata is a key of `outcomes.OUTCOMES`.
    """
    figure = common.confusion_matrix(counts)
    names = [CLASS_NAMES["hem"], CLASS_NAMES["all"]]
    cells = [("tn", 0, 0), ("fp", 0, 1), ("fn", 1, 0), ("tp", 1, 1)]
    numbers = {key: float(getattr(counts, key)) for key, _, _ in cells}
    unchanged = {"marker": {"opacity": 0.01}}
    figure.add_scatter(
        x=[names[called] for _, _, called in cells],
        y=[names[truth] for _, truth, _ in cells],
        customdata=[[key] for key, _, _ in cells],
        text=[f"{outcomes.OUTCOMES[key]}: open {numbers[key]:,.0f}" for key, _, _ in cells],
        mode="markers",
        marker={"symbol": "square", "size": 100, "color": "#FFFFFF", "opacity": 0.01},
        selected=unchanged,
        unselected=unchanged,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
        name="",
    )
    # Markers would widen the axes beyond the cells.
    figure.update_xaxes(range=[-0.5, 1.5])
    figure.update_yaxes(range=[1.5, -0.5], autorange=None)
    # Without a limit of distance the nearest square is hit, which is that of the cell clicked on.
    return common.lay_out(
        figure, clickmode="event+select", dragmode=False, hovermode="closest", hoverdistance=-1
    )


Style = tuple[str, str, int, float]
"""Colour, symbol, size and opacity."""


def _by_outcome(table: pd.DataFrame, colour: str) -> tuple[list[Any], str]:
    wrong = table[colour].isin(("fp", "fn")).sum()
    title = f"{wrong:,} of {len(table):,} cells are called wrongly"
    return categories(table, colour, _OUTCOMES, outcomes.OUTCOMES), title


def _by_label(table: pd.DataFrame, colour: str) -> tuple[list[Any], str]:
    blasts, normal = ((table[colour] == label).sum() for label in ("all", "hem"))
    named = {"hem": "Normal cells", "all": "ALL blasts"}
    title = f"{blasts:,} ALL blasts and {normal:,} normal cells by how alike they look"
    return categories(table, colour, LABELS, named), title


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
        {"color": place.astype(np.int8), "colorscale": _steps((*_SUBJECTS, common.REFUSED))}
        | {"cmin": -0.5, "cmax": len(_SUBJECTS) + 0.5}
    )
    trace.text = table[colour].fillna("unknown").astype(str).to_numpy()
    trace.showlegend = False
    return [trace], f"Cells of {len(names):,} subjects by how alike they look"


def _steps(colours: Sequence[str]) -> list[list[Any]]:
    """A colour scale on which each of the colours has an equal part of its own."""
    ends = np.linspace(0, 1, len(colours) + 1)
    return [[float(end), colour] for i, colour in enumerate(colours) for end in ends[i : i + 2]]


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


def _agreement_name(kind: str, names: tuple[str, str]) -> str:
    only = {"only_a": names[0], "only_b": names[1]}
    return f"Only {only[kind]} is right" if kind in only else AGREEMENT[kind]


def _differences(
    chosen: Sequence[tuple[int, SliceRow]], name: str, colour: str, symbol: str
) -> go.Scatter:
    value, low, high = (
        100 * np.array([getattr(row.difference, end) for _, row in chosen], dtype=float)
        for end in ("value", "low", "high")
    )
    bounds = [
        f"{a:.0f} to {b:.0f}, over {row.unit}" if row.difference.known else "no interval"
        for a, b, (_, row) in zip(low, high, chosen, strict=True)
    ]
    return go.Scatter(
        x=value,
        y=[place for place, _ in chosen],
        error_x={"array": high - value, "arrayminus": value - low, "width": 3, "thickness": 1.5},
        customdata=[
            [row.slice.key, row.slice.title, f"{row.cells:,}", bound]
            for (_, row), bound in zip(chosen, bounds, strict=True)
        ],
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 10},
        name=name,
        hovertemplate="%{customdata[1]}<br>%{customdata[2]} cells<br>%{x:.0f} points "
        "(%{customdata[3]})<extra></extra>",
    )


def _slices_title(rows: Sequence[SliceRow]) -> str:
    found = [row for row in rows if row.worse]
    if not found:
        return f"None of {len(rows):,} slices is surely worse than the rest"
    return f"{len(found):,} of {len(rows):,} slices are worse than chance would have it"


def _short(title: str) -> str:
    """What fits beside an axis on a phone; the whole title is in the hover."""
    short = title.split(" (")[0]
    return short if len(short) <= 28 else f"{short[:27]}…"
