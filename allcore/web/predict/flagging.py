"""Saying that an answer is wrong: it enters the review queue of the evaluation pages."""

import streamlit as st

from allcore.errors import AllScopeError
from allcore.inference.results import Prediction
from allcore.store import flags, history
from allcore.web import accounts, frame

LONGEST = 500
ASK = (
    "It is put into the model's review queue, where others judge the picture without seeing your "
    "note or the answer. The picture is there only where your administrator keeps pictures."
)


def show(answer: int, prediction: Prediction, *, username: str) -> None:
    """Draw the way to flag one answer, or what was said of it.

    Args:
        answer: its id in the account's history.
        prediction: the answer.
        username: of the account.
    """
    found = history.find(accounts.store(), username, answer)
    if found is None:
        return
    if found.flagged_at is not None:
        _flagged(answer, found.flag_note, username)
        return
    label = "The answer is wrong" if prediction.p_all is not None else "It should be answered"
    with st.popover(label, icon=":material/flag:"):
        st.markdown(ASK)
        note = st.text_area("What do you see?", max_chars=LONGEST, key=f"flag note {answer}")
        if st.button("Flag it", type="primary", key=f"flag {answer}"):
            try:
                flags.flag(accounts.store_to("keep"), username, answer, note)
            except AllScopeError as error:
                frame.problem(error)
                return
            st.rerun()


def _flagged(answer: int, note: str, username: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        said = f" {frame.plain(note)}" if note else ""
        st.markdown(f":material/flag: You flagged this answer as wrong.{said}", width="content")
        if st.button("Take it back", key=f"unflag {answer}", type="tertiary"):
            flags.unflag(accounts.store_to("keep"), username, answer)
            st.rerun()
