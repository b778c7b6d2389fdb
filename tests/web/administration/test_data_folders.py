"""Folders that an administrator allows, and what people may then connect and open."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.audit.index import jobs
from allcore.errors import AllScopeError, DataError
from allcore.store import admin_settings, audit, data_sets, database
from allcore.store.audit import AuditQuery
from allcore.web import accounts, datasets
from allcore.web.accounts import Visitor
from allcore.web.administration import data_folders
from allcore.web.dataset import connect_index, connect_view
from tests.web import sessions
from tests.web.administration.conftest import Show

BOSS = Visitor("boss", "Boss", "admin")


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A data set in a folder that nobody has allowed yet."""
    for label in ("all", "hem"):
        file = tmp_path / "shared" / "cells" / label / "UID_1_1_1.png"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"")
    return (tmp_path / "shared" / "cells").resolve()


def allow(page: AppTest, path: Path | str) -> AppTest:
    field = next(each for each in page.text_input if each.label.startswith("Whole path"))
    field.set_value(str(path))
    return sessions.press(page, "Allow the folder")


def kept() -> list[str]:
    value: list[str] = admin_settings.read(database.connect(), "data_roots").value
    return value


def test_view__allows_a_folder_in_which_people_then_connect(show: Show, cells: Path) -> None:
    with pytest.raises(DataError, match="lies outside"):
        connect_view.connect_path(BOSS, cells, "Cells")
    page = allow(show("settings"), cells.parent)
    assert f"People may connect data sets in {cells.parent}" in sessions.said(page)
    assert kept() == [str(cells.parent)]
    connect_view.connect_path(BOSS, cells, "Cells")
    assert datasets.path_of("Cells") == cells
    [line] = audit.search(database.connect(), AuditQuery(action="setting changed")).entries
    assert (line.username, line.target) == ("boss", "data_roots")
    assert json.loads(line.detail) == {"from": [], "to": [str(cells.parent)]}


def test_view__refuses_and_keeps_what_was_typed(show: Show, home: Path) -> None:
    page = show("settings")
    for path, said in (("/", "top of the file system"), (home, "own database, keys")):
        assert said in sessions.said(allow(page, path))
        assert page.text_input[-1].value == str(path)
    assert kept() == []


def test_view__removes_a_folder_and_closes_what_lies_there(
    show: Show, cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = allow(show("settings"), cells.parent)
    connect_view.connect_path(BOSS, cells, "Cells")
    cancelled: list[Path] = []
    monkeypatch.setattr(jobs, "cancel", cancelled.append)
    assert any("1 connected data set there" in each.value for each in page.run().markdown)
    sessions.press(page, "Yes, remove")
    assert "is not allowed any more" in sessions.said(page)
    assert kept() == []
    assert cancelled == [cells]
    with pytest.raises(DataError, match="lies outside"):
        datasets.path_of("Cells")
    assert len(data_sets.list_of(database.connect())) == 1  # it comes back with the folder
    monkeypatch.setattr(jobs, "start", lambda path: pytest.fail("it was indexed"))
    connect_index.start(cells)  # a button that was drawn before


def test_view__folders_of_the_settings_cannot_be_removed(
    show: Show, cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", str(cells.parent))
    page = show("settings")
    assert any(str(cells.parent) in each.value.replace("\\", "") for each in page.markdown)
    assert "Yes, remove" not in [button.label for button in page.button]
    assert "is allowed already" in sessions.said(allow(page, cells))


def test_view__says_what_is_gone(show: Show, cells: Path) -> None:
    page = allow(show("settings"), cells)
    cells.rename(cells.with_name("elsewhere"))
    assert "is not there any more" in page.run().warning[0].value.replace("\\", "")


def test_allow__the_same_twice_at_once(show: Show, cells: Path) -> None:
    show("settings")
    admin_settings.update(database.connect(), "boss", "data_roots", lambda kept: [str(cells)])
    with pytest.raises(DataError, match="is allowed already"):
        data_folders.allow(BOSS, str(cells))


def test_allow__administrators_alone(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions.add("ada")
    ada = Visitor("ada", "Ada", "user")
    monkeypatch.setattr(accounts, "visitor", lambda: ada)
    for change in (data_folders.allow, data_folders.remove):
        with pytest.raises(AllScopeError, match="This is for administrators"):
            change(ada, str(cells))
