import json
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from allcore import model_folder
from tests import simulated


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def model(tiny_model: Path) -> Path:
    """The tiny model with held-out predictions, a split and features."""
    table = simulated.predictions()
    table.to_parquet(tiny_model / model_folder.PREDICTIONS, index=False)
    table.assign(split="train")[["image_id", "split"]].to_csv(
        tiny_model / model_folder.SPLIT, index=False
    )
    vectors = np.random.default_rng(0).normal(size=(len(table), 16)).astype(np.float32)
    model_folder.write_embeddings(tiny_model, table["image_id"].tolist(), vectors, vectors[:, :2])
    info = model_folder.read_info(tiny_model)
    people = sorted(set(table["subject"]))
    info.training.update({"split": {"kind": "subject", "train": people}})
    model_folder.write_info(tiny_model, info)
    return tiny_model


def page() -> None:
    """The evidence for a drawn cell."""
    from typing import Any

    import streamlit as st

    from allcore import model_folder
    from allcore.explain import integrated_gradients
    from allcore.inference.upload import CellPicture
    from allcore.web import cell_images, resources
    from allcore.web.components import explanation_view
    from tests.conftest import draw_cell

    asked = integrated_gradients.explain

    def count(*given: Any, **named: Any) -> Any:
        st.session_state["asked"] = st.session_state.get("asked", 0) + 1
        return asked(*given, **named)

    integrated_gradients.explain = count
    try:
        model = model_folder.resolve("tiny")
        picture = CellPicture(draw_cell(seed=0), "0" * 64)
        (prediction,) = resources.predictor(model).predict([picture])
        images, said = cell_images.at_hand(model.info), []
        explainer = explanation_view.explainer(images)
        found = explanation_view.show_explanation(
            explainer, model, picture, prediction, images, said.append
        )
        st.session_state["found"], st.session_state["said"] = found.to_dict(), said
        st.button("Again")
    finally:
        integrated_gradients.explain = asked


def run() -> AppTest:
    shown = AppTest.from_function(page, default_timeout=60).run()
    assert not shown.exception
    return shown


@pytest.mark.usefixtures("model")
def test_show__draws_every_part_and_gives_it() -> None:
    shown = run()
    found = shown.session_state["found"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["set"]["words"].startswith("95 % prediction set")
    assert len(found["stability"]["probabilities"]) == 8
    assert [each["method"] for each in found["heat"]] == ["Grad-CAM", "Integrated gradients"]
    assert len(found["neighbours"]["cells"]) == 8
    assert [each["model"] for each in found["models"]] == ["tiny"]
    assert found["models"][0]["learned"] == "unknown"
    html = unescape(" ".join(each.proto.body for each in shown.get("html")))
    for said in (
        found["set"]["words"],
        found["stability"]["sentence"],
        "Integrated gradients",
    ):
        assert said in html
    assert "views" in shown.session_state["said"][-1]
    assert "nearest held-out cells correct" in shown.session_state["said"][-1]
    assert "of unseen subjects" not in html  # nothing says whom the network was trained on
    assert "to come" not in html
    assert "being checked" not in html


@pytest.mark.usefixtures("model")
def test_show__asks_once_a_picture() -> None:
    shown = run()
    assert shown.session_state["asked"] == 1
    shown.button[0].click().run()
    assert not shown.exception
    assert shown.session_state["asked"] == 1


@pytest.mark.usefixtures("tiny_model")
def test_show__says_what_the_folder_can_not_tell() -> None:
    shown = run()
    found = shown.session_state["found"]
    assert found["set"] is None
    assert found["neighbours"] is None
    html = " ".join(each.proto.body for each in shown.get("html"))
    assert "keeps too little" in html
