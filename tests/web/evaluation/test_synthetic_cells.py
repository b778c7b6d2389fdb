"""Evaluation and Home on synthetic cells: by default only while no held-out cell has a picture."""

import shutil
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from allcore.inference import synthetic_predictions
from allcore.web import synthetic_scoring
from allcore.web.accounts import Visitor
from allcore.web.evaluation import sources, synthetic_cells
from allcore.web.evaluation.views import VIEWS
from tests import simulated
from tests.conftest import draw_cell
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
    synthetic_scoring.forget_jobs()
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `scored` copies once it is filled: every model here has the same network."""
    return tmp_path_factory.mktemp("scored") / "results"


@pytest.fixture
def scored(model: Path, results: Path) -> Path:
    installed = model_folder.resolve(model.name)
    if not results.is_dir():
        shutil.copytree(synthetic_predictions.score(installed), results)
    return shutil.copytree(results, synthetic_predictions.folder(installed), dirs_exist_ok=True)


def split(page: AppTest) -> str:
    return str(page.selectbox(key=sources.SPLIT).value)


def test_page__opens_with_synthetic_cells_that_are_marked(scored: Path) -> None:
    page = open_page("evaluation")
    assert split(page) == synthetic_cells.SPLIT
    assert "drawn by ALLScope" in page_text(page)
    cells = model_folder.read_predictions(scored)
    accuracy = ((cells["probability"] >= 0.5) == (cells["label"] == "all")).mean()
    assert page.metric[0].value == f"{accuracy:.3f}"
    page.selectbox(key=sources.SPLIT).set_value("test").run()
    assert not page.exception
    assert "drawn by ALLScope" not in page_text(page)
    assert page.metric[0].value != f"{accuracy:.3f}"


@pytest.mark.parametrize("view", VIEWS)
def test_page__every_view_of_synthetic_cells(scored: Path, view: str) -> None:
    page = open_page("evaluation", address={"view": VIEWS[view].title})
    assert split(page) == synthetic_cells.SPLIT
    assert not page.error


def test_page__a_picture_of_a_held_out_cell_puts_the_split_first(
    scored: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = model_folder.read_predictions(model)["image_id"].iloc[0]
    data = tmp_path / "data" / "all"
    data.mkdir(parents=True)
    Image.fromarray(draw_cell(seed=0)).save(data / f"{known}.png")
    monkeypatch.setenv("ALLSCOPE_DATA", str(data.parent))
    assert split(open_page("evaluation")) == "test"


def test_page__a_held_out_cell_in_the_address_does_too(scored: Path, model: Path) -> None:
    cells = model_folder.read_predictions(model)
    known = cells.loc[cells["split"] == "test", "image_id"].iloc[0]
    assert split(open_page("evaluation", address={"cell": known})) == "test"


def test_page__shows_the_progress_until_the_cells_are_scored(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic_scoring.ScoringJob, "start", lambda job: job.advance(30, 240))
    page = open_page("evaluation")
    assert split(page) == "test"
    page.selectbox(key=sources.SPLIT).set_value(synthetic_cells.SPLIT).run()
    assert "The figures of the held-out cells are there already" in page_text(page)
    assert not page.metric
    page.selectbox(key=sources.SPLIT).set_value("test").run()
    assert page.metric and not page.exception


def test_home__shows_the_progress_and_then_the_answers(
    scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic_scoring.ScoringJob, "start", lambda job: job.advance(30, 240))
    aside = scored.rename(tmp_path / "aside")
    page = open_page("home")
    assert "once the model has scored the synthetic cells" in page_text(page)
    assert "Step 30 of 240" in page.get("progress")[0].proto.text
    aside.rename(scored)
    page.run()
    assert not page.get("progress") and not page.exception
    assert "of each kind the answer of median probability" in page_text(page)


def test_home__a_visitor_reads_no_reason_and_starts_nothing(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(monkeypatch, Visitor())
    (model / model_folder.WEIGHTS).write_bytes(b"nonsense")
    monkeypatch.setattr(synthetic_scoring.ScoringJob, "start", synthetic_scoring.ScoringJob.run)
    page = open_page("home")
    assert "could not be scored: sign in" in page_text(page)
    assert "Try again" not in [button.label for button in page.button]
    assert not page.error and not page.exception


def test_page__a_failure_can_be_tried_again(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (model / model_folder.WEIGHTS).write_bytes(b"nonsense")
    monkeypatch.setattr(synthetic_scoring.ScoringJob, "start", synthetic_scoring.ScoringJob.run)
    page = open_page("evaluation")
    page.selectbox(key=sources.SPLIT).set_value(synthetic_cells.SPLIT).run()
    assert "are damaged or missing" in page.error[0].value.replace("\\", "")
    assert [button.label for button in page.button if "again" in button.label] == ["Try again"]


def test_prepare__starts_where_no_real_set_is_connected(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(synthetic_scoring, "job_of", lambda model: started.append(model.name))
    synthetic_scoring.prepare.clear()
    synthetic_scoring.prepare()
    assert started == [model.name]
    for name, value in {"ALLSCOPE_DATA": str(tmp_path), "ALLSCOPE_SCORE_SYNTHETIC": "0"}.items():
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            synthetic_scoring.prepare.clear()
            synthetic_scoring.prepare()
        assert started == [model.name]
