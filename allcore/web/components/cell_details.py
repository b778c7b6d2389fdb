"""Everything there is to say about one cell of a table of predictions, known first, slow last."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore.audit.index import queries
from allcore.data import cell_measurements as facts
from allcore.data import cells, subjects
from allcore.data.cells import Rgb
from allcore.errors import AllScopeError
from allcore.inference import upload
from allcore.labels import CLASS_NAMES
from allcore.plots import style
from allcore.web import frame
from allcore.web.cell_images import CellImages
from allcore.web.components import cell_neighbours, cell_pictures, cell_predictions, gallery
from allcore.web.components.cell_neighbours import Near
from allcore.web.components.cell_pictures import Slots

CONNECT = (
    "The picture of this cell is not on this machine: set `ALLSCOPE_DATA` to the folder of the "
    "data set to see it, and what the network made of it."
)
_FACTS = {fact.name: fact for fact in facts.MEASURES} | queries.MEASURES
_FIELD = 1024  # side, in pixels, of what is shown of a larger picture: its middle


@dataclass(frozen=True)
class CellContext:
    """One cell, and what the page around it knows.

    Attributes:
        row: the cell's row of a table of predictions, by column.
        threshold: probability from which a cell is called an ALL blast.
        model: name of an installed model; None where the predictions came from a file.
        images: of this cell and others, as far as they are on this machine.
        facts: measures of the picture, by name as in `allcore.data.cell_measurements`.
        percentiles: share of all cells, 0 to 100, whose measure is lower.
        position: place in the list that was opened, from 0, and the list's length.
    """

    row: Mapping[str, Any]
    threshold: float
    model: str | None
    images: CellImages
    facts: Mapping[str, float]
    percentiles: Mapping[str, float]
    position: tuple[int, int]

    @property
    def image_id(self) -> str:
        """The cell's id."""
        return str(self.row["image_id"])

    @property
    def subject(self) -> str | None:
        """The cell's subject."""
        return _text(self.row.get("subject"))

    @property
    def group(self) -> str | None:
        """The independent subject."""
        group = _text(self.row.get("group"))
        return group or (subjects.group_of(self.subject) if self.subject else None)


@dataclass(frozen=True)
class Picture:
    """The pixels (H, W, 3) of a picture, and the SHA-256 of the file that they come from."""

    rgb: Rgb
    sha256: str


def show(context: CellContext) -> int:
    """Draw the cell; give -1 or 1 where the one before or after it was asked for, else 0."""
    step = steps(*context.position)
    if step:
        return step
    _heading(context)
    picture = read(context.images.file(context.image_id))
    _plain_facts(context, picture)
    evidence, around, table = st.container(), st.container(), st.container()
    slots = None
    if picture is not None and context.model is not None:
        with evidence:  # at once, so that nothing of the cell before stands below this one's name
            slots = cell_pictures.slots()
    rows = cell_predictions.rows(context.row, context.group, context.model, context.threshold)
    slot = cell_predictions.show(rows, table, asking=picture is not None)
    near = _near(context)
    if near is not None and (near.known or picture is None):
        near.show(around)
    if picture is None:
        return 0
    own = _evidence(context, picture, slots) if slots else _no_network(evidence)
    if near is not None and not near.known:
        _near_anew(context, picture, near, around)
    cell_predictions.ask(rows, slot, picture.rgb, picture.sha256, own)
    return 0


def outcome(label: str | None, probability: float, threshold: float) -> str:
    """What became of a cell at the threshold, in words."""
    if not 0 <= probability <= 1:
        return "no probability is recorded"
    called = "all" if probability >= threshold else "hem"
    said = f"called {CLASS_NAMES[called]}"
    if label not in CLASS_NAMES:
        return f"no label, {said}"
    return f"labelled {CLASS_NAMES[label]}, {said}: {'right' if label == called else 'wrong'}"


def steps(at: int, of: int) -> int:
    """The buttons to the cells before and after; first, so that they stay under the pointer."""
    if of < 2:
        return 0
    with st.container(horizontal=True, vertical_alignment="center"):
        before = st.button("Previous", icon=":material/chevron_left:", key="cell_previous")
        after = st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", key="cell_next"
        )
        st.markdown(f"Cell {at + 1:,} of {of:,}")
    return int(after) - int(before)


def _heading(context: CellContext) -> None:
    label, probability = _text(context.row.get("label")), _probability(context)
    mark, colour = gallery.MARKS.get(label or "", ("○", style.REFUSED))
    st.html(cell_pictures.heading(context.image_id, mark=mark, colour=colour))
    said = outcome(label, probability, context.threshold)
    st.markdown(f"**{said[0].upper()}{said[1:]}.** {frame.plain(_of_subject(context))}.")
    if 0 <= probability <= 1:
        scale = style.probability_scale(probability, threshold=context.threshold)
        st.plotly_chart(scale, config={"displayModeBar": False}, key="cell_scale")


def _of_subject(context: CellContext) -> str:
    if context.subject is None:
        return "Subject unknown"
    if context.group in (None, context.subject):
        return f"Subject {context.subject}"
    return f"Subject {context.subject}, the same person as others of {context.group}"


def _plain_facts(context: CellContext, picture: Picture | None) -> None:
    """The picture, to be looked into, and its measures; side by side where there is room."""
    if picture is None:
        measures(context.facts, context.percentiles)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        cell_pictures.zoomable(cells.centre_crop(picture.rgb, _FIELD), alt=_spoken(context))
    with right:
        measures(context.facts, context.percentiles)


def _near(context: CellContext) -> Near | None:
    if context.model is None:
        return None
    return cell_neighbours.near(
        context.image_id,
        context.subject,
        model=context.model,
        images=context.images,
        threshold=context.threshold,
    )


def measures(values: Mapping[str, float], percentiles: Mapping[str, float]) -> None:
    """Draw the measures of a picture, each with its place among all cells."""
    rows = []
    for name, value in values.items():
        fact = _FACTS.get(name)
        rows.append(
            {
                "Measure": fact.title if fact else name,
                "Value": in_words(value, fact.unit if fact else ""),
                "Among all cells": _among(value, percentiles.get(name)),
            }
        )
    if rows:
        st.markdown("**Measures of the picture**")
        st.dataframe(pd.DataFrame(rows), hide_index=True)


def _among(value: float, lower: float | None) -> str:
    """A measure's place among all cells; a yes or no has none."""
    if lower is None or math.isnan(lower) or isinstance(value, bool | np.bool_):
        return ""
    return f"above {math.floor(lower)} %"


def in_words(value: float, unit: str) -> str:
    """A measure with its unit."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if math.isnan(value):
        return "not measured"
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return number if unit in ("", "ratio") else f"{number} {unit}"


def _evidence(context: CellContext, picture: Picture, slots: Slots) -> dict[str, float]:
    """What the network saw and made of it; the folder's network's probability by its name."""
    model = str(context.model)
    learned = cell_predictions.learned(model, context.image_id, context.group)
    try:
        with slots.said, st.spinner("Asking the network"):
            from allcore.web.components import (
                cell_explanation,  # brings torch, which takes its time
            )

            # Where the shipped network learned the cell, ask the one that did not, if it is kept.
            trained = learned in ("cell", "subject")
            fold = cell_explanation.fold_of(model, context.row.get("fold")) if trained else None
            looks = cell_explanation.looks(model, picture.rgb, picture.sha256, fold=fold)
    except AllScopeError as error:
        slots.clear()
        with slots.said:
            frame.problem(error)
        return {}
    cell_explanation.show(looks, slots, threshold=context.threshold, learned=learned)
    return {} if looks.held_out else {model: looks.probability}


def _no_network(place: DeltaGenerator) -> dict[str, float]:
    place.info(
        "These predictions came from a file, so there is no network to ask about the cell.",
        icon=":material/info:",
    )
    return {}


def _near_anew(context: CellContext, picture: Picture, near: Near, place: DeltaGenerator) -> None:
    """The neighbours of a cell whose features the model's folder does not keep."""
    from allcore.web.components import cell_explanation

    try:
        feature = cell_explanation.feature(str(context.model), picture.rgb, picture.sha256)
    except AllScopeError:
        return  # said where the evidence would stand
    near.show(place, feature)


def read(path: Path | None, *, missing: str = CONNECT) -> Picture | None:
    """A cell's picture; None, with a sentence, where it is not here or can't be decoded."""
    try:
        data = b"" if path is None else path.read_bytes()
    except OSError:
        data = b""
    if not data:
        st.info(missing, icon=":material/image_not_supported:", width=frame.TEXT_WIDTH)
        return None
    try:
        return Picture(upload.decode(data), hashlib.sha256(data).hexdigest())
    except AllScopeError as error:
        frame.problem(error)
        return None


def _spoken(context: CellContext) -> str:
    said = outcome(_text(context.row.get("label")), _probability(context), context.threshold)
    return f"Picture of the cell {context.image_id}, {said}"


def _probability(context: CellContext) -> float:
    value = context.row.get("probability")
    return math.nan if value is None else float(value)


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
