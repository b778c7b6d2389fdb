"""The explanation of an answer on a page, each part drawn as soon as it is computed."""

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.errors import AllScopeError
from allcore.explain import parts
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.explanation import Explainer
from allcore.explain.model_record import ModelRecord, fold_predictor
from allcore.explain.neighbours import Neighbour
from allcore.explain.result import Explanation, Part
from allcore.inference.held_out import TrainingExposure
from allcore.labels import CLASS_NAMES
from allcore.model_folder import InstalledModel
from allcore.web import frame, resources
from allcore.web.cell_images import CellImages
from allcore.web.components import cell_pictures, picker
from allcore.web.components.cell_pictures import Frame
from allcore.web.components.picker import Card

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor
    from allcore.inference.results import Prediction
    from allcore.inference.upload import CellPicture

_MAP_WIDTH, _VIEW_WIDTH = 150, 60  # least pixels of a saliency map, and of one of the views
_WAITING = "to come"
_NO_SETS = (
    "There is no prediction set: the model's folder keeps too little, or a site profile applies."
)
_SALIENCY_METHOD = (
    "The brighter a place, the more it speaks for the verdict; each map is scaled by itself. A map "
    "that failed a check is folded away. Integrated gradients compare the cell with itself in one "
    "even colour, so they tell of texture. Neither map shows where disease is."
)
_NEIGHBOUR_METHOD = (
    "Nearest by the angle between the installed network's last features. It was trained on most of "
    "these cells, so this tells what it holds for alike; the probabilities are held out."
)
_ANSWER_METHOD = (
    "A held-out probability is of a network that was not trained on the cell. Where the installed "
    "network was trained on the cell or its subject, go by the held-out one. Each model has its "
    "own threshold; that of the page is used for the model it shows."
)
_EXPOSURES: dict[TrainingExposure, str] = {
    "cell": "trained on this cell",
    "subject": "trained on this subject",
    "no": "trained on neither",
    "unknown": "not known",
}
_STYLE = frame.styles(__file__)
Slots = dict[str, DeltaGenerator]
"""Places of parts, drawn empty at first, so that nothing jumps when the parts come."""


def explainer(images: CellImages) -> Explainer:
    """An explainer whose results all sessions share."""
    key = str([(str(data.root), len(data)) for data in images.manifests])
    return Explainer(
        resources.predictor,
        record=lambda model: _record(model, f"{model.folder} {model.digest} {model.revision}"),
        cells=lambda: _table(images, key),
        remember=_remember,
        load_fold=lambda model, fold: _fold(model, f"{model.folder} {model.digest}", fold),
    )


def show_explanation(
    explainer: Explainer,
    model: InstalledModel,
    picture: "CellPicture",
    prediction: "Prediction",
    images: CellImages,
    on_certainty: Callable[[str], object],
) -> Explanation:
    """Draw the explanation of an answer, what is quick to compute first, and return it.

    Args:
        explainer: as of `explainer`.
        model: the model of the prediction.
        picture: the image.
        prediction: no refusal.
        images: of the nearest cells.
        on_certainty: takes the line that says how sure the answer is, each time it grows.

    Raises:
        ValueError: the picture was refused.
        AllScopeError: the model is damaged.
    """
    alternatives, damaged = other_models(model)
    whole = explainer.explain(model, picture, prediction, others=alternatives, damaged=damaged)
    summary = next(whole)
    assert isinstance(summary, AnswerSummary)
    *_, last = show_evidence(
        summary, picture.crop(model.info.preprocessing), whole, images, on_certainty
    )
    assert isinstance(last, Explanation)
    return last


def show_evidence(
    summary: AnswerSummary,
    cell: Rgb,
    evidence: Iterable[Part],
    images: CellImages,
    on_certainty: Callable[[str], object],
    *,
    saliency: bool = True,
) -> Iterator[Part]:
    """Draw parts of an explanation as they come, and yield them.

    Args:
        summary: the answer.
        cell: the cropped cell (S, S, 3).
        evidence: the parts.
        images: of the nearest cells.
        on_certainty: takes the line that says how sure the answer is, each time it grows.
        saliency: whether saliency maps are among the parts.
    """
    from allcore.explain import gradcam

    slots = _draw_slots(summary, saliency=saliency)
    views: parts.AugmentedViews | None = None
    for part in evidence:
        match part:
            case parts.PredictionSet():
                _show_set(slots["set"], part, summary)
            case parts.ModelInput():
                model_input = part
                if saliency:
                    _show_maps(slots["maps"], (), (), model_input)
            case parts.AugmentedViews():
                views = part
                strip = view_frames(model_input.picture, part)
                slots["views"].html(cell_pictures.frames(strip, least=_VIEW_WIDTH))
                say(slots["views_text"], part.sentence(summary.threshold), lines=2)
                on_certainty(summary.certainty(views))
            case parts.SaliencyMaps():
                overlays = [gradcam.overlay(cell, one.heat) for one in part.maps]
                _show_maps(slots["maps"], part.maps, overlays, model_input)
            case parts.Neighbourhood():
                show_neighbourhood(part, images, slots["neighbours"].container())
                on_certainty(summary.certainty(views, part))
            case parts.ModelAnswers():
                show_answers(part.answers, slots["answers"], pending="asking")
        yield part


def other_models(model: InstalledModel | None) -> tuple[list[InstalledModel], list[str]]:
    """All installed models but one, and the names of those whose folder is damaged."""
    installed, damaged = model_folder.resolve_all()
    folder = model.folder if model else None
    return [other for other in installed if other.folder != folder], list(damaged)


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
    with slot.container():
        st.markdown("**Other models**")
        st.dataframe(table, hide_index=True, alt="One row a model: held-out answer, answer now")
        frame.caption(_ANSWER_METHOD)


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
        frame.markdown(neighbourhood.sentence)
        frame.caption(_NEIGHBOUR_METHOD)


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


def _draw_slots(summary: AnswerSummary, *, saliency: bool) -> Slots:
    slots = {}
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Test-time augmentation**")
        slots["views"], slots["views_text"] = st.empty(), st.empty()
        captions = [f"{_WAITING}, {name}" for name in parts.VIEW_NAMES]
        slots["views"].html(empty_frames(captions, least=_VIEW_WIDTH))
        say(slots["views_text"], "Asking the network", lines=2)
        if saliency:
            st.markdown(f"**Explanation: evidence for {CLASS_NAMES[summary.verdict]}**")
            slots["maps"] = st.empty()
            captions = [f"{name}: {_WAITING}" for name in ("Input", *parts.METHODS)]
            slots["maps"].html(empty_frames(captions, least=_MAP_WIDTH))
            st.caption(_SALIENCY_METHOD)
        slots["set"] = st.empty()
        say(slots["set"], "", lines=2)
    with right:
        slots["neighbours"] = st.empty()
        with slots["neighbours"].container():
            st.markdown("**Nearest cells, as the network sees them**")
            st.html(empty_frames([_WAITING] * 8, least=138))
    slots["answers"] = st.empty()
    return slots


def _show_set(slot: DeltaGenerator, part: parts.PredictionSet, summary: AnswerSummary) -> None:
    """Draw the classes that can't be ruled out, and for which cells that holds."""
    text, strong = _NO_SETS, ""
    if part.sets is not None:
        caution = "" if summary.held_out else parts.CAUTIONS[summary.exposure]
        text, strong = caution or f"It holds for 95 % of {part.scope}.", part.sentence
    say(slot, text, lines=2, strong=strong)


def _show_maps(
    slot: DeltaGenerator,
    maps: Sequence[parts.SaliencyMap],
    overlays: Sequence[Rgb],
    model_input: parts.ModelInput,
) -> None:
    """Draw the network's input and the maps so far; one that failed a check is folded away."""
    frames = [Frame(model_input.picture, model_input.sentence)]
    for saliency, overlay in zip(maps, overlays, strict=True):
        name, result = str(saliency.method), saliency.result
        if not result:  # not shown before it is checked
            frames.append(Frame(None, f"{name}: being checked"))
            continue
        folded = "" if saliency.trusted else f"{name} failed its check: show it anyway"
        frames.append(Frame(overlay, f"{name} {result}", folded))
    frames += [Frame(None, f"{method}: {_WAITING}") for method in parts.METHODS[len(maps) :]]
    slot.html(cell_pictures.frames(frames, least=_MAP_WIDTH))


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


@st.cache_resource(max_entries=5, show_spinner=False)
def _fold(_model: InstalledModel, key: str, fold: int) -> "Predictor":
    return fold_predictor(_model, fold, resources.predictor(_model).device)
