"""The checks find what was planted in a drawn set, and little else."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allcore.audit.findings import checks, quality
from allcore.audit.findings import finding as findings
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Finding
from allcore.audit.index import build, features, store, texture_hashes
from allcore.audit.index.store import About, Index
from allcore.data import manifest, readers
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.synthetic import dataset, demo

CELLS, SUBJECTS = 120, 10


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditInputs, pd.DataFrame]:
    """An indexed drawn set and the truth about it."""
    folder = tmp_path_factory.mktemp("drawn")
    root = demo.ensure_demo(folder / "set", cells=CELLS, subjects=SUBJECTS).root
    build.build_index(root, home=folder / "home")
    inputs = AuditInputs.of(readers.read(root), store.read(root, folder / "home"))
    return inputs, dataset.read_truth(root)


def of_kind(inputs: AuditInputs, kind: str) -> Finding:
    return next(each for each in checks.run_checks(inputs) if each.kind == kind)


def pairs(groups: Collection[Collection[str]]) -> set[frozenset[str]]:
    return {frozenset((one, other)) for names in groups for one in names for other in names} - {
        frozenset((name,)) for names in groups for name in names
    }


def planted(truth: pd.DataFrame, *kinds: str) -> set[frozenset[str]]:
    rows = truth[truth["fault"].isin(kinds)]
    return {frozenset(pair) for pair in zip(rows["image_id"], rows["partner"], strict=True)}


@pytest.mark.parametrize(
    ("kind", "faults"),
    [
        ("exact_duplicate", ("exact_duplicate", "subject_leak")),
        ("near_duplicate", ("near_duplicate",)),
        ("cell_under_two_subjects", ("subject_leak",)),
    ],
)
def test_check__finds_all_planted_copies_and_nothing_else(
    drawn: tuple[AuditInputs, pd.DataFrame], kind: str, faults: tuple[str, ...]
) -> None:
    inputs, truth = drawn
    assert pairs(of_kind(inputs, kind).detail["groups"]) == planted(truth, *faults)


def test_check__leaves_one_of_each_group_of_copies(
    drawn: tuple[AuditInputs, pd.DataFrame],
) -> None:
    found = of_kind(drawn[0], "exact_duplicate")
    groups = found.detail["groups"]
    assert all(len(set(names) - set(found.leave_out)) == 1 for names in groups)


@pytest.mark.parametrize(
    ("kind", "fault"), [("over_cropped", "over_cropped"), ("dark", "dark"), ("blurred", "blurred")]
)
def test_check__finds_planted_bad_pictures(
    drawn: tuple[AuditInputs, pd.DataFrame], kind: str, fault: str
) -> None:
    inputs, truth = drawn
    found = set(of_kind(inputs, kind).image_ids)
    faulty = set(truth.loc[truth["fault"] != "", "image_id"])
    assert set(truth.loc[truth["fault"] == fault, "image_id"]) <= found <= faulty


def test_check__says_where_labels_cannot_be_judged(
    drawn: tuple[AuditInputs, pd.DataFrame],
) -> None:
    """The classes of the drawn set overlap as real ones do: its wrong labels can't be told."""
    found = of_kind(drawn[0], "probable_label_error")
    if found.detail["auroc"] < 0.75:
        assert found.image_ids == () and "can't be told" in found.why
    else:
        assert found.image_ids


def made(
    table: pd.DataFrame, embeddings: np.ndarray | None = None, **columns: object
) -> AuditInputs:
    """A inputs without pictures: a manifest's columns and figures of an index."""
    count = len(table)
    names = [f"cell{number}" for number in range(count)]
    rows = [
        {"path": f"{name}.png", **{key: str(value) for key, value in row.items()}}
        for name, row in zip(names, table.to_dict("records"), strict=True)
    ]
    listed = manifest.build(Path("nowhere"), rows, name="made")
    plain: dict[str, object] = dict.fromkeys(features.NUMBERS, 1.0)
    plain |= {"image_id": names, "sha256": names, "error": "", "border": False, "objects": 1}
    plain["straight"] = 0.0
    index = Index(
        About("nowhere", "made"),
        pd.DataFrame(plain | columns),
        np.zeros((count, texture_hashes.GRID, texture_hashes.GRID), np.uint8),
        np.zeros((count, texture_hashes.RINGS, texture_hashes.ANGLES), np.uint8),
        (np.zeros((count, 0)) if embeddings is None else embeddings).astype(np.float16),
        np.zeros((0, 2), dtype=np.intp),
    )
    return AuditInputs.of(listed, index)


def study(*, cells: int = 20, subjects: int = 6) -> pd.DataFrame:
    """Labels and subjects, half of them of each class."""
    label = np.repeat(["all", "hem"], cells * subjects // 2)
    subject = [f"S{number}" for number in range(subjects) for _ in range(cells)]
    return pd.DataFrame({"label": label, "subject": subject})


def test_check__finds_wrong_labels_where_classes_can_be_told_apart() -> None:
    table = study()
    random = np.random.default_rng(0)
    vectors = (
        random.normal(size=(len(table), 8)) + 4 * (table["label"] == "all").to_numpy()[:, None]
    )
    wrong = random.choice(len(table), 6, replace=False)
    table.loc[wrong, "label"] = np.where(table.loc[wrong, "label"] == "all", "hem", "all")
    found = of_kind(made(table, vectors), "probable_label_error")
    assert set(found.image_ids) == {f"cell{row}" for row in wrong}


def test_check__takes_held_out_predictions_of_these_images() -> None:
    table = study()
    blast = (table["label"] == "all").to_numpy()
    probability = np.where(blast, 0.9, 0.1)
    probability[3] = 0.02
    base = made(table)
    known = pd.DataFrame(
        {"image_id": base.ids, "label": table["label"], "probability": probability}
    )
    inputs = AuditInputs(base.manifest, base.index, base.parts, known)
    found = of_kind(inputs, "probable_label_error")
    assert found.image_ids == ("cell3",) and found.detail["source"] == "held-out"


def test_check__warns_of_a_plain_fact_that_tells_the_label() -> None:
    table = study(subjects=12)
    random = np.random.default_rng(0)
    area = random.normal(1000, 100, len(table)) + 500 * (table["label"] == "all")
    found = [each for each in checks.run_checks(made(table, area=area)) if each.kind == "shortcut"]
    area_alone = next(each for each in found if each.detail["cue"] == "area")
    assert area_alone.severity == "high"
    assert 0.5 < area_alone.detail["low"] < area_alone.detail["auroc"] <= 1
    assert not any(each.detail["cue"] == "redness" for each in found)


def test_check__finds_subjects_on_both_sides_of_a_split() -> None:
    table = study()
    parts = np.where(np.arange(len(table)) < 10, "train", "test")
    inputs = made(table.assign(split=parts))
    assert of_kind(inputs, "subject_across_split").detail["subjects"] == ["S0"]


def test_check__of_one_class_says_so() -> None:
    found = of_kind(made(study().assign(label="hem")), "class_imbalance")
    assert found.severity == "high" and "one class" in found.why


def test_check__counts_why_files_cannot_be_read() -> None:
    table = study()
    inputs = made(table, error=["The file is missing."] + [""] * (len(table) - 1))
    found = of_kind(inputs, "unreadable")
    assert found.image_ids == ("cell0",)
    assert found.detail["reasons"] == {"The file is missing.": 1}


def test_check__finds_a_cell_unlike_all_others() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(120, 8)) * 0.1 + 1
    vectors[7] = -1
    assert of_kind(made(study(), vectors), "outlier").image_ids[0] == "cell7"


def finding(**fields: object) -> Finding:
    plain = {"kind": "dark", "severity": "low", "image_ids": ("a", "b"), "why": "W.", "do": "D."}
    return Finding(**(plain | fields))  # type: ignore[arg-type]


def test_as_csv__has_a_row_an_image_and_one_for_the_whole_set() -> None:
    given = [
        finding(leave_out=("b",), detail={"groups": [["a", "b"]]}),
        finding(kind="shortcut", image_ids=()),
    ]
    lines = findings.as_csv(given).splitlines()
    assert [line.split(",")[:5] for line in lines[1:]] == [
        ["dark", "low", "a", "False", "1"],
        ["dark", "low", "b", "True", "1"],
        ["shortcut", "low", "", "False", ""],
    ]
    assert all("Research use only" in line for line in lines[1:])


def listed() -> Manifest:
    return manifest.build(Path("x"), [{"path": "a.png"}, {"path": "b.png"}], name="x")


def test_cleaned__leaves_out_what_the_chosen_kinds_say() -> None:
    given = [finding(leave_out=("b",)), finding(kind="blurred", leave_out=("a",))]
    kept = findings.clean_manifest(listed(), given, ["dark"])
    assert kept.table["image_id"].tolist() == ["a"]


@pytest.mark.parametrize(("kinds", "sentence"), [(["none"], "choose of"), (["dark"], "No image")])
def test_cleaned__refuses_what_makes_no_set(kinds: list[str], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        findings.clean_manifest(listed(), [finding(leave_out=("a", "b"))], kinds)


@pytest.mark.parametrize(
    ("people", "pairs"),
    [
        (("H2", "H4", "H5", "H6"), {"H2 and H4", "H2 and H5", "H2 and H6"}),
        (("H3", "H10"), {"H3 and H10"}),
    ],
)
def test_check__finds_subjects_of_real_cells_that_share_cells(
    cnmc_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    people: tuple[str, ...],
    pairs: set[str],
) -> None:
    """Of the groups that byte-identical files prove, those small enough to be read in a test."""
    full = readers.read(cnmc_root)
    rows = full.table["subject"].isin(people)
    some = Manifest(full.root, full.table[rows].reset_index(drop=True), full.name)
    monkeypatch.setattr(readers, "read", lambda _: some)
    build.build_index(cnmc_root, home=tmp_path)
    inputs = AuditInputs.of(some, store.read(cnmc_root, tmp_path))
    found = of_kind(inputs, "cell_under_two_subjects")
    assert pairs <= set(found.detail["subjects"])
    assert found.detail["not_kept_together"] == 0


def test_neighbour_distances__to_a_sample_tell_the_same_outlier() -> None:
    random = np.random.default_rng(0)
    vectors = (random.normal(size=(300, 8)) * 0.1 + 1).astype(np.float32)
    vectors[7] = -1
    every = quality.neighbour_distances(vectors)
    some = quality.neighbour_distances(vectors, reference=100)
    assert np.isfinite(some).all() and int(some.argmax()) == int(every.argmax()) == 7
    assert np.corrcoef(every, some)[0, 1] > 0.9
