from pathlib import Path

import pytest

from allcore import model_folder
from allcore.data import manifest
from allcore.data.manifest import Manifest
from allcore.errors import DataError, ModelError
from allcore.inference import held_out
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
    split = info.training["split"] | {"kind": "image"}
    table = simulated.predictions()
    model_folder.write_info(model, simulated.info(table, training=info.training | {"split": split}))
    found = chosen(data("UID_103_1_0_all.bmp", "UID_H99_1_1_hem.bmp"), model)
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
