"""No page speaks of unseen subjects where a model's subjects are unknown."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests import simulated
from tests.page_runs import page_text, sign_in

PAGES = Path(__file__).parents[2] / "pages"
UNKNOWN = "no figure here is about unseen subjects"
CLAIMS = (
    "never saw", "No subject is in two", "cells of unseen subjects", "go by for a new subject",
    "subjects that the limits", "every subject is all ALL",
)  # fmt: skip


@pytest.fixture
def nameless(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that is split by subject, of cells whose subjects nobody recorded."""
    sign_in(monkeypatch)
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ALLSCOPE_MODEL", "simulated")
    table = simulated.predictions()
    table = table.assign(subject=None, group=table["image_id"])
    folder = simulated.folder(tmp_path / "models", table=table)
    text = (folder / "model.json").read_text()
    (folder / "model.json").write_text(text.replace('"98",', "").replace('"H99"', ""))
    return folder


@pytest.mark.parametrize(
    ("page", "view"),
    [
        ("home", None), ("about", None), ("evaluation", None), ("evaluation", "subjects"),
        ("evaluation", "calibration"), ("evaluation", "figures"),
    ],
)  # fmt: skip
def test_page__says_that_subjects_are_unknown(nameless: Path, page: str, view: str | None) -> None:
    run = AppTest.from_file(str(PAGES / f"{page}.py"), default_timeout=60)
    if view:
        run.query_params["view"] = view
    text = page_text(run.run())
    assert not run.exception
    assert UNKNOWN in text
    for claim in CLAIMS:
        assert claim not in text
