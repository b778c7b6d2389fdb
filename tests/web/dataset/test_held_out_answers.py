import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from allcore import model_folder
from allcore.web.dataset import held_out_answers
from allcore.web.dataset.held_out_answers import HeldOutAnswers, ImagePredictions
from tests import simulated

TABLE = pd.DataFrame(
    {
        "image_id": ["x/UID_1.bmp", "plain", "unknown"],
        "label": ["all", None, "hem"],
        "probability": [0.25, 0.5, math.nan],
        "split": ["test", "validation", "test"],
    }
)


def test_find__by_id_or_by_id_without_folder_and_suffix(tiny_model: Path) -> None:
    answers = HeldOutAnswers(model_folder.resolve("tiny"), held_out_answers.answers_by_name(TABLE))
    for image_id in ("x/UID_1.bmp", "UID_1", "other/UID_1.png"):
        answer = answers.find(image_id)
        assert answer is not None and answer.image_id == "x/UID_1.bmp"
    plain = answers.find("plain")
    assert plain is not None and plain.label is None
    assert answers.find("unknown") is None
    ids = pd.Series(["folder/UID_1.png", "plain", "unknown"], index=[7, 8, 9])
    probabilities = answers.probabilities(ids)
    assert probabilities[:2].tolist() == [0.25, 0.5] and math.isnan(probabilities[9])
    assert probabilities.index.tolist() == [7, 8, 9]


def test_load_answers__of_the_split_shown_else_of_the_default_model(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = model_folder.read_predictions(simulated.folder(own_home / "models"))
    monkeypatch.setenv("ALLSCOPE_MODEL", "simulated")
    for split in ("simulated", "no such model"):
        answers = held_out_answers.load_answers(split)
        assert answers is not None
        assert answers.probabilities(table["image_id"]).tolist() == table["probability"].tolist()


def test_load_answers__none_without_a_table(tiny_model: Path) -> None:
    assert held_out_answers.load_answers("tiny") is None


def test_load_predictions__of_a_model_that_knows_some_of_the_images(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    st.cache_resource.clear()
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    table = pd.DataFrame({"image_id": ["UID_101_1_0_all", "unknown"]})
    assert held_out_answers.load_predictions(table, "no such model") is None
    folder = simulated.folder(tmp_path / "models")
    predictions = held_out_answers.load_predictions(table, "simulated")
    assert predictions is not None
    known = model_folder.read_predictions(folder).set_index("image_id")["probability"]
    assert predictions.probability.tolist() == [
        known["UID_101_1_0_all"], pytest.approx(math.nan, nan_ok=True),
    ]  # fmt: skip
    assert held_out_answers.load_predictions(table.iloc[1:], "simulated") is None


def test_errors_among__the_most_confident_first() -> None:
    labels = pd.Series(["all", "hem", "all", "hem", "?"])
    predictions = ImagePredictions(pd.Series([0.3, 0.9, 0.8, math.nan, 0.1]), 0.5)
    rows = np.array([4, 3, 0, 1, 2])
    assert predictions.errors_among(rows, labels, ranked=False).tolist() == [0, 1]
    assert predictions.errors_among(rows, labels, ranked=True).tolist() == [1, 0]
    assert predictions.words[0] == "predicted normal 0.30"
