import base64
from typing import Any

from streamlit.testing.v1 import AppTest

from allcore.evaluation import subjects
from allcore.inference.export import ExportDetails
from allcore.inference.image_sources import Source
from allcore.inference.jobs import PredictedPicture
from allcore.inference.results import PredictedRow, Prediction
from allcore.web.predict import batch


def item(path: str, p_all: float | None, reason: str = "") -> PredictedPicture:
    verdict: Any = "refused" if p_all is None else "all" if p_all >= 0.5 else "hem"
    row = PredictedRow(path, "ab", verdict, p_all, 0.5, reason, "m", "cd")
    rung: Any = "focused" if p_all is None else None
    made = Prediction(verdict, p_all, p_all, 0.5, reason, rung, None, 0.25)
    return PredictedPicture(row, made, Source(path, lambda: b""), b"jpeg")


ITEMS = [
    item("b.bmp", 0.9), item("A.bmp", 0.1), item("c.bmp", None, "Blurred."), item("d.bmp", 0.6),
]  # fmt: skip


def test_counts__is_a_sentence() -> None:
    assert batch.counts(ITEMS) == "4 pictures: 2 ALL blast, 1 normal, 1 refused"
    assert batch.counts(ITEMS[:1]).startswith("1 picture: ")


def test_listed__filters_and_sorts() -> None:
    expected = {
        "As they came": [0, 1, 2, 3],
        "Highest probability first": [0, 3, 1, 2],
        "Lowest probability first": [1, 3, 0, 2],
        "Nearest to the threshold first": [3, 0, 1, 2],
        "File name": [1, 0, 2, 3],
        "Refused first, by reason": [2, 0, 1, 3],
    }
    assert {order: batch.sorted_places(ITEMS, None, order) for order in batch.ORDERS} == expected
    assert batch.sorted_places(ITEMS, "all", "Lowest probability first") == [3, 0]
    assert batch.sorted_places(ITEMS, "refused", "As they came") == [2]


def test_marked__is_the_place_in_the_batch() -> None:
    assert batch.marked_place([1], [7, 5]) == 5
    assert batch.marked_place([], [7, 5]) is None
    assert batch.marked_place([2], [7, 5]) is None


def test_more__goes_with_each_row() -> None:
    assert batch.export_details(ITEMS[2:], None) == [
        ExportDetails(None, "focused", 0.25),
        ExportDetails(None, None, 0.25),
    ]
    assert batch.export_details(ITEMS[:1], ["A"])[0].subject == "A"


def test_drawn__brings_the_pictures_along() -> None:
    table = batch.batch_table(ITEMS)
    assert table["Answer"].tolist() == ["ALL blast", "normal", "refused", "ALL blast"]
    assert base64.b64decode(table["Cell"][0].split(",")[1]) == b"jpeg"


def test_interval__is_drawn_only_where_there_are_enough_cells() -> None:
    few, enough = (subjects.subject_shares(["all", "hem"], ["A", "A"], least=n)[0] for n in (3, 2))
    assert batch.interval(few) is None
    address = batch.interval(enough)
    assert address is not None
    assert 'cx="80.0"' in base64.b64decode(address.split(",")[1]).decode()


def page(count: int) -> None:
    from pathlib import Path

    import streamlit as st

    from allcore import model_folder, settings
    from allcore.web.predict import batch
    from tests.web.predict.test_batch import item

    info = model_folder.read_info(Path(settings.load().models) / "tiny")
    items = [item(f"UID_{i % 2}_{i}_1_all.bmp", None if i == 0 else 0.7) for i in range(count)]
    st.session_state["place"] = batch.show_batch(items, info)


def test_show__draws_a_page_of_many_and_the_subjects(tiny_model: object, home: object) -> None:
    app = AppTest.from_function(page, kwargs={"count": 250}, default_timeout=60).run()
    assert not app.exception
    assert app.session_state["place"] is None
    assert len(app.dataframe[0].value) == batch.PAGE
    assert app.dataframe[1].value["Subject"].tolist() == ["0", "1+15"]
    assert app.dataframe[1].value["Refused"].tolist() == [1, 0]
    said = "\n".join(each.value for each in app.caption)
    assert "1 to 100 of 250 pictures." in said and subjects.SHARES_MEANING in said


def test_show__says_that_a_share_needs_cells(tiny_model: object, home: object) -> None:
    app = AppTest.from_function(page, kwargs={"count": 10}, default_timeout=60).run()
    assert app.dataframe[1].value["Called ALL blast"].tolist() == [
        "5 of 5, too few cells", "4 of 4, too few cells",
    ]  # fmt: skip
    assert "2 subjects with fewer than 20 answered cells" in "\n".join(
        each.value for each in app.caption
    )
    app.selectbox(key="batch subjects").set_value(batch.FOLDERS).run()
    assert not app.exception and len(app.dataframe) == 1
    app.selectbox(key="batch subjects").set_value(batch.TABLE).run()
    assert not app.exception and len(app.dataframe) == 1
