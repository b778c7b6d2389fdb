"""Metrics under image alterations as small multiples, one panel per alteration."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from allcore.evaluation import metrics
from allcore.evaluation.intervals import Interval
from allcore.evaluation.robustness import Alteration, Robustness, RobustnessRow
from allcore.plots import style

_COLUMNS = 2
_PANEL = 190  # pixels per row of panels
_ABOVE = 120  # pixels of title and legend
_SMALL = 12  # font size at which two panels fit on a phone
_GREY = "rgba(122,122,122,0.25)"


def robustness_curves(robustness: Robustness, figure: str = "auroc") -> go.Figure:
    """Plot one metric by the level of each alteration, with its band over subjects.

    Args:
        robustness: from `json_files.read_robustness`.
        figure: key of the metric in `robustness.METRICS`.
    """
    panels = robustness.alterations
    lines = math.ceil(len(panels) / _COLUMNS)
    plot = make_subplots(
        rows=lines,
        cols=_COLUMNS,
        subplot_titles=[alteration.title for alteration in panels],
        shared_yaxes="all",
        horizontal_spacing=0.06,
        vertical_spacing=0.42 / lines,
    )
    for place, alteration in enumerate(panels):
        row, column = 1 + place // _COLUMNS, 1 + place % _COLUMNS
        for trace in _panel(robustness, alteration, figure, first=place == 0):
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
    clear = [row for row in robustness.rows if _clear(row.changes[figure])]
    if not clear:
        return f"No alteration moves the {title} of {model} clearly"
    row = max(clear, key=lambda one: abs(one.changes[figure].value))
    alteration = _alteration(robustness, row)
    return (
        f"{alteration.title} moves the {title} of {model} most: {_signed(row.changes[figure])} "
        f"at {_minus(f'{row.level:g}')} ({alteration.unit})"
    )


def _panel(
    robustness: Robustness, alteration: Alteration, figure: str, *, first: bool
) -> list[go.Scatter]:
    rows = robustness.of(alteration.name)
    levels = [row.level for row in rows]
    unaltered = next(row for row in rows if row.level == alteration.unaltered).figures[figure].value
    as_it_is = go.Scatter(
        x=[levels[0], levels[-1]],
        y=[unaltered, unaltered],
        mode="lines",
        line={"dash": "dot", "width": 1.5, "color": style.REFUSED},
        hoverinfo="skip",
        showlegend=False,
    )
    mark = go.Scatter(
        x=[alteration.unaltered],
        y=[unaltered],
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": style.BLAST},
        name="As it is",
        showlegend=first,
        hoverinfo="skip",
    )
    line = _line(rows, figure, first=first)
    return [*_band(rows, figure, first=first), as_it_is, line, mark]


def _band(rows: Sequence[RobustnessRow], figure: str, *, first: bool) -> list[go.Scatter]:
    """Traces of the bounds over subjects; none where an interval is unknown."""
    levels, values = [row.level for row in rows], [row.figures[figure] for row in rows]
    if not all(value.known for value in values):
        return []
    plain = {"x": levels, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    lower = {"fill": "tonexty", "fillcolor": _GREY, "name": "95 % over subjects"}
    return [
        go.Scatter(y=[value.high for value in values], showlegend=False, **plain),
        go.Scatter(y=[value.low for value in values], showlegend=first, **lower, **plain),
    ]


def _line(rows: Sequence[RobustnessRow], figure: str, *, first: bool) -> go.Scatter:
    return go.Scatter(
        x=[row.level for row in rows],
        y=[row.figures[figure].value for row in rows],
        mode="lines+markers",
        line={"color": style.NORMAL, "width": 2},
        name=metrics.TITLES[figure],
        showlegend=first,
        customdata=[_hover_values(row, figure) for row in rows],
        hovertemplate="%{x:g}: %{y:.3f} (%{customdata[0]})<br>Change %{customdata[1]}"
        "<br>%{customdata[2]} of calls flip<extra></extra>",
    )


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


def _clear(change: Interval) -> bool:
    """Whether the interval excludes 0."""
    return change.known and (change.low > 0 or change.high < 0)


def _alteration(robustness: Robustness, row: RobustnessRow) -> Alteration:
    return next(
        alteration for alteration in robustness.alterations if alteration.name == row.alteration
    )
