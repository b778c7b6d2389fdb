"""The predictions so far: many as a list beside one of them, and one with its explanation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from allcore import formats
from allcore.data.cells import Rgb
from allcore.data.images import formats as formats_of_pictures
from allcore.errors import AllScopeError
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.explanation import Explainer
from allcore.explain.parts import KnownCell
from allcore.explain.result import Explanation
from allcore.inference import segmentation, smear, upload
from allcore.inference.jobs import PredictedPicture, PredictionJob, PredictionService
from allcore.inference.predictor import Predictor
from allcore.inference.results import Prediction
from allcore.inference.upload import CellPicture
from allcore.model_folder import InstalledModel
from allcore.plots import style
from allcore.reports import prediction_json
from allcore.reports.prediction_json import PredictionReport
from allcore.store import flags, history, reviews
from allcore.web import accounts, cell_images, frame, guard, navigation
from allcore.web.accounts import Visitor
from allcore.web.cell_images import CellImages
from allcore.web.components import explanation_view, verdict_block
from allcore.web.components.charts import show_download
from allcore.web.components.verdict_block import VerdictPlaces
from allcore.web.predict import batch, batch_subjects, field_edits, field_view
from allcore.web.predict.field_view import FieldAnswers, FieldPlaces
from allcore.web.predict.session import PredictionRun

_BROWSER_SECONDS = 0.05  # for the answer to reach the browser, before the explanation is computed
_WITHHELD = "Show what the network would have said"
_FLAG_HELP = (
    "It is put into the model's review queue, where others judge the picture without seeing your "
    "note or the answer. The picture is there only where your administrator keeps pictures."
)
_JSON_HELP = (
    "The JSON alone suffices to repeat the answer: 'python -m allcore predict --verify'. It holds "
    "the picture."
)


@dataclass(frozen=True)
class _Answer:
    """A prediction on the page, with what it is computed from."""

    item: PredictedPicture
    summary: AnswerSummary
    known: KnownCell
    rgb: Rgb | None  # the picture as it came, of a cell its field; None where it can't be decoded
    picture: CellPicture | None  # the cell on black; None where there is none
    model: InstalledModel
    predictor: Predictor
    explainer: Explainer
    images: CellImages

    @property
    def prediction(self) -> Prediction:
        """The prediction of the item."""
        return self.item.prediction

    @property
    def cut(self) -> dict[str, Any] | None:
        """Facts of the cut with the session's choices; None for a picture of one cell."""
        place = self.item.place
        return None if place is None else field_view.with_session(place.cut, self.item.row.sha256)

    @property
    def mark(self) -> str:
        """What the answer is worth; empty for a picture of one cell."""
        return self.item.place.mark if self.item.place else ""


def show_predictions(
    run: PredictionRun, model: InstalledModel, service: PredictionService, visitor: Visitor
) -> None:
    """Draw the predictions so far: the list where there are many, and the card of one."""
    job = run.job
    if job.failed:
        frame.problem(AllScopeError("The network stopped answering: drop the pictures again."))
    if job.cancelled:
        frame.info(
            f"Cancelled: {job.done:,} of {len(job.sources):,} pictures are answered.",
            icon=":material/info:",
        )
    everything = field_edits.edited(job, service.predictor)
    items = [item for item in everything if not field_edits.is_dismissed(item)]
    if not everything:
        return
    images = cell_images.at_hand(model.info)
    explainer = explanation_view.explainer(images)
    known = explainer.known(model, [item.digest for item in items])
    summaries = [
        explainer.summary(model, item.prediction, cell)
        for item, cell in zip(items, known, strict=True)
    ]
    places = _show_list(job, everything, items, summaries, model)
    if places.chosen is not None:
        item = items[places.chosen]
        rgb = field_edits.decoded(item)
        answer = _Answer(
            item, summaries[places.chosen], known[places.chosen], rgb, _cell(item, rgb),
            model, service.predictor, explainer, images,
        )  # fmt: skip
        _show_answer(answer, run, visitor, places)
    _show_time(job, service.predictor)


def _show_list(
    job: PredictionJob,
    everything: Sequence[PredictedPicture],
    items: Sequence[PredictedPicture],
    summaries: Sequence[AnswerSummary],
    model: InstalledModel,
) -> FieldPlaces:
    """Draw the list or field that an answer is chosen from; none for a picture of one cell."""
    if len(job.sources) > 1 and items:
        places = batch.show_list(items, summaries)
        shown = FieldPlaces(places.chosen, places.detail, places.evidence, places.exports)
        if places.view == batch.FIELD_VIEW:
            with places.detail:
                shown = _show_one_field(everything, items, summaries)
        batch_subjects.show_rest(items, summaries, model.info, places)
        return shown
    field = _field(everything[0], everything, items, summaries)
    if field is None:
        return FieldPlaces(0, st.container(), st.container(), st.container())
    shown = field_view.show_field(field)
    if field.items:
        with shown.exports:
            batch_subjects.show_downloads(items, summaries, model.info)
    return shown if field.items or not items else shown._replace(chosen=0)


def _show_one_field(
    everything: Sequence[PredictedPicture],
    items: Sequence[PredictedPicture],
    summaries: Sequence[AnswerSummary],
) -> FieldPlaces:
    """Draw one field of a batch; the chosen place is among all items."""
    firsts = {item.row.sha256: item for item in reversed(everything) if item.place}
    names = {sha256: item.row.path for sha256, item in reversed(firsts.items())}
    before = items[min(st.session_state.get(batch.CHOSEN, 0), len(items) - 1)].row.sha256
    if st.session_state.get("batch field") not in names:
        st.session_state["batch field"] = before if before in names else next(iter(names))
    chosen = st.selectbox("Field", list(names), format_func=names.__getitem__, key="batch field")
    field = _field(firsts[chosen], everything, items, summaries)
    if field is None:
        return FieldPlaces(None, st.container(), st.container(), st.container())
    places = field_view.show_field(field, exported=False)
    if places.chosen is None:
        return places
    at = items.index(field.items[places.chosen])
    st.session_state[batch.CHOSEN] = at
    return places._replace(chosen=at)


def _field(
    first: PredictedPicture,
    everything: Sequence[PredictedPicture],
    items: Sequence[PredictedPicture],
    summaries: Sequence[AnswerSummary],
) -> FieldAnswers | None:
    """The field of an item with its answers; None where the picture is no field."""
    sha256 = first.row.sha256
    rgb = field_edits.decoded(first)
    if rgb is None or (first.place is None and not _is_field(first, rgb)):
        return None
    own = [
        (item, one)
        for item, one in zip(items, summaries, strict=True)
        if item.place and item.row.sha256 == sha256
    ]
    gone = [
        item for item in everything
        if item.row.sha256 == sha256 and field_edits.is_dismissed(item)
    ]  # fmt: skip
    return FieldAnswers(rgb, sha256, [item for item, _ in own], [one for _, one in own], gone)


def _is_field(item: PredictedPicture, rgb: Rgb) -> bool:
    if item.prediction.check != "cell":
        return False
    return upload.PICTURES.get(item.row.sha256, lambda: rgb).is_field


def _cell(item: PredictedPicture, rgb: Rgb | None) -> CellPicture | None:
    """The cell on black that was judged; None where there is none."""
    if rgb is None:
        return None
    if item.place:
        return field_edits.cell_of(item, rgb)
    return upload.PICTURES.get(item.row.sha256, lambda: rgb)


def _show_answer(
    answer: _Answer, run: PredictionRun, visitor: Visitor, places: FieldPlaces
) -> None:
    """Draw the verdict block of the chosen answer, its evidence, and the way to flag it."""
    with places.detail:
        block = _show_block(answer, visitor, compact=len(run.job.sources) > 1)
    time.sleep(_BROWSER_SECONDS)
    with places.evidence:
        _show_evidence(answer, block)
    items = run.job.items
    # A cell that was corrected or added here has no answer in the history.
    at = items.index(answer.item) if answer.item in items else len(items)
    if at < len(run.history.ids):
        with block.actions:
            _show_flag(run.history.ids[at], answer.prediction, username=visitor.name)


def _show_time(job: PredictionJob, predictor: Predictor) -> None:
    done = job.done or 1
    text = f"{done:,} pictures in {job.seconds:.1f} s ({job.seconds / done:.2f} s each)"
    if len(job.sources) == 1:
        text = f"Answered in {job.seconds:.2f} s"
    st.caption(f":material/timer: {text} on {predictor.device}")


@guard.periodic_fragment(0.7)
def show_progress(job: PredictionJob) -> None:
    """Draw a bar with count and time left and a button to cancel; rerun the page at the end."""
    if not job.running:
        st.rerun()
    done, total, cells = job.done, len(job.sources), sum(bool(item.place) for item in job.items)
    tile, tiles = job.tiles
    finished = done + (tile / tiles if tiles and done < total else 0)
    left = (
        "" if not finished else f", about {job.seconds / finished * (total - finished):.0f} s left"
    )
    with st.container(width=frame.TEXT_WIDTH):
        text = f"{done:,} of {total:,} pictures answered{left}"
        if cells:
            text += f"; {formats.count(cells, 'white cell')} so far"
        if tile < tiles:
            text += f"; tile {tile + 1} of {tiles} of a large picture"
        st.progress(finished / total, text=text)
        if st.button("Cancel", icon=":material/close:"):
            job.cancel()


def as_pdf(report: PredictionReport, explanation: Explanation | None) -> bytes:
    """A report as a page, with the pictures of its explanation."""
    from allcore.reports import prediction_pdf

    panels = prediction_pdf.explanation_panels(explanation) if explanation else ()
    return prediction_pdf.prediction_pdf(report, panels)


def _show_block(answer: _Answer, visitor: Visitor, *, compact: bool) -> VerdictPlaces:
    """Draw the verdict block with its reports and links."""
    picture, prediction, place = answer.picture, answer.prediction, answer.item.place
    rgb, caption, before = answer.rgb, "There is no picture to show.", None
    if rgb is not None:
        caption = "The picture as it came"
        if place is not None:
            left, top, right, bottom = place.box
            before = segmentation.surroundings(rgb, (top, left, bottom, right))
            rgb = None if picture is None else picture.rgb
            caption = "After, normalised"
        if prediction.p_all is not None and picture is not None:
            rgb = picture.crop(answer.model.info.preprocessing)
            caption = "After, as the network saw it" if place else "The cell as the network saw it"
    block = verdict_block.show_block(
        answer.summary,
        name=answer.item.name,
        reason=prediction.reason,
        rgb=rgb,
        caption=caption,
        compact=compact,
        mark=answer.mark,
        before=before,
    )
    with block.actions:
        _show_downloads(answer)
        identity = answer.known.identity
        if identity and answer.known.split in formats.SPLITS and visitor.may("look"):
            navigation.link(
                "Evaluation",
                "Open in Evaluation",
                address={
                    "model": answer.model.name,
                    "split": formats.SPLITS[answer.known.split],
                    "cell": identity.image_id,
                },
            )
    with block.more:
        if place is not None:
            st.caption(frame.plain(f"{place.processing[:1].upper()}{place.processing[1:]}."))
        _show_withheld(prediction, answer.item.digest)
    return block


def _show_evidence(answer: _Answer, block: VerdictPlaces) -> None:
    """Draw the explanation of an answer."""
    if answer.picture is None or answer.prediction.p_all is None:
        return

    def update(certainty: str) -> None:
        verdict_block.show_text(
            block.text, answer.summary, name=answer.item.name, certainty=certainty, mark=answer.mark
        )

    explanation_view.show_explanation(
        answer.explainer, answer.model, answer.picture, answer.prediction, answer.images, update
    )


def _show_withheld(prediction: Prediction, key: str) -> None:
    """The network's answer for a refused picture, only on demand, and marked."""
    if prediction.withheld is None or not st.toggle(_WITHHELD, key=f"withheld {key}"):
        return
    with st.container(border=True):
        text = f"{prediction.withheld:.2f}, threshold {prediction.threshold:.2f}"
        st.html(verdict_block.scale_html(prediction.withheld, prediction.threshold, text))
        st.markdown(
            ":material/warning: Not an answer: the picture was refused, and this probability "
            "says nothing about it."
        )


def _show_downloads(answer: _Answer) -> None:
    """Draw the reports; the file and the explanation in it are made on the click."""
    picture, prediction, item = answer.picture, answer.prediction, answer.item
    if answer.rgb is not None and smear.is_large(answer.rgb):
        megabytes = formats_of_pictures.MAX_BYTES // 2**20
        if len(item.source.read()) > formats_of_pictures.MAX_BYTES:
            st.caption(f"Reports hold the picture, of at most {megabytes} MB: save it as JPEG.")
            return
    others = explanation_view.other_models(answer.model)[0]
    cut = answer.cut  # read here: a file is made on a thread without the session

    def explanation() -> Explanation | None:
        if picture is None or prediction.p_all is None:
            return None
        return answer.explainer.explanation(answer.model, picture, prediction, others=others)

    def report(evidence: Explanation | None) -> PredictionReport:
        return prediction_json.make_report(
            answer.predictor,
            prediction,
            item.source.read(),
            name=item.row.path,
            cut=cut,
            evidence=evidence.to_dict() if evidence else None,
        )

    def pdf() -> bytes:
        evidence = explanation()
        return as_pdf(report(evidence), evidence)

    stem = f"report-{style.file_name(item.name)}"
    key = item.digest
    for label, make, suffix, text in (
        ("PDF", pdf, "pdf", "One page for people"),
        ("JSON", lambda: report(explanation()).to_json(), "json", _JSON_HELP),
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
            if st.button("Remove the flag", key=f"unflag {answer}", type="tertiary"):
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
