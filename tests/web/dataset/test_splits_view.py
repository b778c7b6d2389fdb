"""The Splits view as a user meets it, on a drawn set without an index."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from allcore.audit.findings import leaks
from allcore.audit.findings.leaks import SplitLeaks
from allcore.audit.index import store
from allcore.data import readers, saved_splits, split_files, splits
from allcore.data.saved_splits import SavedSplit
from allcore.synthetic import demo
from allcore.web.accounts import Visitor
from allcore.web.dataset import splits_choice, splits_view
from allcore.web.dataset.splits_view import BAD, GOOD, OPEN
from tests.audit.findings.test_leaks import PARTS, by_subject, cells_of, indexed
from tests.page_runs import open_page, page_text, sign_in

ADA, BOB, ROOT = (
    Visitor("ada", "Ada", "user"), Visitor("bob", "Bob", "user"), Visitor("eve", "Eve", "admin"),
)  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "demo"
    demo.ensure_demo(folder, cells=80, subjects=12)
    return folder


@pytest.fixture
def root(home: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed-in user, a small demonstration set and no model."""
    shutil.copytree(drawn, home / "demo")
    monkeypatch.setenv("ALLSCOPE_MODELS", str(tmp_path / "models"))
    sign_in(monkeypatch)
    return home / "demo"


def opened(**controls: object) -> AppTest:
    """The view with some of its controls set."""
    return open_page("dataset", state={"view": "splits", splits_choice.FOLDS: 3} | controls)


def split_text(page: AppTest) -> str:
    return page_text(page) + "\n".join(str(part.value).replace("\\", "") for part in page.success)


def key_of(root: Path) -> str:
    return store.folder(root).name


def own_set(folder: Path, monkeypatch: pytest.MonkeyPatch, **columns: object) -> None:
    """Connect a table of 24 images, with these columns instead of its own."""
    folder.mkdir()
    rows = {
        "path": [f"{number}.png" for number in range(24)],
        "label": ["all", "hem"] * 12,
        "subject": [f"{number % 12}" for number in range(24)],
    }
    pd.DataFrame(rows | columns).assign(image_id=rows["path"]).to_csv(
        folder / "manifest.csv", index=False
    )
    monkeypatch.setenv("ALLSCOPE_DATA", str(folder))


def test_build__subjects_apart(root: Path):
    page = opened(split_twins=False)
    people = readers.read(root).table["group"].nunique()
    assert f"each of {people} subjects is in one part alone" in split_text(page)
    assert "Near duplicates were not searched" in split_text(page)
    assert len(page.get("plotly_chart")) == 2  # area and brightness take an index
    assert "--split subjects-fold-0-of-3-seed-0.csv --arch qcresnet" in page.code[0].value


def test_build__images_at_random_tell_the_torn_subjects(root: Path):
    page = opened(split_by="image")
    assert "on both sides" in page.error[0].value
    assert "figures say nothing about a new subject" in page.error[0].value


def test_build__fold_beyond_the_folds(root: Path):
    page = opened(split_folds=5, split_fold=4)
    page.number_input(key=splits_choice.FOLDS).set_value(3).run()
    assert not page.exception
    assert page.number_input(key=splits_choice.FOLD).value == 2


def test_build__opens_with_as_many_folds_as_there_are_subjects(root: Path):
    most = splits.most_folds(readers.read(root))
    assert most < splits.FOLDS
    for chosen in ({}, {splits_choice.FOLDS: 20}):
        page = open_page("dataset", state={"view": "splits", **chosen})
        assert not page.error
        assert page.number_input(key=splits_choice.FOLDS).value == most
        assert "is in one part alone" in split_text(page)


def test_build__too_few_subjects_to_keep_apart(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    own_set(tmp_path / "own", monkeypatch, subject=[f"{number % 4}" for number in range(24)])
    page = opened()
    assert all("on both sides" in error.value for error in page.error)
    assert page.selectbox(key=splits_choice.PROTOCOL).options == [splits_choice.PROTOCOLS["image"]]
    assert "fewer than 3 subjects" in split_text(page)


def test_build__without_subjects(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own_set(tmp_path / "own", monkeypatch, subject=[""] * 24)
    page = opened()
    assert page.selectbox(key=splits_choice.PROTOCOL).options == [splits_choice.PROTOCOLS["image"]]
    assert "images can only be split at random" in split_text(page)
    assert "subject of 24 images is not known" in split_text(page)
    assert "No leak was found" not in split_text(page)


def test_build__one_class_only(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own_set(tmp_path / "own", monkeypatch, label=["all"] * 24)
    page = opened()
    assert not page.error
    assert "No image is labelled normal" in split_text(page)


def test_save__is_offered_everywhere_and_deleted(root: Path):
    page = opened()
    page.text_input[0].set_value("mine")
    next(button for button in page.button if button.label == "Save").click().run()
    assert not page.exception
    assert "Saved as mine" in split_text(page)
    records = saved_splits.list_splits(key_of(root))
    assert [(part.name, part.by) for part in records] == [("mine", "ada")]
    assert "Saved: mine" in page.selectbox(key="split").options

    page = opened(split_of="saved", split="Saved: mine", view="splits")
    assert "by ada" in split_text(page)
    assert str(records[0].path) in page.code[0].value
    page.button(key="delete_split").click().run()
    assert not page.exception
    assert "mine was deleted" in split_text(page)
    assert saved_splits.list_splits(key_of(root)) == []
    assert "No split of this data set is saved yet" in split_text(page)


def test_save__says_when_a_name_is_taken(root: Path):
    manifest = readers.read(root)
    split = splits.subject_split(manifest.labelled(), seed=1, folds=3)
    saved_splits.save(split, manifest, key=key_of(root), name="mine", by="bob")
    page = opened()
    page.text_input[0].set_value("mine")
    next(button for button in page.button if button.label == "Save").click().run()
    assert "There is a split 'mine' already" in page.error[0].value


def test_saved__is_shown_in_every_view(root: Path):
    manifest = readers.read(root)
    split = splits.subject_split(manifest.labelled(), seed=1, folds=3)
    saved_splits.save(split, manifest, key=key_of(root), name="mine", by="bob")
    page = opened(split="Saved: mine", split_of="shown")
    tested = int((split.parts == "test").sum())
    assert f"{tested:,} in test" in split_text(page)
    assert "The split of Saved: mine" in split_text(page)


def test_saved__of_images_that_have_changed_since(root: Path):
    folder = saved_splits.folder(key_of(root))
    folder.mkdir(parents=True)
    (folder / "old.csv").write_text("image_id,split\ngone,train\n")
    page = opened(split_of="saved", split="Saved: old")
    assert "such as 'gone'" in page.error[0].value
    assert "such as 'gone'" in page.warning[0].value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\xff" * 999, "neither Parquet nor text"),
        (b"a,b\n1,2\n", "lacks a column of image ids"),
        (b"image_id,split\nx,train\n", "such as 'x'"),
    ],
)
def test_import__says_what_is_wrong(root: Path, content: bytes, sentence: str):
    page = opened(split_of="import")
    page.file_uploader[0].upload("mine.csv", content, "text/csv").run()
    assert not page.exception
    assert sentence in split_text(page)


def test_import__too_large(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(split_files, "MAX_BYTES", 10)
    page = opened(split_of="import")
    page.file_uploader[0].upload("mine.csv", b"image_id,split\n", "text/csv").run()
    assert "more than the 0 MB that a split may have" in page.error[0].value


def test_import__shows_the_split(root: Path):
    manifest = readers.read(root)
    split = splits.subject_split(manifest.labelled(), seed=1, folds=3)
    page = opened(split_of="import")
    content = split_files.split_bytes(split, manifest)
    page.file_uploader[0].upload("brought.csv", content, "text/csv").run()
    assert not page.exception
    assert f"{int((split.parts == 'test').sum()):,} in test" in split_text(page)
    assert "--split brought.csv" in page.code[0].value


def test_may_delete__who_made_it_and_administrators():
    saved = SavedSplit("mine", Path("mine.csv"), "ada", "")
    unknown = SavedSplit("old", Path("old.csv"), "", "")
    assert [splits_choice.may_delete(user, saved) for user in (ADA, BOB, ROOT)] == [
        True,
        False,
        True,
    ]
    assert [splits_choice.may_delete(user, unknown) for user in (ADA, ROOT)] == [False, True]
    assert not splits_choice.may_delete(Visitor(), unknown)


@pytest.fixture
def split_leaks(home: Path) -> SplitLeaks:
    cells = indexed(cells_of(list(PARTS)), home)
    return leaks.find_split_leaks(cells, by_subject(cells))


def test_leak_sentences__green_light(split_leaks: SplitLeaks):
    [(kind, sentence)] = splits_view.leak_sentences(split_leaks)
    assert kind == GOOD
    assert "each of 6 subjects is in one part alone" in sentence
    assert "nor as a near duplicate" in sentence


def test_leak_sentences__without_an_index_the_light_says_less(split_leaks: SplitLeaks):
    (good, sentence), (kind, reason) = splits_view.leak_sentences(
        replace(split_leaks, searched_near=False)
    )
    assert (good, kind) == (GOOD, OPEN)
    assert "near duplicate" not in sentence
    assert "needs the index" in reason


def test_leak_sentences__subjects_and_cells(split_leaks: SplitLeaks):
    torn = replace(split_leaks, subjects=("a*b",), cells=2, exact=1, tested=1)
    (one, subjects), (two, cells) = splits_view.leak_sentences(torn)
    assert one == two == BAD
    assert subjects.startswith("**1 of 6 subjects is on both sides**")
    assert r"a\*b" in subjects
    assert cells.startswith("**2 cells are in two parts**, 1 of them as the same file")
    assert "1 test image shows a cell" in cells


def test_leak_sentences__many_subjects_are_not_all_named(split_leaks: SplitLeaks):
    torn = replace(split_leaks, subjects=tuple(map(str, range(30))), groups=39)
    _, sentence = splits_view.leak_sentences(torn)[0]
    assert "30 of 39 subjects are on both sides" in sentence
    assert "and 18 more" in sentence


def test_leak_sentences__unknown_subjects_give_no_green_light(split_leaks: SplitLeaks):
    sentences = splits_view.leak_sentences(replace(split_leaks, unknown=3))
    assert [kind for kind, _ in sentences] == [OPEN]
    assert "subject of 3 images is not known" in sentences[0][1]


def test_leak_sentences__nothing_held_out(home: Path):
    cells = indexed(cells_of(list(PARTS)), home)
    alone = leaks.find_split_leaks(cells, np.full(len(cells), "train", dtype=object))
    none = leaks.find_split_leaks(cells, np.full(len(cells), None, dtype=object))
    for split_leaks in (alone, none):
        assert splits_view.leak_sentences(split_leaks) == [(OPEN, splits_view.ONE_PART)]
