import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from allcore import model_folder
from allcore.inference import nuclei

SECONDS = 30


def page(which: str) -> None:
    import streamlit as st

    from allcore import model_folder
    from allcore.web.predict import segmentation_view
    from benchmarks import synthetic_smears

    picture = synthetic_smears.field(480, 640, red=0 if which == "nothing" else None)
    if which != "nothing":
        picture, _ = synthetic_smears.with_cell(picture, 240, 180, radius=90)
    if which == "two":
        picture, _ = synthetic_smears.with_cell(picture, 240, 470, radius=70)
    if which == "large":
        picture = picture.repeat(4, axis=0).repeat(4, axis=1)
    got = segmentation_view.show_segmentation(picture, model_folder.resolve("tiny"))
    st.session_state["got"] = got
    st.text("nothing yet" if got is None else f"cut {got[0].shape} {got[1]['candidate']}")


def opened(which: str) -> AppTest:
    at = AppTest.from_function(page, args=(which,), default_timeout=SECONDS).run()
    assert not at.exception
    return at


def pictures(at: AppTest) -> list[str]:
    return [each.proto.body for each in at.get("html")]


def button(at: AppTest, label: str) -> Button:
    return next(each for each in at.button if each.label == label)


def control(widgets: Iterable[Any], label: str) -> Any:
    return next(each for each in widgets if each.label == label)


@pytest.mark.usefixtures("home", "tiny_model")
def test_show__asks_and_gives_nothing_until_a_cut_is_accepted():
    at = opened("two")
    assert "The cell is not cut out. Cut it out here?" in at.markdown[0].value
    outlined, cut = pictures(at)
    assert 'alt="The picture with the outlines of 2 white cells; cell 1 is chosen"' in outlined
    assert "2 possible white cells were found." in outlined
    assert "Cut out by the program: saturation, Otsu and watershed; cell 1 of 2." in cut
    assert at.text[0].value == "nothing yet"


@pytest.mark.usefixtures("home", "tiny_model")
def test_show__the_chosen_and_adjusted_cell_is_given_and_can_be_taken_back():
    at = opened("two")
    at.pills[0].set_value(2).run()
    control(at.slider, "Move the outline out or in").set_value(4).run()
    control(at.slider, "Cytoplasm taken in").set_value(0.6).run()
    assert "cell 2 is chosen" in pictures(at)[0]
    button(at, "Use this cut").click().run()
    assert not at.exception
    assert at.text[0].value == "cut (450, 450, 3) 1"
    facts = at.session_state["got"][1]
    assert (facts["candidate"], facts["grow"], facts["tolerance"]) == (1, 4, 0.6)
    said = "".join(each.value for each in at.markdown)
    assert re.sub(r"\\", "", said).endswith("outline moved out by 4 px.")
    assert [each.label for each in at.button] == ["Cut again"]
    button(at, "Cut again").click().run()
    assert at.text[0].value == "nothing yet"
    assert control(at.slider, "Move the outline out or in").value == 4
    assert "cell 2 is chosen" in pictures(at)[0]


@pytest.mark.usefixtures("home", "tiny_model")
def test_show__another_picture_is_asked_about_anew():
    at = opened("two")
    control(at.slider, "Move the outline out or in").set_value(4).run()
    button(at, "Use this cut").click().run()
    assert at.text[0].value.startswith("cut")
    other = AppTest.from_function(page, args=("one",), default_timeout=SECONDS)
    other.session_state["cut accepted"] = at.session_state["cut accepted"]
    other.run()
    assert other.text[0].value == "nothing yet"
    assert control(other.slider, "Move the outline out or in").value == 0


@pytest.mark.usefixtures("home", "tiny_model")
def test_show__one_cell_needs_no_numbers():
    at = opened("one")
    assert "One white cell was found." in pictures(at)[0]
    assert not at.pills
    assert not at.segmented_control  # the model keeps no facts, so no size is known to be usual


@pytest.mark.usefixtures("home", "tiny_model")
def test_show__nothing_found_is_a_sentence():
    at = opened("nothing")
    assert [each.value for each in at.markdown][1:] == [nuclei.NOTHING]
    assert not at.button and not at.slider


@pytest.mark.usefixtures("home", "tiny_model")
def test_show__a_cell_that_does_not_fit_cannot_be_used():
    at = opened("large")
    assert "more than 450 x 450" in pictures(at)[1]
    assert button(at, "Use this cut").disabled


def test_show__the_usual_size_is_offered_and_not_taken_by_itself(tiny_model: Path):
    others = dict.fromkeys(("brightness", "focus", "redness", "elongation"), 1.0)
    table = pd.DataFrame({"image_id": ["a"], "area": [32_000.0]}).assign(**others, border=False)
    model_folder.write_facts(tiny_model, table)
    at = opened("large")
    (size,) = at.segmented_control
    assert size.value == "as it is"
    size.set_value("usual").run()
    assert not button(at, "Use this cut").disabled
    assert "reduced to 0." in pictures(at)[1]
