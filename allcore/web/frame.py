"""What all pages share: configuration, heading, notices and errors."""

import functools
import re
from pathlib import Path
from typing import NoReturn

import streamlit as st

from allcore import logs, notice
from allcore.errors import AllScopeError
from allcore.web import presentation

TEXT_WIDTH = 720
"""Pixels. Running text stays within a readable measure however wide the screen is."""
FORM_WIDTH = 440
"""Pixels. A form of a few fields."""
LOGO = Path(__file__).with_name("logo.svg").read_text(encoding="utf-8")
MARK = str(Path(__file__).with_name("mark.svg"))
UNEXPECTED = "Something went wrong; try again, or ask an administrator to look at the log."
_NOTICE = "notice"
_AUTOLINKS = re.compile(
    r"(?<=:)(?=//|material/|[\w+-]*[a-z+-][\w+-]*:)|(?<=www)(?=\.)|(?<=@)", re.ASCII | re.IGNORECASE
)
"""Places where Streamlit turns plain text into a link, an icon or an emoji."""


markdown, caption, info, success, warning, error = (
    functools.partial(draw, width=TEXT_WIDTH)
    for draw in (st.markdown, st.caption, st.info, st.success, st.warning, st.error)
)
"""Streamlit's elements, no wider than running text."""


def styles(module: str) -> str:
    """The CSS file beside a module, given by its ``__file__``, as HTML."""
    return f"<style>{Path(module).with_suffix('.css').read_text(encoding='utf-8')}</style>"


def configure() -> None:
    """Set the icon of the browser tab, the wide layout and the logo; first in a run."""
    st.set_page_config(page_icon=MARK, layout="wide")
    st.logo(LOGO, size="large")


def header(title: str, question: str) -> None:
    """Draw a page's title, the one sentence that says what it answers, and the notice."""
    with st.container(gap="xsmall", key="presenting" if presentation.is_on() else "head"):
        with st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="bottom",
            gap=None,
        ):
            st.title(title, anchor=False, width="content")
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                presentation.show_switch()
                st.caption(f":material/science: {notice.RESEARCH_USE}", width="content")
        st.markdown(question, width=TEXT_WIDTH)


def problem(error: Exception) -> None:
    """Show in one sentence what went wrong and what to do.

    An unexpected error is logged, and its text is never shown.
    """
    expected = isinstance(error, AllScopeError)
    if not expected:
        logs.failure("unexpected error on a page", error)
    sentence = plain(str(error) if expected else UNEXPECTED)
    st.error(sentence, icon=":material/error:", width=TEXT_WIDTH)


def confirm_button(
    label: str,
    sentence: str,
    *,
    icon: str,
    yes: str,
    key: str | None = None,
    disabled: bool = False,
) -> bool:
    """Draw a button that asks before it acts; tell whether it was confirmed.

    The sentence is Markdown; `yes` and `key` are of the button that confirms.
    """
    with st.popover(label, icon=icon, disabled=disabled):
        st.markdown(sentence)
        return st.button(yes, type="primary", key=key)


def unavailable(error: Exception) -> NoReturn:
    """End the run with a page that says why ALLScope cannot be used right now."""
    header(title="ALLScope", question="ALLScope can't be used right now.")
    problem(error)
    st.stop()


def set_notice(sentence: str) -> None:
    """Store a sentence for the next page that shows notices."""
    st.session_state[_NOTICE] = sentence


def show_notice() -> None:
    """Show the stored notice, once."""
    sentence = st.session_state.pop(_NOTICE, None)
    if sentence:
        info(plain(sentence), icon=":material/info:")


def plain(text: str) -> str:
    """Escape typed text, so that Markdown shows it unchanged.

    Markdown turns addresses into links and names between colons into pictures, even where they are
    escaped: a character of no width breaks these.
    """
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:<>@&^=])", r"\\\1", _AUTOLINKS.sub("\u2060", text))
