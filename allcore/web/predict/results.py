"""The predictions so far: many as a table, and one with its explanation, report and flag."""

import hashlib
import json
import time
from typing import Any

import streamlit as st

from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import AllScopeError, BadImage
from allcore.explain.parts import Explanation
from allcore.inference import upload
from allcore.inference.jobs import PredictedPicture, PredictionJob, PredictionService
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction
from allcore.inference.upload import CellPicture
from allcore.model_folder import InstalledModel
from allcore.plots import style
from allcore.reports import prediction_json
from allcore.reports.model_card import results as card_results
from allcore.reports.prediction_json import PredictionReport
from allcore.store import flags, history, reviews
from allcore.web import accounts, frame, guard
from allcore.web.accounts import Visitor
from allcore.web.components import explanation_view
from allcore.web.components.charts import show_download
from allcore.web.predict import batch, segmentation_view
from allcore.web.predict.session import PredictionRun

_BROWSER_SECONDS = 0.05  # for the answer to reach the browser, before the explanation is computed
_PICTURE_WIDTH = 280  # pixels
_COLUMNS = (3, 2)  # on a phone the first comes first: the answer before the picture
_WITHHELD = "Show what the network would have said"
_FLAG_HELP = (
    "It is put into the model's review queue, where others judge the picture without seeing your "
    "note or the answer. The picture is there only where your administrator keeps pictures."
)
_JSON_HELP = (
    "The JSON alone suffices to repeat the answer: 'python -m allcore predict --verify'. It holds "
    "the picture."
)
_STYLE = """<style>
.scale { margin: 0 0 0.6rem; }
.scale .bar { position: relative; height: 26px; margin: 0.6rem 0 0.35rem; border-radius: 3px;
  background: rgba(128, 128, 128, 0.22); }
.scale i { position: absolute; inset: 0 auto 0 0; border-radius: 3px; }
.scale s { position: absolute; top: -5px; bottom: -5px; width: 3px; margin-left: -1.5px;
  background: currentColor; }
.scale .ends { display: flex; justify-content: space-between; font-size: 0.85rem; opacity: 0.8; }
</style>"""
_ANSWERED = """
The cell is cut out of its black background and goes through the network, whose score becomes a
probability by the calibration found on validation subjects. From the threshold on, the cell is
called an ALL blast.
"""
_UNGATED = (
    "This model has no gate of its own: a picture is refused only where it can't be read or does "
    "not show one cell on black. Fit one with `python -m allcore evaluate --gate`."
)
_GATED = (
    "Before that a picture is refused where it can't be read, does not show one whole cell on "
    "black, is badly exposed or out of focus, or where what the network reads in it is too far "
    "from what it read in training cells."
)


def show_predictions(
    run: PredictionRun, model: InstalledModel, service: PredictionService, visitor: Visitor
) -> None:
    """Draw the predictions so far: the table where there are many, and the card of one."""
    job, items = run.job, run.job.items
    if job.failed:
        frame.problem(AllScopeError("The network stopped answering: drop the pictures again."))
    if job.cancelled:
        st.info(
            f"Cancelled: {len(items):,} of {len(job.sources):,} pictures are answered.",
            icon=":material/info:",
            width=frame.TEXT_WIDTH,
        )
    if not items:
        return
    place: int | None = 0
    if len(job.sources) > 1:
        place = batch.show_batch(items, model.info)
    if place is None:
        st.markdown("Choose a row to see its picture, its evidence and its report.")
    else:
        with st.container(border=True):
            _show_item(items[place], model, service.predictor)
            if place < len(run.history.ids):
                number, prediction = run.history.ids[place], items[place].prediction
                _show_flag(number, prediction, username=visitor.name)
    done, device = len(items), service.predictor.device
    time_text = f"{done:,} pictures in {job.seconds:.1f} s ({job.seconds / done:.2f} s each)"
    if done == 1:
        time_text = f"Answered in {job.seconds:.2f} s"
    st.caption(f":material/timer: {time_text} on {device}")


@guard.periodic_fragment(0.7)
def show_progress(job: PredictionJob) -> None:
    """Draw a bar with count and time left and a button to cancel; rerun the page at the end."""
    if not job.running:
        st.rerun()
    done, total = len(job.items), len(job.sources)
    left = "" if not done else f", about {job.seconds / done * (total - done):.0f} s left"
    with st.container(width=frame.TEXT_WIDTH):
        st.progress(done / total, text=f"{done:,} of {total:,} pictures answered{left}")
        if st.button("Cancel", icon=":material/close:"):
            job.cancel()


def show_method(predictor: Predictor) -> None:
    """Draw how predictions are computed, folded."""
    with st.expander("Method"):
        text = _UNGATED
        if predictor.gate is not None:
            facts = frame.plain(card_results.gate_text(predictor.gate.facts))
            text = f"{_GATED} {facts}"
        rule = frame.plain(predictor.info.threshold_rule)
        for paragraph in (_ANSWERED, text, f"Threshold: {rule}"):
            st.markdown(paragraph, width=frame.TEXT_WIDTH)


def as_pdf(report: PredictionReport, explanation: Explanation | None) -> bytes:
    """A report as a page, with the pictures of its explanation."""
    from allcore.reports import prediction_pdf

    panels = prediction_pdf.explanation_panels(explanation) if explanation else ()
    return prediction_pdf.prediction_pdf(report, panels)


def _show_item(item: PredictedPicture, model: InstalledModel, predictor: Predictor) -> None:
    """One prediction; where the picture is not cut out, the offer to do so and its prediction."""
    prediction, name = item.prediction, item.row.path
    picture = _picture(item)
    if picture is None:
        _show_answer(name, prediction, None, key=item.row.sha256)
        return
    explanation = _show_explained(name, prediction, picture, model)
    cut: dict[str, Any] | None = None
    if prediction.check == "cell":
        segmented = segmentation_view.show_segmentation(picture.rgb, model)
        if segmented is None:
            return
        rgb, cut = segmented
        text = f"{item.row.sha256} {json.dumps(cut, sort_keys=True)}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        picture = upload.PICTURES.get(digest, lambda: rgb)
        prediction = _predict(predictor, picture, f"{model.digest} {digest}")
        explanation = _show_explained(name, prediction, picture, model)
    _show_downloads(predictor, prediction, item, explanation, cut, key=picture.sha256)


def _show_explained(
    name: str, prediction: Prediction, picture: CellPicture, model: InstalledModel
) -> Explanation | None:
    """Draw a prediction and its explanation; of a refusal the picture alone."""
    if prediction.p_all is None:
        _show_answer(name, prediction, picture.rgb, key=picture.sha256)
        return None
    cell = picture.crop(model.info.preprocessing)
    _show_answer(name, prediction, cell, key=picture.sha256)
    time.sleep(_BROWSER_SECONDS)
    return explanation_view.show_explanation(model, picture, prediction)


def _show_answer(name: str, prediction: Prediction, rgb: Rgb | None, *, key: str) -> None:
    """Draw the verdict first, then the probability, and the picture, if any, beside them."""
    text, place = st.columns(_COLUMNS, gap="large")
    with text:
        st.metric(frame.plain(name), prediction.words)
        if prediction.p_all is None:
            caption = "The picture as it came"
            _show_refusal(prediction, key)
        else:
            caption = "The cell as the network saw it"
            _show_scale(prediction.p_all, prediction.threshold)
    if rgb is None:
        place.markdown(":material/broken_image: There is no picture to show.")
    else:
        place.image(rgb, width=_PICTURE_WIDTH, caption=caption, alt=caption)


def _show_refusal(prediction: Prediction, key: str) -> None:
    """The reason of a refusal; the network's answer only on demand, and marked."""
    st.markdown(frame.plain(prediction.reason))
    if prediction.withheld is None or not st.toggle(_WITHHELD, key=f"withheld {key}"):
        return
    with st.container(border=True):
        _show_scale(prediction.withheld, prediction.threshold)
        st.markdown(
            ":material/warning: Not an answer: the picture was refused, and this probability "
            "says nothing about it."
        )


def _show_scale(probability: float, threshold: float) -> None:
    """The probability and the threshold on one scale; drawn by the browser itself, at once."""
    side = "at or above" if probability >= threshold else "below"
    text = f"{probability:.2f}, {side} the threshold {threshold:.2f}"
    colour = style.BLAST if probability >= threshold else style.NORMAL
    st.html(
        f'{_STYLE}<figure class="scale" role="img" aria-label="Calibrated probability of an ALL '
        f'blast: {text}"><b>{text}</b><div class="bar"><i style="width:{100 * probability:.1f}%;'
        f'background:{colour}"></i><s style="left:{100 * threshold:.1f}%"></s></div>'
        '<div class="ends"><span>0</span><span>Calibrated probability of an ALL blast</span>'
        "<span>1</span></div></figure>"
    )


def _show_downloads(
    predictor: Predictor,
    prediction: Prediction,
    item: PredictedPicture,
    explanation: Explanation | None,
    cut: dict[str, Any] | None,
    *,
    key: str,
) -> None:
    def report() -> PredictionReport:
        return prediction_json.make_report(
            predictor,
            prediction,
            item.source.read(),
            name=item.row.path,
            cut=cut,
            evidence=explanation.to_dict() if explanation else None,
        )

    stem = f"report-{style.file_name(item.row.path)}"
    with st.container(horizontal=True):
        for label, make, suffix, text in (
            ("PDF", lambda: as_pdf(report(), explanation), "pdf", "One page for people"),
            ("JSON", lambda: report().to_json(), "json", _JSON_HELP),
        ):
            file_name, own_key = f"{stem}.{suffix}", f"{key} report {suffix}"
            show_download(f"Report as {label}", make, file_name, key=own_key, help=text)


def _show_flag(answer: int, prediction: Prediction, *, username: str) -> None:
    """Draw the way to flag an answer of the history, which puts it into the review queue."""
    entry = history.find(accounts.store(), username, answer)
    if entry is None:
        return
    if entry.flagged_at is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            note = f" {frame.plain(entry.flag_note)}" if entry.flag_note else ""
            text = f":material/flag: You flagged this answer as wrong.{note}"
            st.markdown(text, width="content")
            if st.button("Take it back", key=f"unflag {answer}", type="tertiary"):
                flags.unflag(accounts.store_to("keep"), username, answer)
                st.rerun()
        return
    label = "The answer is wrong" if prediction.p_all is not None else "It should be answered"
    with st.popover(label, icon=":material/flag:"):
        st.markdown(_FLAG_HELP)
        note = st.text_area(
            "What do you see?", max_chars=reviews.MAX_NOTE, key=f"flag note {answer}"
        )
        if st.button("Flag it", type="primary", key=f"flag {answer}"):
            try:
                flags.flag(accounts.store_to("keep"), username, answer, note)
            except AllScopeError as error:
                frame.problem(error)
                return
            st.rerun()


def _picture(item: PredictedPicture) -> CellPicture | None:
    """The decoded picture; None where it can't be decoded."""
    try:
        return upload.PICTURES.get(item.row.sha256, lambda: decoding.decode(item.source.read()))
    except BadImage:
        return None


@st.cache_data(max_entries=64, show_spinner=False)
def _predict(_predictor: Predictor, _picture: CellPicture, key: str) -> Prediction:
    return _predictor.predict([_picture])[0]
