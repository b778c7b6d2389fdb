from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager

from allcore.store import passwords, sign_in


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of the test's own, no model, and the fewest rounds bcrypt takes."""
    monkeypatch.setenv("ALLSCOPE_MODELS", str(home / "models"))
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    monkeypatch.setattr(sign_in, "NAME_COST", 4)
    passwords.dummy_hash.cache_clear()
    yield home
    passwords.dummy_hash.cache_clear()


@pytest.fixture(autouse=True)
def warm_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has run app.py before; AppTest alone makes each run a fresh server's first."""
    if request.node.get_closest_marker("cold"):
        return
    begin = PagesManager.__init__

    def begin_warm(manager: PagesManager, *given: Any, **named: Any) -> None:
        begin(manager, *given, **named)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", begin_warm)
