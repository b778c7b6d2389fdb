import io
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from allcore import modelfolder
from allcore.evaluation import metrics
from allcore.notice import RESEARCH_USE
from allcore.web import accounts
from allcore.web.accounts import Visitor
from tests import simulated

PAGE = Path(__file__).parents[2] / "pages" / "evaluation.py"


@pytest.fixture
def models(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(accounts, "visitor", lambda: Visitor("ada", "Ada", "user"))
    root = tmp_path / "models"
    root.mkdir()
    monkeypatch.setenv("ALLSCOPE_MODELS", str(root))
    monkeypatch.setenv("ALLSCOPE_MODEL", "simulated")
    return root


def opened() -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.info, *page.warning, *page.error]
    return "\n".join(str(part.value) for part in parts)


def test_page__shows_figures_with_both_intervals_and_no_image(models: Path) -> None:
    folder = simulated.folder(models)
    page = opened()
    assert page.title[0].value == "Evaluation"
    assert RESEARCH_USE in words(page)
    table = modelfolder.read_predictions(folder)
    test = table[table["split"] == "test"]
    scores = metrics.scores(
        labels=(test["label"] == "all").to_numpy().astype(int),
        probabilities=test["probability"].to_numpy(),
        threshold=0.5,
    )
    assert {m.label: m.value for m in page.metric}["Weighted F1"] == f"{scores.weighted_f1:.3f}"
    captions = [c.value for c in page.caption if "Over subjects  " in c.value]
    assert len(captions) == 5
    assert all("Over cells  " in caption for caption in captions)
    subjects, figures = (frame.value for frame in page.dataframe)
    assert set(subjects["Subject"]) == set(test["subject"])
    assert list(figures["Figure"]) == list(metrics.TITLES.values())


def test_page__validation_is_a_choice(models: Path) -> None:
    simulated.folder(models)
    page = opened()
    page.radio[0].set_value("validation").run()
    assert not page.exception
    assert "validation split" in words(page)
    assert "chosen on these cells" in words(page)


def test_page__figures_download_with_the_notice(models: Path) -> None:
    from allcore.evaluation import report

    simulated.folder(models)
    page = opened()
    assert [b.label for b in page.get("download_button")] == ["Download figures as CSV"]
    folder = models / "simulated"
    found = report.evaluate(modelfolder.read_predictions(folder), modelfolder.read_info(folder))
    text = pd.DataFrame(report.rows(found)).to_csv(index=False)
    table = pd.read_csv(io.StringIO(text))
    assert set(table["notice"]) == {RESEARCH_USE}
    assert len(table) == 2 * len(metrics.TITLES)


def test_page__no_model(models: Path) -> None:
    page = opened()
    assert "No model is installed yet" in words(page)
    assert not page.metric


def test_page__damaged_predictions(models: Path) -> None:
    (simulated.folder(models) / modelfolder.PREDICTIONS).write_bytes(b"nonsense")
    page = opened()
    assert len(page.error) == 1
    assert not page.metric


def test_page__one_class(models: Path) -> None:
    simulated.folder(models, table=simulated.predictions(normal_subjects=0))
    page = opened()
    assert "only ALL blasts" in words(page)
    assert "A ROC curve needs cells of both classes" in words(page)
    assert {m.label: m.value for m in page.metric}["AUROC"] == "undefined"


def test_page__an_image_split_warns(models: Path) -> None:
    folder = simulated.folder(models)
    info = modelfolder.read_info(folder)
    split = info.training["split"] | {"kind": "image"}
    table = modelfolder.read_predictions(folder)
    modelfolder.write_info(folder, simulated.info(table, training=info.training | {"split": split}))
    assert "also trained on" in words(opened())
