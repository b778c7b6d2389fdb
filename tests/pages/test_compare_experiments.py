"""The section of the Compare page that shows what networks learn in place of the cell."""

import subprocess
import sys
from pathlib import Path

import pytest

from allcore.reports import json_files
from allcore.synthetic import dataset
from allcore.web.compare import experiments, results_cache
from tests import compared as simulated
from tests import experimented as made
from tests.page_runs import open_page, page_text, sign_in

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sign_in(monkeypatch)
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / results_cache.FOLDER / experiments.FOLDER


def test_section__says_what_was_not_run(folder: Path) -> None:
    text = page_text(open_page("compare"))
    assert experiments.TITLE in text
    assert "comparison/experiments/cues.json" in text
    assert "experiment interventions --data DIR" in text


def test_section__shows_both_without_a_comparison(folder: Path) -> None:
    for record in (made.cues(), made.interventions()):
        json_files.write_experiment(folder, record)
    page = open_page("compare")
    assert len(page.get("plotly_chart")) == 2
    text = page_text(page)
    assert "This is what the cues say." in text
    assert "Predicted before the run: Size alone." in text
    assert "was not" not in text
    assert [record.value for record in page.code] == [
        "python -m allcore experiment cues --data cells",
        "python -m allcore experiment interventions --data cells",
    ]
    assert not page.selectbox


def test_section__stands_below_a_comparison(folder: Path) -> None:
    json_files.write_comparison(
        folder.parent, simulated.comparison(("qcresnet", "area_brightness"))
    )
    json_files.write_experiment(folder, made.cues())
    page = open_page("compare")
    assert page.subheader[-1].value == experiments.TITLE
    assert "hang on was not tried yet" in page_text(page)


def test_section__another_model(folder: Path) -> None:
    json_files.write_experiment(folder, made.interventions("one", "another"))
    page = open_page("compare")
    page.selectbox(key="experiment_model").set_value("another").run()
    assert not page.exception
    assert "another loses most" in str(page.get("plotly_chart")[0].proto.spec).replace("<br>", " ")


def test_section__what_was_tried_and_what_more_subjects_would_do(folder: Path) -> None:
    for record in (made.variants(), made.variants("recipe"), made.growth()):
        json_files.write_experiment(folder, record)
    page = open_page("compare")
    assert len(page.get("plotly_chart")) == 2
    text = page_text(page)
    assert "This is what the stages say." in text and "This is what the subjects say." in text
    page.get("button_group")[0].set_value("recipe").run()
    assert not page.exception
    assert "This is what the recipe say." in page_text(page)


@pytest.mark.parametrize("name", ["cues", "interventions"])
def test_section__damaged(folder: Path, name: str) -> None:
    json_files.write_experiment(folder, made.cues())
    json_files.write_experiment(folder, made.interventions())
    json_files.experiment_file(folder, name).write_text("nonsense")
    page = open_page("compare")
    assert len(page.error) == 1 and len(page.get("plotly_chart")) == 1


def test_section__synthetic_cells_are_said(folder: Path) -> None:
    json_files.write_experiment(folder, made.cues(data=dataset.NAME))
    assert "drawn by ALLScope" in page_text(open_page("compare"))


def test_section__needs_neither_torch_nor_sklearn() -> None:
    code = (
        "import sys, allcore.web.compare.experiments\n"
        "print(*sorted({'torch', 'torchvision', 'sklearn'} & sys.modules.keys()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == []
