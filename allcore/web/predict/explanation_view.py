"""The evidence for one answer on a page: each part in a place of its own, as soon as it is ready.

This module brings torch with it: import it where there is an answer.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import streamlit as st
from torch import Tensor

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.evaluation.conformal import PredictionSets
from allcore.explain import explanation as gathered
from allcore.explain import explanation_text, gradcam, known_cells, model_input, views
from allcore.explain.explanation import Answer, Evidence, Saliency
from allcore.explain.known_cells import Identity
from allcore.explain.neighbours import Nearby, Neighbour
from allcore.explain.views import Learned, Views
from allcore.inference.jobs import PredictionService
from allcore.inference.predictor import Predictor
from allcore.inference.results import Row
from allcore.labels import Label
from allcore.web import cell_images
from allcore.web.cell_images import CellImages
from allcore.web.components import (
    cell_explanation,
    cell_neighbours,
    cell_pictures,
    cell_predictions,
)
from allcore.web.components.cell_pictures import Frame
from allcore.web.predict import explanation_layout
from allcore.web.predict.explanation_layout import Places

_CHECKING = "Whether the highlight matters is being checked."


def show(rgb: Rgb, row: Row, service: PredictionService, *, digest: str) -> Evidence:
    """Draw all that speaks for or against an answer, what is quick to know first, and give it.

    Args:
        rgb: the picture (H, W, 3) uint8 that was answered.
        row: the answer, no refusal.
        service: who answered.
        digest: of the picture; the same picture is not asked about again.

    Raises:
        BadImage: the picture does not show one cell on black.
        ValueError: the picture was refused.
    """
    if row.p_all is None or row.verdict == "refused":
        raise ValueError("a refused picture has no evidence")
    started = time.perf_counter()
    predictor, model = service.predictor, cell_explanation.digest(row.model)
    folder = model_folder.folder(row.model)
    cell = predictor.prepare(rgb)
    places = explanation_layout.draw(row.verdict)
    sets = _sets(folder, cell_pictures.state(folder))
    _certain(places, sets, row.p_all, "unknown")
    picture = model_input.picture(predictor, cell)
    figures = model_input.figures(model_input.tensor(predictor, cell))
    last = Frame(picture, cell_explanation.caption(figures))
    _draw_input(places, last)
    turned = _views(predictor, cell, model, digest)
    _turned(places, picture, turned, row.threshold)
    images = cell_images.at_hand(
        service.predictor.info
    )  # slow where no page has read the data sets yet
    own = known_cells.of(digest, images.table)
    name, group = (own.image_id, own.group) if own else (None, None)
    _certain(places, sets, row.p_all, cell_predictions.learned(row.model, name, group))
    maps = _maps(predictor, cell, model, digest, row.verdict)
    _draw_maps(places, cell, maps, last)
    near, nearby = _near(places, rgb, row, own, images, digest)
    answers = _answers(places, rgb, row, own, digest)
    maps = _checked(predictor, cell, maps, model, digest, row.verdict)
    _draw_maps(places, cell, maps, last)
    return Evidence(
        model=row.model,
        model_sha256=row.model_sha256,
        picture_sha256=digest,
        verdict=row.verdict,
        probability=row.p_all,
        threshold=row.threshold,
        identity=own,
        sets=sets,
        views=turned,
        saliency=maps,
        seen=picture,
        figures=figures,
        neighbours=near,
        nearby=nearby,
        models=answers,
        seconds=time.perf_counter() - started,
    )


def _certain(
    places: Places, sets: PredictionSets | None, probability: float, learned: Learned
) -> None:
    """The classes that can't be ruled out, and for which cells that holds."""
    if sets is None:
        said = "The model's folder keeps too little to say what can't be ruled out at 95 %."
        explanation_layout.say(places.certain, said, lines=3)
        return
    caution = explanation_text.caution(learned)
    holds = f"This holds for 95 % of {explanation_text.holds_for(sets)}, on average over subjects."
    words = explanation_text.of_set(sets, probability)
    explanation_layout.say(places.certain, caution or holds, lines=3, strong=words)


def _turned(places: Places, picture: Rgb, found: Views, threshold: float) -> None:
    strip = cell_explanation.strip(picture, found)
    places.views.html(explanation_layout.frames(strip, least=explanation_layout.VIEWS))
    said = explanation_text.of_views(found, threshold)
    explanation_layout.say(places.views_said, said, lines=2)


def _draw_input(places: Places, last: Frame) -> None:
    waiting = [Frame(None, f"{method}: to come") for method in explanation_layout.METHODS]
    places.maps.html(explanation_layout.frames([*waiting, last], least=explanation_layout.HEAT))


def _draw_maps(places: Places, cell: Tensor, maps: tuple[Saliency, ...], last: Frame) -> None:
    """Both maps over the cell, what they say, and the network's input beside them."""
    shown = [Frame(gradcam.overlay(cell, each.heat), _caption(each)) for each in maps]
    places.maps.html(explanation_layout.frames([*shown, last], least=explanation_layout.HEAT))
    for each, place in zip(maps, places.maps_said, strict=True):
        said = each.sentence
        if each.heat.values.any():
            said = f"{said} {each.deletion.sentence if each.deletion else _CHECKING}"
        explanation_layout.say(place, said, lines=4, strong=f"{each.method}.")


def _caption(found: Saliency) -> str:
    if found.deletion is None:
        return found.method
    told = "marks what matters" if found.deletion.supported else "do not read it"
    return f"{found.method}: {told}"


def _near(
    places: Places,
    rgb: Rgb,
    row: Row,
    own: Identity | None,
    images: CellImages,
    digest: str,
) -> tuple[tuple[Neighbour, ...], Nearby | None]:
    """The nearest cells, with a picture where one is connected."""
    near = cell_neighbours.near(
        own.image_id if own else None,
        own.subject if own else None,
        model=row.model,
        images=images,
        threshold=row.threshold,
    )
    if near is None:
        places.near.empty()
        return (), None
    feature = cell_explanation.feature(row.model, rgb, digest)
    return near.show(places.near.container(), feature)


def _answers(
    places: Places, rgb: Rgb, row: Row, own: Identity | None, digest: str
) -> tuple[Answer, ...]:
    """Every installed model's answer; the table fills up as they come."""
    name, group = (own.image_id, own.group) if own else (None, None)
    told = {"image_id": name, "probability": cell_predictions.held_out(row.model, name)}
    rows = cell_predictions.rows(told, group, row.model, row.threshold)
    slot = cell_predictions.show(rows, places.models, asking=True)
    known = {} if row.p_all is None else {row.model: row.p_all}
    said = cell_predictions.ask(rows, slot, rgb, digest, known)
    return tuple(_answer(each, said) for each in rows)


def _answer(row: cell_predictions.Row, said: Mapping[str, float | str]) -> Answer:
    found = said[row.model]
    if isinstance(found, str):
        verdict: Literal["refused"] | None = "refused" if found == "refused" else None
        return Answer(row.model, verdict, None, row.threshold, row.learned, found)
    called: Label = "all" if found >= row.threshold else "hem"
    return Answer(row.model, called, found, row.threshold, row.learned)


@st.cache_resource(max_entries=8, show_spinner=False)
def _sets(_folder: Path, state: str) -> PredictionSets | None:
    return gathered.sets_of(_folder)


@st.cache_data(max_entries=128, show_spinner=False)
def _views(_predictor: Predictor, _cell: Tensor, model: str, picture: str) -> Views:
    return views.views(_predictor, _cell)


@st.cache_data(max_entries=32, show_spinner=False)
def _maps(
    _predictor: Predictor,
    _cell: Tensor,
    model: str,
    picture: str,
    towards: Label,
) -> tuple[Saliency, ...]:
    return gathered.saliency(_predictor, _cell, towards=towards)


@st.cache_data(max_entries=32, show_spinner=False)
def _checked(
    _predictor: Predictor,
    _cell: Tensor,
    _maps: tuple[Saliency, ...],
    model: str,
    picture: str,
    towards: Label,
) -> tuple[Saliency, ...]:
    return gathered.checked(_predictor, _cell, _maps, digest=picture)
