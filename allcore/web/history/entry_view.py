"""One answer with its facts, flag, repetition and deletion."""

import streamlit as st

from allcore.errors import AllScopeError, BadImage
from allcore.inference import upload
from allcore.labels import VERDICT_TITLES
from allcore.plots import predict as predict_plots
from allcore.store import flags, history, pictures, reviews
from allcore.store.history import HistoryEntry
from allcore.web import accounts, frame
from allcore.web.history import filters, prediction_rerun
from allcore.web.history.prediction_rerun import DIGITS

_PICTURE_WIDTH = 280
_MISSING = "The answer of this address is not there any more, or is not yours."
_SHARED = (
    "The picture, where it is kept, and your note are shown to reviewers from then on; the file's "
    "name and yours are not."
)


def show_entry(username: str, entry: HistoryEntry | None, batches: dict[int, str]) -> None:
    """Draw the card of an answer; None is one that the address names and the account lacks."""
    if entry is None:
        st.warning(_MISSING, icon=":material/search_off:", width=frame.TEXT_WIDTH)
        return
    data = pictures.read(accounts.store(), username, entry.answer.image_sha256)
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="large")
        with left:
            _show_verdict(entry)
            _show_facts(entry, batches.get(entry.batch or 0, ""))
            _show_buttons(username, entry)
        with right:
            _show_picture(data)
        prediction_rerun.show_rerun(username, entry, data)


def _show_verdict(entry: HistoryEntry) -> None:
    answer, prediction = entry.answer, entry.answer.prediction
    st.metric(frame.plain(answer.name), VERDICT_TITLES[prediction.verdict])
    if prediction.p_all is None:
        st.markdown(frame.plain(prediction.reason), width=frame.TEXT_WIDTH)
        return
    scale = predict_plots.probability_scale(prediction.p_all, threshold=prediction.threshold)
    st.plotly_chart(scale, config={"displayModeBar": False}, key=f"scale of {entry.id}")


def _show_facts(entry: HistoryEntry, batch: str) -> None:
    """Draw what is needed to repeat the answer."""
    answer, prediction, flagged_at = entry.answer, entry.answer.prediction, entry.flagged_at
    weights, picture = answer.model_sha256[:DIGITS], answer.image_sha256[:DIGITS]
    rows = {
        "Asked": f"{entry.at:%Y-%m-%d %H:%M} UTC",
        "Batch": frame.plain(batch),
        "Subject": frame.plain(answer.subject or ""),
        "Model": f"{frame.plain(answer.model)}, weights {weights}",
        "Preprocessing": f"version {answer.preprocessing_version}",
        "Threshold": f"{prediction.threshold:.3f}",
        "Strangeness": "" if prediction.ood_score is None else f"{prediction.ood_score:.2f} of 1",
        "Picture": f"SHA-256 {picture}" if picture else "unreadable",
        "Called wrong": "" if flagged_at is None else f"{flagged_at:%Y-%m-%d %H:%M} UTC",
        "Your note": frame.plain(entry.flag_note),
    }
    st.markdown("  \n".join(f"{name}: **{text}**" for name, text in rows.items() if text))


def _show_picture(data: bytes | None) -> None:
    if data is None:
        st.markdown(":material/hide_image: The picture was not kept.")
        return
    try:
        st.image(upload.decode(data), width=_PICTURE_WIDTH, alt="The picture as it came")
    except BadImage as error:
        st.markdown(frame.plain(str(error)))


def _show_buttons(username: str, entry: HistoryEntry) -> None:
    with st.container(horizontal=True):
        _show_flag(username, entry)
        if frame.confirm_button(
            "Delete this answer",
            icon=":material/delete:",
            yes="Yes, delete",
            sentence="The answer, and the kept picture where no other answer is about it: gone for "
            "good.",
            key="delete_one",
        ):
            history.delete_entries(accounts.store_to("keep"), username, [entry.id])
            filters.clear_parameter(filters.ENTRY)
            frame.set_notice("1 answer deleted.")
            st.rerun()
        st.button(
            "Close", icon=":material/close:", key="close_one",
            on_click=filters.clear_parameter, args=(filters.ENTRY,),
        )  # fmt: skip


def _show_flag(username: str, entry: HistoryEntry) -> None:
    flagged = entry.flagged_at is not None
    with st.popover("Change the flag" if flagged else "Call it wrong", icon=":material/flag:"):
        st.markdown(_SHARED)
        note = st.text_area(
            "Note (optional)", entry.flag_note, max_chars=reviews.MAX_NOTE, key=f"note_{entry.id}",
            placeholder="What is wrong with the answer?",
        )  # fmt: skip
        put = st.button("Keep the note" if flagged else "Put it into the review queue", key="flag")
        take = flagged and st.button("Take the flag back", key="unflag")
    try:
        if put:
            flags.flag(accounts.store_to("keep"), username, entry.id, note or "")
            frame.set_notice("The answer is flagged, and its picture waits for review.")
        elif take:
            flags.unflag(accounts.store_to("keep"), username, entry.id)
            frame.set_notice("The flag is taken back.")
    except AllScopeError as error:
        frame.problem(error)
        return
    if put or take:
        st.rerun()
