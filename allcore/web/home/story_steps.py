"""The steps of the guided story, each a picture with a finding.

Cells are held-out ones where their images are connected, synthetic ones otherwise.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from allcore import formats, settings
from allcore.data import cells
from allcore.data.images import decoding
from allcore.explain import answer_summary
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.parts import KnownCell
from allcore.inference import examples, synthetic_predictions
from allcore.inference.results import Prediction
from allcore.labels import CLASS_NAMES
from allcore.model_folder import InstalledModel
from allcore.reports.headline import Headline, MeasuredAccuracy
from allcore.synthetic import dataset
from allcore.web import (
    cell_images,
    datasets,
    evaluations,
    frame,
    navigation,
    resources,
)
from allcore.web.accounts import Visitor
from allcore.web.cell_images import CellImages
from allcore.web.components import verdict_block
from allcore.web.evaluation import synthetic_cells
from allcore.web.evaluations import PredictionSource
from allcore.web.home.story_findings import StoryCells

_FIELD = 1024  # side, in pixels, of what is shown of a larger picture: its middle
_SYNTHETIC = "Synthetic cells, drawn by ALLScope: they say nothing about real cells."
_WAITING = (
    "This step shows a synthetic cell as soon as the model has scored them, which takes a minute "
    "or two."
)
_CHOOSE = "This step shows a synthetic cell once they are scored: choose **Synthetic** there."


class _Cells(NamedTuple):
    """Cells to choose from, and what shows them."""

    source: PredictionSource
    split: str  # key of the control on Evaluation
    cells: StoryCells
    images: CellImages


class _Step(NamedTuple):
    """A step: its heading, and the function that draws it."""

    title: str
    show: Callable[[Visitor, InstalledModel], None]


def show_step(number: int, visitor: Visitor, model: InstalledModel) -> None:
    """Draw a step, counted from 1.

    Raises:
        AllScopeError: the predictions are missing or damaged, or the examples can't be made.
    """
    step = STEPS[number - 1]
    st.subheader(f"{number}. {step.title}", anchor=False)
    step.show(visitor, model)


def gap_html(rows: Mapping[str, MeasuredAccuracy]) -> str:
    """Accuracies with intervals as bars from 0 to 100 %, by their titles, as HTML."""
    bars = "".join(_gap_row(title, measured) for title, measured in rows.items())
    return f'{_STYLE}<div class="gap">{bars}</div>'


def _show_right_answer(visitor: Visitor, model: InstalledModel) -> None:
    found = _find_cells(visitor, model)
    if found:
        cell = found.cells.right_answer()
        _show_cell(found, cell, found.cells.correct_sentence)


def _show_confident_error(visitor: Visitor, model: InstalledModel) -> None:
    found = _find_cells(visitor, model)
    if found:
        cell = found.cells.confident_error()
        sentence = f"{found.cells.confident_sentence} A high probability is no promise."
        _show_cell(found, cell, sentence.strip())


def _show_wrong_label(visitor: Visitor, model: InstalledModel) -> None:
    found = _find_cells(visitor, model)
    if found:
        cell = found.cells.wrong_label()
        sentence = "" if cell is None else found.cells.label_sentence(str(cell["image_id"]))
        _show_cell(found, cell, sentence)


def _show_gap(_visitor: Visitor, model: InstalledModel) -> None:
    headline: Headline = evaluations.read_headline(model)
    rows = {
        "Subjects that the model never saw": headline.unseen,
        "Images split at random, as in the paper": headline.paper,
    }
    known = {title: measured for title, measured in rows.items() if measured is not None}
    if not known:
        st.info(frame.plain(headline.not_unseen), icon=":material/info:")
        return
    st.html(gap_html(known))
    difference, _, why = headline.gap.partition(": ")
    frame.markdown(f"**{difference}**: {why}")
    frame.caption(headline.citation)
    navigation.link("Compare", "See both protocols for every network")


def _show_refusal(_visitor: Visitor, model: InstalledModel) -> None:
    predictor = resources.predictor(model)
    with st.spinner("Drawing synthetic pictures"):
        pictures = examples.examples(predictor)
    refused = [each for each in pictures if each.name.startswith("Refused")]
    if not refused:
        st.info("The network has no gate, so that it refuses no photograph.")
        return
    example = refused[-1]
    data = example.path.read_bytes()
    rgb = decoding.decode(data)
    prediction = _predict(predictor, rgb, f"{model.digest} {example.path} {len(data)}")
    block = verdict_block.show_block(
        answer_summary.summarise(prediction, KnownCell(None, "unknown"), None),
        name=example.title,
        reason=prediction.reason,
        rgb=rgb,
        caption="The picture as it came",
        compact=True,
    )
    with block.more:
        if prediction.withheld is not None:
            name = CLASS_NAMES["all" if prediction.withheld >= prediction.threshold else "hem"]
            frame.markdown(
                f"Without its gate the network would have said **{prediction.withheld:.2f}, "
                f"{name}**: it has no answer for what is no cell, so a check must refuse it."
            )
        navigation.link("Predict", "See it on Predict", address={"example": example.name})


@st.cache_data(max_entries=8, show_spinner=False)
def _predict(_predictor: Any, _rgb: cells.Rgb, key: str) -> Prediction:
    prediction: Prediction = _predictor.predict([_rgb])[0]
    return prediction


def _show_cell(found: _Cells, cell: "pd.Series[Any] | None", sentence: str) -> None:
    """Draw the verdict block of a cell with a sentence on the finding."""
    if cell is None:
        st.info("No cell here is one of these.", icon=":material/info:")
        return
    image_id, label = str(cell["image_id"]), str(cell["label"])
    probability, threshold = float(cell["probability"]), found.cells.threshold
    verdict = "all" if probability >= threshold else "hem"
    file = found.images.file(image_id)
    rgb = None if file is None else cells.centre_crop(decoding.decode(file.read_bytes()), _FIELD)
    block = verdict_block.show_block(
        AnswerSummary("all" if verdict == "all" else "hem", probability, threshold),
        name=image_id,
        rgb=rgb,
        caption="A synthetic cell" if found.source.synthetic else "A held-out cell",
        compact=True,
    )
    with block.more:
        result = "correct" if verdict == label else "wrong"
        frame.markdown(
            f"Predicted **{CLASS_NAMES[verdict]}**, labelled **{CLASS_NAMES[label]}**: {result}. "
            f"{sentence}"
        )
        if found.source.synthetic:
            frame.caption(_SYNTHETIC)
        address = {"split": found.split, "cell": image_id}
        navigation.link("Evaluation", "Open it in Evaluation", address=address)


def _find_cells(visitor: Visitor, model: InstalledModel) -> _Cells | None:
    """Held-out cells with pictures, else the synthetic ones; None while they are not scored."""
    real = cell_images.at_hand(model.info) if visitor.may("look") else CellImages()
    if real.places:
        source = PredictionSource.of_model(model)
        split = evaluations.splits(source)[0]
        found = _cells(source, split, real, None)
        if found.cells.shown.any():
            return found
    if not synthetic_predictions.is_scored(model):
        _show_waiting(model)
        return None
    source = PredictionSource.of_synthetic(model, synthetic_predictions.folder(model))
    manifest = datasets.load(dataset.NAME)
    truth = dataset.read_truth(manifest.root).set_index("image_id")["true_label"]
    return _cells(source, "test", CellImages.of([manifest]), truth)


def _cells(
    source: PredictionSource, split: str, images: CellImages, truth: "pd.Series[str] | None"
) -> _Cells:
    table = evaluations.split_cells(source, split).reset_index(drop=True)
    shown = table["image_id"].astype(str).map(images.__contains__).to_numpy(dtype=bool)
    name = synthetic_cells.TITLE if source.synthetic else formats.SPLITS[split]
    return _Cells(source, name, StoryCells(table, source.threshold, shown, truth), images)


def _show_waiting(model: InstalledModel) -> None:
    """Draw how far scoring has come; where it is switched off, where it can be started."""
    if not settings.load().score_synthetic:
        frame.info(_CHOOSE, icon=":material/hourglass_empty:")
        navigation.link("Evaluation", address={"split": synthetic_cells.TITLE})
        return
    frame.info(_WAITING, icon=":material/hourglass_top:")
    synthetic_cells.show_progress(model)


def _gap_row(title: str, measured: MeasuredAccuracy) -> str:
    accuracy, whisker, interval = measured.accuracy, "", "too few subjects for an interval"
    if accuracy.known:
        low, high = 100 * accuracy.low, 100 * accuracy.high
        interval = f"95 % CI {low:.1f} to {high:.1f} %"
        whisker = f'<s style="left:{low:.1f}%;width:{high - low:.1f}%"></s>'
    who = f" of {measured.subjects} subjects" if measured.subjects else ""
    share = 100 * accuracy.value
    return (
        f'<div><b>{share:.1f} %</b> {title}<div class="bar" aria-hidden="true">'
        f'<i style="width:{share:.1f}%"></i>{whisker}</div>'
        f'<div class="ends"><span>0</span><span>{interval}; {measured.cells:,} test cells{who}'
        "</span><span>100 %</span></div></div>"
    )


STEPS = (
    _Step("A right answer", _show_right_answer),
    _Step("A confident error", _show_confident_error),
    _Step("The gap between two protocols", _show_gap),
    _Step("A photograph is refused", _show_refusal),
    _Step("A suspicious label", _show_wrong_label),
)
_STYLE = frame.styles(__file__)
