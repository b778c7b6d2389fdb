"""Plots of a data set: counts, measurements, shortcuts and splits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from allcore import formats
from allcore.audit.findings import finding_text
from allcore.audit.findings.finding import Finding
from allcore.audit.findings.leaks import SplitLeaks
from allcore.audit.index.distributions import Distribution
from allcore.data.dataset_counts import UNKNOWN, UNKNOWN_SUBJECT
from allcore.labels import CLASS_COLOURS, CLASS_NAMES
from allcore.plots import style

_SYMBOLS = {"hem": "diamond", "all": "circle"}
_ADJECTIVES = {
    "area": ("larger", "smaller"),
    "brightness": ("brighter", "darker"),
    "focus": ("sharper", "softer"),
    "redness": ("redder", "bluer"),
    "elongation": ("longer", "rounder"),
}
CHANCE = 0.5
PART_COLOURS = {"train": style.GREEN, "validation": "#E69F00", "test": style.PINK}
PART_NAMES = {"train": "training", "validation": "validation", "test": "test"}
UNITS = {"area": "Area (pixels)", "brightness": "Brightness (grey levels)"}
LIKE = 0.02
"""Relative difference of medians below which parts count as equal."""


def split_bars(counts: pd.DataFrame) -> go.Figure:
    """Bar plot of the images of each class by split.

    Args:
        counts: from `dataset_counts.split_counts`.
    """
    number = {"texttemplate": "%{x:,}", "textposition": "inside", "insidetextanchor": "middle"}
    bars = {
        label: {"x": counts[label], "y": counts["split"], "textangle": 0, **number}
        for label in CLASS_NAMES
        if label in counts
    }
    figure = _class_bars(bars, "%{y}: %{x:,} images, CLASS")
    blasts = counts["all"].sum() if "all" in counts else 0
    title = f"{100 * blasts / max(1, counts['images'].sum()):.0f} % of the images are ALL blasts"
    return style.legend_on_top(style.finish(figure, title, height=340))


def subject_bars(counts: pd.DataFrame) -> go.Figure:
    """Bar plot of the images of each subject, in descending order.

    Args:
        counts: from `dataset_counts.subject_counts`; subjects without a single class are grey.
    """
    figure = go.Figure()
    for label in counts["label"].unique():
        rows = counts[counts["label"] == label]
        figure.add_bar(
            x=rows["subject"], y=rows["images"], name=CLASS_NAMES.get(label, label),
            marker_color=CLASS_COLOURS.get(label, style.REFUSED), customdata=rows[["split"]],
            hovertemplate="Subject %{x}: %{y:,} images, %{customdata[0]}<extra></extra>",
        )  # fmt: skip
    most, least = counts.iloc[0], counts.iloc[-1]
    _name_subjects(figure, counts["subject"], "Subject")
    title = f"Subject {most.subject} has {most.images:,} images"
    if len(counts) > 1:
        title += f", subject {least.subject} has {least.images:,}"
    return style.legend_on_top(style.finish(figure, title, height=340))


def measure_distribution(distribution: Distribution) -> go.Figure:
    """Histogram of a measurement by class; the marks below are the means of subjects."""
    figure = go.Figure()
    middles = (distribution.edges[:-1] + distribution.edges[1:]) / 2
    top = max(float(shares.max()) for shares in distribution.shares.values())
    for place, (label, shares) in enumerate(distribution.shares.items()):
        name, colour = CLASS_NAMES[label], CLASS_COLOURS[label]
        figure.add_scatter(
            x=middles, y=100 * shares, mode="lines",
            name=f"{name} ({distribution.cells[label]:,} cells)",
            line={"color": colour, "shape": "hvh", "width": 1.5}, fill="tozeroy",
            fillcolor=style.faint(colour, 0.18),
            hovertemplate=f"%{{x:,.4g}}: %{{y:.1f}} % of {name}<extra></extra>",
        )  # fmt: skip
        means = distribution.means[label]
        figure.add_scatter(
            x=np.clip(means, distribution.edges[0], distribution.edges[-1]),
            y=np.full(len(means), -100 * top * (0.06 + 0.08 * place)), mode="markers",
            marker={"color": colour, "symbol": _SYMBOLS[label], "size": 6, "opacity": 0.75},
            showlegend=False, customdata=means,
            hovertemplate=f"mean of one subject, {name}: %{{customdata:,.4g}}<extra></extra>",
        )  # fmt: skip
    unit = f", {distribution.fact.unit}" if distribution.fact.unit else ""
    name = distribution.fact.title.partition(" (")[0]  # Method has the part in brackets
    figure.update_xaxes(title=f"{name}{unit}", fixedrange=True, zeroline=False)
    figure.update_yaxes(title="Share of the class's cells, %", fixedrange=True, rangemode="normal")
    return style.legend_on_top(style.finish(figure, measure_text(distribution), height=340))


def measure_text(distribution: Distribution) -> str:
    """Difference of the classes in a measurement, over subjects, in words."""
    gap, unit = distribution.difference, f" {distribution.fact.unit}".rstrip()
    if not np.isfinite(gap.value):
        only = " and ".join(CLASS_NAMES[label] for label in distribution.shares)
        return f"{distribution.fact.title}: only {only} cells have a label"
    if not gap.known:
        return f"{distribution.fact.title}: too few subjects to compare the classes"
    more, less = _ADJECTIVES[distribution.fact.name]
    if gap.low <= 0 <= gap.high:
        numbers = [_number(value, "+") for value in (gap.value, gap.low, gap.high)]
        return (
            f"ALL blasts are not clearly {more} or {less} "
            f"({numbers[0]}{unit}, interval {numbers[1]} to {numbers[2]})"
        )
    word = more if gap.value > 0 else less
    low, high = sorted((abs(gap.low), abs(gap.high)))
    return (
        f"ALL blasts are {word}: {_number(abs(gap.value))}{unit} between subjects' means "
        f"(interval {_number(low)} to {_number(high)})"
    )


def fold_bars(table: pd.DataFrame) -> go.Figure | None:
    """Bar plot of the images of each class by the data set's own folds; None without folds."""
    known = table[table["fold"].notna() & (table["fold"] != UNKNOWN)]
    if known.empty:
        return None
    counts = known.groupby(["fold", "label"]).size().unstack(fill_value=0)
    subjects = known.groupby("fold")["subject"].nunique().to_numpy()
    bars = {
        label: {"x": counts[label], "y": counts.index.astype(str), "customdata": subjects}
        for label in CLASS_NAMES
        if label in counts
    }
    hover = "%{y}: %{x:,} images, CLASS; %{customdata} subjects"
    figure = _class_bars(bars, hover, axis="Fold", type="category")
    title = f"No subject is in two of the {len(counts)} folds"
    if (known["subject"] == UNKNOWN_SUBJECT).any():
        title = "Whether a subject is in two folds is unknown: some subjects are"
    if shared := int((known.groupby("group")["fold"].nunique() > 1).sum()):
        who = f"{formats.count(shared, 'subject')} {'has' if shared == 1 else 'have'}"
        title = f"{who} images in more than one of {len(counts)} folds"
    return style.legend_on_top(style.finish(figure, title, height=300))


def shortcut_bars(findings: Sequence[Finding]) -> go.Figure:
    """Bar plot of the AUROC of single measurements, and of the installed model if known."""
    rows = [
        (finding_text.cue_title(finding), finding.detail, style.REFUSED) for finding in findings
    ]
    first = findings[0].detail
    judged_on, unit = finding_text.judged_on(first), finding_text.unit(first)
    model = first.get("model")
    if model:
        rows.append((f"Model {model['name']}", model, style.NORMAL))
    figure = go.Figure()
    for name, detail, colour in rows:
        value, low, high = detail["auroc"], detail["low"], detail["high"]
        error, interval = {}, ", no interval"
        if low is not None:
            error = {"array": [high - value], "arrayminus": [value - low]}
            interval = f" ({low:.3f} to {high:.3f})"
        figure.add_bar(
            y=[name], x=[value - CHANCE], base=CHANCE, orientation="h", marker_color=colour,
            showlegend=False, text=f"{value:.2f}", textposition="inside", insidetextanchor="start",
            error_x=error, hovertemplate=f"%{{y}}: AUROC {value:.3f}{interval}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(
        title=f"AUROC on {judged_on} (0.5 is chance), 95 % interval over {unit}",
        range=[CHANCE, 1], fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", fixedrange=True, title=None)
    return style.finish(figure, shortcuts_text(findings), height=110 + 46 * len(rows))


def shortcuts_text(findings: Sequence[Finding]) -> str:
    """Comparison of the best single measurement with the model, in words."""
    best = max(findings, key=lambda finding: float(finding.detail["auroc"]))
    value, model = best.detail["auroc"], best.detail.get("model")
    text = f"{finding_text.cue_title(best)} alone reaches AUROC {value:.2f}"
    if not model:
        return f"{text} on {finding_text.judged_on(best.detail)}"
    if model["low"] is not None and model["low"] <= value:
        return f"{text}, within the interval of the model's {model['auroc']:.2f}"
    return f"{text}, the model {model['auroc']:.2f}"


def split_part_bars(counts: pd.DataFrame) -> go.Figure:
    """Bar plot of the images of each class by part; the title has the share of blasts.

    Args:
        counts: counts of ``SplitLeaks``.
    """
    number = {"texttemplate": "%{x:,}", "textposition": "outside", "cliponaxis": False}
    bars = {
        str(label): {
            "x": rows["images"], "y": rows["part"].map(PART_NAMES), "textangle": 0, **number,
            "customdata": (100 * rows["share"]).round(1),
        }
        for label in CLASS_NAMES
        for rows in [counts[counts["label"] == label]]
    }  # fmt: skip
    figure = _class_bars(bars, "%{y}: %{x:,} images (%{customdata} %), CLASS", axis="Part")
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(range=[0, int(counts["images"].max()) * 1.15 or 1])
    return style.legend_on_top(style.finish(figure, _balance(counts), height=320))


def split_subject_bars(table: pd.DataFrame, leaks: SplitLeaks) -> go.Figure:
    """Bar plot of the images of each group of subjects by part, in descending order.

    Args:
        table: columns subject (a group), part and images.
        leaks: leaks of the same split, for the title.
    """
    counts = table.groupby(["subject", "part"])["images"].sum().unstack(fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    figure = go.Figure()
    for part, name in PART_NAMES.items():
        if part in counts:
            figure.add_bar(
                x=counts.index, y=counts[part], name=name, marker_color=PART_COLOURS[part],
                hovertemplate=f"Subject %{{x}}: %{{y:,}} images in {name}<extra></extra>",
            )  # fmt: skip
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    _name_subjects(figure, counts.index, "Subject (ids of one person as one)")
    title = f"Each of {leaks.groups:,} subjects is in one part alone"
    if leaks.unknown:
        title = f"Each of {leaks.groups:,} known subjects is in one part alone, others are unknown"
    if leaks.subjects:
        are = "is" if len(leaks.subjects) == 1 else "are"
        title = f"{len(leaks.subjects):,} of {leaks.groups:,} subjects {are} in two parts or more"
    return style.legend_on_top(style.finish(figure, title, height=320))


def measure_quartiles(measures: pd.DataFrame, measure: str) -> go.Figure:
    """Box plot of a measurement in each part; the title compares test with training.

    Args:
        measures: measurements of ``SplitLeaks``.
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


def _class_bars(
    bars: Mapping[str, Mapping[str, Any]], hover: str, *, axis: str | None = None, **options: Any
) -> go.Figure:
    """Stacked horizontal bars of images, one trace per class; CLASS in `hover` is its name."""
    figure = go.Figure()
    for label, bar in bars.items():
        name = CLASS_NAMES[label]
        figure.add_bar(
            name=name, orientation="h", marker_color=CLASS_COLOURS[label],
            hovertemplate=f"{hover.replace('CLASS', name)}<extra></extra>", **bar,
        )  # fmt: skip
    figure.update_layout(barmode="stack", legend_traceorder="normal", bargap=0.3)
    figure.update_xaxes(title="Images", fixedrange=True)
    figure.update_yaxes(title=axis, autorange="reversed", fixedrange=True, **options)
    return figure


def _name_subjects(figure: go.Figure, names: Any, title: str) -> None:
    figure.update_xaxes(
        title=title, type="category", categoryorder="array", categoryarray=names,
        showticklabels=len(names) <= style.MANY_NAMES, fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(title="Images", fixedrange=True)


def _number(value: float, sign: str = "") -> str:
    """Three significant digits, or a whole number from 100."""
    large = abs(value) >= 100
    return f"{value:{sign},.0f}" if large else f"{value:{sign}.3g}"


def _balance(counts: pd.DataFrame) -> str:
    shares = counts[counts["label"] == "all"].set_index("part")["share"]
    images = counts.groupby("part")["images"].sum()
    percent = {part: f"{100 * shares[part]:.0f} %" for part in PART_NAMES if images[part]}
    texts = [f"{share} of {PART_NAMES[part]}" for part, share in percent.items()]
    if not texts:
        return "No image is in a part"
    if len(texts) > 1 and len(set(percent.values())) == 1:
        return f"ALL blasts are {percent.popitem()[1]} of the cells in every part"
    text = " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]
    return f"ALL blasts are {text} cells"


def _difference(rows: pd.DataFrame, measure: str) -> str:
    if not {"train", "test"} <= set(rows.index):
        return UNITS[measure]
    start, end = (float(rows["median"].loc[part]) for part in ("train", "test"))
    change = end / start - 1 if start else 0.0
    more, less = _ADJECTIVES[measure]
    if abs(change) < LIKE:
        return f"Test cells are about as {'large' if measure == 'area' else 'bright'} as training's"
    return (
        f"Test cells are {100 * abs(change):.0f} % {more if change > 0 else less} than training's"
    )
