from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from allcore.web import accounts
from allcore.web.accounts import Visitor
from tests.web import sessions

Show = Callable[[str], AppTest]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """Open a view of the Administration page as the administrator boss."""
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("boss", "Boss", "admin"))
    sessions.add("boss", role="admin")

    def shown(view: str) -> AppTest:
        page = AppTest.from_file(
            str(sessions.ROOT / "pages" / "administration.py"), default_timeout=60
        )
        page.session_state["view"] = view
        assert not page.run().exception
        return page

    return shown
