"""What the view of a data set's health draws: without an index, with findings, when cleaning."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.audit.findings import findings_cache
from allcore.audit.index import build, catalogue, jobs, store
from allcore.audit.index.jobs import JobProgress
from allcore.data import readers
from allcore.web.accounts import Visitor
from allcore.web.dataset import health_view
from allcore.web.dataset.context import OWN_SPLIT, DatasetContext
from tests.conftest import draw_folders
from tests.page_runs import page_text

TIME = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four subjects, one of whose cells stands under another's name, too."""
    root = draw_folders(tmp_path_factory.mktemp("cells") / "cells", subjects=4, cells=3)
    twin = root / "all" / "UID_101_9_1_all.png"
    twin.write_bytes((root / "all" / "UID_100_0_1_all.png").read_bytes())
    return root


@pytest.fixture
def root(cells: Path, home: Path) -> Path:
    return cells


def context(root: Path) -> DatasetContext:
    return DatasetContext(
        Visitor("ada", "Ada", "user"), "cells", catalogue.load(root, readers.read(root)), OWN_SPLIT
    )


def drawn(root: Path) -> AppTest:
    def page(path: str) -> None:
        from pathlib import Path

        from allcore.web.dataset import health_view
        from tests.web.dataset.test_health_view import context

        health_view.show_health(context(Path(path)))

    run = AppTest.from_function(page, args=(str(root),), default_timeout=120).run()
    assert not run.exception
    return run


def test_show__without_an_index(root: Path) -> None:
    assert "will be here once this data set is indexed" in page_text(drawn(root))


def test_show__progress_while_it_is_indexed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = JobProgress("reading", 2, 6, 1, "", "", TIME, TIME)
    monkeypatch.setattr(jobs, "status", lambda path: "running")
    monkeypatch.setattr(jobs, "progress", lambda path: now)
    page = drawn(root)
    assert "will be here when the index is ready" in page_text(page)
    assert [button.label for button in page.button] == ["Cancel"]


def test_show__finds_once_and_reads_what_is_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build_index(root)
    page = drawn(root)
    assert "The same cell under two subjects" in page_text(page)
    assert (store.folder(root) / findings_cache.FILE).is_file()
    labels = [part.label for part in page.expander]
    assert any("Identical files** · 2 images" in label for label in labels)
    assert not any("Why it matters" in part.value for part in page.markdown)  # all are closed
    monkeypatch.setattr(
        findings_cache, "refresh", lambda *_: pytest.fail("what is kept was found again")
    )
    assert [part.label for part in drawn(root).expander] == labels


def test_show__leaves_out_what_is_chosen(root: Path, home: Path) -> None:
    build.build_index(root)
    page = drawn(root)
    page.button_group(key="leave").set_value(["exact_duplicate"]).run()
    assert "1 of 13 images go (7.7 %); 12 stay." in page_text(page)
    page.text_input(key="health_manifest_name").set_value("clean").run()
    next(part for part in page.button if part.label == "Save on this server").click().run()
    assert not page.exception
    assert (home / "manifests" / "clean.csv").is_file()


def test_label__says_size_and_severity_in_words() -> None:
    from allcore.audit.findings.finding import Finding
    from allcore.audit.findings.finding_text import FindingGroup

    entry = FindingGroup("dark", (Finding("dark", "low", ("a",), "W.", "D."),))
    assert health_view.finding_label(entry, 50) == "**Dark cells** · 1 image (2.0 %) · worth a look"
