"""Plots of a validation at another laboratory."""

import plotly.graph_objects as go

from allcore.evaluation.site_validation import SiteValidation
from allcore.plots import style


def gate_shares(validation: SiteValidation) -> go.Figure:
    """Plot how many cells the gate accepts, and how many each check refuses."""
    rows = [("accepted", validation.accepted_cells, style.GREEN, "")]
    rows += [(row.title, row.cells, style.REFUSED, row.reason) for row in validation.refusals]
    names, counts, colours, reasons = zip(*rows, strict=True)
    shares = [count / max(validation.cells, 1) for count in counts]
    figure = go.Figure(layout_showlegend=False)
    figure.add_bar(
        x=shares, y=list(range(len(rows))), orientation="h", marker_color=colours,
        text=[f"{count:,}" for count in counts], textposition="auto",
        hovertext=[f"{name}: {count:,} cells<br>{_short(reason)}" for name, count, reason in
                   zip(names, counts, reasons, strict=True)],
        hoverinfo="text",
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%", title="Share of cells")
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=names, range=[max(len(rows), 3) - 0.4, -0.6],
        automargin=True,
    )  # fmt: skip
    return style.finish(figure, _title(validation), height=340, line=style.NARROW)


def _title(validation: SiteValidation) -> str:
    share = 100 * validation.accepted.value
    return f"The gate accepts {share:.0f} % of {validation.cells:,} cells"


def _short(reason: str) -> str:
    return reason if len(reason) <= 70 else f"{reason[:69]}…"
