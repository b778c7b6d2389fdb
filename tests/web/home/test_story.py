"""The guided story on Home, run without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.evaluation import intervals
from allcore.inference import synthetic_predictions
from allcore.reports.headline import MeasuredAccuracy
from allcore.web.accounts import Visitor
from allcore.web.home import story, story_steps
from tests import simulated
from tests.page_runs import open_page, page_text, sign_in


@pytest.fixture(autouse=True)
def model(
    drawn_demo: Path, tiny_model_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A model with predictions of cells whose pictures are not here, and with its network."""
    sign_in(monkeypatch)
    path = simulated.folder_with_network(tmp_path / "models", tiny_model_template)
    monkeypatch.setenv("ALLSCOPE_MODELS", str(path.parent))
    monkeypatch.setenv("ALLSCOPE_MODEL", path.name)
    monkeypatch.setenv("ALLSCOPE_SCORE_SYNTHETIC", "0")
    return path


def step(page: AppTest) -> str:
    """Heading of the open step; empty outside the story."""
    titles = [f"{number}. {each.title}" for number, each in enumerate(story_steps.STEPS, start=1)]
    return next((head.value for head in page.subheader if head.value in titles), "")


def test_story__is_turned_and_left(model: Path) -> None:
    page = open_page("home")
    assert step(page) == ""
    page.button(key="story_open").click().run()
    assert step(page).startswith("1. ")
    assert "once they are scored" in page_text(page)
    page.button(key="story_next").click().run()
    assert page.query_params[story.ADDRESS] == "2"
    page.button(key="story_end").click().run()
    assert step(page) == ""
    assert story.ADDRESS not in page.query_params


def test_story__shows_cells_and_figures(model: Path) -> None:
    synthetic_predictions.score(model_folder.resolve(model.name))
    for number, words in enumerate(
        ("are predicted correctly", "no promise", "has not been measured", "no gate", "flags"),
        start=1,
    ):
        page = open_page("home", address={story.ADDRESS: str(number)})
        text = page_text(page)
        assert step(page) == f"{number}. {story_steps.STEPS[number - 1].title}"
        if number in (1, 2):
            assert words in text or "No cell here" in text
        assert not page.error


def test_story__opens_a_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLSCOPE_DEMO", "1")
    sign_in(monkeypatch, Visitor(role="demo"))
    page = open_page("home")
    assert step(page).startswith("1. ")
    page.button(key="story_end").click().run()
    assert step(page) == ""


def test_story__is_not_for_who_is_signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(monkeypatch, Visitor())
    page = open_page("home", address={story.ADDRESS: "1"})
    assert step(page) == ""
    assert not [button for button in page.button if button.key == "story_open"]


def test_gap_html__states_interval_and_numbers() -> None:
    measured = MeasuredAccuracy(intervals.wilson(90, 100), cells=100, subjects=8)
    text = story_steps.gap_html({"Unseen": measured})
    assert "90.0 %" in text
    assert "95 % CI 82.6 to 94.5 %; 100 test cells of 8 subjects" in text
