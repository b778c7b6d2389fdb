import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from allcore.data import cells, readers, subjects
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.data.manifest import Manifest
from allcore.data.preprocessing import Preprocessing
from allcore.errors import DataError
from allcore.research import synthetic_realism
from allcore.synthetic import appearance, dataset
from allcore.synthetic import targets as synthetic_targets
from allcore.synthetic.faults import FAULTS

CELLS, SUBJECTS = 120, 12


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return dataset.draw_set(
        tmp_path_factory.mktemp("drawn") / "set", cells=CELLS, subjects=SUBJECTS, seed=7
    )


@pytest.fixture(scope="module")
def truth(drawn: Manifest) -> pd.DataFrame:
    return dataset.read_truth(drawn.root).set_index("image_id")


@pytest.fixture(scope="module")
def measured(drawn: Manifest, truth: pd.DataFrame) -> pd.DataFrame:
    clean = np.flatnonzero(drawn.table["image_id"].map(truth["fault"]) == "")
    return synthetic_realism.measure_rows(drawn, clean)[0]


def picture(drawn: Manifest, image_id: str) -> Rgb:
    return decoding.decode_file(drawn.root / f"{image_id}.png")


def faulty(truth: pd.DataFrame, kind: str) -> pd.DataFrame:
    found = truth[truth["fault"] == kind]
    assert len(found)
    return found


def test_draw_set__is_read_back_as_written(drawn: Manifest) -> None:
    again = readers.read(drawn.root)
    assert again.name == dataset.NAME
    assert len(again) == CELLS
    assert again.table["subject"].nunique() == SUBJECTS
    assert again.digest() == drawn.digest()
    assert set(again.table["split"]) == {"train", "validation", "test"}
    assert (again.table["synthetic"] == "True").all()
    assert all(path.is_file() for path in again.paths())


def test_draw_set__has_the_form_of_cnmc(drawn: Manifest) -> None:
    for row in drawn.table.itertuples():
        assert subjects.parse_name(row.path) == (row.subject, row.label)
        assert (row.label == "hem") == row.subject.startswith("H")
        assert subjects.group_of(row.subject) == row.subject  # no real subject's id
    rgb = picture(drawn, drawn.table["image_id"][0])
    assert rgb.shape == (450, 450, 3)
    assert not rgb[-30:].any()
    assert (rgb == 0).all(axis=2).mean() > 0.5


def test_draw_set__has_both_classes_and_uneven_subjects(drawn: Manifest) -> None:
    people = drawn.table.groupby("subject").agg(
        label=("label", "nunique"), images=("image_id", "size")
    )
    assert (people["label"] == 1).all()
    assert people["images"].max() > 2 * people["images"].min()
    assert drawn.table.groupby("label")["subject"].nunique().to_dict() == {"all": 8, "hem": 4}


def test_draw_set__says_synthetic_where_the_model_does_not_look(drawn: Manifest) -> None:
    for image_id in drawn.table["image_id"][::9]:
        rgb = picture(drawn, image_id)
        assert rgb[:30, :130].max() == dataset.WORD_GREY
        blank = rgb.copy()
        blank[:30, :130] = 0
        assert (Preprocessing().crop(rgb) == Preprocessing().crop(blank)).all()
        assert cells.frame_of(cells.mask_of(rgb))[0] > 30


def test_draw_set__same_seed_same_bytes(tmp_path: Path) -> None:
    sets = [
        dataset.draw_set(tmp_path / name, cells=24, subjects=8, seed=seed)
        for name, seed in (("one", 3), ("two", 3), ("other", 4))
    ]
    one, two, other = ({p.name: p.read_bytes() for p in s.root.iterdir()} for s in sets)
    assert one == two
    assert not {v for k, v in one.items() if k.endswith("png")} & set(other.values())


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [({"cells": 23, "subjects": 8}, "too few"), ({"cells": 60, "subjects": 7}, "too few")],
)
def test_draw_set__too_small(tmp_path: Path, numbers: dict[str, int], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        dataset.draw_set(tmp_path / "set", **numbers)
    assert not (tmp_path / "set").exists()


def test_draw_set__overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        dataset.draw_set(tmp_path, cells=24, subjects=8)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_draw_set__into_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match="can't be written to"):
        dataset.draw_set(tmp_path / "file", cells=24, subjects=8)


def test_truth__of_another_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no drawn set"):
        dataset.read_truth(tmp_path)


def test_truth__covers_every_image_and_fault(drawn: Manifest, truth: pd.DataFrame) -> None:
    assert set(truth.index) == set(drawn.table["image_id"])
    counts = truth["fault"].value_counts()
    assert {fault.kind: max(1, round(fault.share * CELLS)) for fault in FAULTS} == {
        fault.kind: counts[fault.kind] for fault in FAULTS
    }


def test_truth__wrong_labels_and_no_others(drawn: Manifest, truth: pd.DataFrame) -> None:
    recorded = drawn.table.set_index("image_id")["label"]
    wrong = recorded.index[recorded != truth["true_label"].reindex(recorded.index)]
    assert set(wrong) == set(faulty(truth, "wrong_label").index)


def test_truth__exact_duplicates(drawn: Manifest, truth: pd.DataFrame) -> None:
    digest = drawn.table.set_index("image_id")["sha256"]
    subject = drawn.table.set_index("image_id")["subject"]
    for kind, same_subject in (("exact_duplicate", True), ("subject_leak", False)):
        for image_id, row in faulty(truth, kind).iterrows():
            assert digest[image_id] == digest[row["partner"]]
            assert (subject[image_id] == subject[row["partner"]]) == same_subject
    copies = truth["fault"].isin(["exact_duplicate", "subject_leak"]).sum()
    assert digest.nunique() == CELLS - copies


def test_truth__near_duplicates(drawn: Manifest, truth: pd.DataFrame) -> None:
    for image_id, row in faulty(truth, "near_duplicate").iterrows():
        rgb, other = picture(drawn, str(image_id)), picture(drawn, row["partner"])
        assert (rgb != other).any()
        area, same = (cells.cell_stats(each).area for each in (rgb, other))
        assert area == pytest.approx(same, rel=0.03)


def test_truth__spoiled_cells(drawn: Manifest, truth: pd.DataFrame, measured: pd.DataFrame) -> None:
    usual = measured["laplacian"].median(), measured["brightness"].min()
    for image_id in faulty(truth, "blurred").index:
        assert appearance.measure(picture(drawn, image_id)).values["laplacian"] < 0.6 * usual[0]
    for image_id in faulty(truth, "dark").index:
        assert cells.cell_stats(picture(drawn, image_id)).brightness < usual[1]
    for image_id, row in faulty(truth, "over_cropped").iterrows():
        assert cells.cell_stats(picture(drawn, str(image_id))).area < 0.56 * row["area"]


@pytest.mark.parametrize("label", ["all", "hem"])
def test_drawn_cells__follow_the_measured_statistics(measured: pd.DataFrame, label: str) -> None:
    """Means within half a deviation of the targets, finest texture within 15 %; spread alike."""
    rows = measured[measured["label"] == label]
    targets = synthetic_targets.load().classes[label]
    traits = pd.DataFrame(synthetic_realism.traits_of(rows), columns=synthetic_targets.TRAITS)
    people = traits.groupby(rows["subject"].to_numpy())
    deviation = np.sqrt(np.diag(targets.between) + np.diag(targets.within))
    shift = ((people.mean().mean() - targets.mean) / deviation).abs()
    assert shift.drop("texture_1").max() < 0.5
    finest = np.exp((people.mean().mean() - targets.mean)["texture_1"])
    assert 0.85 < finest < 1.15  # real cells differ little in it: a deviation is a tenth
    spread = np.sqrt(people.var().mean() + people.mean().var()) / deviation
    assert spread.drop("texture_1").between(0.6, 1.6).all()


def test_drawn_cells__blasts_are_larger(measured: pd.DataFrame) -> None:
    area = measured.groupby("label")["area"].mean()
    assert area["all"] > 1.1 * area["hem"]


def test_targets__say_how_they_were_made() -> None:
    targets = synthetic_targets.load()
    assert re.match(r"python -m allcore data measure ", targets.command)
    assert (targets.subjects, set(targets.classes)) == (50, {"all", "hem"})


def test_targets__survive_writing(measured: pd.DataFrame, tmp_path: Path) -> None:
    rims = {label: np.zeros((appearance.RIM, 3), dtype=np.float32) for label in ("all", "hem")}
    derived = synthetic_realism.derive_targets(measured, rims, command="measure", source="drawn")
    synthetic_realism.save_targets(derived, tmp_path / "targets.json")
    kept, synthetic_targets.FILE = synthetic_targets.FILE, tmp_path / "targets.json"
    synthetic_targets.load.cache_clear()
    try:
        again = synthetic_targets.load()
    finally:
        synthetic_targets.FILE = kept
        synthetic_targets.load.cache_clear()
    assert again.cells == len(measured)
    assert again.classes["all"].within == pytest.approx(derived.classes["all"].within, abs=1e-4)


def test_targets__need_two_subjects(measured: pd.DataFrame) -> None:
    one = measured[measured["subject"] == measured["subject"].iloc[0]]
    with pytest.raises(DataError, match="two subjects"):
        synthetic_realism.derive_targets(one, {"all": np.zeros((1, 3))}, command="", source="")


def test_measure__known_cell() -> None:
    rgb = np.zeros((450, 450, 3), dtype=np.uint8)
    rgb[125:325, 175:275] = (90, 40, 100)
    values = appearance.measure(rgb).values
    assert values["area"] == 200 * 100
    assert values["elongation"] == pytest.approx(2.0, rel=0.02)
    assert (values["red"], values["green"], values["blue"]) == (90, 40, 100)
    assert values["red_sd"] == 0
    assert values["laplacian"] == 0


def test_measure__finds_contrast_at_its_scale() -> None:
    y = np.arange(450)[:, None, None]
    wave = 80 + 10 * np.sin(2 * np.pi * y / 24) * np.ones((1, 450, 3))
    rgb = np.zeros((450, 450, 3))
    rgb[100:350, 100:350] = wave[100:350, 100:350]
    values = appearance.measure(rgb.astype(np.uint8)).values
    largest = max(appearance.BANDS, key=lambda name: values[name])
    assert largest == "texture_8"


def test_sample__bounds_every_subject(drawn: Manifest) -> None:
    rows = synthetic_realism.sample_rows(drawn, per_subject=3)
    assert drawn.table.iloc[rows]["subject"].value_counts().max() == 3
    assert rows == synthetic_realism.sample_rows(drawn, per_subject=3)


def test_table__no_picture_on_this_machine(drawn: Manifest, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="connect them"):
        synthetic_realism.measure_rows(Manifest(tmp_path, drawn.table, "elsewhere"), [0, 1])


def test_real_cells__lie_where_the_targets_say(cnmc_root: Path) -> None:
    """The targets are those of the real cells at hand, not of something else."""
    manifest = readers.read(cnmc_root)
    table, _ = synthetic_realism.measure_rows(
        manifest, synthetic_realism.sample_rows(manifest, per_subject=2, seed=5)
    )
    for label, rows in table.groupby("label"):
        targets = synthetic_targets.load().classes[str(label)]
        deviation = np.sqrt(np.diag(targets.between) + np.diag(targets.within))
        shift = (synthetic_realism.traits_of(rows).mean(axis=0) - targets.mean) / deviation
        assert np.abs(shift).max() < 0.7


def test_pictures__are_lossless_rgb(drawn: Manifest) -> None:
    with Image.open(drawn.paths()[0]) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (450, 450))
