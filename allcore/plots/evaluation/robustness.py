"""Metrics under image alterations as small multiples, one panel per alteration."""

import math

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from allcore.data.perturbations import Alteration
from allcore.evaluation import metrics
from allcore.evaluation.intervals import Interval
from allcore.evaluation.robustness import Robustness, RobustnessRow
from allcore.plots import style

_COLUMNS = 2
_PANEL = 190  # pixels per row of panels
_ABOVE = 120  # pixels of title and legend
_SMALL = 12  # font size at which two panels fit on a phone


def robustness_curves(robustness: Robustness, figure: str = "auroc") -> go.Figure:
    """Plot one metric by the level of each alteration, with its band over subjects.

    Args:
        robustness: from `json_files.read_robustness`.
        figure: key of the metric in `robustness.METRICS`.
    """
    panels = robustness.alterations
    lines = math.ceil(len(panels) / _COLUMNS)
    plot = make_subplots(
        rows=lines, cols=_COLUMNS, subplot_titles=[alteration.title for alteration in panels],
        shared_yaxes="all", horizontal_spacing=0.06, vertical_spacing=0.42 / lines,
    )  # fmt: skip
    for place, alteration in enumerate(panels):
        row, column = 1 + place // _COLUMNS, 1 + place % _COLUMNS
        for trace in _panel(robustness, alteration, figure, first=place == 0).data:
            plot.add_trace(trace, row=row, col=column)
        unit = {"text": alteration.unit, "standoff": 4, "font": {"size": _SMALL}}
        plot.update_xaxes(title=unit, row=row, col=column)
        if column == 1:
            plot.update_yaxes(title=metrics.TITLES[figure], row=row, col=column)
    plot.update_annotations(font_size=_SMALL + 1)
    plot.update_xaxes(fixedrange=True, zeroline=False)
    plot.update_yaxes(fixedrange=True)
    height = _ABOVE + _PANEL * lines
    style.finish(plot, robustness_text(robustness, figure), height=height)
    return style.lay_out(plot, legend={"y": -60 / (height - _ABOVE)})


def robustness_text(robustness: Robustness, figure: str = "auroc") -> str:
    """Largest significant change of a metric, in words."""
    title = metrics.TITLES[figure]
    model = robustness.model.replace("-", "\u2011")  # non-breaking hyphens in the name
    if not any(row.figures[figure].known for row in robustness.rows):
        return f"{title} of {model} by alteration; too few subjects for intervals"
    changes = ((row, row.changes[figure]) for row in robustness.rows)
    clear = [row for row, change in changes if change.low > 0 or change.high < 0]
    if not clear:
        return f"No alteration moves the {title} of {model} clearly"
    row = max(clear, key=lambda one: abs(one.changes[figure].value))
    alteration = next(one for one in robustness.alterations if one.name == row.alteration)
    return (
        f"{alteration.title} moves the {title} of {model} most: {_signed(row.changes[figure])} "
        f"at {_minus(f'{row.level:g}')} ({alteration.unit})"
    )


def _panel(
    robustness: Robustness, alteration: Alteration, figure: str, *, first: bool
) -> go.Figure:
    rows = robustness.of(alteration.name)
    levels, values = [row.level for row in rows], [row.figures[figure] for row in rows]
    unaltered = next(row for row in rows if row.level == alteration.unaltered).figures[figure].value
    panel = go.Figure()
    high, low = [value.high for value in values], [value.low for value in values]
    style.band(panel, levels, low, high, showlegend=first)
    style.add_line(panel, [levels[0], levels[-1]], [unaltered, unaltered])
    panel.add_scatter(
        x=levels, y=[value.value for value in values], mode="lines+markers",
        line={"color": style.NORMAL, "width": 2}, name=metrics.TITLES[figure], showlegend=first,
        customdata=[_hover_values(row, figure) for row in rows],
        hovertemplate="%{x:g}: %{y:.3f} (%{customdata[0]})<br>Change %{customdata[1]}"
        "<br>%{customdata[2]} of predictions flip<extra></extra>",
    )  # fmt: skip
    panel.add_scatter(
        x=[alteration.unaltered], y=[unaltered], mode="markers", name="As it is",
        marker={"symbol": "diamond", "size": 11, "color": style.BLAST}, showlegend=first,
        hoverinfo="skip",
    )  # fmt: skip
    return panel


def _hover_values(row: RobustnessRow, figure: str) -> tuple[str, str, str]:
    value, flipped = row.figures[figure], row.flipped.value
    bounds = f"{value.low:.3f} to {value.high:.3f}" if value.known else "no interval"
    return bounds, _signed(row.changes[figure]), f"{100 * flipped:.0f} %"


def _signed(change: Interval) -> str:
    text = f"{change.value:+.3f}"
    if change.known:
        text += f" ({change.low:+.3f} to {change.high:+.3f})"
    return _minus(text)


def _minus(number: str) -> str:
    return number.replace("-", "\u2212")
