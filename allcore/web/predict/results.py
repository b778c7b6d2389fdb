"""What has been answered so far: many as a table, and one with all that speaks for it."""

import hashlib
import json
import time

import streamlit as st

from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.explain.explanation import Evidence
from allcore.inference import upload
from allcore.inference.jobs import PredictedPicture, PredictionService
from allcore.inference.results import Prediction, Row
from allcore.web import frame
from allcore.web.accounts import Visitor
from allcore.web.predict import (
    batch,
    downloads,
    explanation_view,
    flagging,
    progress,
    segmentation_view,
    verdict,
)
from allcore.web.predict.jobs import Asked

SHOWN = 0.05
"""Seconds in which the answer reaches the browser, before the evidence takes the processor."""


def show(asked: Asked, service: PredictionService, visitor: Visitor) -> None:
    """Draw the answers there are: the table where there are many, and the card of one."""
    job, items = asked.job, asked.job.items
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
        place = batch.show(items, service.predictor.info, key="batch")
    if place is None:
        st.markdown("Choose a row to see its picture, its evidence and its report.")
    else:
        with st.container(border=True):
            _one(items[place], service)
            if place < len(asked.kept.ids):
                flagging.show(asked.kept.ids[place], items[place].prediction, username=visitor.name)
    st.caption(f":material/timer: {progress.timing(job, str(service.predictor.device))}")


def _one(item: PredictedPicture, service: PredictionService) -> None:
    """One answer; where the picture was not cut out, the offer to do so and the answer then."""
    content, rgb = _read(item)
    digest, prediction = item.row.sha256, item.prediction
    if rgb is None:
        verdict.show(item.row.path, prediction, rgb, key=digest)
        return
    found = _answer_shown(item.row, prediction, rgb, service)
    if prediction.rung == "cell":
        _cut(item, content, rgb, service)
        return
    downloads.report_buttons(
        service.predictor, prediction, content, name=item.row.path, evidence=found, key=digest
    )


def _answer_shown(
    row: Row, prediction: Prediction, rgb: Rgb, service: PredictionService
) -> Evidence | None:
    """Draw the answer to a picture and what speaks for it; of a refusal the picture alone."""
    if prediction.p_all is None:
        verdict.show(row.path, prediction, rgb, key=row.sha256)
        return None
    seen = service.predictor.prepare(rgb).permute(1, 2, 0).numpy()
    verdict.show(row.path, prediction, seen, key=row.sha256)
    time.sleep(SHOWN)
    return explanation_view.show(rgb, row, service, digest=row.sha256)


def _cut(item: PredictedPicture, content: bytes, rgb: Rgb, service: PredictionService) -> None:
    """Offer to cut the cell out; answer for the cut and say how it was made."""
    made = segmentation_view.show(rgb, key="cut")
    if made is None:
        return
    picture, facts = made
    told = json.dumps(facts, sort_keys=True)
    digest = hashlib.sha256(f"{item.row.sha256} {told}".encode()).hexdigest()
    prediction = _answer(picture, service, service.predictor.info.weights_sha256, digest)
    row = service.predictor.row(prediction, path=item.row.path, sha256=digest)
    found = _answer_shown(row, prediction, picture, service)
    downloads.report_buttons(
        service.predictor, prediction, content, name=item.row.path, evidence=found, key=digest,
        cut=facts,
    )  # fmt: skip


def _read(item: PredictedPicture) -> tuple[bytes, Rgb | None]:
    """The file, and the picture in it; None where it can't be decoded."""
    try:
        content = item.source.read()
    except BadImage:
        return b"", None
    try:
        return content, upload.decode(content)
    except BadImage:
        return content, None


@st.cache_data(max_entries=64, show_spinner=False)
def _answer(_rgb: Rgb, _service: PredictionService, weights: str, digest: str) -> Prediction:
    return _service.predictor.predict([_rgb])[0]
