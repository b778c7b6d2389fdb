"""Everything known of one cell of a table of predictions; what is quick to get comes first."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from allcore.audit.index import queries
from allcore.data import cell_measurements as facts
from allcore.data import cells
from allcore.data.images import decoding
from allcore.errors import AllScopeError
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.explanation import Explainer
from allcore.explain.parts import CellIdentity, KnownCell, ModelAnswer
from allcore.inference import upload
from allcore.inference.upload import CellPicture
from allcore.labels import CLASS_NAMES
from allcore.model_folder import InstalledModel
from allcore.web import frame
from allcore.web.cell_images import CellImages
from allcore.web.components import explanation_view, verdict_block
from allcore.web.components.verdict_block import VerdictPlaces

FILE = "predictions shown"
"""Stands for the model where the predictions came from a file."""
CONNECT = (
    "The picture of this cell is not on this machine: set `ALLSCOPE_DATA` to the folder of the "
    "data set to see it, and what the network made of it."
)
_FACTS = {fact.name: fact for fact in facts.MEASURES} | queries.MEASURES
_FIELD = 1024  # side, in pixels, of what is shown of a larger picture: its middle
_NO_NETWORK = "These predictions came from a file, so there is no network to ask about the cell."
_SALIENCY_HELP = "What the network found its evidence in; it takes a second for each cell."


@dataclass(frozen=True)
class CellContext:
    """One cell, and what the page around it knows."""

    row: Mapping[str, Any]  # the cell's row of a table of predictions, by column
    threshold: float  # probability from which a cell is predicted ALL blast
    model: InstalledModel | None  # None where the predictions came from a file
    images: CellImages  # of this cell and others
    # measures of the picture, by name as in `allcore.data.cell_measurements`
    facts: Mapping[str, float]
    percentiles: Mapping[str, float]  # share of all cells, 0 to 100, whose measure is lower
    position: tuple[int, int]  # place in the list that was opened, from 0, and the list's length

    @property
    def identity(self) -> CellIdentity:
        """The cell as models' folders know it."""
        return CellIdentity(str(self.row["image_id"]), _text(self.row.get("subject")))

    @property
    def probability(self) -> float:
        """Of the table; not a number where it has none."""
        value = self.row.get("probability")
        return math.nan if value is None else float(value)

    @property
    def outcome(self) -> str:
        """What became of the cell at the threshold, in words."""
        return outcome(_text(self.row.get("label")), self.probability, self.threshold)


def show_cell(context: CellContext) -> int:
    """Draw the cell; return -1 or 1 where the one before or after it was asked for, else 0."""
    step = steps(*context.position)
    if step:
        return step
    identity, model = context.identity, context.model
    explainer = explanation_view.explainer(context.images)
    known = explainer.record(model).known(identity) if model else KnownCell(identity, "unknown")
    summary = _summary(context, known, explainer)
    picture = read(context.images.file(identity.image_id))
    block = verdict_block.show_block(
        summary,
        name=identity.image_id,
        reason="No probability is recorded.",
        rgb=None if picture is None else cells.centre_crop(picture.rgb, _FIELD),
        caption="The picture is not on this machine." if picture is None else "The picture",
        zoom=True,
    )
    with block.more:
        _show_facts(context)
    if model is None:
        st.info(_NO_NETWORK, icon=":material/info:")
    elif picture is not None and not summary.refused:
        with block.actions:
            saliency = st.toggle("Saliency maps", key="cell_saliency", help=_SALIENCY_HELP)
        try:
            _show_evidence(context, explainer, picture, known, summary, block, saliency=saliency)
        except AllScopeError as error:
            frame.problem(error)
    else:
        part = explainer.neighbourhood(model, None, identity, threshold=context.threshold)
        explanation_view.show_neighbourhood(part, context.images, st.container())
    others = st.expander("Other models", key="cell_models", on_change="rerun")
    if others.open:
        with others:
            _show_models(context, explainer, known, picture)
    with st.expander("Measures of the picture"):
        measures(context.facts, context.percentiles)
    return 0


def outcome(label: str | None, probability: float, threshold: float) -> str:
    """What became of a cell at the threshold, in words."""
    if not 0 <= probability <= 1:
        return "no probability is recorded"
    verdict = "all" if probability >= threshold else "hem"
    predicted = f"predicted {CLASS_NAMES[verdict]}"
    if label not in CLASS_NAMES:
        return f"no label, {predicted}"
    result = "correct" if label == verdict else "wrong"
    return f"actual {CLASS_NAMES[label]}, {predicted}: {result}"


def steps(at: int, of: int) -> int:
    """The buttons to the cells before and after; first, so that they stay under the pointer."""
    if of < 2:
        return 0
    with st.container(horizontal=True, vertical_alignment="center"):
        before = st.button(
            "Previous", icon=":material/chevron_left:", key="cell_previous", shortcut="Left"
        )
        after = st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", key="cell_next",
            shortcut="Right",
        )  # fmt: skip
        st.markdown(f"Cell {at + 1:,} of {of:,}")
    return int(after) - int(before)


def measures(values: Mapping[str, float], percentiles: Mapping[str, float]) -> None:
    """Draw the measures of a picture, each with its place among all cells."""
    rows = []
    for name, value in values.items():
        fact, lower = _FACTS.get(name), percentiles.get(name, math.nan)
        ranked = not (math.isnan(lower) or isinstance(value, bool | np.bool_))
        rows.append(
            {
                "Measure": fact.title if fact else name,
                "Value": in_words(value, fact.unit if fact else ""),
                "Among all cells": f"above {math.floor(lower)} %" if ranked else "",
            }
        )
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Measures of the picture")
    else:
        st.caption("The picture was not measured: index the data set.")


def in_words(value: float, unit: str) -> str:
    """A measure with its unit."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if math.isnan(value):
        return "not measured"
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return number if unit in ("", "ratio") else f"{number} {unit}"


def read(path: Path | None, *, missing: str = CONNECT) -> CellPicture | None:
    """A cell's picture; None, with a sentence, where it is not here or can't be decoded."""
    try:
        data = b"" if path is None else path.read_bytes()
    except OSError:
        data = b""
    if not data:
        frame.info(missing, icon=":material/image_not_supported:")
        return None
    try:
        digest = hashlib.sha256(data).hexdigest()
        return upload.PICTURES.get(digest, lambda: decoding.decode(data))
    except AllScopeError as error:
        frame.problem(error)
        return None


def _summary(context: CellContext, known: KnownCell, explainer: Explainer) -> AnswerSummary:
    """The answer in the table that the page shows, at the page's threshold."""
    probability, threshold = context.probability, context.threshold
    if not 0 <= probability <= 1:
        return AnswerSummary("refused", None, threshold)
    sets = explainer.record(context.model).sets if context.model else None
    return AnswerSummary(
        verdict="all" if probability >= threshold else "hem",
        probability=probability,
        threshold=threshold,
        exposure=known.exposure,
        held_out=known.held_out is not None,
        classes=sets.of(probability) if sets else (),
    )


def _show_facts(context: CellContext) -> None:
    identity, text = context.identity, context.outcome
    group = _text(context.row.get("group")) or identity.group
    subject = "Subject unknown" if identity.subject is None else f"Subject {identity.subject}"
    if identity.subject is not None and group != identity.subject:
        subject += f", the same person as others of {group}"
    st.markdown(f"**{text[0].upper()}{text[1:]}.** {frame.plain(subject)}.")


def _show_evidence(
    context: CellContext,
    explainer: Explainer,
    picture: CellPicture,
    known: KnownCell,
    summary: AnswerSummary,
    block: VerdictPlaces,
    *,
    saliency: bool,
) -> None:
    """Draw what supports the answer, by the network that held the cell out where it is at hand."""
    assert context.model is not None

    def update(certainty: str) -> None:
        name = context.identity.image_id
        verdict_block.show_text(block.text, summary, name=name, certainty=certainty)

    evidence = explainer.evidence(context.model, picture, known, summary, saliency=saliency)
    cell = picture.crop(context.model.info.preprocessing)
    for _ in explanation_view.show_evidence(
        summary, cell, evidence, context.images, update, saliency=saliency
    ):
        pass


def _show_models(
    context: CellContext, explainer: Explainer, known: KnownCell, picture: CellPicture | None
) -> None:
    """Draw the answers of all installed models, each asked now where there is a picture."""
    model, slot = context.model, st.empty()
    probability = None if math.isnan(context.probability) else context.probability
    own = ModelAnswer(FILE, context.threshold, held_out=probability, reason="no network")
    if model is not None:
        own = ModelAnswer(model.name, context.threshold, known.exposure, probability, pending=True)
    others, damaged = explanation_view.other_models(model)
    pending = "no picture" if picture is None else "asking"
    for part in explainer.answers([own], others, damaged, context.identity, None):
        explanation_view.show_answers(part.answers, slot, pending=pending)
    if picture is None:
        return
    own = explainer.ask(model, picture, own) if model is not None else own
    for part in explainer.answers([own], others, damaged, context.identity, picture):
        explanation_view.show_answers(part.answers, slot, pending=pending)


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
