"""What every page has in common: its configuration, its heading, and how a problem is said."""

from typing import NoReturn

import streamlit as st

from allcore import errors, notice

TEXT_WIDTH = 720
"""Pixels. Running text stays within a readable measure however wide the screen is."""
FORM_WIDTH = 440
"""Pixels. A form of a few fields."""
UNEXPECTED = "Something went wrong. Try again, or ask your administrator to look at the log."


def configure() -> None:
    """Set the browser tab's title and the wide layout; first thing in a run."""
    st.set_page_config(page_title="ALLScope", page_icon=":material/biotech:", layout="wide")


def header(title: str, question: str) -> None:
    """Draw a page's title, the one sentence that says what it answers, and the notice."""
    st.title(title, anchor=False)
    st.markdown(question, width=TEXT_WIDTH)
    st.caption(f":material/science: {notice.RESEARCH_USE}")


def sentence_of(error: Exception) -> str:
    """Give the sentence a person can act on; never an exception's inner text."""
    return str(error) if isinstance(error, errors.AllScopeError) else UNEXPECTED


def problem(error: Exception) -> None:
    """Say in one sentence what went wrong and what to do."""
    st.error(sentence_of(error), icon=":material/error:", width=TEXT_WIDTH)


def unavailable(error: Exception) -> NoReturn:
    """End the run with a page that says why ALLScope cannot be used right now."""
    header(title="ALLScope is not available", question="The accounts could not be read.")
    problem(error)
    st.stop()
