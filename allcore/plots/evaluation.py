"""Figures of the evaluation; data in, plotly figure out, as in `allcore.plots.style`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from allcore import formats
from allcore.evaluation import subject_calls
from allcore.evaluation.calibration import ReliabilityCurve
from allcore.evaluation.metrics import Floats
from allcore.evaluation.prevalence import Predicted, Predictive
from allcore.evaluation.subject_calls import SubjectCall
from allcore.labels import CLASS_COLOURS, CLASS_NAMES
from allcore.plots import style as common

SYMBOLS = {"right": "circle", "wrong": "x", "undecided": "diamond-open"}
_MANY_SUBJECTS = 40


def calibration(
    before: ReliabilityCurve | None, after: ReliabilityCurve, *, errors: tuple[float, float]
) -> go.Figure:
    """Reliability curves before and after calibration over the histogram after it.

    Args:
        before: of the uncalibrated probabilities, or None to leave them out.
        after: of the calibrated ones, from `calibration.curve`.
        errors: expected calibration error before and after; the first isn't read without `before`.
    """
    figure = make_subplots(
        rows=2, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.04
    )
    common.diagonal(figure, name="Perfectly calibrated")
    known = np.isfinite(after.subject_low)
    common.band(
        figure, after.probability[known], after.subject_low[known], after.subject_high[known]
    )  # fmt: skip
    if before is not None:
        _reliability(figure, before, "Before calibration", common.REFUSED, bars=False)
    name = "Probabilities" if before is None else "After calibration"
    _reliability(figure, after, f"{name} (bars: 95 % over cells)", common.BLAST, bars=True)
    _histogram(figure, after)
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_xaxes(range=common.UNIT)
    figure.update_xaxes(title="Predicted probability of ALL blast", row=2, col=1)
    figure.update_yaxes(title="Share of ALL blasts", range=[-0.04, 1.04], row=1, col=1)
    figure.update_yaxes(title="Cells", nticks=4, row=2, col=1)
    title = _calibration_title(errors, compared=before is not None)
    return _tall(common.finish(figure, title, height=520))


def predictive_values(predictive: Predictive, *, prevalence: float) -> go.Figure:
    """Positive and negative predictive value over the prevalence, with bands over subjects.

    Args:
        predictive: from `prevalence.predictive`, at rising prevalences.
        prevalence: the chosen one, above 0 and below 1.
    """
    figure = go.Figure()
    chosen = predictive.at(prevalence)
    for name, curve, at, colour in (
        ("ALL blast", predictive.ppv, chosen[0], common.BLAST),
        ("normal", predictive.npv, chosen[1], common.NORMAL),
    ):
        _predicted(figure, predictive.prevalences, curve, f"Called {name}", colour)
        figure.add_scatter(
            x=[100 * prevalence], y=[at.value], mode="markers", showlegend=False,
            marker={"size": 13, "symbol": "diamond", "color": colour, "line": {"width": 2}},
            hovertemplate=f"Called {name}, right in %{{y:.3f}}<br>over subjects "
            f"{formats.bounds(at.over_subjects)}<br>over cells {formats.bounds(at.over_cells)}"
            "<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=[100 * predictive.observed] * 2, y=[0, 1], mode="lines", hoverinfo="skip",
        line={"dash": "dot", "color": common.REFUSED, "width": 1.5},
        name=f"These cells ({100 * predictive.observed:.0f} %)",
    )  # fmt: skip
    figure.update_xaxes(title="Prevalence (% of cells that are blasts)", range=[-2, 102])
    figure.update_yaxes(title="Share of calls that are right", range=common.UNIT)
    shares = [
        f"{100 * at.value:.0f} % of {name} calls"
        for name, at in (("blast", chosen[0]), ("normal", chosen[1]))
        if np.isfinite(at.value)
    ]
    right = f"{' and '.join(shares)} are right" if shares else "no call can be judged"
    return common.finish(figure, f"At {100 * prevalence:.3g} % blasts {right}", height=440)


def subject_shares(calls: Sequence[SubjectCall], cutoff: float) -> go.Figure:
    """Each subject's share of cells called blast, lowest first, against the cut-off.

    Args:
        calls: from `subject_calls.calls`; at least one.
        cutoff: the share they were called by.
    """
    rising = sorted(calls, key=lambda call: (call.blasts.value, call.subject))
    figure = go.Figure()
    for label, colour in CLASS_COLOURS.items():
        for outcome, symbol in SYMBOLS.items():
            places = [
                i for i, call in enumerate(rising) if (call.label, call.outcome) == (label, outcome)
            ]
            if places:
                name = f"{'ALL' if label == 'all' else 'Normal'}, {outcome}"
                _subjects(figure, rising, places, name, (colour, symbol))
    figure.add_scatter(
        x=[-0.6, len(rising) - 0.4], y=[cutoff] * 2, mode="lines", hoverinfo="skip",
        line={"dash": "dash", "color": common.REFUSED, "width": 1.5}, name=f"Cut-off {cutoff:.2f}",
    )  # fmt: skip
    few = len(rising) <= _MANY_SUBJECTS
    figure.update_xaxes(
        title="Subject" if few else f"{len(rising):,} subjects, lowest share first",
        tickvals=list(range(len(rising))), ticktext=[call.subject for call in rising],
        showticklabels=few, tickangle=-90, showgrid=False, zeroline=False,
        range=[-0.6, len(rising) - 0.4],
    )  # fmt: skip
    figure.update_yaxes(title="Share of cells called ALL blast", range=[-0.04, 1.04])
    figure = common.finish(figure, _subjects_title(calls), height=460)
    return common.lay_out(figure, legend={"y": -0.24})  # below the subjects' names


def _tall(figure: go.Figure) -> go.Figure:
    """Legends of several lines below stay clear of the axis title at any height."""
    return common.lay_out(figure, legend={"y": -0.16})


def _reliability(
    figure: go.Figure, curve: ReliabilityCurve, name: str, colour: str, *, bars: bool
) -> None:
    held = np.isfinite(curve.share)
    share = curve.share[held]
    error = {
        "array": curve.image_high[held] - share,
        "arrayminus": share - curve.image_low[held],
        "width": 3,
    }
    figure.add_scatter(
        x=curve.probability[held], y=share, customdata=(curve.blasts + curve.normals)[held],
        error_y=error if bars else None, mode="lines+markers", name=name,
        line={"color": colour, "dash": "solid" if bars else "dash"},
        hovertemplate="Mean probability %{x:.2f}<br>Share of blasts %{y:.2f}"
        "<br>%{customdata:,} cells<extra></extra>",
    )  # fmt: skip


def _histogram(figure: go.Figure, curve: ReliabilityCurve) -> None:
    centre = (curve.edges[1:] + curve.edges[:-1]) / 2
    for counts, label in ((curve.normals, "hem"), (curve.blasts, "all")):
        figure.add_bar(
            x=centre, y=counts, width=np.diff(curve.edges), name=CLASS_NAMES[label],
            marker={"color": CLASS_COLOURS[label], "line": {"width": 0}}, row=2, col=1,
            hovertemplate=f"%{{y:,}} cells, {CLASS_NAMES[label]}<extra></extra>",
        )  # fmt: skip


def _calibration_title(errors: tuple[float, float], *, compared: bool) -> str:
    before, after = (f"{100 * error:.1f}" for error in errors)
    if not compared:
        return f"Probabilities are off by {after} percentage points on average"
    if before == after:
        return f"Calibration leaves the mean error at {after} percentage points"
    verb = "lowers" if errors[1] < errors[0] else "raises"
    return f"Calibration {verb} the mean error from {before} to {after} percentage points"


def _predicted(
    figure: go.Figure, prevalences: Floats, curve: Predicted, name: str, colour: str
) -> None:
    x = 100 * prevalences
    shared: dict[str, Any] = {"legendgroup": name}
    if np.isfinite(curve.subject_low).all():
        band = common.BAND | shared | {"showlegend": False}
        figure.add_scatter(x=x, y=curve.subject_high, **band)
        figure.add_scatter(
            x=x, y=curve.subject_low, fill="tonexty", fillcolor=common.faint(colour, 0.18), **band
        )
    figure.add_scatter(
        x=x, y=curve.value, mode="lines", line={"color": colour, "width": 2.5}, name=name,
        hovertemplate=f"{name}, right in %{{y:.3f}}<br>at %{{x:.1f}} % blasts<extra></extra>",
        **shared,
    )  # fmt: skip


def _subjects(
    figure: go.Figure,
    rising: Sequence[SubjectCall],
    places: Sequence[int],
    name: str,
    style: tuple[str, str],
) -> None:
    chosen = [rising[i] for i in places]
    share = np.array([call.blasts.value for call in chosen])
    low, high = (
        np.array([getattr(call.blasts, end) for call in chosen]) for end in ("low", "high")
    )
    figure.add_scatter(
        x=list(places), y=share, name=name, mode="markers",
        error_y={"array": high - share, "arrayminus": share - low, "width": 2, "thickness": 1},
        marker={"color": style[0], "symbol": style[1], "size": 9},
        customdata=[
            (call.subject, formats.share(call.blasts, call.cells), _SAID[call.answer])
            for call in chosen
        ],
        hovertemplate="Subject %{customdata[0]}<br>%{customdata[1]}<br>Answer: %{customdata[2]}"
        f"<extra>{name}</extra>",
    )  # fmt: skip


_SAID = {
    "all": "ALL", "hem": "normal",
    subject_calls.TOO_FEW: "too few cells", subject_calls.CANT_TELL: "can't tell",
}  # fmt: skip


def _subjects_title(calls: Sequence[SubjectCall]) -> str:
    outcomes = [call.outcome for call in calls]
    right, wrong, undecided = (outcomes.count(name) for name in subject_calls.OUTCOMES)
    return (
        f"{right} of {formats.count(len(calls), 'subject')} are called rightly, {wrong} wrongly, "
        f"{undecided} not at all"
    )
