"""Runs of pages without a browser: who looks, the page after its first run, and its text."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.web import accounts
from allcore.web.accounts import Visitor

PAGES = Path(__file__).parents[1] / "pages"
ADA = Visitor("ada", "Ada", "user")


def sign_in(monkeypatch: pytest.MonkeyPatch, visitor: Visitor = ADA) -> None:
    """Make somebody the visitor of every page."""
    monkeypatch.setattr(accounts, "visitor", lambda: visitor)


def open_page(
    name: str,
    *,
    state: Mapping[str, object] | None = None,
    address: Mapping[str, str | list[str]] | None = None,
) -> AppTest:
    """A page after its first run, which must not fail.

    Args:
        name: stem of its script.
        state: of the session before the run.
        address: parameters of the address.
    """
    # The first run may import torch, which takes long on a busy machine.
    page = AppTest.from_file(str(PAGES / f"{name}.py"), default_timeout=120)
    for key, value in (state or {}).items():
        page.session_state[key] = value
    page.query_params.update(address or {})
    page.run()
    assert not page.exception
    return page


def page_text(page: AppTest) -> str:
    """All text of a page outside its tables, charts and controls, without escapes."""
    kinds = (page.subheader, page.markdown, page.caption, page.info, page.warning, page.error)
    return "\n".join(str(part.value).replace("\\", "") for parts in kinds for part in parts)
