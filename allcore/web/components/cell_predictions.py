"""Every model's answer to one cell: the held-out one of its table, and the network's own now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.errors import AllScopeError
from allcore.explain.views import Learned, Trained
from allcore.inference.results import Prediction
from allcore.labels import CLASS_NAMES
from allcore.web import frame, resources
from allcore.web.components import cell_pictures

FILE = "predictions shown"
_LEARNED = {
    "cell": "trained on this cell",
    "subject": "trained on this subject",
    "no": "trained on neither",
    "unknown": "not known",
}
_METHOD = (
    "A held-out probability was computed when the model was judged, by a network that was not "
    "trained on the cell. The answer now comes from the network in the model's folder: where that "
    "was trained on the cell or its subject, go by the held-out one. Each model has its own "
    "threshold; that of the page is used for the model it shows."
)


@dataclass(frozen=True)
class Row:
    """A model, and what is recorded of the cell.

    Attributes:
        model: its name; ``FILE`` where the predictions came from a file.
        threshold: probability from which the model calls a cell an ALL blast.
        held_out: recorded probability; None where there is none.
        learned: what of the cell the network in the folder was trained on.
        problem: why the model can't be read; empty where it can.
    """

    model: str
    threshold: float
    held_out: float | None
    learned: Learned
    problem: str = ""


def rows(
    row: Mapping[str, Any], group: str | None, model: str | None, threshold: float
) -> tuple[Row, ...]:
    """One row a model, that of the page first.

    Args:
        row: of a table of predictions; without an image id where the cell is in no data set.
        group: the cell's independent subject, None where unknown.
        model: that the page shows; None for a file.
        threshold: of the page.
    """
    image_id = None if row.get("image_id") is None else str(row["image_id"])
    shown = row.get("probability")
    probability = None if shown is None or pd.isna(shown) else float(shown)
    knows = "unknown" if model is None else learned(model, image_id, group)
    first = Row(model or FILE, threshold, probability, knows)
    others = (name for name in model_folder.names() if name != model)
    return (first, *(_other(name, image_id, group) for name in others))


def held_out(model: str, image_id: str | None) -> float | None:
    """The recorded probability of a cell; None where there is none."""
    try:
        folder = model_folder.folder(model)
        return _held_out(folder, cell_pictures.state(folder)).get(image_id or "")
    except AllScopeError:
        return None  # a model may come without predictions


def learned(model: str, image_id: str | None, group: str | None) -> Learned:
    """What of the cell the network in a model's folder was trained on."""
    if image_id is None:
        return "unknown"
    try:
        folder = model_folder.folder(model)
        return _trained(folder, cell_pictures.state(folder)).learned(image_id, group)
    except AllScopeError:
        return "unknown"


def show(found: Sequence[Row], place: DeltaGenerator, *, asking: bool) -> DeltaGenerator:
    """Draw what is recorded; give the table's place, to be filled with what is asked."""
    with place:
        st.markdown("**Every model's answer**")
        slot = st.empty()
        st.caption(_METHOD, width=frame.TEXT_WIDTH)
    _draw(found, slot, {}, pending="asking" if asking else "no picture")
    return slot


def ask(
    found: Sequence[Row],
    slot: DeltaGenerator,
    rgb: Rgb,
    picture: str,
    own: Mapping[str, float],
) -> Mapping[str, float | str]:
    """Ask each model about the picture (H, W, 3) of SHA-256 ``picture``; the table fills up.

    Gives each model's probability, or why there is none.

    Args:
        found: from `rows`.
        slot: from `show`.
        rgb: the picture.
        picture: its SHA-256.
        own: probabilities that are known already, by model.
    """
    said: dict[str, float | str] = {FILE: "no network", **own}
    for row in found:
        if row.model not in said:
            said[row.model] = _answer(row.model, rgb, picture)
            _draw(found, slot, said, pending="asking")
    _draw(found, slot, said, pending="")
    return said


def _draw(
    found: Sequence[Row],
    slot: DeltaGenerator,
    said: Mapping[str, float | str],
    *,
    pending: str,
) -> None:
    table = pd.DataFrame(
        {
            "Model": row.model,
            "Held out": row.problem or _called(row.held_out, row.threshold),
            "Answer now": _said(said.get(row.model, pending), row.threshold),
            "Its network": _LEARNED[row.learned],
            "Threshold": f"{row.threshold:.2f}",
        }
        for row in found
    )
    slot.dataframe(table, hide_index=True)


def _said(answer: float | str, threshold: float) -> str:
    return answer if isinstance(answer, str) else _called(answer, threshold)


def _called(probability: float | None, threshold: float) -> str:
    if probability is None:
        return "none"
    called = "all" if probability >= threshold else "hem"
    return f"{probability:.2f}, {CLASS_NAMES[called]}"


def _answer(model: str, rgb: Rgb, picture: str) -> float | str:
    try:
        installed = model_folder.resolve(model)
        answer = _asked(installed, rgb, installed.digest, picture)
        return "refused" if answer.p_all is None else answer.p_all
    except (AllScopeError, OSError):
        return "can't be asked: its folder is damaged"


@st.cache_data(max_entries=512, show_spinner=False)
def _asked(_model: model_folder.InstalledModel, _rgb: Rgb, digest: str, picture: str) -> Prediction:
    return resources.predictor(_model).predict([_rgb])[0]


def _other(name: str, image_id: str | None, group: str | None) -> Row:
    try:
        folder = model_folder.folder(name)
        threshold = model_folder.read_info(folder).threshold
    except AllScopeError:
        return Row(name, 0.5, None, "unknown", "its folder is damaged")
    return Row(name, threshold, held_out(name, image_id), learned(name, image_id, group))


@st.cache_resource(max_entries=16, show_spinner=False)
def _held_out(_folder: Path, state: str) -> dict[str, float]:
    table = model_folder.read_predictions(_folder)
    known = table[table["probability"].notna()]
    return dict(zip(known["image_id"].astype(str), known["probability"].astype(float), strict=True))


@st.cache_resource(max_entries=16, show_spinner=False)
def _trained(_folder: Path, state: str) -> Trained:
    return Trained.of(_folder)
