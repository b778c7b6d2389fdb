"""ROC and precision-recall curves of several models; data in, plotly figure out."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from allcore import formats
from allcore.evaluation import curves
from allcore.evaluation.curves import PrecisionRecall, Roc
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.plots import style as common

# Colour and dash of the first, second, ... model; those of Okabe-Ito that stand out on both themes.
LINES = [
    (colour, dash)
    for dash in ("solid", "dash", "dot")
    for colour in (common.BLAST, common.NORMAL, "#009E73", "#CC79A7")
]
CHALLENGE = 0.910
"""Weighted F1 of the winner of the C-NMC 2019 challenge on its final test (Pan et al., ISBI 2019).

The challenge published no sensitivity or specificity, so it has no point in ROC space, only a line.
"""
# A curve is drawn with a point for each step of this size: less than half a pixel.
_STEP = 1 / 1000
# Pixels of a legend's entry, and of the horizontal axis with its title.
_LEGEND_LINE, _AXIS = 20, 56


def roc_many(
    rocs: Mapping[str, Roc],
    *,
    points: Mapping[str, tuple[float, float]],
    areas_subject: Mapping[str, Interval],
    areas_cell: Mapping[str, Interval],
    prevalence: float | None = None,
    references: bool = True,
) -> go.Figure:
    """ROC curves of several models with their operating points; the band is the first one's.

    Args:
        rocs: each model's name and curve, from `curves.roc`; at least one.
        points: each model's share of false positives and sensitivity at its threshold.
        areas_subject: each model's AUROC with its interval over subjects.
        areas_cell: the same over cells.
        prevalence: share of blasts among the cells, at which the reference line is drawn.
        references: whether to draw the line of the challenge's winner.
    """
    figure = go.Figure()
    first = next(iter(rocs.values()))
    common.band(figure, first.grid, first.low, first.high)
    common.diagonal(figure, name="Chance")
    if references and prevalence is not None:
        _challenge(figure, prevalence)
    for (name, curve), style in zip(rocs.items(), _styles(len(rocs)), strict=True):
        _curve(
            figure, name, (curve.false_positives, curve.sensitivity, curve.thresholds), style=style,
            point=points[name], area=_areas("AUROC", areas_subject[name], areas_cell[name]),
            axes=("1 - specificity", "Sensitivity"), shape="linear",
        )  # fmt: skip
    figure.update_xaxes(title="1 - specificity (share of normal cells)", range=common.UNIT)
    figure.update_yaxes(title="Sensitivity (share of blasts)", range=common.UNIT)
    return _listed(common.finish(figure, _best("AUROC", areas_subject), height=450))


def precision_recall(
    lines: Mapping[str, PrecisionRecall],
    *,
    points: Mapping[str, tuple[float, float]],
    areas_subject: Mapping[str, Interval],
    areas_cell: Mapping[str, Interval],
) -> go.Figure:
    """Precision-recall curves of several models; the band is the first one's.

    Args:
        lines: each model's name and curve, from `curves.precision_recall`; at least one.
        points: each model's recall and precision at its threshold; NaN where nothing is called.
        areas_subject: each model's AUPRC with its interval over subjects.
        areas_cell: the same over cells.
    """
    figure = go.Figure()
    first = next(iter(lines.values()))
    common.band(figure, first.grid, first.low, first.high)
    figure.add_scatter(
        x=[0, 1], y=[first.prevalence] * 2, mode="lines", hoverinfo="skip",
        line={"dash": "dot", "color": common.REFUSED, "width": 1},
        name=f"Chance ({100 * first.prevalence:.0f} % are blasts)",
    )  # fmt: skip
    for (name, curve), style in zip(lines.items(), _styles(len(lines)), strict=True):
        _curve(
            figure, name, (curve.recall, curve.precision, curve.thresholds), style=style,
            point=points[name], area=_areas("AUPRC", areas_subject[name], areas_cell[name]),
            axes=("Recall", "Precision"), shape="vh",
        )  # fmt: skip
    figure.update_xaxes(title="Recall (share of blasts called blast)", range=common.UNIT)
    figure.update_yaxes(title="Precision (share of blast calls)", range=common.UNIT)
    return _listed(common.finish(figure, _best("AUPRC", areas_subject), height=450))


def _styles(models: int) -> list[tuple[str, str]]:
    return [LINES[i % len(LINES)] for i in range(models)]


def _curve(
    figure: go.Figure,
    name: str,
    line: tuple[Floats, Floats, Floats],
    *,
    style: tuple[str, str],
    point: tuple[float, float],
    area: str,
    axes: tuple[str, str],
    shape: str,
) -> None:
    """One model's curve, and its operating point as a diamond."""
    kept = _thinned(line[0], line[1])
    colour, dash = style
    read = f"{axes[0]} %{{x:.3f}}<br>{axes[1]} %{{y:.3f}}"
    figure.add_scatter(
        x=line[0][kept], y=line[1][kept], customdata=line[2][kept], mode="lines", name=name,
        line={"color": colour, "dash": dash, "width": 2.5, "shape": shape}, legendgroup=name,
        hovertemplate=f"{read}<br>Threshold %{{customdata:.3f}}<br>{area}<extra>{name}</extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[point[0]], y=[point[1]], mode="markers", showlegend=False, legendgroup=name, name=name,
        marker={"size": 13, "symbol": "diamond", "color": colour, "line": {"width": 2}},
        hovertemplate=f"Operating point<br>{read}<extra>{name}</extra>",
    )  # fmt: skip


def _thinned(x: Floats, y: Floats) -> NDArray[np.intp]:
    """(K,) which points to draw: the ends, and one for each step that the curve moves."""
    moved = np.maximum(np.abs(np.diff(x)), np.abs(np.diff(y)))
    step = np.floor(np.append(0.0, np.cumsum(moved)) / _STEP)
    kept = np.append(True, np.diff(step) > 0)
    kept[-1:] = True
    return np.flatnonzero(kept)


def _challenge(figure: go.Figure, prevalence: float) -> None:
    x, y = curves.weighted_f1_line(CHALLENGE, prevalence=prevalence)
    if len(x):
        name = f"Weighted F1 {CHALLENGE:.3f} at {100 * prevalence:.0f} % blasts"
        figure.add_scatter(
            x=x, y=y, mode="lines", name=f"{name} (C-NMC winner)",
            line={"dash": "longdash", "color": common.REFUSED, "width": 1.5},
            hovertemplate=f"{name}<br>as the C-NMC winner had on other cells<br>1 - specificity "
            "%{x:.3f}<br>Sensitivity %{y:.3f}<extra></extra>",
        )  # fmt: skip


def _areas(title: str, subject: Interval, cell: Interval) -> str:
    value = "undefined" if np.isnan(subject.value) else f"{subject.value:.3f}"
    return (
        f"{title} {value}<br>over subjects {formats.bounds(subject)}"
        f"<br>over cells {formats.bounds(cell)}"
    )


def _best(title: str, areas: Mapping[str, Interval]) -> str:
    if len(areas) == 1:
        return f"{title} {formats.estimate(next(iter(areas.values())))} over subjects"
    name = max(areas, key=lambda each: np.nan_to_num(areas[each].value, nan=-1.0))
    return f"{name} has the highest {title}: {formats.estimate(areas[name])} over subjects"


def _listed(figure: go.Figure) -> go.Figure:
    """A legend of one line an entry at the very bottom, with room for all of them.

    These figures stand two in a row, where plotly would break the legend into the axis title.
    """
    names = {trace.name for trace in figure.data if trace.name and trace.showlegend is not False}
    room = _LEGEND_LINE * len(names)
    return common.lay_out(
        figure,
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "orientation": "v"},
        height=figure.layout.height + room,
        margin={"b": _AXIS + room},
    )
