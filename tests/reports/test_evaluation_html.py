import datetime
import html as htmllib
import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

from allcore import model_folder, notice
from allcore.evaluation import metrics, model_evaluation
from allcore.evaluation.metrics import Confusion
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.plots import style
from allcore.plots.evaluation import errors as error_plots
from allcore.reports import evaluation_html, html_document
from allcore.reports.html_document import HtmlSection
from allcore.reports.model_card import document as card
from tests import simulated

MODELS = Path(__file__).parents[2] / "models"
DAY = datetime.date(2026, 1, 2)
HOSTILE = '<img src=x onerror="alert(1)"></script><b>'


class Document(HTMLParser):
    """What a browser would make of a report: its elements, their attributes, its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.figures: list[dict] = []
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        kind = dict(attrs).get("type") or ""
        self._inside = tag if tag in ("script", "style") else ""
        if self._inside == "script" and kind == "application/json":
            self._inside = "figure"

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "figure":
            self.figures.append(json.loads(data))
        elif not self._inside:
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture(scope="module", params=["qcresnet-cnmc", "qcresnet-cnmc-paper"])
def shipped(request: pytest.FixtureRequest) -> tuple[ModelEvaluation, pd.DataFrame, ModelInfo, str]:
    folder = MODELS / request.param
    info, table = model_folder.read_info(folder), model_folder.read_predictions(folder)
    report = model_evaluation.evaluate_model(table, info)
    text = evaluation_html.evaluation_html(report, table, info, date=DAY)
    return report, table, info, text


def small(table: pd.DataFrame | None = None) -> tuple[str, ModelEvaluation, ModelInfo]:
    """The report of simulated predictions."""
    table = simulated.predictions() if table is None else table
    info = simulated.info(table)
    report = model_evaluation.evaluate_model(table, info)
    return evaluation_html.evaluation_html(report, table, info, date=DAY), report, info


def test_html__holds_every_figure_and_table(
    shipped: tuple[ModelEvaluation, pd.DataFrame, ModelInfo, str],
) -> None:
    report, _, info, text = shipped
    document = Document(text)
    parts = [part for part in (report.test, report.validation) if part is not None]
    assert document.count("figure") == len(document.figures) == 4 * len(parts)
    for figure in document.figures:
        assert figure["layout"]["title"]["subtitle"]["text"] == notice.RESEARCH_USE
    strip = next(
        f for f in document.figures if len(f["data"]) == 2 and "customdata" in f["data"][0]
    )
    assert sum(len(trace["customdata"]) for trace in strip["data"]) == parts[0].cells
    for title in metrics.TITLES.values():
        assert htmllib.unescape(document.text).count(title) >= len(parts)
    for part in parts:
        for row in part.subjects:
            assert f"<td>{row.subject}</td><td>" in text
    for chapter in card.chapters(info, report):
        if "subjects" not in chapter.title and chapter.title != "Results":
            assert f"<h2>{chapter.title}</h2>" in text
    for word in (info.weights_sha256, info.training["data"]["digest"], "2026-01-02"):
        assert word in document.text
    assert " ".join(document.text.split()).count(notice.RESEARCH_USE) == 2


def test_html__stays_within_its_size(
    shipped: tuple[ModelEvaluation, pd.DataFrame, ModelInfo, str],
) -> None:
    assert len(shipped[3].encode()) < 6_000_000


def test_html__loads_nothing(shipped: tuple[ModelEvaluation, pd.DataFrame, ModelInfo, str]) -> None:
    document = Document(shipped[3])
    loading = {"src", "srcset", "data", "poster", "action", "background", "xlink:href"}
    for tag, attributes in document.tags:
        assert not loading & attributes.keys(), (tag, attributes)
        assert tag not in ("link", "iframe", "object", "embed", "base"), tag
        assert (attributes.get("href") or "#").startswith("#"), attributes
    style = re.search(r"<style>(.*?)</style>", shipped[3], re.DOTALL)
    assert style is not None
    assert not re.search(r"url\(|@import|//", style.group(1))
    policy = next(a["content"] for _, a in document.tags if "http-equiv" in a) or ""
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "connect-src" not in policy  # falls back to none


def test_html__embeds_plotly_once(
    shipped: tuple[ModelEvaluation, pd.DataFrame, ModelInfo, str],
) -> None:
    assert shipped[3].count("* plotly.js v") == 1


def test_html__is_made_in_time(
    shipped: tuple[ModelEvaluation, pd.DataFrame, ModelInfo, str],
) -> None:
    report, table, info, _ = shipped
    began = time.process_time()
    evaluation_html.evaluation_html(report, table, info, date=DAY)
    assert time.process_time() - began < 1.5


def test_html__is_the_same_again_but_for_the_date() -> None:
    first, second = small()[0], small()[0]
    assert first == second
    table = simulated.predictions()
    info = simulated.info(table)
    other = evaluation_html.evaluation_html(
        model_evaluation.evaluate_model(table, info), table, info
    )
    assert other.replace(datetime.date.today().isoformat(), DAY.isoformat()) == first


def test_html__a_hostile_name_stays_text() -> None:
    table = simulated.predictions()
    table["subject"] = table["group"] = table["subject"] + HOSTILE
    table["image_id"] = table["image_id"] + HOSTILE
    info = replace(simulated.info(table), name="m" + HOSTILE, threshold_rule="r" + HOSTILE)
    report = model_evaluation.evaluate_model(table, info)
    text = evaluation_html.evaluation_html(report, table, info, date=DAY)
    text = text.replace("</main>", f"{_added(HOSTILE)}</main>")
    document = Document(text)
    assert document.count("img") == document.count("b") == 0
    assert document.count("script") == 2 + len(document.figures)
    assert document.text.count(HOSTILE) >= 20
    assert "<img" not in text
    strip = next(f for f in document.figures if "ticktext" in f["layout"].get("yaxis", {}))
    for name in (*strip["layout"]["yaxis"]["ticktext"], strip["layout"]["title"]["text"]):
        assert "<img" not in name.replace("<br>", "")  # plotly would read it as mark-up


def test_html__of_cells_without_subjects_or_of_one_class() -> None:
    table = simulated.predictions()
    info = simulated.info(table)
    lone = table.assign(subject=None)
    text = evaluation_html.evaluation_html(
        model_evaluation.evaluate_model(lone, info), lone, info, date=DAY
    )
    assert "Subjects are unknown for these cells." in text
    assert len(Document(text).figures) == 6  # matrix, ROC and calibration, twice
    text, _, _ = small(simulated.predictions(normal_subjects=0))
    assert len(Document(text).figures) == 6  # matrix, calibration and subjects, twice
    assert "undefined" in text
    assert "nan" not in Document(text).text


def _added(name: str) -> str:
    """One part of each kind."""
    chart = html_document.chart(go.Figure(layout_title_text=name), name=name)
    table = html_document.table(pd.DataFrame({name: [name]}))
    return f"{html_document.paragraph(name)}{chart}{table}"


def test_document__shows_figures_and_tables() -> None:
    figure = go.Figure(go.Scatter(x=[1], y=[2]), layout_title_text="Falls with blur")
    before = figure.to_json()
    table = pd.DataFrame({"Slice": ["small"], "Cells": [7], "AUROC": [0.81234], "Low": [None]})
    body = html_document.chart(figure, name="blur") + html_document.table(table)
    text = html_document.document("x", "", [HtmlSection("Robustness", f"<p>One.</p>{body}")])
    assert "<h2>Robustness</h2><p>One.</p>" in text
    assert 'aria-label="Falls with blur"' in text
    assert '<td class="number">7</td><td class="number">0.812</td><td></td>' in text
    assert figure.to_json() == before


def test_add_notice__is_said_once() -> None:
    figure = error_plots.confusion_matrix(Confusion(4, 1, 2, 3))
    text, top = figure.layout.title.text, figure.layout.margin.t
    style.add_notice(figure)
    once = figure.to_plotly_json()["layout"]
    assert once["title"]["subtitle"]["text"] == notice.RESEARCH_USE
    assert once["title"]["text"] == text and once["margin"]["t"] > top
    style.add_notice(figure)
    assert figure.to_plotly_json()["layout"] == once
    bare = go.Figure()
    style.add_notice(bare)
    assert bare.layout.title.subtitle.text == notice.RESEARCH_USE


@pytest.mark.parametrize(
    ("name", "expected"),
    [("ROC: a/b", "ROC-a-b"), ("../../etc", "etc"), ("", "figure"), ("x" * 99, "x" * 80)],
)
def test_file_name__fits_any_system(name: str, expected: str) -> None:
    assert style.file_name(name) == expected
