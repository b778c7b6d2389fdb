from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from allcore.audit.findings import leaks
from allcore.audit.findings.leaks import SplitLeaks
from allcore.web.dataset import splits_leaks
from allcore.web.dataset.splits_leaks import BAD, GOOD, OPEN
from tests.audit.findings.test_leaks import PARTS, by_subject, cells_of, indexed


@pytest.fixture
def found(home: Path) -> SplitLeaks:
    cells = indexed(cells_of(list(PARTS)), home)
    return leaks.find_split_leaks(cells, by_subject(cells))


def test_sentences__green_light(found: SplitLeaks):
    [(kind, sentence)] = splits_leaks.leak_sentences(found)
    assert kind == GOOD
    assert "each of 6 subjects is in one part alone" in sentence
    assert "nor as a near twin" in sentence


def test_sentences__without_an_index_the_light_says_less(found: SplitLeaks):
    (good, sentence), (kind, reason) = splits_leaks.leak_sentences(replace(found, looked=False))
    assert (good, kind) == (GOOD, OPEN)
    assert "near twin" not in sentence
    assert "not indexed" in reason


def test_sentences__subjects_and_cells(found: SplitLeaks):
    torn = replace(found, subjects=("a*b",), cells=2, exact=1, tested=1)
    (one, subjects), (two, cells) = splits_leaks.leak_sentences(torn)
    assert one == two == BAD
    assert subjects.startswith("**1 of 6 subjects is on both sides**")
    assert r"a\*b" in subjects
    assert cells.startswith("**2 cells are in two parts**, 1 of them as the same file")
    assert "1 test image shows a cell" in cells


def test_sentences__many_subjects_are_not_all_named(found: SplitLeaks):
    torn = replace(found, subjects=tuple(map(str, range(30))), groups=39)
    _, sentence = splits_leaks.leak_sentences(torn)[0]
    assert "30 of 39 subjects are on both sides" in sentence
    assert "and 18 more" in sentence


def test_sentences__unknown_subjects_give_no_green_light(found: SplitLeaks):
    told = splits_leaks.leak_sentences(replace(found, unknown=3))
    assert [kind for kind, _ in told] == [OPEN]
    assert "subject of 3 images is not known" in told[0][1]


def test_sentences__nothing_held_out(home: Path):
    cells = indexed(cells_of(list(PARTS)), home)
    alone = leaks.find_split_leaks(cells, np.full(len(cells), "train", dtype=object))
    none = leaks.find_split_leaks(cells, np.full(len(cells), None, dtype=object))
    for found in (alone, none):
        assert splits_leaks.leak_sentences(found) == [(OPEN, splits_leaks.ONE_PART)]
