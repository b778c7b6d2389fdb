"""Confident learning against hand-computed examples and planted wrong labels."""

import numpy as np
import pytest
from scipy import special

from allcore.errors import DataError
from allcore.evaluation import label_errors

# Worked out by hand from the paper's definitions. Mean self-confidence: normal cells
# (0.9 + 0.8 + 0.7 + 0.2) / 4 = 0.65, blasts (0.9 + 0.8 + 0.6 + 0.4 + 0.1) / 5 = 0.56.
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
BLAST = np.array([0.1, 0.2, 0.3, 0.8, 0.9, 0.8, 0.6, 0.4, 0.1])


def test_find__hand_computed_example() -> None:
    found = label_errors.find_label_errors(labels=LABELS, probabilities=BLAST)
    assert found.thresholds == pytest.approx([0.65, 0.56])
    # The fourth normal cell reaches only the blasts' threshold; of the blasts three reach their
    # own, the one at 0.4 none (0.6 < 0.65), the one at 0.1 only that of normal cells.
    assert found.confident.tolist() == [[3, 1], [1, 3]]
    # Row 0 times 4 / 4, row 1 times 5 / 4, all over 9.
    assert found.joint == pytest.approx(np.array([[3, 1], [1.25, 3.75]]) / 9)
    # 9 x joint = 1 normal cell and 1.25, so 1 blast.
    assert np.flatnonzero(found.flagged).tolist() == [3, 8]
    assert found.quality == pytest.approx([0.9, 0.8, 0.7, 0.2, 0.9, 0.8, 0.6, 0.4, 0.1])


def test_find__a_cell_that_reaches_both_thresholds_counts_as_the_likelier() -> None:
    # Thresholds: normal (0.9 + 0.1) / 2 = 0.5; blasts (0.6 + 0.4 + 0.2) / 3 = 0.4.
    # The blast at 0.4 reaches both (0.6 >= 0.5 and 0.4 >= 0.4), and a normal cell is likelier.
    found = label_errors.find_label_errors(
        labels=np.array([0, 0, 1, 1, 1]), probabilities=np.array([0.1, 0.9, 0.6, 0.4, 0.2])
    )
    assert found.confident.tolist() == [[1, 1], [2, 1]]


def test_find__equal_probabilities_flag_nobody() -> None:
    found = label_errors.find_label_errors(labels=LABELS, probabilities=np.full(9, 0.5))
    assert found.confident.tolist() == [[4, 0], [0, 5]]
    assert not found.flagged.any()


def planted(
    random: np.random.Generator, *, cells: int, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Given labels, probabilities of a calibrated network, and which labels were turned."""
    truth = (np.arange(cells) % 3 > 0).astype(int)
    probability = special.expit(random.normal(np.where(truth == 1, 3.0, -3.0), 1.5))
    turned = random.random(cells) < share
    return np.where(turned, 1 - truth, truth), probability, turned


@pytest.mark.parametrize("share", [0.02, 0.05, 0.15])
def test_find__planted_wrong_labels(share: float) -> None:
    random = np.random.default_rng(7)
    recalls, precisions, estimates = [], [], []
    for _ in range(20):
        labels, probabilities, turned = planted(random, cells=3000, share=share)
        found = label_errors.find_label_errors(labels=labels, probabilities=probabilities)
        hits = (found.flagged & turned).sum()
        recalls.append(hits / turned.sum())
        precisions.append(hits / found.flagged.sum())
        estimates.append(found.joint[0, 1] + found.joint[1, 0])
    print(f"recall {np.mean(recalls):.3f}, precision {np.mean(precisions):.3f}")
    assert np.mean(recalls) >= 0.85
    assert np.mean(precisions) >= {0.02: 0.5, 0.05: 0.7, 0.15: 0.85}[share]
    assert np.mean(estimates) == pytest.approx(share, abs=0.02)


def test_find__shares_by_subject_name_the_one_flagged_as_a_whole() -> None:
    random = np.random.default_rng(3)
    labels, probabilities, _ = planted(random, cells=900, share=0.02)
    subjects = np.array([f"S{i % 30}" for i in range(900)])
    lost = subjects == "S4"
    labels[lost], probabilities[lost] = 1, 0.001
    found = label_errors.find_label_errors(
        labels=labels, probabilities=probabilities, subjects=subjects
    )
    first, *others = found.by_subject
    assert (first.subject, first.share, first.mostly) == ("S4", 1.0, True)
    assert not any(row.mostly for row in others)
    assert sum(row.flagged for row in found.by_subject) == found.flagged.sum()
    assert sum(row.cells for row in found.by_subject) == 900


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([1, 1], [0.2, 0.9], "both classes"),
        ([], [], "no predictions"),
        ([0, 1], [0.2, np.nan], "from 0 to 1"),
        ([0, 2], [0.2, 0.3], "must be 1"),
    ],
)
def test_find__refuses(labels: list[int], probabilities: list[float], words: str) -> None:
    with pytest.raises(DataError, match=words):
        label_errors.find_label_errors(
            labels=np.array(labels), probabilities=np.array(probabilities)
        )
