"""A field on the Predict page: outlines, corrections, answers that follow, and what is exported."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from allcore.data.cells import Rgb
from allcore.data.images import formats
from allcore.inference import large_fields, smear
from allcore.web.components import field_picture
from allcore.web.components.field_picture import OutlinedCell
from allcore.web.predict import field_edits, field_window
from allcore.web.predict.field_edits import FieldEdits, Outline
from benchmarks import synthetic_smears

SECONDS = 120


def drawn(*, cells: int = 2) -> bytes:
    """A drawn field with white cells as a PNG."""
    height, width = (360, 480) if cells else (240, 320)  # the smaller one has no large platelet
    picture = synthetic_smears.field(height, width, seed=min(cells, 1))
    for y, x, radius in ((120, 120, 60), (230, 340, 75))[:cells]:
        picture, _ = synthetic_smears.with_cell(picture, y, x, radius=radius)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def page(files: dict[str, bytes]) -> None:
    """The results of a run over files, as the Predict page draws them."""
    import streamlit as st

    from allcore import model_folder
    from allcore.inference.image_sources import Source
    from allcore.web import resources
    from allcore.web.accounts import Visitor
    from allcore.web.predict import field_edits, results, session

    model = model_folder.resolve("tiny")
    service = resources.service(model)
    key = f"run {field_edits.choice()}"
    if key not in st.session_state:
        sources = [Source(name, lambda data=data: data) for name, data in files.items()]
        st.session_state[key] = session.start(
            service, sources, session="a", owner="ada", username="ada", database=None,
            choice=field_edits.choice(),
        )  # fmt: skip
    run = st.session_state[key]
    assert run.job.wait(60)
    st.session_state["items"] = [
        item
        for item in field_edits.edited(run.job, service.predictor)
        if not field_edits.is_dismissed(item)
    ]
    results.show_predictions(run, model, service, Visitor("ada", "Ada", "user", 1))


def opened(**files: bytes) -> AppTest:
    at = AppTest.from_function(
        page, kwargs={"files": {f"{name}.png": data for name, data in files.items()}},
        default_timeout=SECONDS,
    ).run()  # fmt: skip
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.subheader]
    text = " ".join(each.value for each in parts)
    return re.sub(r"\\", "", text) + " ".join(each.proto.body for each in at.get("html"))


def sha256(at: AppTest) -> str:
    return str(at.session_state["items"][0].row.sha256)


def slider(at: AppTest, label: str):
    return next(each for each in at.slider if each.label == label)


@pytest.mark.usefixtures("home", "tiny_model")
def test_field__is_answered_corrected_and_marked():
    at = opened(field=drawn())
    assert re.match(r"2 white cells: \d ALL blast, \d normal, \d refused", at.subheader[0].value)
    text = said(at)
    assert smear.UNVALIDATED in text and "Before, as in the picture" in text
    assert "As the network saw it" in text or "After, as the network saw it" in text
    before = at.session_state["items"][0]
    slider(at, "Move the outline out or in").set_value(6).run()
    assert not at.exception
    after = at.session_state["items"][0]
    assert after.place.cut["grow"] == 6 and after.digest != before.digest
    assert "outline moved out by 6 px" in said(at) and "1 outline corrected" in said(at)
    next(each for each in at.button if each.label == "Dismiss").click().run()
    assert at.subheader[0].value.startswith("1 white cell: ")
    assert "Cell 1 is dismissed" in said(at) and len(at.session_state["items"]) == 1
    next(each for each in at.button if each.label == "Restore").click().run()
    assert at.subheader[0].value.startswith("2 white cells: ")
    next(each for each in at.button if each.label == "Undo all corrections").click().run()
    assert at.session_state["items"][0].digest == before.digest
    assert slider(at, "Move the outline out or in").value == 0


@pytest.mark.usefixtures("home", "tiny_model")
def test_field__a_large_one_is_shown_in_part(monkeypatch: pytest.MonkeyPatch):
    """The part around the chosen cell, with an overview in which a click chooses another one."""
    for module, name, value in (
        (formats, "MAX_PIXELS", 100_000), (large_fields, "CORE", 200),
        (large_fields, "SURVEYED", 240), (field_window, "SIDES", (240, 200)),
        (field_window, "_CELLS", 1),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    drawn_cells: list[list[int]] = []
    clicks: list[tuple[int, int] | None] = []
    own = field_picture.show_field_picture

    def noted(rgb: Rgb, cells: list[OutlinedCell], **options: object):
        drawn_cells.append([cell.number for cell in cells])
        assert rgb.shape == (200, 240, 3)
        return own(rgb, cells, **options)

    monkeypatch.setattr(field_picture, "show_field_picture", noted)
    monkeypatch.setattr(
        field_picture, "show_overview", lambda *_, **__: clicks.pop() if clicks else None
    )
    at = opened(field=drawn())
    assert at.subheader[0].value.startswith("2 white cells: ")
    assert "of a large picture read in tiles" in said(at)
    chosen, other = at.session_state["items"]
    assert drawn_cells[-1] == [1]
    slider(at, "Move the outline out or in").set_value(3).run()
    assert at.session_state["items"][0].digest != chosen.digest
    left, top, right, _ = other.place.box
    clicks.append(((left + right) // 2, top))
    at.run()
    assert not at.exception
    assert drawn_cells[-1] == [2]


@pytest.mark.usefixtures("home", "tiny_model")
def test_field__cells_are_added_where_none_was_found():
    at = opened(field=drawn(cells=0))
    assert at.subheader[0].value == "No white cell"
    assert "Red cells were found in the picture but no white cell" in said(at)
    edits = {sha256(at): FieldEdits(added=((200, 150),))}
    at.session_state["field edits"] = edits  # as a click adds it
    at.run()
    assert not at.exception
    assert at.subheader[0].value.startswith("1 white cell: ")
    [item] = at.session_state["items"]
    assert item.place.cut["point"] == (200, 150) and item.name == "field.png, cell 1"
    assert "1 cell added by hand" in said(at)


@pytest.mark.usefixtures("home", "tiny_model")
def test_fields__several_are_listed_by_field():
    cell = np.zeros((450, 450, 3), np.uint8)
    cell[150:300, 150:300] = (120, 60, 160)
    buffer = io.BytesIO()
    Image.fromarray(cell).save(buffer, "PNG")
    at = opened(a=drawn(), b=drawn(cells=1), c=drawn(cells=0), one=buffer.getvalue())
    assert at.subheader[0].value.startswith("5 answers: ")
    assert "1 picture shows one cell on black and is answered as it is" in said(at)
    tables = [each.value for each in at.dataframe]
    by_field = next(table for table in tables if "Field" in table)
    assert list(by_field["Field"]) == ["a.png", "b.png"]
    assert all("too few cells" in words for words in by_field["Predicted ALL blast"])
    at.segmented_control(key="batch view").set_value("Table").run()
    table = at.dataframe[0].value
    assert list(table["Number"])[:3] == [1, 2, 1] and set(table["Worth"]) == {smear.UNVALIDATED, ""}
    at.segmented_control(key="batch view").set_value("Field").run()
    assert not at.exception
    assert "2 white cells: " in said(at)
    at.selectbox(key="batch field").set_value(at.selectbox(key="batch field").options[1])
    assert not at.run().exception


def test_edits__say_what_was_changed_and_go_into_reports():
    edits = FieldEdits({1: Outline(grow=3), 2: Outline()}, frozenset({4}), ((5, 6), (7, 8)))
    assert edits.sentence == "1 outline corrected, 1 cell dismissed, 2 cells added by hand"
    told = json.loads(json.dumps(edits.to_dict()))
    assert told["dismissed"] == [4] and told["added"] == [[5, 6], [7, 8]]
    assert told["outlines"]["1"] == {"grow": 3, "tolerance": 0.75}
    assert FieldEdits().sentence == ""
    assert field_edits.Outline() == Outline(0, 0.75)


@pytest.mark.parametrize(
    ("marked", "point"),
    [([3.7, 4], (3, 4)), (None, None), ([30, 4], None), (["x", 1], None), ([1], None)],
)
def test_picture__points_that_the_browser_sends_are_checked(marked: object, point: object):
    assert field_picture._point(marked, (20, 10)) == point


def test_picture__a_cell_has_words_for_screen_readers():
    cell = OutlinedCell(3, [(0, 0), (9, 2), (4, 8)], "all", "ALL blast, 0.97", at_border=True)
    record = field_picture._record(cell)
    assert record["words"] == "Cell 3: ALL blast, 0.97, cut off by the border of the picture"
    assert record["points"] == "0,0 9,2 4,8" and record["corner"] == (9, 2)
