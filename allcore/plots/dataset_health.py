"""Figures of a data set's health; data in, plotly figure out, as in `allcore.plots.style`."""

from collections.abc import Sequence

import plotly.graph_objects as go

from allcore.audit.findings import finding_text
from allcore.audit.findings.finding import Finding
from allcore.plots import style

CHANCE = 0.5


def shortcuts(found: Sequence[Finding]) -> go.Figure:
    """AUROC of plain facts alone, each with its interval, and of the installed model if known."""
    rows = [(finding_text.cue_title(each), each.detail, style.REFUSED) for each in found]
    model = found[0].detail.get("model")
    if model:
        rows.append((f"Model {model['name']}", model, style.NORMAL))
    figure = go.Figure()
    for name, detail, colour in rows:
        low, high = detail["low"], detail["high"]
        value = detail["auroc"]
        known = low is not None
        figure.add_bar(
            y=[name], x=[value - CHANCE], base=CHANCE, orientation="h", marker_color=colour,
            showlegend=False, text=f"{value:.2f}", textposition="inside", insidetextanchor="start",
            error_x={
                "type": "data", "symmetric": False, "visible": known,
                "array": [high - value if known else 0],
                "arrayminus": [value - low if known else 0],
            },
            hovertemplate=(
                f"%{{y}}: AUROC {value:.3f}"
                + (f" ({low:.3f} to {high:.3f})" if known else ", no interval")
                + "<extra></extra>"
            ),
        )  # fmt: skip
    figure.update_xaxes(
        title="AUROC on unseen subjects (0.5 is chance), 95 % interval over subjects",
        range=[CHANCE, 1], fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", fixedrange=True, title=None)
    return style.finish(figure, title(found), height=110 + 46 * len(rows))


def title(found: Sequence[Finding]) -> str:
    """How close plain facts come to the model."""
    best = max(found, key=lambda each: float(each.detail["auroc"]))
    value, model = best.detail["auroc"], best.detail.get("model")
    said = f"{finding_text.cue_title(best)} alone reaches AUROC {value:.2f}"
    if not model:
        return f"{said} on unseen subjects"
    if model["low"] is not None and model["low"] <= value:
        return f"{said}, within the interval of the model's {model['auroc']:.2f}"
    return f"{said}, the model {model['auroc']:.2f}"
