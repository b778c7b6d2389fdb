"""The Evaluation page in a new session, and what it shows."""

import json
from pathlib import Path

import pandas as pd
from streamlit.testing.v1 import AppTest

from allcore.evaluation import metrics, model_evaluation
from allcore.evaluation.metrics import Scores
from allcore.notice import RESEARCH_USE
from allcore.web.evaluation import overview_view, threshold_bar
from allcore.web.evaluation.views import VIEWS
from tests import simulated
from tests.page_runs import page_text

PAGE = Path(__file__).parents[3] / "pages" / "evaluation.py"


def opened(**address: str | list[str]) -> AppTest:
    """The page in a new session at an address."""
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in address.items():
        page.query_params[key] = value
    return usable(page.run())


def usable(page: AppTest) -> AppTest:
    assert not page.exception
    assert page.title[0].value == "Evaluation"
    assert RESEARCH_USE in page_text(page)
    return page


def title(view: str) -> str:
    return VIEWS[view].title


def held_out(split: str = "test") -> pd.DataFrame:
    table = simulated.predictions()
    return table[table["split"] == split]


def scores(threshold: float) -> Scores:
    table = held_out()
    return metrics.scores(
        labels=model_evaluation.labels_array(table),
        probabilities=table["probability"].to_numpy(),
        threshold=threshold,
    )


def headline(page: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in page.metric}


def expected_headline(threshold: float) -> dict[str, str]:
    found = scores(threshold)
    return {metrics.TITLES[key]: f"{getattr(found, key):.3f}" for key in overview_view.HEADLINE}


def figures(page: AppTest) -> list[dict[str, object]]:
    """The figures that are drawn, as plotly gets them."""
    return [json.loads(each.proto.spec) for each in page.get("plotly_chart")]


def subjects_table(page: AppTest) -> pd.DataFrame:
    return next(each.value for each in page.dataframe if "Correct" in each.value)


def seen(page: AppTest) -> list[str]:
    """All that can be told of a page: its words, metrics, tables and figures."""
    tables = [each.value.to_csv() for each in page.dataframe]
    drawn = [each.proto.spec for each in page.get("plotly_chart")]
    return [page_text(page), str(headline(page)), *tables, *drawn]


def button(page: AppTest, start: str) -> None:
    next(each for each in page.button if each.label.startswith(start)).click()
    usable(page.run())


def threshold(page: AppTest) -> float:
    return float(page.number_input(key=threshold_bar.KEY).value)


def rules(page: AppTest) -> AppTest:
    """With the rules that choose a threshold unfolded; they are folded again by every run."""
    page.session_state["optimise"] = True
    return usable(page.run())


def of_views(page: AppTest, *views: str) -> dict[str, str]:
    """What some views say."""
    said = {}
    for view in views:
        page.segmented_control(key="view").set_value(view).run()
        said[view] = page_text(usable(page))
    return said
