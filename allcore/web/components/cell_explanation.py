"""What a network makes of one cell, on a page: its input, its evidence, its answers when turned.

This module brings torch with it: import it where a picture is there to be asked about.
"""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.explain import explanation_text, gradcam, neighbours, views
from allcore.explain import model_input as seen
from allcore.explain.model_input import Figures
from allcore.explain.views import Learned, Views
from allcore.inference.predictor import Predictor
from allcore.labels import CLASS_NAMES, LABELS
from allcore.web import frame, resources
from allcore.web.components import cell_pictures
from allcore.web.components.cell_pictures import Frame, Slots

CLASSES = LABELS[::-1]
_LEARNED = {
    "cell": "It was trained on this very cell; the held-out probability above is another's.",
    "subject": "It was trained on other cells of this subject.",
    "no": "It was not trained on this subject.",
    "unknown": "Whether it was trained on this cell is not known.",
}
_METHOD = (
    "Grad-CAM: the brighter a place, the more it raised the score of that class; each map is "
    "scaled by itself. It shows where the network looked, not why, and not where disease is."
)


@dataclass(frozen=True)
class Looks:
    """What a network makes of one cell; no threshold moves it.

    Attributes:
        seen: its input as a picture (S, S, 3).
        figures: of the input.
        overlays: the cut cell with the heat of each class over it, (S, S, 3).
        said: what each map's share of heat inside the cell says.
        views: the answers to the cell turned and mirrored.
        held_out: whether the network asked is the one that held the cell's subject out.
    """

    seen: Rgb
    figures: Figures
    overlays: dict[str, Rgb]
    said: dict[str, str]
    views: Views
    held_out: bool

    @property
    def probability(self) -> float:
        """The network's own answer to the cell as it is."""
        return float(self.views.probabilities[0])


def looks(model: str, rgb: Rgb, picture: str, *, fold: int | None = None) -> Looks:
    """What an installed model's network makes of a picture (H, W, 3) of SHA-256 ``picture``.

    With ``fold`` it is the network that held out this fold, and so made the recorded answer.

    Raises:
        BadImage: the picture does not show one cell on black.
        AllScopeError: the model is damaged, or there is no such device.
    """
    return _looks(rgb, model, digest(model), picture, fold)


def fold_of(model: str, fold: object) -> int | None:
    """The fold of a row of an out-of-fold model whose fold networks are kept, else None.

    Raises:
        ModelError: the model's folder is damaged.
    """
    info = model_folder.read_info(model_folder.folder(model))
    known = isinstance(fold, int | float | np.number) and fold == fold
    return int(fold) if info.folds_sha256 and known else None  # type: ignore[call-overload]


def feature(model: str, rgb: Rgb, picture: str) -> NDArray[np.float32]:
    """The penultimate vector (F,) of a picture (H, W, 3) of SHA-256 ``picture``.

    Raises:
        BadImage: the picture does not show one cell on black.
        AllScopeError: the model is damaged, or there is no such device.
    """
    return _feature(rgb, model, digest(model), picture)


def show(found: Looks, slots: Slots, *, threshold: float, learned: Learned) -> None:
    """Fill the places that were kept for it; `learned` is of the network in the folder."""
    shown = [Frame(found.seen, caption(found.figures))]
    shown += [Frame(found.overlays[c], f"What speaks for {CLASS_NAMES[c]}") for c in CLASSES]
    slots.frames.html(cell_pictures.frames(shown, least=150))
    with slots.said.container():
        called = CLASS_NAMES["all" if found.probability >= threshold else "hem"]
        whose, told = ("The network in the model's folder", _LEARNED[learned])
        if found.held_out:
            whose, told = "The network behind the held-out answer", "It never saw this subject."
        st.markdown(
            f"{whose} gives {found.probability:.2f} (threshold {threshold:.2f}): {called}. {told}",
            width=frame.TEXT_WIDTH,
        )
        said = " ".join(f"For {CLASS_NAMES[each]}: {found.said[each]}" for each in CLASSES)
        st.markdown(said, width=frame.TEXT_WIDTH)
        st.caption(_METHOD, width=frame.TEXT_WIDTH)
    slots.views.html(cell_pictures.frames(strip(found.seen, found.views), least=76))
    said = explanation_text.of_views(found.views, threshold)
    slots.views_said.markdown(said, width=frame.TEXT_WIDTH)


def digest(model: str) -> str:
    """Of ``model.json``, which holds the digest of the weights and all else."""
    return model_folder.sha256(model_folder.folder(model) / model_folder.INFO)


def caption(figures: Figures) -> str:
    """The network's input in words."""
    shape = " × ".join(map(str, figures.shape))
    red, green, blue = figures.means
    return (
        f"The network's input, {shape}: {figures.low:.2f} to {figures.high:.2f}; mean red "
        f"{red:.2f}, green {green:.2f}, blue {blue:.2f}"
    )


def strip(seen: Rgb, found: Views) -> list[Frame]:
    """The eight views of the input (S, S, 3) in the order of `views.turned`."""
    starts = (seen, seen[:, ::-1])
    pictures = [np.rot90(start, turns) for start in starts for turns in range(4)]
    named = zip(pictures, found.names, found.probabilities, strict=True)
    return [
        Frame(np.ascontiguousarray(picture), f"{probability:.2f}, {name}")
        for picture, name, probability in named
    ]


@st.cache_data(max_entries=128, show_spinner=False)
def _looks(_rgb: Rgb, model: str, digest: str, picture: str, fold: int | None) -> Looks:
    predictor = resources.predictor(model_folder.resolve(model))
    if fold is not None:
        predictor = _of_fold(predictor, model, digest, fold)
    cell = predictor.prepare(_rgb)
    heats = {each: gradcam.explain(predictor, cell, towards=each) for each in CLASSES}
    return Looks(
        seen=seen.picture(predictor, cell),
        figures=seen.figures(seen.tensor(predictor, cell)),
        overlays={each: gradcam.overlay(cell, heat) for each, heat in heats.items()},
        said={each: explanation_text.of_heat(heat) for each, heat in heats.items()},
        views=views.views(predictor, cell),
        held_out=fold is not None,
    )


@st.cache_resource(max_entries=5, show_spinner=False)
def _of_fold(_shipped: Predictor, model: str, digest: str, fold: int) -> Predictor:
    """A fold's network, whose output is calibrated already."""
    network = model_folder.load_fold_network(model_folder.folder(model), fold, _shipped.device)
    return Predictor(network, replace(_shipped.info, temperature=1.0), _shipped.device)


@st.cache_data(max_entries=512, show_spinner=False)
def _feature(_rgb: Rgb, model: str, digest: str, picture: str) -> NDArray[np.float32]:
    predictor = resources.predictor(model_folder.resolve(model))
    return neighbours.feature(predictor, predictor.prepare(_rgb))
