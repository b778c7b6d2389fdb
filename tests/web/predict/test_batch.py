import base64
from typing import Any

from streamlit.testing.v1 import AppTest

from allcore.evaluation import subjects
from allcore.explain import answer_summary
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.parts import KnownCell
from allcore.inference.export import ExportDetails
from allcore.inference.image_sources import Source
from allcore.inference.jobs import PredictedPicture
from allcore.inference.results import PredictedRow, Prediction
from allcore.web.predict import batch, batch_subjects


def item(path: str, p_all: float | None, reason: str = "") -> PredictedPicture:
    verdict: Any = "refused" if p_all is None else "all" if p_all >= 0.5 else "hem"
    row = PredictedRow(path, "ab", verdict, p_all, 0.5, reason, "m", "cd", "fp32")
    rung: Any = "focused" if p_all is None else None
    made = Prediction(verdict, p_all, p_all, 0.5, reason, rung, None, 0.25)
    return PredictedPicture(row, made, Source(path, lambda: b""), b"jpeg")


def summary(item: PredictedPicture, **known: Any) -> AnswerSummary:
    cell = KnownCell(None, **({"exposure": "unknown"} | known))
    return answer_summary.summarise(item.prediction, cell, None)


ITEMS = [
    item("b.bmp", 0.9), item("A.bmp", 0.1), item("c.bmp", None, "Blurred."), item("d.bmp", 0.6),
]  # fmt: skip
SUMMARIES = [summary(each) for each in ITEMS]


def test_counts__is_a_sentence() -> None:
    assert batch.counts(SUMMARIES) == "4 pictures: 2 ALL blast, 1 normal, 1 refused"
    assert batch.counts(SUMMARIES[:1]).startswith("1 picture: ")


def test_training_sentence__says_what_the_network_was_trained_on() -> None:
    held_out = summary(ITEMS[0], exposure="cell", held_out=0.3)
    remembered = summary(ITEMS[1], exposure="subject")
    assert batch.training_sentence(SUMMARIES) == ""
    assert "2 of these cells" in batch.training_sentence([held_out, remembered, *SUMMARIES])
    assert "of 1 the held-out answer is shown" in batch.training_sentence([held_out, remembered])
    assert "no held-out answer" in batch.training_sentence([remembered])
    assert batch.counts([held_out]) == "1 picture: 0 ALL blast, 1 normal, 0 refused"


def test_sorted_places__filters_and_sorts() -> None:
    expected = {
        "As they came": [0, 1, 2, 3],
        "Highest probability first": [0, 3, 1, 2],
        "Lowest probability first": [1, 3, 0, 2],
        "Nearest to the threshold first": [3, 0, 1, 2],
        "File name": [1, 0, 2, 3],
        "Refused first, by reason": [2, 0, 1, 3],
    }
    for order, places in expected.items():
        assert batch.sorted_places(SUMMARIES, ITEMS, None, order) == places
    assert batch.sorted_places(SUMMARIES, ITEMS, "all", "Lowest probability first") == [3, 0]
    assert batch.sorted_places(SUMMARIES, ITEMS, "refused", "As they came") == [2]


def test_export_details__go_with_each_row() -> None:
    assert batch_subjects.export_details(ITEMS[2:], SUMMARIES[2:], None) == [
        ExportDetails(None, "focused", 0.25, None, "unknown"),
        ExportDetails(None, None, 0.25, None, "unknown"),
    ]
    held_out = [summary(ITEMS[0], exposure="cell", held_out=0.3)]
    [details] = batch_subjects.export_details(ITEMS[:1], held_out, ["A"])
    assert (details.subject, details.held_out, details.trained_on) == ("A", 0.3, "cell")


def test_table__has_pictures_and_no_empty_column() -> None:
    table = batch.batch_table(ITEMS, SUMMARIES)
    assert table["Predicted"].tolist() == [
        "ALL blast", "Normal", "Refused: out of focus", "ALL blast",
    ]  # fmt: skip
    assert base64.b64decode(table["Cell"][0].split(",")[1]) == b"jpeg"
    assert "Reason" in table and "Answer" not in table
    assert "Reason" not in batch.batch_table(ITEMS[:2], SUMMARIES[:2])
    held_out = [summary(ITEMS[0], exposure="cell", held_out=0.3)]
    assert batch.batch_table(ITEMS[:1], held_out)["Answer"].tolist() == ["held out"]


def test_interval__is_drawn_only_where_there_are_enough_cells() -> None:
    few, enough = (
        base64.b64decode(
            batch_subjects.interval(
                subjects.subject_shares(["all", "hem"], ["A", "A"], least=least)[0]
            ).split(",")[1]
        ).decode()
        for least in (3, 2)
    )
    assert "<circle" not in few
    assert 'cx="80.0"' in enough


def page(count: int) -> None:
    from pathlib import Path

    import streamlit as st

    from allcore import model_folder, settings
    from allcore.web.predict import batch, batch_subjects
    from tests.web.predict.test_batch import item, summary

    info = model_folder.read_info(Path(settings.load().models) / "tiny")
    items = [item(f"UID_{i % 2}_{i}_1_all.bmp", None if i == 0 else 0.7) for i in range(count)]
    summaries = [summary(each) for each in items]
    places = batch.show_list(items, summaries)
    batch_subjects.show_rest(items, summaries, info, places)
    st.session_state["place"] = places.chosen


def test_show__draws_a_page_of_many_and_the_subjects(tiny_model: object, home: object) -> None:
    app = AppTest.from_function(page, kwargs={"count": 250}, default_timeout=60)
    app.session_state["batch view"] = batch.TABLE_VIEW
    app.run()
    assert not app.exception
    assert app.session_state["place"] == 0
    assert len(app.dataframe[0].value) == batch.PAGES[batch.TABLE_VIEW]
    assert app.dataframe[1].value["Subject"].tolist() == ["0", "1+15"]
    assert app.dataframe[1].value["Refused"].tolist() == [1, 0]
    said = "\n".join(each.value for each in app.caption)
    assert "1 to 100 of 250 pictures." in said and subjects.SHARES_MEANING in said


def test_show__says_that_a_share_needs_cells(tiny_model: object, home: object) -> None:
    app = AppTest.from_function(page, kwargs={"count": 10}, default_timeout=60).run()
    assert app.dataframe[0].value["Predicted ALL blast"].tolist() == [
        "5 of 5, too few cells", "4 of 4, too few cells",
    ]  # fmt: skip
    assert "2 subjects with fewer than 20 answered cells" in "\n".join(
        each.value for each in app.caption
    )
    app.selectbox(key="batch subjects").set_value(batch_subjects.FOLDERS).run()
    assert not app.exception and not app.dataframe
    app.selectbox(key="batch subjects").set_value(batch_subjects.TABLE).run()
    assert not app.exception and not app.dataframe
