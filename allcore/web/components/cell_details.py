"""Everything known of one cell of a table of predictions; what is quick to get comes first."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import model_folder
from allcore.audit.index import queries
from allcore.data import cell_measurements as facts
from allcore.data import cells
from allcore.data.images import decoding
from allcore.errors import AllScopeError
from allcore.explain.explanation import Explainer
from allcore.explain.parts import VIEW_NAMES, CellIdentity, ModelAnswer, heat_sentence
from allcore.inference import upload
from allcore.inference.held_out import TrainingExposure
from allcore.inference.upload import CellPicture
from allcore.labels import CLASS_NAMES, Label
from allcore.model_folder import InstalledModel
from allcore.plots import predict as predict_plots
from allcore.web import frame, resources
from allcore.web.cell_images import CellImages
from allcore.web.components import cell_pictures, explanation_view, picker
from allcore.web.components.cell_pictures import Frame
from allcore.web.components.explanation_view import Slots

if TYPE_CHECKING:  # it brings torch, which a cell without a picture does without
    from allcore.inference.predictor import Predictor

FILE = "predictions shown"
"""Stands for the model where the predictions came from a file."""
CONNECT = (
    "The picture of this cell is not on this machine: set `ALLSCOPE_DATA` to the folder of the "
    "data set to see it, and what the network made of it."
)
CLASSES: tuple[Label, Label] = ("all", "hem")
_FACTS = {fact.name: fact for fact in facts.MEASURES} | queries.MEASURES
_FIELD = 1024  # side, in pixels, of what is shown of a larger picture: its middle
_MAP_WIDTH, _VIEW_WIDTH = 150, 76  # least pixels of a saliency map, and of one of the eight views
_EXPOSURES: dict[TrainingExposure, str] = {
    "cell": "It was trained on this very cell; the held-out probability above is another's.",
    "subject": "It was trained on other cells of this subject.",
    "no": "It was not trained on this subject.",
    "unknown": "Whether it was trained on cells of this subject is not known.",
}
_NO_NETWORK = "These predictions came from a file, so there is no network to ask about the cell."
_METHOD = (
    "Grad-CAM: the brighter a place, the more it raised the score of that class; each map is "
    "scaled by itself. It shows where the network looked, not why, and not where disease is."
)


@dataclass(frozen=True)
class CellContext:
    """One cell, and what the page around it knows."""

    row: Mapping[str, Any]  # the cell's row of a table of predictions, by column
    threshold: float  # probability from which a cell is called an ALL blast
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
    _show_heading(context)
    picture = read(context.images.file(context.identity.image_id))
    _show_picture(context, picture)
    evidence, around, table = st.container(), st.container(), st.container()
    slots: Slots = {}
    if picture is not None and context.model is not None:
        with evidence:  # at once, so that nothing of the cell before stands below this one's name
            slots = _draw_slots()
    explainer, model = explanation_view.explainer(lambda: context.images), context.model
    alternatives, damaged = explanation_view.other_models(model)
    own = _recorded_answer(context, explainer)
    slot = explanation_view.answers_place(table)
    pending = "no picture" if picture is None else "asking"
    for part in explainer.answers([own], alternatives, damaged, context.identity, None):
        explanation_view.show_answers(part.answers, slot, pending=pending)
    has_features = _show_neighbours(context, explainer, around, final=picture is None)
    if picture is None:
        return 0
    if model is None:
        evidence.info(_NO_NETWORK, icon=":material/info:")
    else:
        answer = _show_network(context, model, picture, own, slots)
        if answer is not None and not has_features:
            _show_neighbours(context, explainer, around, picture)
        own = explainer.ask(model, picture, own) if answer is None or answer.pending else answer
    for part in explainer.answers([own], alternatives, damaged, context.identity, picture):
        explanation_view.show_answers(part.answers, slot, pending=pending)
    return 0


def outcome(label: str | None, probability: float, threshold: float) -> str:
    """What became of a cell at the threshold, in words."""
    if not 0 <= probability <= 1:
        return "no probability is recorded"
    called = "all" if probability >= threshold else "hem"
    call = f"called {CLASS_NAMES[called]}"
    if label not in CLASS_NAMES:
        return f"no label, {call}"
    return f"labelled {CLASS_NAMES[label]}, {call}: {'right' if label == called else 'wrong'}"


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
        st.markdown("**Measures of the picture**")
        st.dataframe(pd.DataFrame(rows), hide_index=True)


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
        st.info(missing, icon=":material/image_not_supported:", width=frame.TEXT_WIDTH)
        return None
    try:
        digest = hashlib.sha256(data).hexdigest()
        return upload.PICTURES.get(digest, lambda: decoding.decode(data))
    except AllScopeError as error:
        frame.problem(error)
        return None


def _draw_slots() -> Slots:
    """Draw the empty frames of what the network made of the cell; they keep their size."""
    names = ("title", "maps", "text", "views_title", "views", "views_text")
    slots = {name: st.empty() for name in names}
    slots["title"].markdown("**What the network saw, and where it found its evidence**")
    slots["maps"].html(explanation_view.empty_frames(["to come"] * 3, least=_MAP_WIDTH))
    slots["views_title"].markdown("**Turned and mirrored**")
    empty = explanation_view.empty_frames(["to come"] * len(VIEW_NAMES), least=_VIEW_WIDTH)
    slots["views"].html(empty)
    return slots


def _show_heading(context: CellContext) -> None:
    identity, probability, text = context.identity, context.probability, context.outcome
    mark, colour = picker.class_mark(context.row.get("label"))
    st.html(cell_pictures.heading(identity.image_id, mark=mark, colour=colour))
    group = _text(context.row.get("group")) or identity.group
    subject = "Subject unknown" if identity.subject is None else f"Subject {identity.subject}"
    if identity.subject is not None and group != identity.subject:
        subject += f", the same person as others of {group}"
    st.markdown(f"**{text[0].upper()}{text[1:]}.** {frame.plain(subject)}.")
    if 0 <= probability <= 1:
        scale = predict_plots.probability_scale(probability, threshold=context.threshold)
        st.plotly_chart(scale, config={"displayModeBar": False}, key="cell_scale")


def _show_picture(context: CellContext, picture: CellPicture | None) -> None:
    """The picture, to be looked into, and its measures; side by side where there is room."""
    place: DeltaGenerator = st.container()
    if picture is not None:
        left, place = st.columns([3, 2], gap="medium")
        with left:
            alt = f"Picture of the cell {context.identity.image_id}, {context.outcome}"
            cell_pictures.zoomable(cells.centre_crop(picture.rgb, _FIELD), alt=alt)
    with place:
        measures(context.facts, context.percentiles)


def _recorded_answer(context: CellContext, explainer: Explainer) -> ModelAnswer:
    """What is recorded of the cell in the predictions that the page shows."""
    probability = None if math.isnan(context.probability) else context.probability
    if context.model is None:
        return ModelAnswer(FILE, context.threshold, held_out=probability, reason="no network")
    exposure = explainer.record(context.model).exposure(context.identity)
    return ModelAnswer(context.model.name, context.threshold, exposure, probability, pending=True)


def _show_neighbours(
    context: CellContext,
    explainer: Explainer,
    place: DeltaGenerator,
    picture: CellPicture | None = None,
    *,
    final: bool = True,
) -> bool:
    """Draw the nearest cells, by the recorded features or those of the picture.

    False where neither is known, of which the problem is drawn too where this is final.
    """
    model, identity = context.model, context.identity
    if model is None:
        return True
    part = explainer.neighbourhood(model, picture, identity, threshold=context.threshold)
    if final or not part.problem:
        explanation_view.show_neighbourhood(part, context.images, place)
    return not part.problem


def _show_network(
    context: CellContext,
    model: InstalledModel,
    picture: CellPicture,
    recorded: ModelAnswer,
    slots: Slots,
) -> ModelAnswer | None:
    """Draw what a network made of the cell; return its answer, pending where a fold's was asked.

    A cell that the shipped network was trained on is put to the network of the fold that held it
    out, where the folder has that network. None where the network can't be asked.
    """
    exposed = recorded.exposure in ("cell", "subject")
    fold = _fold(model, context.row.get("fold")) if exposed else None
    try:
        with slots["text"], st.spinner("Asking the network"):
            from allcore.explain import gradcam  # brings torch, which takes its time

            explainer = explanation_view.explainer(
                lambda: context.images,
                resources.predictor
                if fold is None
                else lambda model: _fold_predictor(model, f"{model.folder} {model.digest}", fold),
                key="" if fold is None else f"fold {fold}",
            )
            model_input = explainer.model_input(model, picture)
            maps = [explainer.saliency(model, picture, "Grad-CAM", label) for label in CLASSES]
            views = explainer.views(model, picture)
    except AllScopeError as error:
        for slot in slots.values():
            slot.empty()
        with slots["text"]:
            frame.problem(error)
        return None
    cell = picture.crop(model.info.preprocessing)
    frames, sentences = [Frame(model_input.picture, model_input.sentence)], []
    for saliency in maps:
        name = CLASS_NAMES[saliency.heat.towards]
        frames.append(Frame(gradcam.overlay(cell, saliency.heat), f"What speaks for {name}"))
        sentences.append(f"For {name}: {heat_sentence(saliency.heat)}")
    slots["maps"].html(cell_pictures.frames(frames, least=_MAP_WIDTH))
    probability = float(views.probabilities[0])
    called = CLASS_NAMES["all" if probability >= context.threshold else "hem"]
    network, exposure = "The network in the model's folder", _EXPOSURES[recorded.exposure]
    if fold is not None:
        known = context.identity.subject is not None and not model.info.separation.unknown
        network = "The network behind the held-out answer"
        exposure = f"It never saw this {'subject' if known else 'cell'}."
    with slots["text"].container():
        st.markdown(
            f"{network} gives {probability:.2f} (threshold {context.threshold:.2f}): {called}. "
            f"{exposure}",
            width=frame.TEXT_WIDTH,
        )
        st.markdown(" ".join(sentences), width=frame.TEXT_WIDTH)
        st.caption(_METHOD, width=frame.TEXT_WIDTH)
    strip = explanation_view.view_frames(model_input.picture, views)
    slots["views"].html(cell_pictures.frames(strip, least=_VIEW_WIDTH))
    slots["views_text"].markdown(views.sentence(context.threshold), width=frame.TEXT_WIDTH)
    if fold is not None:
        return recorded
    return replace(recorded, probability=probability, pending=False)


def _fold(model: InstalledModel, fold: object) -> int | None:
    """The fold of a row of an out-of-fold model whose folder has the fold networks, else None."""
    if model.info.folds_sha256 is None or not isinstance(fold, int | float | np.number):
        return None
    return None if math.isnan(float(fold)) else int(fold)


@st.cache_resource(max_entries=5, show_spinner=False)
def _fold_predictor(_model: InstalledModel, key: str, fold: int) -> "Predictor":
    """A fold's network, whose output is calibrated already."""
    from allcore.inference.predictor import Predictor

    device = resources.predictor(_model).device
    network = model_folder.load_fold_network(_model.folder, fold, device)
    return Predictor(network, replace(_model.info, temperature=1.0), device)


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
