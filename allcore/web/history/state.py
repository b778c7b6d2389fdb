"""What History is asked for, as the session and the address hold it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import streamlit as st

from allcore.store.history import HistoryQuery

TEXT, VERDICT, MODEL, SINCE, UNTIL = "text", "verdict", "model", "since", "until"
FLAGGED, PAGE = "flagged", "page"
"""Keys of the controls, and of the address."""
BATCH, ENTRY = "batch", "asked"
"""Keys of what stands in the address without a control: a batch, and the answer that is open."""
_NOTHING: dict[str, Any] = {
    TEXT: "", VERDICT: None, MODEL: None, SINCE: None, UNTIL: None, FLAGGED: False,
}  # fmt: skip
_LAST = "history_query"
_MOST = 2**31 - 1  # what PostgreSQL takes for an id


def current_query() -> HistoryQuery:
    """What the controls, which are drawn before, and the address ask for."""
    held = st.session_state
    until: date | None = held.get(UNTIL)
    return HistoryQuery(
        text=held.get(TEXT) or "",
        verdict=held.get(VERDICT) or "",
        model=held.get(MODEL) or "",
        since=_midnight(held.get(SINCE)),
        until=_midnight(until and until + timedelta(days=1)),  # that day is meant as well
        batch=id_parameter(BATCH),
        flagged=bool(held.get(FLAGGED)),
    )


def keep_page_valid(asked: HistoryQuery, pages: int) -> None:
    """Turn to the first page where something else is asked for, or there is no such page."""
    held = st.session_state
    if held.get(_LAST, asked) != asked or held.get(PAGE, 1) > pages:
        held[PAGE] = 1
    held[_LAST] = asked


def clear_filters() -> None:
    """Take all filters back; for buttons, as ``on_click``."""
    for key, value in _NOTHING.items():
        st.session_state[key] = value
    st.query_params.pop(BATCH, None)


def show_batch(batch_id: int) -> None:
    """Ask for the answers of one batch alone; for buttons, as ``on_click``."""
    clear_filters()
    st.query_params[BATCH] = str(batch_id)
    close_entry()


def clear_batch() -> None:
    """Take back that only one batch is asked for; for buttons, as ``on_click``."""
    st.query_params.pop(BATCH, None)


def open_entry(prediction_id: int) -> None:
    """Open an answer."""
    st.query_params[ENTRY] = str(prediction_id)


def close_entry() -> None:
    """Close the answer that is open; for buttons, as ``on_click``."""
    st.query_params.pop(ENTRY, None)


def id_parameter(key: str) -> int | None:
    """An id that the address holds; None where it holds none that can be one."""
    text = st.query_params.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and int(text) <= _MOST else None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
