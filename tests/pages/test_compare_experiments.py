"""The section of the Compare page that shows what networks learn in place of the cell."""

import subprocess
import sys
from pathlib import Path

import pytest

from allcore.evaluation.experiments import split_finding
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
    for name in ("cues", "interventions"):
        assert f"comparison/experiments/{name}.json" in text


def test_section__shows_both_without_a_comparison(folder: Path) -> None:
    for record in (made.cues(), made.interventions()):
        json_files.write_experiment(folder, record)
    page = open_page("compare")
    assert len(page.get("plotly_chart")) == 1
    text = page_text(page)
    assert "This is what the cues say." in text
    assert "Predicted before the run: Size alone." in text
    assert "is missing" not in text
    assert page.code[0].value == "python -m allcore experiment cues --data cells"
    page.segmented_control(key="experiment").set_value("interventions").run()
    assert page.code[0].value == "python -m allcore experiment interventions --data cells"
    assert not page.selectbox


def test_section__stands_below_a_comparison(folder: Path) -> None:
    json_files.write_comparison(
        folder.parent, simulated.comparison(("qcresnet", "area_brightness"))
    )
    json_files.write_experiment(folder, made.cues())
    assert "what the cues say" not in page_text(open_page("compare"))
    page = open_page("compare", address={"compare_tab": "Experiments"})
    assert "This is what the cues say." in page_text(page)
    assert "comparison/experiments/interventions.json" in page_text(page)


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
    for name in ("stages", "recipe", "subjects"):
        page.segmented_control(key="experiment").set_value(name).run()
        assert not page.exception
        assert len(page.get("plotly_chart")) == 1
        assert f"This is what the {name} say." in page_text(page)


def test_split_finding__verdicts_are_a_list() -> None:
    finding = "A is best. The prediction held in 1 of 2 parts. Held: b. Not held: c."
    assert split_finding(finding) == (
        "A is best.",
        ("The prediction held in 1 of 2 parts.", "Held: b.", "Not held: c."),
    )
    assert split_finding("A is best.") == ("A is best.", ())


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
