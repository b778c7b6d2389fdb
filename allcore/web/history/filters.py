"""The controls of History: which answers are asked for."""

import streamlit as st

from allcore.web import frame
from allcore.web.history import said, state


def show(models: tuple[str, ...], batches: dict[int, str]) -> None:
    """Draw the filters.

    Args:
        models: names to choose from.
        batches: names by id.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "File, subject or digest", key=state.TEXT, bind="query-params", width=220,
            icon=":material/search:",
        )  # fmt: skip
        _one("Verdict", said.VERDICTS, key=state.VERDICT)
        _one("Model", {name: name for name in models}, key=state.MODEL)
        st.date_input("From", None, key=state.SINCE, bind="query-params", width=150)
        st.date_input(
            "To", None, key=state.UNTIL, bind="query-params", width=150, help="Days in UTC."
        )
        st.toggle("Called wrong", key=state.FLAGGED, bind="query-params")
    batch = state.number(state.BATCH)
    if batch is not None:
        gone = "The batch of this address is not there any more"
        _chip(f"Only the batch {batches[batch]}" if batch in batches else gone)


def _one(title: str, options: dict[str, str], *, key: str) -> None:
    """A control of one text, none of which stands for all."""
    if st.session_state.get(key) not in (None, *options):
        st.session_state[key] = None
    st.selectbox(
        title, list(options), index=None, placeholder="All", key=key, width=180,
        format_func=options.__getitem__, bind="query-params",
    )  # fmt: skip


def _chip(text: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/filter_alt: {frame.plain(text)}", width="content")
        st.button(
            "Show all answers", icon=":material/close:", key="all_answers", on_click=state.show_all
        )
