import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allcore.data import manifest, splits
from allcore.errors import DataError


def cells_of(sizes: dict[str, int]) -> manifest.Manifest:
    """Subjects with so many cells each; normal ones start with H."""
    rows = [
        {"path": f"UID_{subject}_{number}_1_{'hem' if subject[0] == 'H' else 'all'}.bmp"}
        for subject, size in sizes.items()
        for number in range(size)
    ]
    return manifest.build(".", rows, name="made")


MANY = cells_of({str(n): 5 + n for n in range(1, 31)} | {f"H{n}": 3 + 2 * n for n in range(1, 21)})


def test_image_split__8_1_1_stratified():
    split = splits.image_split(MANY, seed=0)
    labels = MANY.table["label"]
    for part, share in zip(splits.PARTS, (0.8, 0.1, 0.1), strict=True):
        mask = split.mask(MANY, part)
        assert mask.mean() == pytest.approx(share, abs=0.01)
        assert (labels[mask] == "all").mean() == pytest.approx((labels == "all").mean(), abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_subject_split__no_group_on_two_sides(seed):
    split = splits.subject_split(MANY, seed=seed)
    groups = [set(MANY.table["group"][split.mask(MANY, part)]) for part in splits.PARTS]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert {"H2+H4+H5+H6+H7", "16+20+21"} <= set.union(*groups)


def test_subject_split__every_part_has_both_classes():
    split = splits.subject_split(MANY, seed=3)
    for part in splits.PARTS:
        assert set(MANY.table["label"][split.mask(MANY, part)]) == {"all", "hem"}


def test_subject_split__same_seed_same_split():
    first, second = (splits.subject_split(MANY, seed=7) for _ in range(2))
    assert first.parts.equals(second.parts)
    assert not first.parts.equals(splits.subject_split(MANY, seed=8).parts)


def test_subject_folds__each_image_is_tested_once():
    tested = sum(
        s.mask(MANY, "test").astype(int) for s in splits.subject_folds(MANY, seed=0, folds=5)
    )
    assert (tested == 1).all()


@settings(max_examples=25, deadline=None)
@given(
    blasts=st.lists(st.integers(1, 60), min_size=8, max_size=25),
    normals=st.lists(st.integers(1, 60), min_size=8, max_size=25),
    seed=st.integers(0, 99),
)
def test_subject_folds__groups_dealt_evenly(blasts, normals, seed):
    made = cells_of(
        {str(100 + n): size for n, size in enumerate(blasts)}
        | {f"H{100 + n}": size for n, size in enumerate(normals)}
    )
    for label, sizes in (("all", blasts), ("hem", normals)):
        dealt = [
            made.table["group"][s.mask(made, "test") & (made.table["label"] == label)].nunique()
            for s in splits.subject_folds(made, seed=seed, folds=4)
        ]
        assert max(dealt) - min(dealt) <= 1
        assert sum(dealt) == len(sizes)


def test_subject_split__too_few_subjects():
    with pytest.raises(DataError, match="only 2 subjects, too few for 3 folds"):
        splits.subject_split(cells_of({"1": 4, "2": 4, "H7": 3, "H8": 3}), seed=0, folds=3)


def test_subject_split__fold_that_is_not_there():
    with pytest.raises(DataError, match="choose 0 to 9"):
        splits.subject_split(MANY, seed=0, fold=10)


def test_split__subjects_of_a_part():
    split = splits.subject_split(MANY, seed=0)
    listed = [split.subjects(MANY, part) for part in splits.PARTS]
    assert sorted(np.concatenate(listed)) == sorted(MANY.table["subject"].unique())


@pytest.mark.parametrize("draw", [splits.image_split, splits.subject_split])
def test_splits__one_class_only(draw):
    with pytest.raises(DataError, match="No image is labelled normal"):
        draw(cells_of({str(n): 4 for n in range(1, 30)}), seed=0)


def test_image_split__too_few_of_a_class():
    few = cells_of({"1": 30, "H1": 9})
    with pytest.raises(DataError, match="Only 9 images of normal cells, too few for 10 parts"):
        splits.image_split(few, seed=0)


@pytest.mark.parametrize(
    "version", ["{} (1).png", "{} - Copy.png", "{}_aug0.png", "{}.bmp.png", "../masks/{}.png"]
)
def test_image_split__keeps_copies_of_a_cell_together(version: str) -> None:
    named = [f"UID_{n}_1_1_all" for n in range(20)] + [f"UID_H{n}_1_1_hem" for n in range(20)]
    paths = [f"x/{form.format(name)}" for name in named for form in ("{}.png", version)]
    found = manifest.build(".", [{"path": path, "image_id": path} for path in paths], name="made")
    split = splits.image_split(found, seed=1)
    parts = split.parts.groupby(np.repeat(named, 2)).nunique()
    assert (parts == 1).all() and split.parts.nunique() == 3
