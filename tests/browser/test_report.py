"""The HTML report in a browser: all of it is drawn, and nothing is fetched."""

import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, expect

from allcore import notice
from allcore.evaluation import model_evaluation
from allcore.reports import evaluation_html
from tests import simulated

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose subjects strip is drawn by WebGL."""
    table = simulated.predictions(all_subjects=40, normal_subjects=30)
    info = simulated.info(table)
    text = evaluation_html.evaluation_html(
        model_evaluation.evaluate_model(table, info), table, info, date=datetime.date(2026, 1, 2)
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report__is_drawn_and_fetches_nothing(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    refused: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            refused.append(message.text)

    page.on("request", lambda request: asked.append(request.url))
    page.on("console", listen)
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.goto(report.as_uri())
    charts = page.locator(".chart")
    expect(charts).to_have_count(8)
    for chart in charts.all():
        expect(chart.locator(".main-svg").first).to_be_visible()
        expect(chart.locator(".main-svg", has_text=notice.RESEARCH_USE)).to_have_count(1)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert refused == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
