"""The explanation of an answer on a page, each part drawn as soon as it is computed."""

import functools
import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.errors import AllScopeError
from allcore.explain import parts
from allcore.explain.explanation import Explainer, ModelRecord
from allcore.explain.neighbours import Neighbour
from allcore.inference.held_out import TrainingExposure
from allcore.labels import CLASS_NAMES
from allcore.model_folder import InstalledModel
from allcore.web import cell_images, frame, resources
from allcore.web.cell_images import CellImages
from allcore.web.components import cell_pictures, picker
from allcore.web.components.cell_pictures import Frame
from allcore.web.components.picker import Card

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor
    from allcore.inference.results import Prediction
    from allcore.inference.upload import CellPicture

_MAP_WIDTH, _VIEW_WIDTH = 150, 60  # least pixels of a saliency map, and of one of the views
_CHECKING = "Whether the highlight matters is being checked."
_NO_SETS = "The model's folder keeps too little to say what can't be ruled out at 95 %."
_SALIENCY_METHOD = (
    "The brighter a place, the more it speaks for the verdict; each map is scaled by itself. "
    "Grad-CAM is coarse. Integrated gradients compare the cell with itself in one even colour, so "
    "they tell of texture, and lie inside the cell by construction. Neither shows where disease is."
)
_NEIGHBOUR_METHOD = (
    "Nearest by the angle between the network's last features. The network was trained on most of "
    "these cells, so this tells what it holds for alike; the probabilities are held out."
)
_ANSWER_METHOD = (
    "A held-out probability was computed when the model was judged, by a network that was not "
    "trained on the cell. The answer now comes from the network in the model's folder: where that "
    "was trained on the cell or its subject, go by the held-out one. Each model has its own "
    "threshold; that of the page is used for the model it shows."
)
_EXPOSURES: dict[TrainingExposure, str] = {
    "cell": "trained on this cell",
    "subject": "trained on this subject",
    "no": "trained on neither",
    "unknown": "not known",
}
_STYLE = """<style>
.evidence-said { min-height: calc(var(--lines) * 1.6em); line-height: 1.6; }
@media (max-width: 640px) { .evidence-said { min-height: calc(var(--lines) * 2.6em); } }
</style>"""
Slots = dict[str, DeltaGenerator]
"""Places of parts, drawn empty at first, so that nothing jumps when the parts come."""


def explainer(
    images: Callable[[], CellImages],
    load: "Callable[[InstalledModel], Predictor]" = resources.predictor,
    *,
    key: str = "",
) -> Explainer:
    """An explainer whose results all sessions share; `key` tells predictors of one model apart."""

    def cells() -> pd.DataFrame | None:
        known = images()
        return _table(known, str([(str(data.root), len(data)) for data in known.manifests]))

    return Explainer(
        load,
        record=lambda model: _record(model, f"{model.folder} {model.digest} {model.revision}"),
        cells=cells,
        remember=lambda part, function: _remember((key, *part), function),
    )


def show_explanation(
    model: InstalledModel, picture: "CellPicture", prediction: "Prediction"
) -> parts.Explanation:
    """Draw the explanation of an answer, what is quick to compute first, and return it.

    Raises:
        ValueError: the picture was refused.
        AllScopeError: the model is damaged.
    """
    from allcore.explain import gradcam

    images = functools.partial(cell_images.at_hand, model.info)
    slots = _draw_slots(prediction.verdict)
    alternatives, damaged = other_models(model)
    cell = picture.crop(model.info.preprocessing)
    for part in explainer(images).explain(
        model, picture, prediction, others=alternatives, damaged=damaged
    ):
        match part:
            case parts.PredictionSet():
                prediction_set = part
                _show_set(slots["set"], prediction_set, "unknown")
            case parts.KnownCell():
                _show_set(slots["set"], prediction_set, part.exposure)
            case parts.ModelInput():
                model_input = part
                _show_maps(slots, (), (), model_input)
            case parts.AugmentedViews():
                strip = view_frames(model_input.picture, part)
                slots["views"].html(cell_pictures.frames(strip, least=_VIEW_WIDTH))
                say(slots["views_text"], part.sentence(prediction.threshold), lines=2)
            case parts.SaliencyMaps():
                overlays = [gradcam.overlay(cell, saliency.heat) for saliency in part.maps]
                _show_maps(slots, part.maps, overlays, model_input)
            case parts.Neighbourhood():
                show_neighbourhood(part, images(), slots["neighbours"].container())
            case parts.ModelAnswers():
                show_answers(part.answers, slots["answers"], pending="asking")
            case parts.Explanation():
                return part
    raise AssertionError("the last part is the explanation")


def other_models(model: InstalledModel | None) -> tuple[list[InstalledModel], list[str]]:
    """All installed models but one, and the names of those whose folder is damaged."""
    installed, damaged = model_folder.resolve_all()
    folder = model.folder if model else None
    return [other for other in installed if other.folder != folder], list(damaged)


def answers_place(place: DeltaGenerator) -> DeltaGenerator:
    """The empty place of a table of answers, below its title and above its caption."""
    place.markdown("**Every model's answer**")
    slot = place.empty()
    place.caption(_ANSWER_METHOD, width=frame.TEXT_WIDTH)
    return slot


def show_answers(
    answers: Sequence[parts.ModelAnswer], slot: DeltaGenerator, *, pending: str
) -> None:
    """Draw a table of answers; `pending` stands where a model is still to be asked."""
    table = pd.DataFrame(
        {
            "Model": answer.model,
            "Held out": _call_text(answer.held_out, answer.threshold),
            "Answer now": _answer_text(answer, pending),
            "Its network": _EXPOSURES[answer.exposure],
            "Threshold": f"{answer.threshold:.2f}",
        }
        for answer in answers
    )
    slot.dataframe(table, hide_index=True)


def show_neighbourhood(
    neighbourhood: parts.Neighbourhood, images: CellImages, place: DeltaGenerator
) -> None:
    """Draw the nearest cells: a gallery where any has a picture, else a table of names."""
    with place:
        if neighbourhood.problem:
            frame.problem(AllScopeError(neighbourhood.problem))
        if not neighbourhood.cells:
            return
        st.markdown("**Nearest cells, as the network sees them**")
        sources = images.sources([cell.image_id for cell in neighbourhood.cells])
        if any(source.key for source in sources):
            picker.show_gallery([_card(cell, images) for cell in neighbourhood.cells], sources)
        else:
            st.dataframe(pd.DataFrame(map(_table_row, neighbourhood.cells)), hide_index=True)
        st.markdown(neighbourhood.sentence, width=frame.TEXT_WIDTH)
        st.caption(_NEIGHBOUR_METHOD, width=frame.TEXT_WIDTH)


def view_frames(picture: Rgb, views: parts.AugmentedViews) -> list[Frame]:
    """The eight views of the network's input (S, S, 3) with their probabilities."""
    turned = [np.rot90(side, turns) for side in (picture, picture[:, ::-1]) for turns in range(4)]
    return [
        Frame(np.ascontiguousarray(view), f"{probability:.2f}, {name}")
        for view, name, probability in zip(
            turned, parts.VIEW_NAMES, views.probabilities, strict=True
        )
    ]


def empty_frames(captions: Sequence[str], *, least: int) -> str:
    """Frames that are to be filled, as HTML."""
    return cell_pictures.frames([Frame(None, caption) for caption in captions], least=least)


def say(place: DeltaGenerator, text: str, *, lines: int, strong: str = "") -> None:
    """Write plain text into a place that keeps the height of so many lines, twice on a phone."""
    start = f"<strong>{html.escape(strong)}</strong> " if strong else ""
    place.html(
        f'{_STYLE}<div class="evidence-said" style="--lines: {lines}">{start}'
        f"{html.escape(text)}</div>"
    )


def _draw_slots(verdict: str) -> Slots:
    slots = {}
    left, right = st.columns(2, gap="large")
    with left:
        slots["set"] = st.empty()
        say(slots["set"], "", lines=3)
        st.markdown("**Turned and mirrored**")
        slots["views"], slots["views_text"] = st.empty(), st.empty()
        captions = [f"to come, {name}" for name in parts.VIEW_NAMES]
        slots["views"].html(empty_frames(captions, least=_VIEW_WIDTH))
        say(slots["views_text"], "Asking the network", lines=2)
        st.markdown(f"**What speaks for {CLASS_NAMES[verdict]}, and what the network saw**")
        slots["maps"] = st.empty()
        captions = [f"{name}: to come" for name in (*parts.METHODS, "Input")]
        slots["maps"].html(empty_frames(captions, least=_MAP_WIDTH))
        for method in parts.METHODS:
            slots[method] = st.empty()
            say(slots[method], "Looking for the evidence", lines=4)
        st.caption(_SALIENCY_METHOD)
    with right:
        slots["neighbours"] = st.empty()
        with slots["neighbours"].container():
            st.markdown("**Nearest cells, as the network sees them**")
            st.html(empty_frames(["to come"] * 8, least=138))
        slots["answers"] = answers_place(st.container())
    return slots


def _show_set(slot: DeltaGenerator, part: parts.PredictionSet, exposure: TrainingExposure) -> None:
    """Draw the classes that can't be ruled out, and for which cells that holds."""
    text, strong = _NO_SETS, ""
    if part.sets is not None:
        scope = f"This holds for 95 % of {part.scope}."
        text, strong = parts.CAUTIONS[exposure] or scope, part.sentence
    say(slot, text, lines=3, strong=strong)


def _show_maps(
    slots: Slots,
    maps: Sequence[parts.SaliencyMap],
    overlays: Sequence[Rgb],
    model_input: parts.ModelInput,
) -> None:
    """Draw the maps so far over the cell, their sentences, and the network's input beside them."""
    frames = []
    for saliency, overlay in zip(maps, overlays, strict=True):
        caption, text, check = str(saliency.method), saliency.sentence, saliency.deletion
        if check:
            caption += ": marks what matters" if check.supported else ": do not read it"
        if saliency.heat.values.any():
            text += f" {check.sentence if check else _CHECKING}"
        frames.append(Frame(overlay, caption))
        say(slots[saliency.method], text, lines=4, strong=f"{saliency.method}.")
    frames += [Frame(None, f"{method}: to come") for method in parts.METHODS[len(maps) :]]
    frames.append(Frame(model_input.picture, model_input.sentence))
    slots["maps"].html(cell_pictures.frames(frames, least=_MAP_WIDTH))


def _answer_text(answer: parts.ModelAnswer, pending: str) -> str:
    if answer.pending:
        return pending
    if answer.probability is None:
        return "refused" if answer.verdict == "refused" else answer.reason
    return _call_text(answer.probability, answer.threshold)


def _call_text(probability: float | None, threshold: float) -> str:
    if probability is None:
        return "none"
    return f"{probability:.2f}, {CLASS_NAMES['all' if probability >= threshold else 'hem']}"


def _card(cell: Neighbour, images: CellImages) -> Card:
    name = CLASS_NAMES.get(cell.label or "", "no label")
    subject = "the same subject" if cell.same_subject else "subject"
    held_out = "trained on" if cell.probability is None else f"{cell.probability:.2f} held out"
    return Card(
        cell.image_id,
        cell.label or "",
        title=f"{name}, {subject} {cell.subject or 'unknown'}, {held_out}, "
        f"distance {cell.distance:.2g}",
        detail=cell.image_id,
        synthetic=images.is_synthetic(cell.image_id),
    )


def _table_row(cell: Neighbour) -> dict[str, str]:
    return {
        "Cell": cell.image_id,
        "Label": CLASS_NAMES.get(cell.label or "", "no label"),
        "Subject": f"{cell.subject or 'unknown'}{' (the same)' if cell.same_subject else ''}",
        "Probability, held out": "none" if cell.probability is None else f"{cell.probability:.2f}",
        "Distance": f"{cell.distance:.2g}",
    }


@st.cache_resource(max_entries=16, show_spinner=False)
def _record(_model: InstalledModel, key: str) -> ModelRecord:
    return ModelRecord(_model)


@st.cache_resource(max_entries=4, show_spinner=False)
def _table(_images: CellImages, key: str) -> pd.DataFrame | None:
    return _images.table


@st.cache_resource(max_entries=384, show_spinner=False)
def _remember(key: tuple[str, ...], _function: Callable[[], Any]) -> Any:
    return _function()
