"""The nearest cells of one cell on a page, and how the model does among them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from allcore import model_folder
from allcore.errors import AllScopeError
from allcore.explain import explanation_text
from allcore.explain.neighbours import Nearby, Neighbour, Neighbours
from allcore.labels import CLASS_NAMES
from allcore.web import frame
from allcore.web.cell_images import CellImages
from allcore.web.components import cell_pictures, gallery
from allcore.web.components.gallery import GalleryCard

_METHOD = (
    "Nearest by the angle between the network's last features. The network was trained on most of "
    "these cells, so this tells what it holds for alike; the probabilities are held out."
)


@dataclass(frozen=True)
class Near:
    """A cell, and those that a model's folder keeps the features of.

    Attributes:
        image_id: of the cell, None where it is in no data set.
        subject: of the cell, None where unknown.
        kept: the cells to look among.
        images: of the cells, as far as they are on this machine.
        threshold: probability from which a cell is called an ALL blast.
    """

    image_id: str | None
    subject: str | None
    kept: Neighbours
    images: CellImages
    threshold: float

    @property
    def known(self) -> bool:
        """Whether the cell's own features are kept, so that no network need be asked."""
        return self.image_id in self.kept

    def show(
        self, place: DeltaGenerator, feature: NDArray[np.float32] | None = None
    ) -> tuple[tuple[Neighbour, ...], Nearby | None]:
        """Draw the neighbours and give them; `feature` (F,) is of a cell whose own is not kept.

        Without either there are none.
        """
        of = self.image_id if feature is None else feature
        if of is None:
            return (), None
        with place:
            st.markdown("**Nearest cells, as the network sees them**")
            try:
                found = self.kept.nearest(of, subject=self.subject, exclude_id=self.image_id)
                nearby = self.kept.accuracy_nearby(
                    of, self.threshold, subject=self.subject, exclude_id=self.image_id
                )
            except AllScopeError as error:
                st.markdown(frame.plain(str(error)), width=frame.TEXT_WIDTH)
                return (), None
            _draw(found, self.images)
            known = self.subject is not None
            said = explanation_text.of_neighbours(found, nearby, own_known=known)
            st.markdown(said, width=frame.TEXT_WIDTH)
            st.caption(_METHOD, width=frame.TEXT_WIDTH)
        return found, nearby


def near(
    image_id: str | None,
    subject: str | None,
    *,
    model: str,
    images: CellImages,
    threshold: float,
) -> Near | None:
    """The cells to look among; None, with a sentence, where the model's folder keeps none."""
    named = [(str(manifest.root), len(manifest)) for manifest in images.manifests]
    try:
        folder = model_folder.folder(model)
        kept = _read(folder, images.table, f"{cell_pictures.state(folder)} {named}")
    except AllScopeError as error:
        frame.problem(error)
        return None
    return Near(image_id, subject, kept, images, threshold)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(_folder: Path, _known: pd.DataFrame | None, state: str) -> Neighbours:
    return Neighbours.of(_folder, _known)


def _draw(found: tuple[Neighbour, ...], images: CellImages) -> None:
    """A gallery where there is a picture of any, a table of names where there is none."""
    sources = images.sources([each.image_id for each in found])
    if not any(source.key for source in sources):
        st.dataframe(pd.DataFrame(map(_row, found)), hide_index=True)
        return
    cards = [
        GalleryCard(
            each.image_id,
            each.label or "",
            _detail(each),
            synthetic=images.is_synthetic(each.image_id),
        )
        for each in found
    ]
    gallery.show_gallery(cards, sources)


def _row(each: Neighbour) -> dict[str, str]:
    return {
        "Cell": each.image_id,
        "Label": CLASS_NAMES.get(each.label or "", "no label"),
        "Subject": f"{each.subject or 'unknown'}{' (the same)' if each.same_subject else ''}",
        "Probability, held out": "none" if each.probability is None else f"{each.probability:.2f}",
        "Distance": f"{each.distance:.2g}",
    }


def _detail(each: Neighbour) -> str:
    whose = "the same subject" if each.same_subject else "subject"
    held_out = "trained on" if each.probability is None else f"{each.probability:.2f} held out"
    return f"{whose} {each.subject or 'unknown'}, {held_out}, distance {each.distance:.2g}"
