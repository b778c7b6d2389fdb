import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore import site_profile
from allcore.data import readers
from allcore.errors import DataError
from allcore.inference import site_answers
from allcore.notice import RESEARCH_USE
from allcore.store import accounts, database
from allcore.web import resources
from allcore.web.accounts import Visitor
from allcore.web.validate import job
from tests import simulated, validated
from tests.page_runs import ADA, open_page, page_text, sign_in

REVIEWER = Visitor("rev", "Rev", "reviewer", 1)


@pytest.fixture
def data(home: Path, drawn_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The synthetic set as the only data set, and a simulated model without weights."""
    sign_in(monkeypatch, REVIEWER)
    accounts.create(
        database.connect(), username="rev", display_name="Rev", email="a@example.org",
        password="correct horse 7 battery", role="reviewer",
    )  # fmt: skip
    folder = simulated.folder(tmp_path / "models")
    monkeypatch.setenv("ALLSCOPE_MODELS", str(folder.parent))
    monkeypatch.setenv("ALLSCOPE_MODEL", folder.name)
    monkeypatch.setattr(resources, "predictor", lambda _: None)
    job._jobs().clear()
    return drawn_demo


def answer_with(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Let the model answer as in `validated`."""
    monkeypatch.setattr(site_answers, "answer", lambda *_, **__: validated.answers(**changes))


def press(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label.startswith(label)).click().run()
    assert not page.exception
    return page


def run_to_the_end(page: AppTest) -> AppTest:
    press(page, "Validate simulated")
    for thread in job._jobs().values():
        thread.join(20)
    page.run()
    assert not page.exception
    return page


def test_page__validates_and_saves_a_profile(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page("validate")
    assert page.title[0].value == "Validate"
    assert RESEARCH_USE in page_text(page)
    assert "labelled pictures of" in page_text(page)
    answer_with(monkeypatch)
    run_to_the_end(page)
    assert page.success[0].value.replace("\\", "").startswith("Of cells of new subjects")
    assert len(page.get("plotly_chart")) == 3
    assert list(page.dataframe[0].value["Figure"])[:2] == ["AUROC", "Sensitivity"]
    assert "What may not" in page_text(page)
    page.text_input[0].set_value("Ward 3").run()
    press(page, "Save site profile")
    profile = site_profile.find("Ward 3")
    assert profile.command.startswith("python -m allcore validate")
    assert "Ward 3, version 1" in page_text(page)
    press(page, "Yes, delete")
    assert site_profile.list_profiles() == ([], [])
    assert "None is saved yet" in page_text(page)


def test_page__says_that_nothing_can_be_claimed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, all_subjects=1, normal_subjects=1)
    page = run_to_the_end(open_page("validate"))
    assert "Nothing can be claimed: 2 subjects" in page.warning[0].value.replace("\\", "")
    assert not [button for button in page.button if button.label == "Save site profile"]


def test_page__answers_outlive_the_server(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch)
    run_to_the_end(open_page("validate"))
    job._jobs().clear()
    job._load.clear()
    assert open_page("validate").success


def test_page__a_user_may_look_and_not_save(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(monkeypatch, ADA)
    answer_with(monkeypatch)
    site_profile.save(validated.profile())
    page = run_to_the_end(open_page("validate"))
    [save] = [button for button in page.button if button.label == "Save site profile"]
    assert save.disabled and "This is for reviewers" in save.help
    assert not [button for button in page.button if button.label == "Yes, delete"]
    assert "Of another model" in page_text(page)


def test_page__shows_progress_and_cancels(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **options: object) -> None:
        options["progress"](3, 10)  # type: ignore[operator]
        while not options["cancelled"]():  # type: ignore[operator]
            time.sleep(0.01)
        raise site_answers.Stopped("Stopped.")

    monkeypatch.setattr(site_answers, "answer", slow)
    page = press(open_page("validate"), "Validate simulated")
    press(page, "Cancel")
    for thread in job._jobs().values():
        thread.join(20)
    page.run()
    assert [button for button in page.button if button.label == "Validate simulated"]


def test_page__shows_a_failure(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DataError("The model was trained on all of these: choose others.")

    monkeypatch.setattr(site_answers, "answer", fails)
    page = run_to_the_end(open_page("validate"))
    assert "choose others" in page.error[0].value


def test_file__differs_by_model_data_and_mode(data: Path) -> None:
    inputs = job.ValidationInputs(readers.read(data), data, validated.model(), False)
    assert inputs.file != job.ValidationInputs(inputs.data, data, inputs.model, True).file
    assert inputs.file == job.ValidationInputs(inputs.data, data, inputs.model, False).file
