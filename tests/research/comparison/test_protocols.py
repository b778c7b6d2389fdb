"""Both protocols from one manifest, and who may be trained on."""

from pathlib import Path

import numpy as np
import pytest

from allcore.data import manifest, splits
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.research.comparison import protocols
from allcore.research.comparison.protocols import ProtocolSplit


def listed(*, subjects: int = 6, cells: int = 4) -> Manifest:
    rows: list[dict[str, str | None]] = [
        {"path": f"UID_{prefix}{60 + subject}_1_{cell}_{label}.bmp"}
        for label, prefix in (("all", ""), ("hem", "H"))
        for subject in range(subjects)
        for cell in range(cells)
    ]
    return manifest.build(Path("nowhere"), rows, name="listed")


def protocol_splits(
    table: Manifest, families: np.ndarray | None = None, **chosen: object
) -> list[ProtocolSplit]:
    families = np.arange(len(table)) if families is None else families
    given = {"protocol": "unseen", "folds": 3, "seed": 0} | chosen
    return protocols.protocol_splits(table, families, **given)


def test_protocol_splits__test_every_cell_once_by_a_network_that_never_saw_it_or_a_twin() -> None:
    table = listed()
    # Every blast has a twin with the next subject, so twins cross groups and folds.
    families = np.arange(len(table))
    families[4:24:4] = families[0:20:4]
    held = protocol_splits(table, families)
    tested = np.sum([each.split.mask(table, "test") for each in held], axis=0)
    assert (tested == 1).all()
    groups = table.table["group"].to_numpy()
    for each in held:
        test = each.split.mask(table, "test")
        seen = each.split.mask(table, "train") | each.split.mask(table, "validation")
        assert not set(groups[test]) & set(groups[seen])
        assert not set(families[test]) & set(families[seen])
        assert each.twins == 0
        assert each.excluded == each.split.mask(table, splits.EXCLUDED).sum()
    assert sum(each.excluded for each in held) > 0
    assert [each.fold for each in held] == [0, 1, 2]


def test_protocol_splits__of_the_paper_leave_twins_in_and_count_them() -> None:
    table = listed(cells=10)
    (plain,) = protocol_splits(table, protocol="paper")
    assert (plain.twins, plain.excluded) == (0, 0)
    (every,) = protocol_splits(table, np.zeros(len(table), dtype=int), protocol="paper")
    assert every.twins == every.split.mask(table, "test").sum() == 12
    assert every.excluded == 0
    assert every.digest() == plain.digest()


def test_digest__differs_with_seed_and_exclusions() -> None:
    table = listed()
    plain, other = protocol_splits(table)[0], protocol_splits(table, seed=1)[0]
    joined = protocol_splits(table, np.zeros(len(table), dtype=int))[0]
    assert len({plain.digest(), other.digest(), joined.digest()}) == 3
    assert protocol_splits(table)[0].digest() == plain.digest()


@pytest.mark.parametrize(
    ("subjects", "folds", "advice"), [(4, 5, "use --folds 4"), (2, 3, "add subjects")]
)
def test_protocol_splits__too_few_groups(subjects: int, folds: int, advice: str) -> None:
    with pytest.raises(DataError, match=f"only {subjects} groups of subjects.*: {advice}"):
        protocol_splits(listed(subjects=subjects), folds=folds)


def test_protocol_splits__too_few_cells_for_tenths() -> None:
    with pytest.raises(DataError, match="needs 10 cells with each of the labels"):
        protocol_splits(listed(subjects=2, cells=4), protocol="paper")


def test_protocol_splits__one_class_alone() -> None:
    table = listed()
    blasts = Manifest(table.root, table.table[table.table["label"] == "all"], "blasts")
    with pytest.raises(DataError, match="only 0 groups"):
        protocol_splits(blasts)
