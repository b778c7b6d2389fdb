from pathlib import Path

import pandas as pd
import pytest

from allcore.data import dataset_counts, manifest
from allcore.data.manifest import Manifest

ROWS: list[dict[str, str | None]] = [
    {"path": "a/UID_7_1_1_all.bmp", "split": "train"},
    {"path": "a/UID_7_1_2_all.bmp", "split": "train"},
    {"path": "a/UID_8_1_1_all.bmp", "split": "test"},
    {"path": "b/UID_H9_1_1_hem.bmp", "split": "test"},
    {"path": "b/strange.bmp"},
]


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    return manifest.build(tmp_path, [dict(row) for row in ROWS], name="five")


def test_described__fills_what_is_missing(data: Manifest) -> None:
    last = dataset_counts.with_placeholders(data).iloc[-1]
    assert (last["label"], last["subject"], last["split"]) == (
        "no label",
        "unknown",
        "not in a split",
    )
    assert data.table.iloc[-1]["label"] is None  # the manifest stays as it was


def test_described__takes_the_models_split(data: Manifest) -> None:
    parts = pd.Series(["validation", None, None, "test", None])
    splits = list(dataset_counts.with_placeholders(data, parts)["split"])
    assert splits == ["validation", *[dataset_counts.UNKNOWN] * 2, "test", dataset_counts.UNKNOWN]


def test_described__keeps_its_own_split_where_the_model_knows_nothing(data: Manifest) -> None:
    parts = pd.Series([None] * 5, dtype=object)
    assert list(dataset_counts.with_placeholders(data, parts)["split"][:3]) == [
        "train",
        "train",
        "test",
    ]


def test_class_counts__blasts_first(data: Manifest) -> None:
    counts = dataset_counts.class_counts(dataset_counts.with_placeholders(data))
    assert counts.to_dict("list") == {
        "label": ["all", "hem", "no label"],
        "images": [3, 1, 1],
        "subjects": [2, 1, 1],
    }


def test_split_counts__sum_to_the_set(data: Manifest) -> None:
    counts = dataset_counts.split_counts(dataset_counts.with_placeholders(data)).set_index("split")
    assert list(counts.index) == ["train", "test", dataset_counts.UNKNOWN]
    assert counts["images"].sum() == len(data)
    assert counts.loc["test", ["all", "hem", "subjects"]].tolist() == [1, 1, 2]


def test_subject_counts__largest_first(data: Manifest) -> None:
    counts = dataset_counts.subject_counts(dataset_counts.with_placeholders(data))
    assert counts.iloc[0].to_dict() == {
        "subject": "7", "label": "all", "split": "train", "images": 2,
    }  # fmt: skip
    assert counts["images"].is_monotonic_decreasing


def test_subject_counts__a_subject_on_two_sides(data: Manifest) -> None:
    table = dataset_counts.with_placeholders(data)
    table.loc[0, ["split", "label"]] = ["test", "hem"]
    first = dataset_counts.subject_counts(table).iloc[0]
    assert (first["split"], first["label"]) == ("test and train", "all and hem")


def test_is_synthetic__by_the_table(data: Manifest) -> None:
    assert not dataset_counts.is_synthetic(data)
    drawn = Manifest(data.root, data.table.assign(synthetic=["True"] + [None] * 4), "mixed")
    assert dataset_counts.is_synthetic(drawn)
