from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.notice import RESEARCH_USE
from allcore.web import accounts
from allcore.web.accounts import Visitor
from tests import simulated

PAGE = Path(__file__).parents[2] / "pages" / "about.py"


@pytest.fixture
def models(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "user"))
    root = tmp_path / "models"
    root.mkdir()
    monkeypatch.setenv("ALLSCOPE_MODELS", str(root))
    return root


def opened() -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.info, *page.error]
    return "\n".join(str(part.value) for part in parts)


def test_page__shows_the_card_and_the_learning_curve(models: Path) -> None:
    simulated.folder(models)
    page = opened()
    assert page.title[0].value == "About this model"
    text = words(page)
    for part in (RESEARCH_USE, "## What it is", "## Limits", "python -m allcore train"):
        assert part in text
    assert {m.label: m.value for m in page.metric}["Threshold"] == "0.500"
    columns = [list(frame.value.columns) for frame in page.dataframe]
    assert ["Setting", "Value"] in columns
    assert ["Subject", "Class", "Correct"] in columns
    assert len(page.get("plotly_chart")) == 1


def test_page__without_history_or_predictions_says_so(models: Path) -> None:
    folder = simulated.folder(models)
    (folder / model_folder.HISTORY).unlink()
    (folder / model_folder.PREDICTIONS).write_bytes(b"nonsense")
    page = opened()
    assert len(page.error) == 1
    assert "without a record of its training" in words(page)


def test_page__damaged_model(models: Path) -> None:
    (simulated.folder(models) / model_folder.INFO).write_text("{")
    page = opened()
    assert len(page.error) == 1
    assert not page.metric


def test_page__no_model(models: Path) -> None:
    assert "No model is installed yet" in words(opened())
