"""Figures of a data set; data in, plotly figure out, as in `allcore.plots.style`."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore import formats
from allcore.audit.index.distributions import Distribution
from allcore.data.dataset_counts import UNKNOWN
from allcore.labels import CLASS_COLOURS, CLASS_NAMES
from allcore.plots import style

_SYMBOLS = {"hem": "diamond", "all": "circle"}
_COMPARED = {
    "area": ("larger", "smaller"),
    "brightness": ("brighter", "darker"),
    "focus": ("sharper", "softer"),
    "redness": ("redder", "bluer"),
    "elongation": ("longer", "rounder"),
}


def distribution(found: Distribution) -> go.Figure:
    """How a measure spreads in each class; marks below are the means of subjects."""
    figure = go.Figure()
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    top = max(float(shares.max()) for shares in found.shares.values())
    for place, (label, shares) in enumerate(found.shares.items()):
        name, colour = CLASS_NAMES[label], CLASS_COLOURS[label]
        figure.add_scatter(
            x=middles, y=100 * shares, name=f"{name} ({found.cells[label]:,} cells)", mode="lines",
            line={"color": colour, "shape": "hvh", "width": 1.5}, fill="tozeroy",
            fillcolor=style.faint(colour, 0.18),
            hovertemplate=f"%{{x:,.4g}}: %{{y:.1f}} % of {name}<extra></extra>",
        )  # fmt: skip
        means = found.means[label]
        figure.add_scatter(
            x=np.clip(means, found.edges[0], found.edges[-1]),
            y=np.full(len(means), -100 * top * (0.06 + 0.08 * place)), mode="markers",
            marker={"color": colour, "symbol": _SYMBOLS[label], "size": 6, "opacity": 0.75},
            showlegend=False, customdata=means,
            hovertemplate=f"mean of one subject, {name}: %{{customdata:,.4g}}<extra></extra>",
        )  # fmt: skip
    unit = f", {found.fact.unit}" if found.fact.unit else ""
    name = found.fact.title.partition(" (")[0]  # what is in brackets stands under Method
    figure.update_xaxes(title=f"{name}{unit}", fixedrange=True, zeroline=False)
    figure.update_yaxes(title="Share of the class's cells, %", fixedrange=True, rangemode="normal")
    return style.legend_on_top(style.finish(figure, finding(found), height=340))


def finding(found: Distribution) -> str:
    """What the subjects say about a measure, in words."""
    gap, unit = found.difference, f" {found.fact.unit}".rstrip()
    if not np.isfinite(gap.value):
        only = " and ".join(CLASS_NAMES[label] for label in found.shares)
        return f"{found.fact.title}: only {only} cells have a label"
    if not gap.known:
        return f"{found.fact.title}: too few subjects to compare the classes"
    more, less = _COMPARED[found.fact.name]
    if gap.low <= 0 <= gap.high:
        told = [_number(each, "+") for each in (gap.value, gap.low, gap.high)]
        return (
            f"ALL blasts are not clearly {more} or {less} "
            f"({told[0]}{unit}, interval {told[1]} to {told[2]})"
        )
    word = more if gap.value > 0 else less
    low, high = sorted((abs(gap.low), abs(gap.high)))
    return (
        f"ALL blasts are {word}: {_number(abs(gap.value))}{unit} between subjects' means "
        f"(interval {_number(low)} to {_number(high)})"
    )


def _number(value: float, sign: str = "") -> str:
    """Three digits that count, more of a large number, as people write them."""
    large = abs(value) >= 100
    return f"{value:{sign},.0f}" if large else f"{value:{sign}.3g}"


def fold_bars(table: pd.DataFrame) -> go.Figure | None:
    """Images of each class by the data set's own folds; None where it has none."""
    known = table[table["fold"].notna() & (table["fold"] != UNKNOWN)]
    if known.empty:
        return None
    counts = known.groupby(["fold", "label"]).size().unstack(fill_value=0)
    people = known.groupby("fold")["subject"].nunique()
    figure = go.Figure()
    for label, name in CLASS_NAMES.items():
        if label in counts:
            figure.add_bar(
                x=counts[label], y=counts.index.astype(str), name=name, orientation="h",
                marker_color=CLASS_COLOURS[label], customdata=people.to_numpy(),
                hovertemplate=f"%{{y}}: %{{x:,}} images, {name}; %{{customdata}} subjects"
                "<extra></extra>",
            )  # fmt: skip
    figure.update_layout(barmode="stack", legend_traceorder="normal", bargap=0.3)
    figure.update_xaxes(title="Images", fixedrange=True)
    figure.update_yaxes(title="Fold", type="category", autorange="reversed", fixedrange=True)
    return style.legend_on_top(style.finish(figure, _folds_title(people, known), height=300))


def _folds_title(people: "pd.Series[int]", known: pd.DataFrame) -> str:
    shared = int((known.groupby("group")["fold"].nunique() > 1).sum())
    if shared:
        who = f"{formats.count(shared, 'subject')} {'has' if shared == 1 else 'have'}"
        return f"{who} images in more than one of {len(people)} folds"
    return f"No subject is in two of the {len(people)} folds"
