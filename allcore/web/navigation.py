"""The pages, who sees them, and the way between them."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError
from streamlit.navigation.page import Page as StreamlitPage
from streamlit.runtime.pages_manager import PagesManager

from allcore import logs
from allcore.errors import AllScopeError
from allcore.store.roles import Page
from allcore.web import accounts, cookie, frame
from allcore.web.accounts import Visitor
from allcore.web.components import tour


@dataclass(frozen=True)
class Entry:
    """A page of the navigation: its script and what it is called; `roles` has who may open it."""

    script: str
    title: str
    icon: str
    section: str = ""
    help: str = ""
    signed_out_only: bool = False

    @property
    def page(self) -> Page:
        """The page as the table of roles names it."""
        return cast(Page, Path(self.script).stem)

    def shown_to(self, visitor: Visitor) -> bool:
        """Tell whether the navigation lists the page; the guard decides who may open it."""
        if self.signed_out_only and visitor.signed_in:
            return False
        if self.page == "register" and not accounts.registration_open():
            return False
        return visitor.opens(self.page)


ENTRIES = (
    Entry("home.py", "Home", ":material/home:", help="What ALLScope is and is not."),
    Entry(
        "predict.py",
        "Predict",
        ":material/biotech:",
        help="Upload cell images and read the model's answers.",
    ),
    Entry(
        "history.py",
        "History",
        ":material/history:",
        help="What you have asked, and what was answered.",
    ),
    Entry(
        "evaluation.py",
        "Evaluation",
        ":material/rule:",
        help="What the model gets right and wrong on held-out cells.",
    ),
    Entry(
        "review.py",
        "Review",
        ":material/visibility:",
        help="Judge queued cells by their picture alone.",
    ),
    Entry(
        "dataset.py",
        "Dataset",
        ":material/grid_view:",
        help="The cells, subjects and splits of the data set.",
    ),
    Entry(
        "compare.py",
        "Compare",
        ":material/leaderboard:",
        help="Every network under both protocols, side by side.",
    ),
    Entry(
        "networks.py",
        "Networks",
        ":material/account_tree:",
        help="What each network is made of, block by block.",
    ),
    Entry(
        "about.py",
        "About this model",
        ":material/description:",
        help="How the model was trained and what it is for.",
    ),
    Entry("account.py", "Account", ":material/person:", section="You"),
    Entry("administration.py", "Administration", ":material/group:", section="You"),
    Entry("sign_in.py", "Sign in", ":material/login:", "You", signed_out_only=True),
    Entry("register.py", "Register", ":material/person_add:", "You", signed_out_only=True),
    Entry(
        "admin_sign_in.py",
        "Administrator sign-in",
        ":material/shield_person:",
        "You",
        signed_out_only=True,
    ),
)


DEMONSTRATION = "Demonstration: look at everything; nothing is stored."


def run() -> None:
    """Draw the navigation for who is signed in, and the page that was asked for."""
    try:
        logs.configure()
        visitor = accounts.visitor()
        page = st.navigation(_sections(visitor))
        with st.container():  # a place of its own: an upload is lost when what is above it moves
            cookie.settle()
            if visitor.role == "demo":
                st.caption(f":material/visibility: {DEMONSTRATION}")
            tour.show(visitor, page.url_path or "home")
    except AllScopeError as error:
        frame.unavailable(error)
    page.run()


def enter() -> None:
    """Bring app.py up where a fresh server runs a page's script without it."""
    if PagesManager.uses_pages_directory:
        st.navigation(_sections(Visitor()))  # from now on the server runs app.py first
        st.rerun()


def go(title: str | None) -> None:
    """Go to the page of this title, or draw the same page again where none is named."""
    if title:
        with contextlib.suppress(StreamlitPageNotFoundError):  # a page run by itself knows no other
            st.switch_page(_script(title))
    st.rerun()


def link(title: str, label: str | None = None, *, address: Mapping[str, str] | None = None) -> None:
    """Draw a link to the page of this title, with what `address` says in its address."""
    entry, query = _entry(title), dict(address or {})
    try:
        st.page_link(_script(title), label=label or title, icon=entry.icon, query_params=query)
    except StreamlitPageNotFoundError:
        end = f"?{urlencode(query)}" if query else ""
        st.markdown(f"[{label or title}](/{Path(entry.script).stem}{end})")


def _entry(title: str) -> Entry:
    return next(entry for entry in ENTRIES if entry.title == title)


def _script(title: str) -> str:
    return f"pages/{_entry(title).script}"


def _sections(visitor: Visitor) -> dict[str, list[StreamlitPage]]:
    """Group all pages by section: those not shown have an address too, which the guard answers."""
    sections: dict[str, list[StreamlitPage]] = {}
    for entry in ENTRIES:
        sections.setdefault(entry.section, []).append(_page(entry, visitor))
    if visitor.signed_in:
        sections["You"].append(
            st.Page(_sign_out, title="Sign out", icon=":material/logout:", url_path="sign_out")
        )
    return sections


def _page(entry: Entry, visitor: Visitor) -> StreamlitPage:
    return st.Page(
        f"pages/{entry.script}",
        title=entry.title,
        icon=entry.icon,
        default=entry.script == "home.py",
        visibility="visible" if entry.shown_to(visitor) else "hidden",
        help=entry.help or None,
    )


def _sign_out() -> None:
    accounts.sign_out()
    go("Home")
