"""The navigation for who is signed in, and the way between pages."""

import contextlib
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode

import streamlit as st
from streamlit import config
from streamlit.errors import StreamlitPageNotFoundError
from streamlit.navigation.page import Page as StreamlitPage
from streamlit.runtime.pages_manager import PagesManager

from allcore import logs, settings
from allcore.errors import AllScopeError
from allcore.store import registration
from allcore.web import accounts, cookie, frame, page_table, presentation
from allcore.web.accounts import Visitor
from allcore.web.components import tour
from allcore.web.page_table import Page

DEMONSTRATION = "Demonstration: look at everything; nothing is stored."
_LONGEST = 28  # characters of a name in the navigation


def run() -> None:
    """Draw the navigation for who is signed in, and the page that was asked for."""
    try:
        logs.configure()
        # Streamlit reads the option at each upload, which needs a session that has run this.
        config.set_option("server.maxUploadSize", settings.load().max_upload_mb)
        visitor = accounts.visitor()
        page = st.navigation(_sections(visitor), position="top")
        st.set_page_config(page_title=_tab_title(page))
        presentation.enter(page.url_path or "home")
        with st.container():  # a place of its own: an upload is lost when what is above it moves
            cookie.settle()
            if visitor.role == "demo":
                st.caption(f":material/visibility: {DEMONSTRATION}")
            tour.show_tour(visitor, page.url_path or "home")
    except AllScopeError as error:
        frame.unavailable(error)
    page.run()


def enter() -> None:
    """Bring app.py up where a fresh server runs a page's script without it."""
    if PagesManager.uses_pages_directory:
        st.navigation(
            _sections(Visitor()), position="top"
        )  # from now on the server runs app.py first
        st.rerun()


def go(title: str | None) -> None:
    """Go to the page of this title, or run the same page again where none is named."""
    if title:
        with contextlib.suppress(StreamlitPageNotFoundError):  # a page run by itself knows no other
            st.switch_page(page_table.page(title).script)
    st.rerun()


def link(
    title: str,
    label: str | None = None,
    *,
    address: Mapping[str, str] | None = None,
    width: Literal["content", "stretch"] = "content",
) -> None:
    """Draw a link to the page of this title, with query parameters."""
    page, query, label = page_table.page(title), dict(address or {}), label or title
    icon = f":material/{page.icon}:"
    try:  # without the page's own help, which would cover what stands above the link
        st.page_link(page.script, label=label, icon=icon, help="", query_params=query, width=width)
    except StreamlitPageNotFoundError:
        end = f"?{urlencode(query)}" if query else ""
        st.markdown(f"[{label}](/{page.name}{end})")


def lists(page: Page, visitor: Visitor) -> bool:
    """Tell whether the navigation lists a page; the guard decides who may open it."""
    if page.signed_out_only and visitor.signed_in:
        return False
    if page.name == "sign_out" and not visitor.signed_in:
        return False
    if page.name == "register" and registration.mode(accounts.store()) == "closed":
        return False
    return page.opens_to(visitor.role)


def _tab_title(page: StreamlitPage) -> str:
    return f"{page.title} · ALLScope" if page.url_path else "ALLScope"


def _sections(visitor: Visitor) -> dict[str, list[StreamlitPage]]:
    """Group all pages by section: those not listed have an address too, which the guard answers."""
    sections: dict[str, list[StreamlitPage]] = {}
    name = frame.plain((visitor.display_name or visitor.name)[:_LONGEST])
    for page in page_table.PAGES:
        sections.setdefault(name if page.section == page_table.YOU else page.section, []).append(
            st.Page(
                page.script,
                title=page.title,
                icon=f":material/{page.icon}:",
                default=page.name == "home",
                visibility="visible" if lists(page, visitor) else "hidden",
                help=page.help or None,
            )
        )
    return sections
