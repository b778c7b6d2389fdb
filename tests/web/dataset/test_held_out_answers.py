import math
from pathlib import Path

import pandas as pd
import pytest

from allcore import model_folder
from allcore.web.dataset import held_out_answers
from allcore.web.dataset.held_out_answers import HeldOutAnswers
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
