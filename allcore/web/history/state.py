"""State of the History page in the session and in the address."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import streamlit as st

from allcore.store.history import HistoryQuery

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
    for key, value in _DEFAULTS.items():
        st.session_state[key] = value
    st.query_params.pop(BATCH, None)


def show_batch(batch_id: int) -> None:
    """Show the answers of one batch only; for buttons, as ``on_click``."""
    clear_filters()
    st.query_params[BATCH] = str(batch_id)
    close_entry()


def clear_batch() -> None:
    """Clear the selection of a batch; for buttons, as ``on_click``."""
    st.query_params.pop(BATCH, None)


def open_entry(prediction_id: int) -> None:
    """Open an answer."""
    st.query_params[ENTRY] = str(prediction_id)


def close_entry() -> None:
    """Close the open answer; for buttons, as ``on_click``."""
    st.query_params.pop(ENTRY, None)


def id_parameter(key: str) -> int | None:
    """Return an id of the address; None where it holds no possible one."""
    text = st.query_params.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and int(text) <= _MAX_ID else None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
