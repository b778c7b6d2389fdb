import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from allcore import model_folder
from allcore.errors import DataError, ModelError
from allcore.explain import neighbours
from allcore.explain.neighbours import Neighbours
from tests import simulated


def described(count: int, **columns: object) -> pd.DataFrame:
    fields = {
        "image_id": [f"c{number}" for number in range(count)],
        "label": "all",
        "subject": None,
        "group": None,
        "probability": 0.9,
        "part": "test",
    }
    return pd.DataFrame(fields | columns)


def fan(*degrees: float) -> NDArray[np.float64]:
    """Vectors at these angles, each of another length."""
    angle = np.radians(degrees)
    return np.arange(1, len(angle) + 1)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])


def names(found: Sequence[neighbours.Neighbour]) -> list[str]:
    return [each.image_id for each in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose subjects 101 and H1 were held out, all others trained on."""
    table = simulated.predictions(all_subjects=4, normal_subjects=4)
    held_out = table["subject"].isin(("101", "H1"))
    path = simulated.folder(tmp_path, table=table[held_out])
    table.assign(split=np.where(held_out, table["split"], "train"))[["image_id", "split"]].to_csv(
        path / model_folder.SPLIT, index=False
    )
    vectors = np.random.default_rng(0).normal(size=(len(table), 8)).astype(np.float32)
    model_folder.write_embeddings(path, table["image_id"].tolist(), vectors, vectors[:, :2])
    return path


def test_nearest__by_angle_not_by_length() -> None:
    cells = Neighbours(described(5), fan(0, 170, 20, 5, 60))
    found = cells.nearest("c0", 3)
    assert names(found) == ["c3", "c2", "c4"]
    assert found[0].distance == pytest.approx(1 - np.cos(np.radians(5)), abs=1e-6)
    assert found[2].distance == pytest.approx(0.5, abs=1e-6)
    assert names(cells.nearest(np.array([0.0, 3.0]), 2)) == ["c4", "c2"]


def test_nearest__agrees_with_a_full_sort() -> None:
    vectors = np.random.default_rng(1).normal(size=(300, 16))
    cells = Neighbours(described(300), vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = np.argsort(-(unit @ unit[7]))[1:21]
    assert names(cells.nearest("c7", 20)) == [f"c{row}" for row in expected]


def test_nearest__marks_the_subject_and_those_merged_with_it() -> None:
    table = described(5, subject=["51", "75", "11", None, "51"], group=["51+75+78"] + [None] * 4)
    cells = Neighbours(table, fan(0, 1, 2, 3, 4))
    found = cells.nearest("c0")
    assert names(found) == ["c1", "c2", "c3", "c4"]
    assert [each.same_subject for each in found] == [True, False, False, True]
    given = cells.nearest(fan(0)[0], subject="78")
    assert [each.same_subject for each in given] == [True, True, False, False, True]
    assert not any(each.same_subject for each in cells.nearest("c3"))


def test_nearest__leaves_out_what_it_is_told_to() -> None:
    table = described(4, subject=["51", "75", "11", "12"])
    cells = Neighbours(table, fan(0, 1, 2, 3))
    assert names(cells.nearest("c0", exclude_subject="78")) == ["c2", "c3"]
    assert names(cells.nearest("c0", exclude_id="c1")) == ["c2", "c3"]
    assert names(cells.nearest(fan(0)[0], exclude_id="c0", k=2)) == ["c1", "c2"]
    assert cells.nearest("c0", 0) == ()


def test_nearest__refuses_what_it_does_not_know() -> None:
    cells = Neighbours(described(3), fan(0, 1, 2))
    assert "c0" in cells and "new" not in cells
    with pytest.raises(DataError, match="no features of new"):
        cells.nearest("new")
    with pytest.raises(DataError, match="ask the network"):
        cells.nearest(np.ones(3))


def test_nearest__a_vector_of_zeros_is_near_to_nothing() -> None:
    cells = Neighbours(described(3), np.array([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]))
    assert [each.distance for each in cells.nearest("c0")] == pytest.approx([1.0, 2.0])
    assert cells.nearest(np.zeros(2))[0].distance == pytest.approx(1.0)


def test_nearest__is_fast_enough_for_a_page() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(15_000, 512)).astype(np.float16)
    cells = Neighbours(described(15_000), vectors)
    taken = []
    for number in range(15):
        start = time.perf_counter()
        cells.nearest(f"c{number}")
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.02


def test_accuracy_nearby__counts_the_nearest_that_can_be_judged() -> None:
    table = described(
        7,
        label=["all", "all", "hem", "all", None, "all", "all"],
        subject=["1", "1", "H9", "2", "2", "3", "3"],
        probability=[0.1, 0.9, 0.9, 0.4, 0.9, np.nan, 0.1],
    )
    cells = Neighbours(table, fan(0, 1, 2, 3, 4, 5, 90))
    near = cells.accuracy_nearby("c0", 0.5, 3)  # c1 right, c2 and c3 wrong
    assert near is not None
    assert near.accuracy.value == pytest.approx(1 / 3)
    assert (near.cells, near.subjects, near.same_subject) == (3, 3, 1)
    assert near.accuracy.over_cells.low < 1 / 3 < near.accuracy.over_cells.high
    lower = cells.accuracy_nearby("c0", 0.3, 3)
    assert lower is not None and lower.accuracy.value == pytest.approx(2 / 3)


def test_accuracy_nearby__without_anything_to_judge() -> None:
    cells = Neighbours(described(3, probability=np.nan), fan(0, 1, 2))
    assert cells.accuracy_nearby("c0", 0.5) is None


def test_accuracy_nearby__without_subjects() -> None:
    near = Neighbours(described(3), fan(0, 1, 2)).accuracy_nearby("c0", 0.5)
    assert near is not None
    assert near.subjects is None and not near.accuracy.over_subjects.known


def test_of__reads_labels_subjects_and_parts(folder: Path) -> None:
    cells = Neighbours.of(folder)
    held_out = model_folder.read_predictions(folder).set_index("image_id")["probability"]
    table = cells.table.set_index("image_id")
    assert set(table["subject"]) == {"101", "102", "103", "104", "H1", "H2", "H3", "H4"}
    assert (table["label"] == table.index.str.rsplit("_").str[-1]).all()
    pd.testing.assert_series_equal(
        table.loc[held_out.index, "probability"], held_out, check_names=False
    )
    assert set(table.loc[held_out.index, "part"]) == {"test"}
    rest = table.drop(held_out.index)
    assert rest["probability"].isna().all()
    assert set(rest["part"]) == {"train"}
    found = cells.nearest(str(rest.index[0]), 3)
    assert len(found) == 3 and all(0 <= each.distance <= 2 for each in found)


def test_of__knows_the_cells_of_an_out_of_fold_model(folder: Path) -> None:
    split = pd.read_csv(folder / model_folder.SPLIT)
    split.assign(split="train").to_csv(folder / model_folder.SPLIT, index=False)
    assert set(Neighbours.of(folder).table["part"]) == {"out-of-fold", "train"}


def test_of__takes_labels_from_the_data_set_where_names_carry_none(folder: Path) -> None:
    vectors = np.eye(2, dtype=np.float32)
    model_folder.write_embeddings(folder, ["mine", "other"], vectors, vectors)
    known = pd.DataFrame(
        {"image_id": ["mine"], "label": ["hem"], "subject": ["P7"], "group": [None]}
    )
    assert Neighbours.of(folder).nearest("other")[0].label is None
    found = Neighbours.of(folder, known).nearest("other")[0]
    assert (found.label, found.subject, found.probability, found.part) == (
        "hem", "P7", None, "unknown",
    )  # fmt: skip


@pytest.mark.parametrize("damage", ["gone", "cut", "not finite", "pickled"])
def test_of__says_that_the_features_are_damaged(folder: Path, damage: str) -> None:
    path = folder / model_folder.EMBEDDINGS
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:500])
    elif damage == "pickled":
        np.savez(path, image_id=np.array([{}], dtype=object), features=np.ones((1, 2)))
    else:
        model_folder.write_embeddings(folder, ["a"], np.full((1, 2), np.nan), np.ones((1, 2)))
    with pytest.raises(ModelError, match=r"embeddings\.npz can't be read"):
        Neighbours.of(folder)


def test_of__says_that_the_split_is_missing(folder: Path) -> None:
    (folder / model_folder.SPLIT).unlink()
    with pytest.raises(ModelError, match="which images the model was trained on"):
        Neighbours.of(folder)


def test_feature__is_what_the_folder_keeps(tiny_model: Path, cell_image: NDArray[np.uint8]) -> None:
    import torch

    from allcore.inference.predictor import Predictor
    from allcore.training import embedding

    predictor = Predictor.load(tiny_model, device="cpu", threads=1)
    cell = predictor.prepare(cell_image)
    kept = embedding.features(
        predictor.network,
        cell[None],
        predictor.info.preprocessing,
        device=torch.device("cpu"),
    )
    np.testing.assert_allclose(neighbours.feature(predictor, cell), kept[0], rtol=1e-4, atol=1e-6)


def test_import__needs_no_torch() -> None:
    code = "import allcore.explain.neighbours, sys; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
