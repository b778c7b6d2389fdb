"""Plots of the experiments."""

import math
import textwrap
from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go

from allcore.evaluation.experiments import AIMS, ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.plots import style
from allcore.plots.compare import GREEN, PINK

# Characters of a name beside an axis: half the width of a phone remains for the plot.
_LABEL = 22
_ROW, _LINES = 24, 14  # height of a row and of each further line of its name, pixels
_SIDES = {
    "unseen": ("Unseen subjects", GREEN, "circle"),
    "image": ("Images split at random", PINK, "diamond"),
}
_DIRECTIONS = {-1: ("Clearly lower", style.BLAST), 1: ("Clearly higher", style.NORMAL)}
_UNCLEAR = ("No clear change", style.REFUSED)
_MEASURES = {
    "auroc": ("AUROC", GREEN, "circle"),
    "weighted_f1": ("Weighted F1", PINK, "diamond"),
}


def cue_dumbbells(record: ExperimentRecord) -> go.Figure:
    """Dumbbell plot of the AUROC of each cue under both splits, best unseen on top.

    Args:
        record: record of the experiment `cues`, with at least one row.
    """
    rows = sorted(record.rows, key=lambda row: -row.figures["unseen"].value)
    figure = go.Figure()
    for place, row in enumerate(rows):
        figure.add_scatter(
            x=[row.figures[side].value for side in _SIDES], y=[place, place], mode="lines",
            line={"color": style.REFUSED, "width": 2}, showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    for side, (title, colour, symbol) in _SIDES.items():
        intervals = [row.figures[side] for row in rows]
        figure.add_scatter(
            x=[interval.value for interval in intervals],
            y=list(range(len(rows))),
            error_x=_error_bars(intervals),
            customdata=[(row.name, *_bounds(row.figures[side])) for row in rows],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            name=title,
            hovertemplate="%{customdata[0]}: %{x:.3f} (%{customdata[1]} to %{customdata[2]})"
            f"<extra>{title}</extra>",
        )
    _add_line(figure, 0.5, len(rows), name="Chance")
    figure.update_xaxes(title="AUROC (95 % intervals)")
    alone = [row for row in rows if "together" not in row.name and "alone" not in row.name]
    best = max(alone or rows, key=lambda row: row.figures["unseen"].value)
    value = best.figures["unseen"].value
    title = f"{best.name} alone orders cells of unseen subjects with an AUROC of {value:.2f}"
    return _finish(figure, rows, title, axis="Facts of the picture")


def intervention_bars(record: ExperimentRecord, model: str) -> go.Figure:
    """Bar plot of the change of a model's AUROC by alteration, the largest loss on top.

    Args:
        record: record of the experiment `interventions`.
        model: one of its groups, with at least one altered row.
    """
    rows = [row for row in record.rows if row.group == model and "change" in row.figures]
    rows.sort(key=lambda row: row.figures["change"].value)
    figure = _changes(rows, "change", _flipped)
    figure.update_xaxes(title="Change of AUROC (95 % intervals over subjects)")
    return _finish(figure, rows, _title(rows, model), axis="Changed in the picture")


def variant_bars(record: ExperimentRecord) -> go.Figure:
    """Bar plot of the change of the AUROC on unseen subjects by option, the largest gain on top.

    Args:
        record: record of the experiment `recipe` or `stages`, with at least one row besides its
            base.
    """
    rows = [row for row in record.rows if "difference" in row.figures]
    rows.sort(key=lambda row: -row.figures["difference"].value)
    figure = _changes(rows, "difference", lambda row: row.prediction)
    figure.update_xaxes(title="Change of AUROC (95 % intervals over folds)")
    clear = [row.name for row in rows if _direction(row.figures["difference"]) > 0]
    title = f"{clear[0]}: helps clearly" if clear else "No choice helps clearly"
    return _finish(figure, rows, title, axis="Changed in the recipe")


def growth_curves(record: ExperimentRecord) -> go.Figure:
    """Plot AUROC and weighted F1 by the number of training subjects, with their targets.

    Args:
        record: record of the experiment `subjects` or `subjects-features`, with at least one row.
    """
    figure = go.Figure()
    counts = [_number(row) for row in record.rows]
    for name, (title, colour, symbol) in _MEASURES.items():
        intervals = [row.figures[name] for row in record.rows]
        figure.add_scatter(
            x=counts,
            y=[interval.value for interval in intervals],
            error_y=_error_bars(intervals),
            customdata=[_bounds(interval) for interval in intervals],
            mode="lines+markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            line={"color": colour},
            name=title,
            hovertemplate="%{x} subjects: %{y:.3f} (%{customdata[0]} to %{customdata[1]})"
            f"<extra>{title}</extra>",
        )
        figure.add_scatter(
            x=[0, max(counts) * 1.05], y=[AIMS[name]] * 2, mode="lines", hoverinfo="skip",
            line={"color": colour, "dash": "dot", "width": 1.5}, name=f"{title}, aim",
        )  # fmt: skip
    figure.update_xaxes(title="Training subjects", range=[0, max(counts) * 1.05])
    figure.update_yaxes(title="On unseen subjects (95 % intervals)")
    last, first = record.rows[-1].figures["auroc"].value, record.rows[0].figures["auroc"].value
    title = (
        f"From {counts[0]} to {counts[-1]} training subjects the AUROC changes by "
        f"{last - first:+.2f}"
    )
    return style.finish(figure, title.replace("-", "\u2212"), height=420)


def _changes(
    rows: Sequence[ExperimentRow], name: str, tell: Callable[[ExperimentRow], str]
) -> go.Figure:
    """Bars of one estimate per row; the colour shows whether its interval excludes 0."""
    intervals = [row.figures[name] for row in rows]
    directions = [_direction(value) for value in intervals]
    figure = go.Figure()
    for direction, (title, colour) in (*_DIRECTIONS.items(), (0, _UNCLEAR)):
        places = [place for place, value in enumerate(directions) if value == direction]
        if places:
            figure.add_bar(
                x=[intervals[place].value for place in places],
                y=places,
                orientation="h",
                error_x=_error_bars([intervals[place] for place in places]),
                marker={"color": colour},
                customdata=[
                    (rows[place].name, *_bounds(intervals[place]), tell(rows[place]))
                    for place in places
                ],
                name=title,
                hovertemplate="%{customdata[0]}: %{x:+.3f} (%{customdata[1]} to %{customdata[2]})"
                "<br>%{customdata[3]}<extra></extra>",
            )
    _add_line(figure, 0.0, len(rows))
    figure.update_layout(bargap=0.35)
    return figure


def intervention_models(record: ExperimentRecord) -> list[str]:
    """Return the models of the experiment `interventions`, in its order."""
    return list(dict.fromkeys(row.group for row in record.rows if "change" in row.figures))


def _title(rows: Sequence[ExperimentRow], model: str) -> str:
    model = model.replace("-", "\u2011")  # non-breaking hyphens in the name
    if all(_direction(row.figures["change"]) >= 0 for row in rows):
        return f"No change lowers the AUROC of {model} clearly"
    loss = -rows[0].figures["change"].value
    return f"{rows[0].name}: {model} loses most, {loss:.2f} of AUROC"


def _number(row: ExperimentRow) -> int:
    """Number of training subjects, from a row's name."""
    return int("".join(filter(str.isdigit, row.name)))


def _direction(change: Interval) -> int:
    """Sign of a change whose interval excludes 0, else 0."""
    return int(change.low > 0) - int(change.high < 0)


def _flipped(row: ExperimentRow) -> str:
    flipped = row.figures.get("flipped")
    return f"{'?' if flipped is None else f'{100 * flipped.value:.0f} %'} of calls flip"


def _bounds(interval: Interval) -> tuple[str, str]:
    low, high = (
        f"{end:.3f}" if math.isfinite(end) else "?" for end in (interval.low, interval.high)
    )
    return low, high


def _error_bars(intervals: Sequence[Interval]) -> dict[str, object]:
    """Error bars; of length 0 for an estimate without an interval."""
    value = np.array([interval.value for interval in intervals])
    high, low = (
        np.array([getattr(interval, end) for interval in intervals]) for end in ("high", "low")
    )
    return {
        "array": np.nan_to_num(high - value),
        "arrayminus": np.nan_to_num(value - low),
        "width": 3,
        "thickness": 1.5,
    }


def _add_line(figure: go.Figure, value: float, places: int, *, name: str = "") -> None:
    figure.add_scatter(
        x=[value, value],
        y=[-0.6, places - 0.4],
        mode="lines",
        line={"dash": "dot", "color": style.REFUSED, "width": 1.5},
        name=name,
        showlegend=bool(name),
        hoverinfo="skip",
    )


def _finish(
    figure: go.Figure, rows: Sequence[ExperimentRow], title: str, *, axis: str
) -> go.Figure:
    names = [textwrap.wrap(row.name, _LABEL) for row in rows]
    figure.update_yaxes(
        title=axis,
        tickvals=list(range(len(rows))),
        ticktext=["<br>".join(lines) for lines in names],
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    height = 210 + (_ROW + _LINES * (max(map(len, names)) - 1)) * len(rows)
    figure = style.finish(figure, title, height=height)
    return style.lay_out(figure, legend={"y": -60 / (height - 150)})  # just below the axis
