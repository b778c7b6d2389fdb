"""Connecting data sets on the Dataset page, by what its own parts draw."""

import os
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.audit.index import jobs
from allcore.audit.index.files import ChangesSinceIndex
from allcore.audit.index.jobs import JobProgress
from allcore.data import file_digests
from allcore.errors import StoreError
from allcore.store import data_sets, database
from allcore.store.roles import NotAllowed
from allcore.synthetic import dataset
from allcore.web import accounts, datasets
from allcore.web.accounts import Visitor
from allcore.web.dataset import connect_index, connect_verify, connect_view
from allcore.web.dataset.context import DATA
from tests.page_runs import open_page, page_text
from tests.web import sessions

ADA, BOB, EVE = Visitor("ada", "Ada", "user"), Visitor("bob", "Bob", "user"), Visitor(
    "eve", "Eve", "admin"
)  # fmt: skip


TIME = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An allowed folder with two data sets in it, and three people."""
    for label in ("all", "hem"):
        for number in range(3):
            file = tmp_path / "allowed" / "cells" / label / f"UID_{label}_{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
    shutil.copytree(tmp_path / "allowed" / "cells", tmp_path / "allowed" / "细胞 <b>*x*")
    (tmp_path / "allowed" / "empty").mkdir()
    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", str(tmp_path / "allowed"))
    for person in (ADA, BOB, EVE):
        sessions.add(person.name, person.role)
    return (tmp_path / "allowed").resolve()


class Seat:
    """Who is looking."""

    who = ADA


@pytest.fixture(autouse=True)
def seat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Seat, "who", ADA)
    monkeypatch.setattr(accounts, "visitor", lambda: Seat.who)


def others(user: str, role: str) -> None:
    """A page with the part that does not hang on the data set shown."""
    import streamlit as st

    from allcore.web.accounts import Visitor
    from allcore.web.dataset import connect_view
    from allcore.web.dataset.context import choose_dataset

    choose_dataset()
    st.title("Dataset")
    connect_view.show_connections(Visitor(user, user, role))


def page(user: Visitor) -> AppTest:
    Seat.who = user
    app = AppTest.from_function(others, args=(user.name, user.role), default_timeout=120).run()
    assert not app.exception
    return app


def look_at(app: AppTest, path: Path | str) -> AppTest:
    app.text_input(key=connect_view.PATH).set_value(str(path)).run()
    return sessions.press(app, "Preview")


def folders(app: AppTest) -> list[str]:
    """Labels of the buttons that open folders."""
    return [button.label for button in app.button if button.key and "open /" in button.key]


def connected() -> list[tuple[str, Path]]:
    return [(item.name, item.path) for item in data_sets.list_of(database.connect())]


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_page__without_allowed_folders(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLSCOPE_DATA_ROOTS")
    app = page(ADA)
    assert "by the setting ALLSCOPE_DATA_ROOTS" in app.info[0].value.replace("\\", "")
    assert labels(app) == []


def test_page__two_clicks_from_a_folder_to_its_index(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    monkeypatch.setattr(jobs, "start", started.append)
    app = page(ADA)
    assert [name.replace("\\", "") for name in folders(app)] == [
        "cells (6 images)", "empty (0 images)", "细胞 <b>*x* (6 images)",
    ]  # fmt: skip
    place = root / "细胞 <b>*x*"
    app.button(key=f"open {place}").click().run()
    assert app.text_input(key=connect_view.PATH).value == str(place)
    assert "class folders: all, hem: 6 images (3 ALL blasts, 3 normal cells)" in page_text(app)
    assert "No file name tells a subject" in page_text(app)
    sessions.press(app, "Connect and index")
    assert connected() == [("细胞 <b>*x*", place)]
    assert started == [place]
    assert app.selectbox(key=DATA).value == "细胞 <b>*x*"
    assert "is connected and shown on all pages" in app.toast[0].value
    assert app.text_input(key=connect_view.PATH).value == ""
    assert "**细胞 <b>*x**" in page_text(app)
    assert all("<b>" not in part.value for part in app.markdown)


def test_page__asks_which_labels_count(root: Path) -> None:
    for name, folder in (("UID_1_1_1_all", "hem"), ("UID_H1_1_1_hem", "all")):
        (root / "wrong" / folder).mkdir(parents=True)
        (root / "wrong" / folder / f"{name}.png").touch()
    app = look_at(page(ADA), root / "wrong")
    assert "2 of 2 file names contradict the class folders" in page_text(app)
    assert "2 without a label" in page_text(app)
    [choice] = app.radio
    first = choice.options[0].replace("\\", "")
    assert first == "Exchanged, as 2 of 2 file names say (all=hem,hem=all)"
    sessions.press(app, "Use these labels")
    assert "(1 ALL blasts, 1 normal cells)" in page_text(app)
    assert "Labels as decided: 'all' is normal, 'hem' is ALL blast." in page_text(app)
    assert datasets.read_manifest(root / "wrong").conflict is None


def test_page__a_decision_can_be_taken_back(root: Path) -> None:
    (root / "wrong" / "hem").mkdir(parents=True)
    (root / "wrong" / "hem" / "UID_1_1_1_all.png").touch()
    app = look_at(page(ADA), root / "wrong")
    app.radio[0].set_value("hem=hem").run()
    sessions.press(app, "Use these labels")
    assert "1 of 1 file names contradict the class folders" in page_text(app)
    sessions.press(app, "Decide the labels again")
    assert "1 without a label" in page_text(app) and len(app.radio) == 1


def test_page__goes_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root.parent / "more").mkdir()
    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", f"{root}{os.pathsep}{root.parent / 'more'}")
    app = page(ADA)
    assert "Allowed folders" in page_text(app)
    app.button(key=f"open {root}").click().run()
    app.button(key=f"open {root / 'cells'}").click().run()
    assert app.text_input(key=connect_view.PATH).value == str(root / "cells")
    sessions.press(app, "Up")
    assert app.text_input(key=connect_view.PATH).value == str(root)
    sessions.press(app, "Up")
    assert "Allowed folders" in page_text(app)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("empty", "No picture was found"),
        ("gone", "There is nothing at"),
        ("../elsewhere", "lies outside of the folders that are allowed"),
        ("out", "leads out of the folders that are allowed"),
        ("cells/all/UID_all_0.png", "is a file: point at the folder"),
    ],
)
def test_page__says_why_not(root: Path, path: str, sentence: str) -> None:
    (root / "out").symlink_to("/")
    app = look_at(page(ADA), root / path)
    assert sentence in page_text(app)
    assert "Connect and index" not in labels(app)


def test_page__taken_name_and_place(root: Path) -> None:
    data_sets.connect(database.connect(), "bob", name="Cells", path=root / "cells")
    app = look_at(page(ADA), root / "cells")
    sessions.press(app, "Connect and index")
    assert "connected already, as 'Cells'" in page_text(
        app
    ) or "named 'cells' already" in page_text(app)
    with pytest.raises(StoreError, match="named 'SYNTHETIC DEMONSTRATION SET' already"):
        connect_view.connect_path(ADA, root / "细胞 <b>*x*", "SYNTHETIC DEMONSTRATION SET")
    assert connected() == [("Cells", root / "cells")]


def test_connect_path__the_data_set_of_the_settings(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_DATA", str(root / "cells"))
    with pytest.raises(StoreError, match="connected already, as 'Connected data set'"):
        connect_view.connect_path(ADA, root / "cells", "Mine")


def test_list__only_who_may(root: Path) -> None:
    connection = data_sets.connect(database.connect(), "ada", name="Ours", path=root / "cells")
    assert "Only ada or an administrator may" in page_text(page(BOB))
    assert "Disconnect it" not in labels(page(BOB))
    with pytest.raises(StoreError, match="Only who connected"):
        data_sets.disconnect(database.connect(), "bob", connection.id)
    app = page(EVE)
    sessions.press(app, "Disconnect it")
    assert connected() == []
    assert (root / "cells" / "all" / "UID_all_0.png").exists()


def test_list__rename_keeps_it_shown(root: Path) -> None:
    data_sets.connect(database.connect(), "ada", name="Ours", path=root / "cells")
    app = page(ADA)
    assert app.selectbox(key=DATA).value == "Ours"
    sessions.fill(app, New_name="Blood cells")
    sessions.press(app, "Save")
    assert connected() == [("Blood cells", root / "cells")]
    assert app.selectbox(key=DATA).value == "Blood cells"
    sessions.press(app, "Disconnect it")
    assert app.selectbox(key=DATA).value == datasets.names()[0]


def test_list__says_what_is_gone(root: Path) -> None:
    data_sets.connect(database.connect(), "ada", name="Ours", path=root / "cells")
    shutil.rmtree(root / "cells")
    app = page(ADA)
    assert "There is nothing at" in page_text(app)
    assert "Ours" in app.selectbox(key=DATA).options
    app.selectbox(key=DATA).set_value(dataset.NAME).run()
    assert next(button for button in app.button if button.label == "Show").disabled
    (root / "cells").mkdir()
    sessions.press(app.run(), "Show")
    assert app.selectbox(key=DATA).value == "Ours"


def test_page__a_demonstration_connects_nothing(root: Path) -> None:
    data_sets.connect(database.connect(), "ada", name="Ours", path=root / "cells")
    app = page(Visitor(role="demo"))
    assert "A demonstration stores nothing" in page_text(app)
    assert not app.button
    assert not app.text_input
    assert str(root) not in page_text(app)
    with pytest.raises(NotAllowed):
        connect_view.connect_path(Seat.who, root / "empty", "Mine")
    assert len(connected()) == 1


@pytest.mark.parametrize("label", ["Disconnect it", "Save"])
def test_list__a_role_that_was_taken_holds_for_a_button_that_is_there(
    root: Path, label: str
) -> None:
    data_sets.connect(database.connect(), "ada", name="Ours", path=root / "cells")
    app = page(ADA)
    sessions.fill(app, New_name="Another")
    Seat.who = Visitor("ada", "Ada", "demo")
    sessions.press(app, label)
    assert "A demonstration stores nothing" in page_text(app)
    assert connected() == [("Ours", root / "cells")]


def test_connection_problem__no_longer_allowed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = data_sets.connect(database.connect(), "ada", name="Ours", path=root / "cells")
    assert connect_view.connection_problem(connection) == ""
    monkeypatch.setenv("ALLSCOPE_DATA_ROOTS", str(root / "empty"))
    assert "lies outside of the folders" in connect_view.connection_problem(connection)


def test_changes_sentence__each_kind() -> None:
    sentence = connect_index.changes_sentence(
        ChangesSinceIndex(new=1, changed=0, gone=1200, again=2, unchanged={})
    )
    assert sentence == (
        "Files since then: 1 new, 1,200 gone. 2 files that couldn't be read will be tried again."
    )
    assert (
        connect_index.changes_sentence(ChangesSinceIndex(0, 0, 0, 0, {}))
        == "Nothing has changed since."
    )


def test_time_left__seconds_and_minutes() -> None:
    assert [connect_index.time_left(item) for item in (None, 8.6, 200.0)] == [
        "", ", about 9 s left", ", about 3 min left",
    ]  # fmt: skip


@pytest.fixture
def shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page on a data set that is connected, seen by who connected it."""
    data_sets.connect(database.connect(), "ada", name="Ours", path=root / "cells")
    monkeypatch.setattr(accounts, "visitor", lambda: ADA)
    return root / "cells"


def whole_page() -> AppTest:
    return open_page("dataset", state={"view": "connect"})


def test_dataset_page__never_indexed_then_running(
    shown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    monkeypatch.setattr(jobs, "start", started.append)
    app = whole_page()
    assert "Not indexed yet" in page_text(app)
    assert "class folders: all, hem: 6 images" in page_text(app)
    now = JobProgress("reading", 2, 6, 1, "", "", TIME, TIME)
    monkeypatch.setattr(jobs, "status", lambda path: "running")
    monkeypatch.setattr(jobs, "progress", lambda path: now)
    cancelled: list[Path] = []
    monkeypatch.setattr(jobs, "cancel", cancelled.append)
    sessions.press(app, "Index")
    assert started == [shown]
    assert "Index" not in labels(app)
    sessions.press(app, "Cancel")
    assert cancelled == [shown]


@pytest.mark.parametrize("label", ["Index", "Cancel", "Verify"])
def test_dataset_page__a_role_that_was_taken_starts_and_stops_nothing(
    shown: Path, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    done: list[Path] = []
    monkeypatch.setattr(jobs, "start", done.append)
    monkeypatch.setattr(jobs, "cancel", done.append)
    monkeypatch.setattr(
        connect_verify, "VerificationJob", lambda *_: pytest.fail("the folder was read")
    )
    if label == "Cancel":
        monkeypatch.setattr(jobs, "status", lambda path: "running")
        now = JobProgress("reading", 2, 6, 1, "", "", TIME, TIME)
        monkeypatch.setattr(jobs, "progress", lambda path: now)
    app = whole_page()
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "demo"))
    sessions.press(app, label)
    assert done == []
    assert "A demonstration stores nothing" in page_text(app)


@pytest.mark.parametrize(
    ("status", "label"),
    [("stopped", "Continue indexing"), ("failed", "Index again"), ("never", "Index")],
)
def test_dataset_page__each_state(
    shown: Path, monkeypatch: pytest.MonkeyPatch, status: str, label: str
) -> None:
    monkeypatch.setattr(jobs, "status", lambda path: status)
    monkeypatch.setattr(jobs, "failure", lambda path: "The disk *is* full.")
    app = whole_page()
    assert label in labels(app)
    assert ("The disk *is* full." in page_text(app)) == (status == "failed")


def test_dataset_page__vanishes_while_it_is_open(shown: Path) -> None:
    app = whole_page()
    shutil.rmtree(shown)
    app.run()
    assert not app.exception
    assert "There is nothing at" in page_text(app)
    assert "Disconnect it" in labels(app)


def test_dataset_page__sees_new_files_in_inner_folders(shown: Path) -> None:
    app = whole_page()
    assert "6 images" in page_text(app)
    (shown / "all" / "UID_all_9.png").write_bytes(b"")
    os.utime(shown / "all", ns=(1, 1))  # whatever the clock's grain
    app.run()
    assert "7 images" in page_text(app)


def test_dataset_page__verifies(shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = whole_page()
    sessions.press(app, "Verify")
    [check] = [app.session_state[key] for key in app.session_state if key.startswith("check ")]
    check.join(120)
    app.run()
    assert not app.exception
    assert "None of the 15,114 files of C-NMC 2019 is in" in page_text(app)
    kinds = app.dataframe[0].value.set_index("Files")["Number"].to_dict()
    assert kinds == {"missing": 15114, "not of the release": 6}
    monkeypatch.setattr(file_digests, "list_files", lambda root: pytest.fail("read again"))
    app.run()
    assert not app.exception
