"""Plots of the experiments."""

import textwrap
from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from allcore.evaluation.experiments import AIMS, ExperimentRecord, ExperimentRow
from allcore.evaluation.intervals import Interval
from allcore.plots import compare, style

_LABEL = 22  # characters of a name beside an axis: half of a phone's width remains for the plot
_ROW, _LINES = 24, 14  # height of a row and of each further line of its name, pixels
_DIRECTIONS = {
    -1: ("Clearly lower", style.BLAST), 1: ("Clearly higher", style.NORMAL),
    0: ("No clear change", style.REFUSED),
}  # fmt: skip


def cue_dumbbells(record: ExperimentRecord) -> go.Figure:
    """Dumbbell plot of the AUROC of each cue under both splits, best unseen on top.

    Args:
        record: record of the experiment `cues`, with at least one row.
    """
    rows = sorted(record.rows, key=lambda row: -row.figures["unseen"].value)
    figure = compare.dumbbells(
        [row.name for row in rows],
        unseen=[row.figures["unseen"] for row in rows],
        at_random=[row.figures["image"] for row in rows],
    )
    style.add_line(figure, [0.5, 0.5], [-0.6, len(rows) - 0.4], "Chance")
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
    figure = _changes(rows, "change", _flip_text)
    figure.update_xaxes(title="Change of AUROC (95 % intervals over subjects)")
    model = model.replace("-", "\u2011")  # non-breaking hyphens in the name
    title = f"No change lowers the AUROC of {model} clearly"
    if any(_direction(row.figures["change"]) < 0 for row in rows):
        loss = -rows[0].figures["change"].value
        title = f"{rows[0].name}: {model} loses most, {loss:.2f} of AUROC"
    return _finish(figure, rows, title, axis="Changed in the picture")


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
    counts = [int("".join(filter(str.isdigit, row.name))) for row in record.rows]
    span = [0, max(counts) * 1.05]
    for name, title, colour, symbol in (
        ("auroc", "AUROC", style.GREEN, "circle"),
        ("weighted_f1", "Weighted F1", style.PINK, "diamond"),
    ):
        intervals = [row.figures[name] for row in record.rows]
        figure.add_scatter(
            x=counts, y=[interval.value for interval in intervals], mode="lines+markers",
            error_y=style.error_bars(intervals), name=title, line={"color": colour},
            marker={"color": colour, "symbol": symbol, "size": 11},
            customdata=[compare.bound_texts(interval) for interval in intervals],
            hovertemplate="%{x} subjects: %{y:.3f} (%{customdata[0]} to %{customdata[1]})"
            f"<extra>{title}</extra>",
        )  # fmt: skip
        style.add_line(figure, span, [AIMS[name]] * 2, f"{title}, aim", color=colour)
    figure.update_xaxes(title="Training subjects", range=span)
    figure.update_yaxes(title="On unseen subjects (95 % intervals)")
    change = record.rows[-1].figures["auroc"].value - record.rows[0].figures["auroc"].value
    subjects = f"From {counts[0]} to {counts[-1]} training subjects"
    title = f"{subjects} the AUROC changes by {change:+.2f}"
    return style.finish(figure, title.replace("-", "\u2212"), height=420)


def _changes(
    rows: Sequence[ExperimentRow], name: str, remark: Callable[[ExperimentRow], str]
) -> go.Figure:
    """Bars of one estimate per row; the colour shows whether its interval excludes 0."""
    figure = go.Figure(layout_bargap=0.35)
    for direction, (title, colour) in _DIRECTIONS.items():
        changes = {
            place: row.figures[name]
            for place, row in enumerate(rows)
            if _direction(row.figures[name]) == direction
        }
        if changes:
            figure.add_bar(
                x=[change.value for change in changes.values()], y=list(changes), orientation="h",
                error_x=style.error_bars(list(changes.values())), marker={"color": colour},
                customdata=[
                    (rows[place].name, *compare.bound_texts(change), remark(rows[place]))
                    for place, change in changes.items()
                ],
                name=title,
                hovertemplate="%{customdata[0]}: %{x:+.3f} (%{customdata[1]} to %{customdata[2]})"
                "<br>%{customdata[3]}<extra></extra>",
            )  # fmt: skip
    style.add_line(figure, [0.0, 0.0], [-0.6, len(rows) - 0.4])
    return figure


def intervention_models(record: ExperimentRecord) -> list[str]:
    """Return the models of the experiment `interventions`, in its order."""
    return list(dict.fromkeys(row.group for row in record.rows if "change" in row.figures))


def _direction(change: Interval) -> int:
    """Sign of a change whose interval excludes 0, else 0."""
    return int(change.low > 0) - int(change.high < 0)


def _flip_text(row: ExperimentRow) -> str:
    flipped = row.figures.get("flipped")
    return f"{'?' if flipped is None else f'{100 * flipped.value:.0f} %'} of predictions flip"


def _finish(
    figure: go.Figure, rows: Sequence[ExperimentRow], title: str, *, axis: str
) -> go.Figure:
    names = [textwrap.wrap(row.name, _LABEL) for row in rows]
    height = 210 + (_ROW + _LINES * (max(map(len, names)) - 1)) * len(rows)
    return style.finish_rows(
        figure, title, ["<br>".join(lines) for lines in names], height=height,
        title=axis, zeroline=False, fixedrange=True,
    )  # fmt: skip
