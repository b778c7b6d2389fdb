"""What the viewer hands to the browser, and what it makes of a step."""

from types import SimpleNamespace
from typing import Any

import pytest

from allcore.web.components import cell_viewer


class Mount:
    """Stands for the component: keeps what it is given."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def __call__(self, **given: Any) -> None:
        self.given = given


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    state: dict[str, Any] = {}
    monkeypatch.setattr(cell_viewer.st, "session_state", state)
    return state


def shown(monkeypatch: pytest.MonkeyPatch, steps: list[str]) -> dict[str, Any]:
    mount = Mount()
    monkeypatch.setattr(cell_viewer, "_MOUNT", mount)
    cell_viewer.show_viewer(
        ["a", "b", "c"], {"a": "data:1", "b": ""}, at="b", place=1, total=9, key="viewer",
        on_step=steps.append,
    )  # fmt: skip
    return mount.given


def test_show__the_cell_and_those_beside_it(
    monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    data = shown(monkeypatch, [])["data"]
    assert (data["ids"], data["at"], data["place"], data["total"]) == (["a", "b", "c"], "b", 1, 9)
    assert data["pictures"] == {"a": "data:1", "b": ""}
    assert data["count"] == 0


def test_show__a_step_is_told_before_the_run_and_counted(
    monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    steps: list[str] = []
    given = shown(monkeypatch, steps)
    state["viewer"] = SimpleNamespace(at={"id": "c", "count": 4})
    given["on_at_change"]()
    assert steps == ["c"]
    assert shown(monkeypatch, steps)["data"]["count"] == 4
