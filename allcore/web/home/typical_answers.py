"""Typical answers of a model in pictures: right for a blast, right for a normal cell, and wrong."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from allcore import settings
from allcore.evaluation import outcomes
from allcore.inference import synthetic_predictions
from allcore.labels import CLASS_COLOURS, VERDICT_TITLES
from allcore.model_folder import InstalledModel
from allcore.synthetic import dataset
from allcore.web import cell_images, datasets, evaluations, frame
from allcore.web.accounts import Visitor
from allcore.web.cell_images import CellImages
from allcore.web.components import picker
from allcore.web.evaluation import synthetic_cells
from allcore.web.evaluations import PredictionSource

_KINDS = (("tp",), ("tn",), ("fp", "fn"))
"""Outcomes of the three answers; of the last two the first that there is."""
_STYLE = frame.styles(__file__)


@dataclass(frozen=True)
class TypicalAnswer:
    """An answer with the thumbnail of its cell."""

    label: str
    probability: float  # of an ALL blast
    threshold: float
    picture: bytes  # WebP

    @property
    def verdict(self) -> str:
        """The predicted class."""
        return "all" if self.probability >= self.threshold else "hem"


def choose(table: pd.DataFrame, threshold: float) -> list["pd.Series"]:
    """Of each kind of answer the one of median probability; kinds that are missing are left out.

    Args:
        table: predictions for labelled cells.
        threshold: of the model.
    """
    if table.empty:
        return []
    probabilities = table["probability"].to_numpy(dtype=float)
    labels = np.asarray(table["label"] == "all", dtype=np.intp)
    kinds = outcomes.cell_outcomes(labels, probabilities, threshold)
    chosen = []
    for keys in _KINDS:
        for key in keys:
            cells = table[np.asarray(kinds == key)].sort_values("probability", kind="stable")
            if len(cells):
                chosen.append(cells.iloc[len(cells) // 2])
                break
    return chosen


def show_answers(visitor: Visitor, model: InstalledModel) -> None:
    """Draw the answers: on held-out cells that this visitor may see, else on synthetic cells.

    Raises:
        AllScopeError: the predictions are missing or damaged.
    """
    real = cell_images.at_hand(model.info) if visitor.may("look") else CellImages()
    answers = list(_answers(PredictionSource.of_model(model), real)) if real.places else []
    about = "Held-out cells of the connected images: of each kind the answer of median probability."
    if not answers and synthetic_predictions.is_scored(model):
        source = PredictionSource.of_synthetic(model, synthetic_predictions.folder(model))
        answers = list(_answers(source, CellImages.of([datasets.load(dataset.NAME)])))
        about = "Synthetic cells, drawn by ALLScope: of each kind the answer of median probability."
    if not answers:
        _show_what_is_awaited(visitor, model)
        return
    st.html(_STYLE + f'<div class="answers">{"".join(map(_figure, answers))}</div>')
    st.caption(about)


def _show_what_is_awaited(visitor: Visitor, model: InstalledModel) -> None:
    scores = settings.load().score_synthetic and not datasets.real_names()
    if scores and synthetic_predictions.can_score(model):
        st.caption("Answers in pictures stand here once the model has scored the synthetic cells.")
        synthetic_cells.show_progress(model, may_retry=visitor.may("look"))
        return
    st.info(
        "Answers in pictures stand here once images are connected, or the synthetic cells have "
        "been scored, which begins when they are chosen on Evaluation.",
        icon=":material/imagesmode:",
    )


def _answers(source: PredictionSource, images: CellImages) -> Iterator[TypicalAnswer]:
    table = evaluations.split_cells(source, evaluations.splits(source)[0])
    at_hand = table[[image_id in images for image_id in table["image_id"].astype(str)]]
    cells = choose(at_hand, source.threshold)
    sources = images.sources([str(cell["image_id"]) for cell in cells])
    pictures = picker.thumbnail_store().get(sources)
    for cell, picture in zip(cells, pictures, strict=True):
        if picture:
            probability = float(cell["probability"])
            yield TypicalAnswer(str(cell["label"]), probability, source.threshold, picture)


def _figure(answer: TypicalAnswer) -> str:
    verdict, actual = VERDICT_TITLES[answer.verdict], VERDICT_TITLES[answer.label]
    right = answer.verdict == answer.label
    note = "correct" if right else f"wrong: labelled {actual}"
    address = f"data:image/webp;base64,{base64.b64encode(answer.picture).decode()}"
    mark, _ = picker.class_mark(answer.verdict)
    return (
        f'<figure><img alt="Cell predicted {verdict}, {note}" src="{address}">'
        f'<figcaption><b><span style="color:{CLASS_COLOURS[answer.verdict]}" aria-hidden="true">'
        f"{mark}</span> {verdict}</b>"
        f'<div class="bar" aria-hidden="true"><i style="width:{100 * answer.probability:.0f}%;'
        f'background:{CLASS_COLOURS[answer.verdict]}"></i>'
        f'<s style="left:{100 * answer.threshold:.0f}%"></s></div>'
        f"<span>{answer.probability:.2f}, {note}</span></figcaption></figure>"
    )
