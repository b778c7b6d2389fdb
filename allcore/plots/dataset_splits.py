"""Figures of a split: what its parts hold, whose cells these are, and how they differ."""

import pandas as pd
import plotly.graph_objects as go

from allcore.audit.findings.leaks import SplitLeaks
from allcore.labels import CLASS_COLOURS, CLASS_NAMES
from allcore.plots import style

PART_COLOURS = {"train": "#009E73", "validation": "#E69F00", "test": "#CC79A7"}
"""Okabe-Ito, none of them a class's."""
PART_NAMES = {"train": "training", "validation": "validation", "test": "test"}
UNITS = {"area": "Area (pixels)", "brightness": "Brightness (grey levels)"}
ADJECTIVES = {"area": ("larger", "smaller"), "brightness": ("brighter", "darker")}
LIKE = 0.02
"""Share of the median below which parts count as alike."""


def parts(counts: pd.DataFrame) -> go.Figure:
    """Images of each class by part; the title tells the share of blasts in each.

    Args:
        counts: of ``Leaks``.
    """
    figure = go.Figure()
    for label, name in CLASS_NAMES.items():
        rows = counts[counts["label"] == label]
        figure.add_bar(
            x=rows["images"], y=rows["part"].map(PART_NAMES), name=name, orientation="h",
            marker_color=CLASS_COLOURS[label], text=rows["images"], texttemplate="%{text:,}",
            textposition="outside", textangle=0, cliponaxis=False,
            customdata=(100 * rows["share"]).round(1),
            hovertemplate=f"%{{y}}: %{{x:,}} images (%{{customdata}} %), {name}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="group", legend_traceorder="normal", bargap=0.25)
    most = int(counts["images"].max()) * 1.15 or 1
    figure.update_xaxes(title="Images", fixedrange=True, range=[0, most])
    figure.update_yaxes(title="Part", autorange="reversed", fixedrange=True)
    return style.legend_on_top(style.finish(figure, _balance(counts), height=320))


def subjects(table: pd.DataFrame, leaks: SplitLeaks) -> go.Figure:
    """Images of each group of subjects by part, most images first.

    Args:
        table: columns subject (a group), part and images.
        leaks: of the same split, for the title.
    """
    found = table.groupby(["subject", "part"])["images"].sum().unstack(fill_value=0)
    found = found.loc[found.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    figure = go.Figure()
    for part, name in PART_NAMES.items():
        if part in found:
            figure.add_bar(
                x=found.index, y=found[part], name=name, marker_color=PART_COLOURS[part],
                hovertemplate=f"Subject %{{x}}: %{{y:,}} images in {name}<extra></extra>",
            )  # fmt: skip
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    figure.update_xaxes(
        title="Subject (ids of one person as one)", type="category", fixedrange=True,
        categoryorder="array", categoryarray=found.index, showticklabels=len(found) <= 40,
    )  # fmt: skip
    figure.update_yaxes(title="Images", fixedrange=True)
    title = f"Each of {leaks.groups:,} subjects is in one part alone"
    if leaks.subjects:
        are = "is" if len(leaks.subjects) == 1 else "are"
        title = f"{len(leaks.subjects):,} of {leaks.groups:,} subjects {are} in two parts or more"
    return style.legend_on_top(style.finish(figure, title, height=320))


def spread(measures: pd.DataFrame, measure: str) -> go.Figure:
    """Quartiles of a measure in each part; the title compares test with training.

    Args:
        measures: of ``Leaks``.
        measure: ``area`` or ``brightness``.
    """
    rows = measures[measures["measure"] == measure].set_index("part")
    figure = go.Figure()
    for part, row in rows.iterrows():
        name = PART_NAMES[str(part)]
        figure.add_box(
            y=[name], q1=[row["low"]], median=[row["median"]], q3=[row["high"]],
            lowerfence=[row["low"]], upperfence=[row["high"]], name=name, orientation="h",
            marker_color=PART_COLOURS[str(part)], showlegend=False, hoverinfo="x",
        )  # fmt: skip
    figure.update_xaxes(title=f"{UNITS[measure]}<br>median and quartiles", fixedrange=True)
    figure.update_yaxes(title="Part", autorange="reversed", fixedrange=True)
    return style.finish(figure, _difference(rows, measure), height=260)


def _balance(counts: pd.DataFrame) -> str:
    shares = counts[counts["label"] == "all"].set_index("part")["share"]
    held = counts.groupby("part")["images"].sum()
    percent = {part: f"{100 * shares[part]:.0f} %" for part in PART_NAMES if held[part]}
    told = [f"{each} of {PART_NAMES[part]}" for part, each in percent.items()]
    if not told:
        return "No image is in a part"
    if len(told) > 1 and len(set(percent.values())) == 1:
        return f"ALL blasts are {percent.popitem()[1]} of the cells in every part"
    listed = " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else told[0]
    return f"ALL blasts are {listed} cells"


def _difference(rows: pd.DataFrame, measure: str) -> str:
    if not {"train", "test"} <= set(rows.index):
        return UNITS[measure]
    start, end = (float(rows["median"].loc[part]) for part in ("train", "test"))
    change = end / start - 1 if start else 0.0
    more, less = ADJECTIVES[measure]
    if abs(change) < LIKE:
        return f"Test cells are about as {'large' if measure == 'area' else 'bright'} as training's"
    return (
        f"Test cells are {100 * abs(change):.0f} % {more if change > 0 else less} than training's"
    )
