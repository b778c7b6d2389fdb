from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from allcore import model_folder
from allcore.errors import ModelError
from allcore.explain import views
from allcore.explain.views import Trained
from allcore.inference import held_out
from allcore.inference.predictor import Predictor
from allcore.inference.upload import Rgb
from tests import simulated


@pytest.fixture
def predictor(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model, device="cpu", threads=1)


def test_turned__are_eight_that_differ() -> None:
    cell = torch.arange(3 * 5 * 5).view(3, 5, 5).to(torch.uint8)
    found = views.turned(cell)
    assert found.shape == (8, 3, 5, 5)
    assert len({tuple(view.flatten().tolist()) for view in found}) == 8
    torch.testing.assert_close(found[0], cell)
    for view in found:  # a group: turning any view again gives the same eight
        again = {tuple(each.flatten().tolist()) for each in views.turned(view)}
        assert again == {tuple(each.flatten().tolist()) for each in found}


def test_turned__are_what_their_names_say() -> None:
    cell = torch.zeros(3, 4, 4, dtype=torch.uint8)
    cell[:, 0, 1] = 1  # a dot at the top, left of the middle
    found = dict(zip(views.NAMES, views.turned(cell), strict=True))
    assert found["turned by 90°"][0, 2, 0] == 1  # anticlockwise: to the left, below the middle
    assert found["turned by 180°"][0, 3, 2] == 1
    assert found["mirrored"][0, 0, 2] == 1
    assert found["mirrored, 90°"][0, 1, 0] == 1


def test_views__are_the_answers_to_the_turned_cells(predictor: Predictor, cell_image: Rgb) -> None:
    predictor.info = replace(predictor.info, temperature=2.0)
    cell = predictor.prepare(cell_image)
    found = views.views(predictor, cell)
    one_by_one = [
        predictor.prediction(predictor.read(view[None])[0]).p_all for view in views.turned(cell)
    ]
    np.testing.assert_allclose(found.probabilities, one_by_one, atol=1e-4)
    assert found.names == views.NAMES
    assert found.mean == pytest.approx(np.mean(one_by_one), abs=1e-4)
    assert found.spread == pytest.approx(max(one_by_one) - min(one_by_one), abs=2e-4)


def test_views__agree_where_the_threshold_is_on_one_side_of_all() -> None:
    found = views.Views(views.NAMES, np.array([0.4, 0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.7]))
    assert found.agree(0.4) and found.blasts(0.4) == 8
    assert not found.agree(0.5) and found.blasts(0.5) == 6
    assert found.agree(0.71) and found.blasts(0.71) == 0


def test_answers__are_each_models_own(predictor: Predictor, cell_image: Rgb) -> None:
    strict = replace(predictor.info, name="strict", threshold=1.0)
    other = Predictor(predictor.network, strict, predictor.device)
    (first, own), (second, others) = views.answers([predictor, other], cell_image)
    assert (first, second) == ("tiny", "strict")
    assert own.p_all == pytest.approx(others.p_all)
    assert others.verdict == "hem" and others.threshold == 1.0


def test_answers__refuse_what_shows_no_cell(predictor: Predictor) -> None:
    ((_, found),) = views.answers([predictor], np.full((100, 100, 3), 255, np.uint8))
    assert found.verdict == "refused" and found.reason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return simulated.folder(tmp_path)


def test_learned__by_image_and_by_subject(folder: Path) -> None:
    pd.DataFrame(
        {"image_id": ["UID_101_1_1_all", "UID_102_1_1_all"], "split": ["train", "test"]}
    ).to_csv(folder / model_folder.SPLIT, index=False)
    trained = Trained.of(folder)
    assert trained.learned("UID_101_1_1_all", "101") == "cell"
    assert trained.learned("fold_0/all/UID_101_1_1_all.bmp", None) == "cell"
    assert trained.learned("UID_101_9_9_all", "101") == "subject"  # not in the split
    assert trained.learned("UID_102_1_1_all", "102") == "no"
    assert trained.learned("other", None) == "no"


def test_learned__other_cells_of_the_subject_under_an_image_split(folder: Path) -> None:
    retrained(folder, kind="image", train=["101"])
    pd.DataFrame({"image_id": ["a"], "split": ["test"]}).to_csv(
        folder / model_folder.SPLIT, index=False
    )
    trained = Trained.of(folder)
    assert (trained.learned("a", "101"), trained.learned("b", "102")) == ("subject", "no")


def test_learned__knows_merged_subjects(folder: Path) -> None:
    retrained(folder, train=["51"])
    assert Trained.of(folder).learned("new", "51+75+78") == "subject"


def test_trained__says_what_is_missing(folder: Path, tiny_model: Path) -> None:
    (folder / model_folder.SPLIT).unlink()
    with pytest.raises(ModelError, match="which images the model was trained on"):
        Trained.of(folder)
    with pytest.raises(ModelError, match="doesn't say how its data was split"):
        Trained.of(tiny_model)


def test_trained__agrees_with_what_a_model_may_be_judged_on(folder: Path) -> None:
    """`held_out` says it a table at once; both read the same folder alike."""
    retrained(folder, train=["101", "51", "H99"])
    table = pd.DataFrame({"image_id": ["x", "y", "z"], "group": ["51+75+78", "102", "H99"]})
    parts = held_out.parts(table, model_folder.read_info(folder), folder)
    trained = Trained.of(folder)
    pairs = zip(table["image_id"], table["group"], strict=True)
    assert [trained.learned(*pair) != "no" for pair in pairs] == (parts == "train").tolist()


def retrained(folder: Path, **split: object) -> None:
    info = model_folder.read_info(folder)
    info.training["split"].update(split)
    model_folder.write_info(folder, info)
