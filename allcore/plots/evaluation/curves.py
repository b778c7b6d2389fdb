"""Curves of a model: ROC, precision and recall, predictive values, reliability."""

import itertools
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from allcore import formats
from allcore.evaluation import curves
from allcore.evaluation.curves import PrecisionRecallCurve, ReliabilityCurve, RocCurve
from allcore.evaluation.estimates import Estimate
from allcore.evaluation.metrics import Floats
from allcore.evaluation.prevalence import PredictiveValues
from allcore.labels import CLASS_COLOURS, CLASS_NAMES
from allcore.plots import style

LINES = [
    (colour, dash)
    for dash in ("solid", "dash", "dot")
    for colour in (style.BLAST, style.NORMAL, style.GREEN, style.PINK)
]
"""Colour and dash of each model's line, in order."""
CHALLENGE = 0.910
"""Weighted F1 of the winner of the C-NMC 2019 challenge on its final test (Pan et al., ISBI 2019).

The challenge published no sensitivity or specificity, so it is a contour in ROC space, not a point.
"""
_STEP = 1 / 1000  # between the drawn points of a curve: less than half a pixel
_LEGEND_LINE, _AXIS = 20, 56  # height of a legend's entry and of the axis with its title, pixels


def roc(
    rocs: Mapping[str, RocCurve],
    *,
    points: Mapping[str, tuple[float, float]],
    areas: Mapping[str, Estimate],
    prevalence: float | None = None,
    compact: bool = False,
) -> go.Figure:
    """Plot ROC curves of several models with operating points; the band is the first model's.

    Args:
        rocs: name and curve of each model, from `roc_curve`; at least one.
        points: false positive rate and sensitivity of each model at its threshold.
        areas: AUROC of each model.
        prevalence: share of blasts among the cells, for the contour of the challenge's winner;
            None draws none.
        compact: whether the figure has a third of a page, without a legend.
    """
    figure = go.Figure()
    first = next(iter(rocs.values()))
    style.band(figure, first.grid, first.low, first.high)
    style.add_line(figure, [0, 1], [0, 1], "Chance", width=1)
    if prevalence is not None:
        _challenge(figure, prevalence)
    lines = {
        name: (curve.false_positives, curve.sensitivity, curve.thresholds)
        for name, curve in rocs.items()
    }
    axes = "1 - specificity (share of normal cells)", "Sensitivity (share of blasts)"
    _finish_curves(figure, lines, points, areas, area="AUROC", axes=axes, shape="linear")
    if compact:
        style.finish(figure, _area_title("AUROC", areas), height=340, line=style.NARROW)
        figure.update_xaxes(title="1 - specificity")
        figure.update_yaxes(title="Sensitivity")
        style.lay_out(figure, showlegend=False)
    return figure


def precision_recall(
    recalls: Mapping[str, PrecisionRecallCurve],
    *,
    points: Mapping[str, tuple[float, float]],
    areas: Mapping[str, Estimate],
) -> go.Figure:
    """Plot the precision-recall curves of several models; the band is the first model's.

    Args:
        recalls: name and curve of each model, from `precision_recall_curve`; at least one.
        points: recall and precision of each model at its threshold; NaN without blast calls.
        areas: AUPRC of each model.
    """
    figure = go.Figure()
    first = next(iter(recalls.values()))
    style.band(figure, first.grid, first.low, first.high)
    chance = f"Chance ({100 * first.prevalence:.0f} % are blasts)"
    style.add_line(figure, [0, 1], [first.prevalence] * 2, chance, width=1)
    lines = {
        name: (curve.recall, curve.precision, curve.thresholds) for name, curve in recalls.items()
    }
    axes = "Recall (share of ALL blasts found)", "Precision (share of blast predictions)"
    return _finish_curves(figure, lines, points, areas, area="AUPRC", axes=axes, shape="vh")


def predictive_values(predictive: PredictiveValues, *, prevalence: float) -> go.Figure:
    """Plot the positive and negative predictive value by prevalence, with bands over subjects.

    Args:
        predictive: from `prevalence.predictive_values`, at ascending prevalences.
        prevalence: the marked prevalence, above 0 and below 1.
    """
    figure = go.Figure()
    marked = predictive.at(prevalence)
    x, shares = 100 * predictive.prevalences, []
    for name, value, curve, at, colour in (
        ("ALL blast", "PPV", predictive.ppv, marked[0], style.BLAST),
        ("normal", "NPV", predictive.npv, marked[1], style.NORMAL),
    ):
        style.band(
            figure, x, curve.subject_low, curve.subject_high, fill=style.faint(colour, 0.18),
            name=None, legendgroup=name, showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=x, y=curve.value, mode="lines", line={"color": colour, "width": 2.5},
            name=f"Predicted {name}", legendgroup=name,
            hovertemplate=f"Predicted {name}, correct in %{{y:.3f}}<br>at %{{x:.1f}} % blasts"
            "<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[100 * prevalence], y=[at.value], mode="markers", showlegend=False,
            marker={"size": 13, "symbol": "diamond", "color": colour, "line": {"width": 2}},
            hovertemplate=f"Predicted {name}, correct in %{{y:.3f}}<br>over subjects "
            f"{formats.bounds(at.over_subjects)}<br>over cells {formats.bounds(at.over_cells)}"
            "<extra></extra>",
        )  # fmt: skip
        if np.isfinite(at.value):
            shares.append(f"{value} {100 * at.value:.0f} %")
    observed = 100 * predictive.observed
    style.add_line(figure, [observed] * 2, [0, 1], f"These cells ({observed:.0f} %)")
    figure.update_xaxes(title="Prevalence (% of cells that are blasts)", range=[-2, 102])
    figure.update_yaxes(title="Share of predictions that are correct", range=style.UNIT)
    values = " and ".join(shares) or "no prediction can be judged"
    return style.finish(figure, f"At {100 * prevalence:.3g} % blasts: {values}", height=440)


def _finish_curves(
    figure: go.Figure,
    lines: Mapping[str, tuple[Floats, Floats, Floats]],
    points: Mapping[str, tuple[float, float]],
    areas: Mapping[str, Estimate],
    *,
    area: str,
    axes: tuple[str, str],
    shape: str,
) -> go.Figure:
    """Add each model's line (x, y, thresholds), and its operating point as a diamond; finish."""
    across, up = (axis.partition(" (")[0] for axis in axes)
    read = f"{across} %{{x:.3f}}<br>{up} %{{y:.3f}}"
    for (name, (x, y, thresholds)), (colour, dash) in zip(
        lines.items(), itertools.cycle(LINES), strict=False
    ):
        visible, own = _thinned(x, y), areas[name]
        intervals = (
            f"<br>over subjects {formats.bounds(own.over_subjects)}"
            f"<br>over cells {formats.bounds(own.over_cells)}"
        )
        figure.add_scatter(
            x=x[visible], y=y[visible], customdata=thresholds[visible], mode="lines", name=name,
            line={"color": colour, "dash": dash, "width": 2.5, "shape": shape}, legendgroup=name,
            hovertemplate=f"{read}<br>Threshold %{{customdata:.3f}}<br>{area} "
            f"{formats.number(own.value)}{intervals}<extra>{name}</extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[points[name][0]], y=[points[name][1]], mode="markers", showlegend=False,
            legendgroup=name, name=name,
            marker={"size": 13, "symbol": "diamond", "color": colour, "line": {"width": 2}},
            hovertemplate=f"Operating point<br>{read}<extra>{name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(title=axes[0], range=style.UNIT)
    figure.update_yaxes(title=axes[1], range=style.UNIT)
    return _legend_at_bottom(style.finish(figure, _area_title(area, areas), height=450))


def _thinned(x: Floats, y: Floats) -> NDArray[np.intp]:
    """(K,) indices of the points to draw: the ends, and one per step along the curve."""
    moved = np.maximum(np.abs(np.diff(x)), np.abs(np.diff(y)))
    step = np.floor(np.append(0.0, np.cumsum(moved)) / _STEP)
    visible = np.append(True, np.diff(step) > 0)
    visible[-1:] = True
    return np.flatnonzero(visible)


def _challenge(figure: go.Figure, prevalence: float) -> None:
    x, y = curves.weighted_f1_line(CHALLENGE, prevalence=prevalence)
    if len(x):
        name = f"Weighted F1 {CHALLENGE:.3f} at {100 * prevalence:.0f} % blasts"
        figure.add_scatter(
            x=x, y=y, mode="lines", name=f"{name} (C-NMC winner)",
            line={"dash": "longdash", "color": style.REFUSED, "width": 1.5},
            hovertemplate=f"{name}<br>as the C-NMC winner had on other cells<br>1 - specificity "
            "%{x:.3f}<br>Sensitivity %{y:.3f}<extra></extra>",
        )  # fmt: skip


def _area_title(title: str, areas: Mapping[str, Estimate]) -> str:
    if len(areas) == 1:
        (area,) = areas.values()
        return f"{title} {formats.estimate(area.over_subjects)} over subjects"
    name = max(areas, key=lambda model: np.nan_to_num(areas[model].value, nan=-1.0))
    highest = formats.estimate(areas[name].over_subjects)
    return f"{name} has the highest {title}: {highest} over subjects"


def _legend_at_bottom(figure: go.Figure) -> go.Figure:
    """Legend with one line per entry at the bottom edge, with room for all entries.

    Two of these figures share a row, where plotly would wrap the legend into the axis title.
    """
    names = {trace.name for trace in figure.data if trace.name and trace.showlegend is not False}
    room = _LEGEND_LINE * len(names)
    return style.lay_out(
        figure,
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "orientation": "v"},
        height=figure.layout.height + room,
        margin={"b": _AXIS + room},
    )


def calibration(
    before: ReliabilityCurve | None, after: ReliabilityCurve, *, errors: tuple[float, float]
) -> go.Figure:
    """Plot reliability curves before and after calibration, and the histogram after calibration.

    Args:
        before: curve of the uncalibrated probabilities, or None to omit it.
        after: curve of the calibrated probabilities, from `reliability_curve`.
        errors: expected calibration error before and after; the first is unused without `before`.
    """
    figure = make_subplots(
        rows=2, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.04
    )
    style.add_line(figure, [0, 1], [0, 1], "Perfectly calibrated", width=1)
    known = np.isfinite(after.subject_low)
    style.band(
        figure, after.probability[known], after.subject_low[known], after.subject_high[known]
    )  # fmt: skip
    if before is not None:
        _reliability(figure, before, "Before calibration", style.REFUSED, bars=False)
    name = "Probabilities" if before is None else "After calibration"
    _reliability(figure, after, f"{name} (bars: 95 % over cells)", style.BLAST, bars=True)
    centre = (after.edges[1:] + after.edges[:-1]) / 2
    for counts, label in ((after.normals, "hem"), (after.blasts, "all")):
        figure.add_bar(
            x=centre, y=counts, width=np.diff(after.edges), name=CLASS_NAMES[label],
            marker={"color": CLASS_COLOURS[label], "line": {"width": 0}}, row=2, col=1,
            hovertemplate=f"%{{y:,}} cells, {CLASS_NAMES[label]}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_xaxes(range=style.UNIT)
    figure.update_xaxes(title="Predicted probability of ALL blast", row=2, col=1)
    figure.update_yaxes(title="Share of ALL blasts", range=[-0.04, 1.04], row=1, col=1)
    figure.update_yaxes(title="Cells", nticks=4, row=2, col=1)
    title = _calibration_title(errors, compared=before is not None)
    style.finish(figure, title, height=520)
    return style.lay_out(figure, legend={"y": -0.16})  # below the axis title


def _reliability(
    figure: go.Figure, curve: ReliabilityCurve, name: str, colour: str, *, bars: bool
) -> None:
    known = np.isfinite(curve.share)
    share = curve.share[known]
    error = {
        "array": curve.cell_high[known] - share,
        "arrayminus": share - curve.cell_low[known],
        "width": 3,
    }
    figure.add_scatter(
        x=curve.probability[known], y=share, customdata=(curve.blasts + curve.normals)[known],
        error_y=error if bars else None, mode="lines+markers", name=name,
        line={"color": colour, "dash": "solid" if bars else "dash"},
        hovertemplate="Mean probability %{x:.2f}<br>Share of blasts %{y:.2f}"
        "<br>%{customdata:,} cells<extra></extra>",
    )  # fmt: skip


def _calibration_title(errors: tuple[float, float], *, compared: bool) -> str:
    before, after = (f"{100 * error:.1f}" for error in errors)
    if not compared:
        return f"Probabilities are off by {after} percentage points on average"
    if before == after:
        return f"Calibration leaves the mean error at {after} percentage points"
    verb = "lowers" if errors[1] < errors[0] else "raises"
    return f"Calibration {verb} the mean error from {before} to {after} percentage points"
