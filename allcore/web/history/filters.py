"""The filters of History, in the session and in the address, and the query that they make."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import streamlit as st

from allcore import formats
from allcore.labels import VERDICT_NAMES
from allcore.store import history
from allcore.store.history import HistoryQuery
from allcore.web import accounts, frame

TEXT, VERDICT, MODEL, SINCE, UNTIL = "text", "verdict", "model", "since", "until"
FLAGGED, PAGE = "flagged", "page"
"""Keys of the controls, and of the address."""
BATCH, ENTRY = "batch", "asked"
"""Parameters of the address without a control: a batch, and the open answer."""
_DEFAULTS: dict[str, Any] = {
    TEXT: "", VERDICT: None, MODEL: None, SINCE: None, UNTIL: None, FLAGGED: False,
}  # fmt: skip
_LAST = "history_query"
_MAX_ID = 2**31 - 1  # of PostgreSQL


def show_filters(username: str, models: tuple[str, ...], batches: dict[int, str]) -> None:
    """Draw the filters; batches are names by id."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls_history"):
        st.text_input(
            "File, subject or digest", key=TEXT, bind="query-params", width=220,
            icon=":material/search:",
        )  # fmt: skip
        _text_filter("Verdict", VERDICT_NAMES, key=VERDICT)
        _text_filter("Model", {name: name for name in models}, key=MODEL)
        st.date_input("From", None, key=SINCE, bind="query-params", width=170)
        st.date_input("To", None, key=UNTIL, bind="query-params", width=170, help="Days in UTC.")
        st.toggle("Flagged", key=FLAGGED, bind="query-params")
    number = id_parameter(BATCH)
    if number is not None:
        _show_selected_batch(username, number, batches.get(number))


def current_query() -> HistoryQuery:
    """Return the query of the controls, which are drawn before, and of the address."""
    state = st.session_state
    until: date | None = state.get(UNTIL)
    return HistoryQuery(
        text=state.get(TEXT) or "",
        verdict=state.get(VERDICT) or "",
        model=state.get(MODEL) or "",
        since=_midnight(state.get(SINCE)),
        until=_midnight(until and until + timedelta(days=1)),  # that day included
        batch=id_parameter(BATCH),
        flagged=bool(state.get(FLAGGED)),
    )


def keep_page_valid(query: HistoryQuery, pages: int) -> None:
    """Go to the first page if the query has changed or the page is beyond the last."""
    state = st.session_state
    if state.get(_LAST, query) != query or state.get(PAGE, 1) > pages:
        state[PAGE] = 1
    state[_LAST] = query


def clear_filters() -> None:
    """Clear all filters; for buttons, as ``on_click``."""
    st.session_state.update(_DEFAULTS)
    clear_parameter(BATCH)


def show_batch(batch_id: int) -> None:
    """Show the answers of one batch only; for buttons, as ``on_click``."""
    clear_filters()
    st.query_params[BATCH] = str(batch_id)
    clear_parameter(ENTRY)


def clear_parameter(key: str) -> None:
    """Clear the selected `BATCH`, or close the open `ENTRY`; for buttons, as ``on_click``."""
    st.query_params.pop(key, None)


def id_parameter(key: str) -> int | None:
    """Return an id of the address; None where it holds no possible one."""
    text = st.query_params.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and int(text) <= _MAX_ID else None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def _text_filter(title: str, options: dict[str, str], *, key: str) -> None:
    """Draw a control of one text; no text means all."""
    if st.session_state.get(key) not in (None, *options):
        st.session_state[key] = None
    st.selectbox(
        title, list(options), index=None, placeholder="All", key=key, width=180,
        format_func=options.__getitem__, bind="query-params",
    )  # fmt: skip


def _show_selected_batch(username: str, number: int, name: str | None) -> None:
    gone = "The batch of this address is not there any more"
    text = gone if name is None else f"Only the batch {name}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/filter_alt: {frame.plain(text)}", width="content")
        st.button(
            "Show all answers", icon=":material/close:", key="all_answers",
            on_click=clear_parameter, args=(BATCH,),
        )  # fmt: skip
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
        clear_parameter(ENTRY)
        clear_parameter(BATCH)
        frame.set_notice(f"The batch is deleted, with {formats.count(count, 'answer')}.")
        st.rerun()
