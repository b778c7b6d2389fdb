import csv
import io
import math

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from allcore import notice
from allcore.web.components import charts


def rows(table: pd.DataFrame) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(charts.csv_bytes(table).decode(), newline="")))


def page() -> None:
    import pandas as pd
    import plotly.graph_objects as go
    import streamlit as st

    from allcore.web.components import charts

    with st.sidebar:
        chosen = charts.choose_figure_format()
    st.caption(f"chosen {chosen}")
    figure = go.Figure(go.Scatter(x=[1, 2], y=[1, 2]), layout_title_text="Rises<br>&lt;steadily")
    charts.show_chart(figure, name="ROC: a/b")
    event = charts.show_chart(figure, name="again", key="again", on_select="rerun", alt="A line")
    charts.show_chart(go.Figure(), name="untitled")
    st.caption(f"selected {len(event['selection']['points']) if event else 'nothing'}")
    charts.show_csv_download(pd.DataFrame({"a": [1]}), name="a table")


def shown(app: AppTest) -> list:
    """What the browser is told of each figure."""
    return [element.proto for element in app.get("plotly_chart")]


def test_chart__can_be_saved_with_the_notice_inside() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    first, second, untitled = shown(app)
    for proto in (first, second):
        assert proto.spec.count(notice.RESEARCH_USE) == 1
        assert '"displaylogo": false' in proto.config
        assert '"format": "png"' in proto.config
        assert '"scale": 2' in proto.config
        assert '"width": 900' in proto.config
        assert '"height"' not in proto.config  # this figure has none of its own
    assert '"filename": "ROC-a-b"' in first.config
    assert (first.alt, second.alt, untitled.alt) == ("Rises <steadily", "A line", "")
    assert [caption.value for caption in app.caption] == ["chosen PNG", "selected 0"]


def test_figure_format__is_kept_by_every_figure() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()
    app.sidebar.radio[0].set_value("SVG").run()
    assert not app.exception
    assert all('"format": "svg"' in proto.config for proto in shown(app))
    assert app.caption[0].value == "chosen SVG"
    app.run()
    assert all('"format": "svg"' in proto.config for proto in shown(app))


def test_show_csv_download__offers_a_download() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()
    buttons = app.get("download_button")
    assert [button.proto.label for button in buttons] == ["Download as CSV"]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "-", "+inf", "-1e"]
)
def test_csv_bytes__no_text_is_a_formula(cell: str) -> None:
    found = rows(pd.DataFrame({"subject": [cell], cell: [1]}))[0]
    assert found["subject"] == f"'{cell}"
    assert f"'{cell}" in found


@pytest.mark.parametrize("cell", ["-0.5", "+3", "-1e-3", "H12", "a=b", "", "0.8 (0.7 to 0.9)"])
def test_csv_bytes__other_text_stays(cell: str) -> None:
    assert rows(pd.DataFrame({"value": [cell]}))[0]["value"] == cell


def test_csv_bytes__numbers_and_gaps_stay() -> None:
    table = pd.DataFrame({"x": [-0.25, math.nan], "n": [-1, 2], "s": pd.array(["=a", None])})
    found = rows(table)
    assert [row["x"] for row in found] == ["-0.25", ""]
    assert [row["n"] for row in found] == ["-1", "2"]
    assert [row["s"] for row in found] == ["'=a", ""]
    assert {row["notice"] for row in found} == {notice.RESEARCH_USE}


def test_csv_bytes__notice_stands_last_and_once() -> None:
    table = pd.DataFrame({"notice": ["said"], "x": [1]})
    assert charts.csv_bytes(table).decode().splitlines()[0] == "notice,x"
    assert charts.csv_bytes(table[["x"]]).decode().splitlines()[0] == "x,notice"
    assert charts.csv_bytes(pd.DataFrame()).decode().splitlines() == ["notice"]


def test_csv_bytes__leaves_the_table_as_it_is() -> None:
    table = pd.DataFrame([["=1", "=2"]], columns=["a", "a"])
    before = table.copy()
    assert charts.csv_bytes(table).decode().splitlines()[1].startswith("'=1,'=2,")
    pd.testing.assert_frame_equal(table, before)


def test_csv_bytes__categories_are_text_too() -> None:
    table = pd.DataFrame({"c": pd.Categorical(["=1", "b"])})
    assert [row["c"] for row in rows(table)] == ["'=1", "b"]
