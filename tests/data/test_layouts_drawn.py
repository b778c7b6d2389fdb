"""Trees drawn from known parts: what is read agrees with what was drawn, or is refused."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allcore.data import label_choice, readers
from allcore.data.label_choice import LabelChoice

CLASSES = [
    {"all": "all", "hem": "hem"},
    {"ALL": "all", "HEM": "hem"},
    {"Leukemia": "all", "Normal": "hem"},
    {"blasts": "all", "healthy cells": "hem"},
    {"Benign": "hem", "Early": "all", "Pre": "all", "Pro": "all"},
    {"basophil": "hem", "Monocytes": "hem", "lymphoblast": "all"},
    {"1_all": "all", "2_hem": "hem"},
]
SPLITS = [
    {"train": "train", "val": "validation", "test": "test"},
    {"Train": "train", "Validation": "validation"},
    {"TRAINING": "train", "TESTING": "test"},
    {"training set": "train", "valid": "validation", "Test set": "test"},
]
FOLDS = [
    {"fold_0": "fold_0", "fold_1": "fold_1"},
    {"0": "fold_0", "1": "fold_1", "2": "fold_2"},
    {"Fold 3": "fold_3", "Fold 4": "fold_4"},
]
WRAPPERS = ["dataset", "C-NMC", "my pictures", "2024", "größe", "images"]
ENDS = [".png", ".bmp", ".JPG", ".jfif"]
COPIES = ["", "", "", " (1)", " - Copy"]
JUNK = [".DS_Store", "Thumbs.db", ".ipynb_checkpoints/a.png", "@eaDir/a.png"]
OTHERS = ["notes.txt", "a.psd", "cells.xlsx"]


@dataclass(frozen=True)
class DrawnImage:
    """A path, and what its folders and name say."""

    path: str
    label: str
    subject: str | None
    split: str | None
    fold: str | None
    in_name: str | None


@dataclass(frozen=True)
class DrawnTree:
    images: tuple[DrawnImage, ...]
    rest: tuple[str, ...]
    classes: dict[str, str]


@st.composite
def trees(draw: st.DrawFn) -> DrawnTree:
    classes = draw(st.sampled_from(CLASSES))
    levels: dict[str, dict[str, str]] = {"label": classes}
    if draw(st.booleans()):
        levels["split"] = draw(st.sampled_from(SPLITS))
    if draw(st.booleans()):
        levels["fold"] = draw(st.sampled_from(FOLDS))
    order = draw(st.permutations(sorted(levels)))
    wrappers = [draw(st.sampled_from(["", "", *WRAPPERS])) for _ in range(len(order) + 1)]
    pool = draw(st.sampled_from(["", "", "all", "Leukemia"]))
    named = draw(st.booleans())
    two_readings = pool and "basophil" in classes  # which file names may answer
    wrong = draw(st.integers(0, 2)) if named and not two_readings else 0
    images = []
    for number in range(draw(st.integers(1, 12))):
        chosen = {name: draw(st.sampled_from(sorted(values))) for name, values in levels.items()}
        facts = {name: levels[name][value] for name, value in chosen.items()}
        folders = [pool, wrappers[0]]
        for name, wrapper in zip(order, wrappers[1:], strict=True):
            folders += [chosen[name], wrapper]
        label = facts["label"]
        in_name = {"all": "hem", "hem": "all"}[label] if number < wrong else label
        subject = f"{'H' if in_name == 'hem' else ''}{draw(st.integers(1, 40))}"
        stem = f"UID_{subject}_{number}_1_{in_name}" if named else f"cell{number}"
        file = stem + draw(st.sampled_from(COPIES)) + draw(st.sampled_from(ENDS))
        images.append(
            DrawnImage(
                path="/".join([*filter(None, folders), file]),
                label=label,
                subject=subject if named else None,
                split=facts.get("split"),
                fold=facts.get("fold"),
                in_name=in_name if named else None,
            )
        )
    rest = draw(st.lists(st.sampled_from([*JUNK, *OTHERS]), unique=True))
    return DrawnTree(tuple(images), tuple(rest), classes)


def check(tree: DrawnTree) -> None:
    with tempfile.TemporaryDirectory(prefix="drawn-") as folder:
        root = Path(folder)
        for path in (*(image.path for image in tree.images), *tree.rest):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()
        check_reading(root, tree)


def check_reading(root: Path, tree: DrawnTree) -> None:
    found = readers.read(root, choice=LabelChoice())
    drawn = {image.path: image for image in tree.images}
    table = found.table.set_index("path")
    # A single subtype tells nothing: names or a folder around it may tell the label.
    folders = {name for path in drawn for name in path.split("/")}
    subtypes = folders & {"Early", "Pre", "Pro"}
    if len(subtypes) == 1 and "Benign" not in folders:
        for path in table.index:
            assert table.loc[path, "label"] in (drawn[path].in_name, drawn[path].label, None)
        return
    assert set(table.index) == set(drawn)
    wrong = [image for image in drawn.values() if image.in_name not in (None, image.label)]
    for path, image in drawn.items():
        row = table.loc[path]
        assert row["subject"] == image.subject
        assert row["split"] == image.split
        assert row["fold"] == image.fold
        assert row["label"] == (None if wrong or found.conflict else image.label)
    if wrong:
        assert found.conflict is not None and len(found.conflict.paths) == len(wrong)
        check_decisions(root, drawn)
    elif found.conflict is not None:  # kinds of normal cells in a folder named after the disease
        assert table["label"].isna().all() and "can be read in two ways" in found.conflict.reason
        assert "basophil" in tree.classes and not any("blast" in path for path in drawn)
    else:
        check_depths(root, table["label"].to_dict())


def check_decisions(root: Path, drawn: dict[str, DrawnImage]) -> None:
    conflict = readers.read(root, choice=LabelChoice()).conflict
    assert conflict is not None
    for value, meaning in conflict.choices:
        table = readers.read(root, choice=label_choice.parse(value)).table
        for path, label in zip(table["path"], table["label"], strict=True):
            image = drawn[path]
            if value == "names":
                assert label == image.in_name
            elif meaning == "the class folders are right":
                assert label == image.label
            else:
                assert label != image.label


def check_depths(root: Path, labels: dict[str, str | None]) -> None:
    """Each folder that leads to all pictures' labels gives them when it is opened itself."""
    first = next(iter(labels))
    folders = first.split("/")[:-1]
    for depth in range(1, len(folders) + 1):
        inside = "/".join(folders[:depth])
        part = readers.read(root / inside, choice=LabelChoice()).table
        for path, label in zip(part["path"], part["label"], strict=True):
            assert label in (labels[f"{inside}/{path}"], None)


@settings(max_examples=100)
@given(trees())
def test_read__of_drawn_trees(tree: DrawnTree) -> None:
    check(tree)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=1000)
@given(trees())
def test_read__of_many_drawn_trees(tree: DrawnTree) -> None:
    check(tree)


@pytest.mark.parametrize(("folder", "split"), [("test", "test"), ("training_data", None)])
def test_read__release_below_a_folder(folder: str, split: str | None, tmp_path: Path) -> None:
    """A part of a split counts; the release's own training_data is none."""
    path = tmp_path / folder / "fold_0" / "all" / "UID_1_0_1_all.png"
    path.parent.mkdir(parents=True)
    path.touch()
    [row] = readers.read(tmp_path, choice=LabelChoice()).table.to_dict("records")
    assert (row["split"], row["fold"], row["label"]) == (split, "fold_0", "all")


def test_read__release_with_exchanged_classes(tmp_path: Path) -> None:
    for folder, subject, name in (("all", "H1", "hem"), ("hem", "2", "all")):
        path = tmp_path / "fold_0" / folder / f"UID_{subject}_0_1_{name}.png"
        path.parent.mkdir(parents=True)
        path.touch()
    assert readers.read(tmp_path, choice=LabelChoice()).conflict is not None
    choice = label_choice.parse("all=hem,hem=all")
    assert readers.read(tmp_path, choice=choice).table["label"].tolist() == ["hem", "all"]
