"""Figures of the experiments; data in, plotly figure out, as in `allcore.plots`."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from allcore import plots
from allcore.comparison.records import Figure
from allcore.experiments.record import Record, Row
from allcore.plots_compare import GREEN, PINK

# Characters of a name beside an axis, so that half of a phone is left to the figure.
_LABEL = 22
_ROW, _LINES = 24, 14  # height of a row and of each further line of its name, pixels
_SIDES = {
    "unseen": ("Unseen subjects", GREEN, "circle"),
    "image": ("Images split at random", PINK, "diamond"),
}
_WAYS = {-1: ("Clearly lower", plots.BLAST), 1: ("Clearly higher", plots.NORMAL)}
_UNCLEAR = ("No clear change", plots.REFUSED)


def cues(record: Record) -> go.Figure:
    """A dumbbell a cue: its AUROC under both ways of holding cells out, best unseen on top.

    Args:
        record: of the experiment `cues`, with a row at least.
    """
    rows = sorted(record.rows, key=lambda row: -row.figures["unseen"].value)
    figure = go.Figure()
    for place, row in enumerate(rows):
        figure.add_scatter(
            x=[row.figures[side].value for side in _SIDES], y=[place, place], mode="lines",
            line={"color": plots.REFUSED, "width": 2}, showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    for side, (title, colour, symbol) in _SIDES.items():
        found = [row.figures[side] for row in rows]
        figure.add_scatter(
            x=[each.value for each in found],
            y=list(range(len(rows))),
            error_x=_bars(found),
            customdata=[(row.name, *_bounds(row.figures[side])) for row in rows],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            name=title,
            hovertemplate="%{customdata[0]}: %{x:.3f} (%{customdata[1]} to %{customdata[2]})"
            f"<extra>{title}</extra>",
        )
    _line(figure, 0.5, len(rows), name="Chance")
    figure.update_xaxes(title="AUROC (95 % intervals)")
    alone = [row for row in rows if "together" not in row.name and "alone" not in row.name]
    best = max(alone or rows, key=lambda row: row.figures["unseen"].value)
    value = best.figures["unseen"].value
    title = f"{best.name} alone orders cells of unseen subjects with an AUROC of {value:.2f}"
    return _finished(figure, rows, title, axis="Facts of the picture")


def interventions(record: Record, model: str) -> go.Figure:
    """A bar an alteration: how far it changes a model's AUROC, the greatest loss on top.

    Args:
        record: of the experiment `interventions`.
        model: one of its groups, with an altered row at least.
    """
    rows = [row for row in record.rows if row.group == model and "change" in row.figures]
    rows.sort(key=lambda row: row.figures["change"].value)
    found = [row.figures["change"] for row in rows]
    ways = [_way(each) for each in found]
    figure = go.Figure()
    for way, (name, colour) in (*_WAYS.items(), (0, _UNCLEAR)):
        places = [place for place, each in enumerate(ways) if each == way]
        if places:
            own = [rows[place] for place in places]
            figure.add_bar(
                x=[found[place].value for place in places],
                y=places,
                orientation="h",
                error_x=_bars([found[place] for place in places]),
                marker={"color": colour},
                customdata=[_told(row) for row in own],
                name=name,
                hovertemplate="%{customdata[0]}: %{x:+.3f} (%{customdata[1]} to %{customdata[2]})"
                "<br>%{customdata[3]} of calls flip<extra></extra>",
            )
    _line(figure, 0.0, len(rows))
    figure.update_xaxes(title="Change of AUROC (95 % intervals over subjects)")
    figure.update_layout(bargap=0.35)
    return _finished(figure, rows, _title(rows, ways, model), axis="Changed in the picture")


def models(record: Record) -> list[str]:
    """The models of the experiment `interventions`, in its order."""
    return list(dict.fromkeys(row.group for row in record.rows if "change" in row.figures))


def _title(rows: Sequence[Row], ways: Sequence[int], model: str) -> str:
    model = model.replace("-", "\u2011")  # a name is not broken at its hyphens
    if -1 not in ways:
        return f"No change lowers the AUROC of {model} clearly"
    loss = -rows[0].figures["change"].value
    return f"{rows[0].name}: {model} loses most, {loss:.2f} of AUROC"


def _way(found: Figure) -> int:
    """Sign of a change whose interval leaves 0 out, else 0."""
    return int(found.low > 0) - int(found.high < 0)


def _told(row: Row) -> tuple[str, str, str, str]:
    flipped = row.figures.get("flipped")
    share = "?" if flipped is None else f"{100 * flipped.value:.0f} %"
    return (row.name, *_bounds(row.figures["change"]), share)


def _bounds(found: Figure) -> tuple[str, str]:
    low, high = (f"{end:.3f}" if math.isfinite(end) else "?" for end in (found.low, found.high))
    return low, high


def _bars(found: Sequence[Figure]) -> dict[str, object]:
    """Error bars; none where a figure has no interval."""
    value = np.array([each.value for each in found])
    high, low = (np.array([getattr(each, end) for each in found]) for end in ("high", "low"))
    return {
        "array": np.nan_to_num(high - value),
        "arrayminus": np.nan_to_num(value - low),
        "width": 3,
        "thickness": 1.5,
    }


def _line(figure: go.Figure, value: float, places: int, *, name: str = "") -> None:
    figure.add_scatter(
        x=[value, value],
        y=[-0.6, places - 0.4],
        mode="lines",
        line={"dash": "dot", "color": plots.REFUSED, "width": 1.5},
        name=name,
        showlegend=bool(name),
        hoverinfo="skip",
    )


def _finished(figure: go.Figure, rows: Sequence[Row], title: str, *, axis: str) -> go.Figure:
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
    figure = plots.finish(figure, title, height=height)
    return plots.lay_out(figure, legend={"y": -60 / (height - 150)})  # just below the axis
