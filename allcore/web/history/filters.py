"""The filters of History."""

import streamlit as st

from allcore import formats
from allcore.labels import VERDICT_NAMES
from allcore.store import history
from allcore.web import accounts, frame
from allcore.web.history import state


def show_filters(username: str, models: tuple[str, ...], batches: dict[int, str]) -> None:
    """Draw the filters.

    Args:
        username: of the account.
        models: names to choose from.
        batches: names by id.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "File, subject or digest", key=state.TEXT, bind="query-params", width=220,
            icon=":material/search:",
        )  # fmt: skip
        _text_filter("Verdict", VERDICT_NAMES, key=state.VERDICT)
        _text_filter("Model", {name: name for name in models}, key=state.MODEL)
        st.date_input("From", None, key=state.SINCE, bind="query-params", width=170)
        st.date_input(
            "To", None, key=state.UNTIL, bind="query-params", width=170, help="Days in UTC."
        )
        st.toggle("Called wrong", key=state.FLAGGED, bind="query-params")
    number = state.id_parameter(state.BATCH)
    if number is not None:
        _selected_batch(username, number, batches.get(number))


def _text_filter(title: str, options: dict[str, str], *, key: str) -> None:
    """Draw a control of one text; no text means all."""
    if st.session_state.get(key) not in (None, *options):
        st.session_state[key] = None
    st.selectbox(
        title, list(options), index=None, placeholder="All", key=key, width=180,
        format_func=options.__getitem__, bind="query-params",
    )  # fmt: skip


def _selected_batch(username: str, number: int, name: str | None) -> None:
    """Name the selected batch, with buttons that clear the selection or delete the batch."""
    gone = "The batch of this address is not there any more"
    text = gone if name is None else f"Only the batch {name}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/filter_alt: {frame.plain(text)}", width="content")
        st.button(
            "Show all answers",
            icon=":material/close:",
            key="all_answers",
            on_click=state.clear_batch,
        )
        deleted = name is not None and frame.confirm_button(
            "Delete this batch",
            icon=":material/delete:",
            yes="Yes, delete",
            sentence="The batch with all its answers, and kept pictures that no other answer is "
            "about: gone for good.",
            key="delete_batch",
        )
    if deleted:
        count = history.delete_batch(accounts.store_to("keep"), username, number)
        state.close_entry()
        state.clear_batch()
        frame.set_notice(f"The batch is deleted, with {formats.count(count, 'answer')}.")
        st.rerun()
