"""Real and drawn cells side by side, in numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from allcore.labels import CLASS_NAMES
from allcore.synthetic.appearance import MEASURES, AppearanceMeasure


@dataclass(frozen=True)
class Spread:
    """How one measure spreads over the cells of a class.

    Attributes:
        mean: mean over subjects of their mean, so that every subject counts alike.
        deviation: root of the variance between subjects' means plus the mean variance within.
    """

    mean: float
    deviation: float


@dataclass(frozen=True)
class Comparison:
    """One measure of one class in both sets.

    Attributes:
        label: ``all`` or ``hem``.
        measure: what was measured.
        real: its spread on real cells.
        drawn: its spread on drawn cells.
    """

    label: str
    measure: AppearanceMeasure
    real: Spread
    drawn: Spread

    @property
    def shift(self) -> float:
        """Drawn minus real mean, in deviations of the real cells."""
        return (self.drawn.mean - self.real.mean) / self.real.deviation


def spread(values: "pd.Series[float]", subjects: "pd.Series[str]") -> Spread:
    """Spread of a measure whose cells belong to ``subjects``; both (N)."""
    grouped = values.groupby(subjects)
    between = float(grouped.mean().var())
    within = float(grouped.var().mean())
    return Spread(float(grouped.mean().mean()), float(np.sqrt(between + within)))


def comparisons(real: pd.DataFrame, drawn: pd.DataFrame) -> list[Comparison]:
    """Every measure of both classes; tables as ``measures.table`` gives them."""
    found = []
    for label in CLASS_NAMES:
        one, other = (table[table["label"] == label] for table in (real, drawn))
        for measure in MEASURES:
            spreads = (spread(rows[measure.name], rows["subject"]) for rows in (one, other))
            found.append(Comparison(label, measure, *spreads))
    return found


def markdown(found: list[Comparison]) -> str:
    """The comparisons as one Markdown table a class."""
    parts = []
    for label, name in CLASS_NAMES.items():
        rows = [_row(row) for row in found if row.label == label]
        head = [
            f"### {name}",
            "",
            "| measure | unit | real, mean ± deviation | drawn, mean ± deviation | shift |",
            "| --- | --- | --- | --- | --- |",
        ]
        parts.append("\n".join(head + rows))
    return "\n\n".join(parts)


def _row(row: Comparison) -> str:
    real, drawn = (
        f"{_number(each.mean)} ± {_number(each.deviation)}" for each in (row.real, row.drawn)
    )
    shift = f"{row.shift:+.2f}"
    return f"| {row.measure.title} | {row.measure.unit} | {real} | {drawn} | {shift} |"


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"
