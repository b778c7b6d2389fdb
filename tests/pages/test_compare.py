import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from allcore.evaluation import comparison
from allcore.evaluation.comparison import NetworkComparison
from allcore.notice import RESEARCH_USE
from allcore.reports import comparison_tables, comparison_text, json_files
from allcore.synthetic import dataset
from allcore.web.compare import results_cache as cached
from tests import compared
from tests.page_runs import open_page, page_text, sign_in

PAGE = Path(__file__).parents[2] / "pages" / "compare.py"
FEW = ("qcresnet", "resnet18", "ensemble", "area_brightness")


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sign_in(monkeypatch)
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / cached.FOLDER


@pytest.fixture(scope="module")
def stored() -> NetworkComparison:
    return compared.comparison(FEW)


def test_page__answers_first_then_table_then_charts(
    folder: Path, stored: NetworkComparison
) -> None:
    json_files.write_comparison(folder, stored)
    page = open_page("compare")
    assert page.title[0].value == "Compare"
    assert RESEARCH_USE in page_text(page)
    assert page.subheader[0].value == comparison_text.answer_sentences(stored)[0]
    table = page.dataframe[0].value
    assert len(table) == len(FEW)
    assert table["Network"].iloc[0] == "Ensemble"
    assert len(page.get("plotly_chart")) == 1
    assert "6 epochs of 500 cells" in page_text(page)
    assert len(page.dataframe) == 2  # one metric, and all of them in the first tab
    assert {"AUROC, unseen", "Weighted F1, gap"} <= set(page.dataframe[1].value.columns)
    assert not page.code


def open_tab(title: str) -> AppTest:
    """The page with a tab open."""
    return open_page("compare", address={"compare_tab": title})


def test_page__one_metric_for_table_and_gap(folder: Path, stored: NetworkComparison) -> None:
    json_files.write_comparison(folder, stored)
    page = open_page("compare")
    page.segmented_control(key="compare_metric").set_value("auroc").run()
    assert not page.exception
    assert "AUROC, unseen" in page.dataframe[0].value
    assert "AUROC (95 % intervals)" in str(page.get("plotly_chart")[0].proto.spec)


def test_page__method_is_a_tab(folder: Path, stored: NetworkComparison) -> None:
    json_files.write_comparison(folder, stored)
    page = open_tab("Method and commands")
    assert page.code[0].value == stored.rows[0].command
    assert len(page.dataframe) == 1


def test_page__claims_of_the_paper_are_judged(folder: Path, stored: NetworkComparison) -> None:
    json_files.write_comparison(folder, stored)
    page = open_tab("Paper's claims")
    assert not page.exception
    assert "hold on unseen subjects: " in page_text(page)
    assert next(iter(page.table[0].value.index)) == "98.9 % of cells are classified correctly"


def test_page__another_pair_of_networks(folder: Path, stored: NetworkComparison) -> None:
    json_files.write_comparison(folder, stored)
    page = open_tab("By subject")
    assert "McNemar" in page_text(page)
    page.selectbox(key="compare_a").set_value("resnet18").run()
    assert not page.exception
    test = comparison_text.paired_test(stored, "resnet18", "qcresnet")
    assert test is not None
    assert comparison_text.pair_sentences(test)[1] in page_text(page)


def test_page__curves_of_the_other_protocol_and_of_none(
    folder: Path, stored: NetworkComparison
) -> None:
    json_files.write_comparison(folder, stored)
    page = open_tab("Learning curves")
    page.radio(key="compare_curves").set_value("paper").run()
    page.radio(key="compare_by").set_value("seconds").run()
    assert not page.exception
    page.multiselect(key="compare_lines_paper").set_value([]).run()
    assert "Choose a network" in page_text(page)


def test_page__download_carries_the_notice(folder: Path, stored: NetworkComparison) -> None:
    json_files.write_comparison(folder, stored)
    page = open_page("compare")
    assert [b.label for b in page.get("download_button")] == ["Download comparison as CSV"]
    table = pd.read_csv(io.StringIO(cached.load_comparison().export))
    assert set(table["notice"]) == {RESEARCH_USE}
    assert len(table) == len(stored.rows)


def test_page__no_comparison(folder: Path) -> None:
    page = open_page("compare")
    assert "No networks have been compared yet" in page_text(page)
    assert not page.dataframe


@pytest.mark.parametrize("name", [json_files.PREDICTIONS, json_files.RESULTS, json_files.HISTORY])
def test_page__damaged(folder: Path, stored: NetworkComparison, name: str) -> None:
    json_files.write_comparison(folder, stored)
    (folder / name).write_bytes(b"nonsense")
    page = open_page("compare")
    assert len(page.error) == 1
    assert not page.dataframe


@pytest.mark.parametrize(("protocol", "other"), [("paper", "unseen"), ("unseen", "paper")])
def test_page__one_protocol(folder: Path, protocol: str, other: str) -> None:
    json_files.write_comparison(folder, compared.comparison(("qcresnet", "svm"), (protocol,)))
    page = open_page("compare")
    assert f"Not measured: {comparison.PROTOCOLS[other].lower()}" in page_text(page)
    assert not page.get("plotly_chart")


def test_page__one_network_without_curves(folder: Path) -> None:
    json_files.write_comparison(folder, compared.comparison(("area_brightness",)))
    assert "No learning curve was kept" in page_text(open_tab("Learning curves"))
    assert "Fewer than two networks" in page_text(open_tab("By subject"))


def test_page__synthetic_cells_are_said(folder: Path) -> None:
    rows = compared.comparison(FEW[:2])
    drawn = [dict(vars(row), data=dataset.NAME) for row in rows.rows]
    changed = dict(vars(rows), rows=tuple(comparison.ComparisonRow(**row) for row in drawn))
    json_files.write_comparison(folder, NetworkComparison(**changed))
    assert "drawn by ALLScope" in page_text(open_page("compare"))


def test_load__reads_again_only_what_changed(folder: Path, stored: NetworkComparison) -> None:
    json_files.write_comparison(folder, stored)
    first = cached.load_comparison()
    assert cached.load_comparison() is first
    json_files.write_comparison(folder, compared.comparison(FEW[:2]))
    assert cached.load_comparison() is not first
    assert set(cached.load_comparison().subjects["network"]) == set(FEW[:2])
    assert comparison_tables.network_order(cached.load_comparison().comparison)[0] == "resnet18"


def test_page__needs_neither_torch_nor_sklearn() -> None:
    code = (
        "import sys, allcore.plots.compare, allcore.web.compare.results_cache\n"
        "from allcore.synthetic import dataset\n"
        "print(*sorted({'torch', 'torchvision', 'sklearn', 'skimage'} & sys.modules.keys()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PAGE.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == []
