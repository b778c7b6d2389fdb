from pathlib import Path

import pandas as pd
import pytest

from allcore import model_folder
from allcore.data import manifest
from allcore.data.manifest import Manifest
from allcore.errors import DataError, ModelError
from allcore.inference import held_out
from allcore.inference.held_out import TrainingSet
from tests import simulated


def data(*names: str, **columns: str) -> Manifest:
    return manifest.build(Path("/data"), [{"path": name, **columns} for name in names], name="d")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return simulated.folder(tmp_path)


def chosen(images: Manifest, model: Path) -> held_out.Selection:
    return held_out.select(images, model_folder.read_info(model), model)


def test_select__goes_by_the_models_split(model: Path) -> None:
    found = chosen(data("UID_103_1_0_all.bmp", "UID_H2_1_0_hem.jpg"), model)
    assert found.manifest.table["split"].tolist() == ["test", "validation"]
    assert found.trained_on == found.unknown == 0


def test_select__other_names_go_by_subject(model: Path) -> None:
    found = chosen(data("UID_H1_77_3_hem.bmp", "UID_H8_77_3_hem.bmp", "UID_H99_1_1_hem.bmp"), model)
    assert found.manifest.table["subject"].tolist() == ["H1", "H8"]
    assert found.manifest.table["split"].tolist() == ["test", "validation"]
    assert found.trained_on == 1


def test_select__leaves_out_what_the_split_does_not_name(model: Path) -> None:
    found = chosen(data("UID_103_1_0_all.bmp", "UID_900_1_0_all.bmp"), model)
    assert len(found.manifest) == 1
    assert found.unknown == 1


def test_select__a_data_set_of_others_is_all_test(model: Path) -> None:
    found = chosen(data("a.png", "b.png", label="hem"), model)
    assert found.manifest.table["split"].tolist() == ["test", "test"]


def test_select__image_split_ignores_subjects(model: Path) -> None:
    info = model_folder.read_info(model)
    table = simulated.predictions()
    torn = simulated.torn(info.training)
    model_folder.write_info(model, simulated.info(table, training=torn))
    found = chosen(data("UID_103_1_0_all.bmp", "UID_H1_99_1_hem.bmp"), model)
    assert found.manifest.table["image_id"].tolist() == ["UID_103_1_0_all"]
    assert found.unknown == 1


def test_select__a_twin_of_a_training_subject_counts_as_trained_on(model: Path) -> None:
    """The same cells carry the subjects H3 and H10, so knowing one is knowing the other."""
    info = model_folder.read_info(model)
    split = info.training["split"] | {"train": ["H3"], "validation": ["H2"], "test": ["H1"]}
    table = simulated.predictions()
    model_folder.write_info(model, simulated.info(table, training=info.training | {"split": split}))
    found = chosen(data("UID_H10_77_3_hem.bmp", "UID_H1_77_3_hem.bmp"), model)
    assert found.manifest.table["subject"].tolist() == ["H1"]
    assert found.trained_on == 1


def test_select__says_what_is_wrong(model: Path) -> None:
    with pytest.raises(DataError, match="has a label"):
        chosen(data("a.png"), model)
    with pytest.raises(DataError, match="trained on every labelled image"):
        chosen(data("UID_H99_1_1_hem.bmp"), model)
    (model / model_folder.SPLIT).unlink()
    with pytest.raises(ModelError, match="which images the model was trained on"):
        chosen(data("UID_103_1_0_all.bmp"), model)


def training_set(folder: Path) -> TrainingSet:
    return TrainingSet.of(folder, model_folder.read_info(folder))


def test_exposure__by_image_and_by_subject(model: Path) -> None:
    pd.DataFrame(
        {"image_id": ["UID_101_1_1_all", "UID_102_1_1_all"], "split": ["train", "test"]}
    ).to_csv(model / model_folder.SPLIT, index=False)
    trained = training_set(model)
    assert trained.exposure("UID_101_1_1_all", "101") == "cell"
    assert trained.exposure("fold_0/all/UID_101_1_1_all.bmp", None) == "cell"
    assert trained.exposure("UID_98_9_9_all", "98") == "subject"  # not in the split
    assert trained.exposure("UID_102_1_1_all", "102") == "no"
    assert trained.exposure("other", None) == "unknown"


def test_exposure__other_cells_of_the_subject_under_an_image_split(model: Path) -> None:
    retrained(model, kind="image", train=["101"])
    pd.DataFrame({"image_id": ["a"], "split": ["test"]}).to_csv(
        model / model_folder.SPLIT, index=False
    )
    trained = training_set(model)
    assert (trained.exposure("a", "101"), trained.exposure("b", "102")) == ("subject", "no")


def test_exposure__knows_merged_subjects(model: Path) -> None:
    retrained(model, train=["51"])
    assert training_set(model).exposure("new", "51+75+78") == "subject"


def test_training_set__says_what_is_missing(model: Path, tiny_model: Path) -> None:
    (model / model_folder.SPLIT).unlink()
    with pytest.raises(ModelError, match="which images the model was trained on"):
        training_set(model)
    with pytest.raises(ModelError, match="doesn't say how its data was split"):
        training_set(tiny_model)


def test_training_set__agrees_with_what_a_model_may_be_judged_on(model: Path) -> None:
    """`parts` says it a table at once; both read the same folder alike."""
    retrained(model, train=["98", "51", "H99"])
    table = pd.DataFrame({"image_id": ["x", "y", "z"], "group": ["51+75+78", "102", "H99"]})
    parts = held_out.parts(table, model_folder.read_info(model), model)
    trained = training_set(model)
    pairs = zip(table["image_id"], table["group"], strict=True)
    assert [trained.exposure(*pair) != "no" for pair in pairs] == (parts == "train").tolist()


def retrained(model: Path, **split: object) -> None:
    info = model_folder.read_info(model)
    info.training["split"].update(split)
    model_folder.write_info(model, info)
