"""From logits to tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

from allcore.evaluation import metrics
from allcore.research.comparison import summary


def answers(*, strength: float, seed: int = 0, subjects: int = 20, cells: int = 15) -> pd.DataFrame:
    """One round's validation and test cells with uncalibrated logits."""
    random = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), cells)
    label = np.where(subject % 2, "all", "hem")
    side = np.where(subject % 2, 1.0, -1.0)
    logit = (
        side * strength + random.normal(0, 1, len(side)) + random.normal(0, 1, subjects)[subject]
    )
    return pd.DataFrame(
        {
            "image_id": [f"c{i:04}" for i in range(len(side))],
            "subject": subject.astype(str),
            "group": subject.astype(str),
            "label": label,
            "split": np.where(subject < subjects // 2, "validation", "test"),
            "logit": 6 * logit + 9,
        }
    )


def compared(protocol: str = "unseen") -> pd.DataFrame:
    """Predictions of a strong and a weak network."""
    return pd.concat(
        [
            summary.predictions(
                summary.calibrated(answers(strength=strength)),
                network=network,
                protocol=protocol,
                fold=0,
            )
            for network, strength in (("qcresnet", 1.5), ("lenet5", 0.4))
        ],
        ignore_index=True,
    )


def test_calibrated__undoes_a_wrong_scale_and_shift() -> None:
    raw = answers(strength=1.5, subjects=200)
    table = summary.calibrated(raw)
    test = table[table["split"] == "test"]
    labels = np.where(test["label"] == "all", 1, 0)
    error = {
        name: metrics.scores(labels=labels, probabilities=values, threshold=0.5)
        for name, values in (
            ("raw", special.expit(test["logit"].to_numpy())),
            ("calibrated", test["probability"].to_numpy()),
        )
    }
    assert error["calibrated"].ece < 0.05 < error["raw"].ece
    assert error["calibrated"].accuracy > error["raw"].accuracy
    assert special.expit(table["log_odds"]).to_numpy() == pytest.approx(table["probability"])


def test_calibrated__takes_nothing_from_test_cells() -> None:
    raw = answers(strength=1.0)
    other = raw.assign(label=raw["label"].where(raw["split"] == "validation", "all"))
    assert summary.calibrated(raw)["probability"].equals(summary.calibrated(other)["probability"])


def test_ensemble__is_the_mean_of_calibrated_log_odds() -> None:
    members = [summary.calibrated(answers(strength=s)) for s in (0.5, 2.0)]
    mean = (members[0]["log_odds"] + members[1]["log_odds"]) / 2
    assert summary.ensemble(members)["logit"].to_numpy() == pytest.approx(mean.to_numpy())


def test_history__counts_epochs_from_one_and_seconds_from_the_start() -> None:
    epochs = [{"epoch": e, "seconds": 2.0, "train_loss": 0.5} for e in range(3)]
    table = summary.history(epochs, network="lenet5", protocol="paper", fold=0)
    assert table["epoch"].tolist() == [1, 2, 3]
    assert table["seconds"].tolist() == [2.0, 4.0, 6.0]


def test_epochs_to_95__is_the_median_over_folds() -> None:
    scores = {0: [0.5, 0.9, 0.94], 1: [0.93, 0.95, 0.9], 2: [0.4, 0.5, 0.6]}
    table = pd.DataFrame(
        [
            {"fold": fold, "epoch": number, summary.SCORE: score}
            for fold, run in scores.items()
            for number, score in enumerate(run, start=1)
        ]
    )
    assert summary.epochs_to_95(table) == 2  # of 2, 1 and 3
    assert summary.epochs_to_95(table.iloc[:0]) is None


def test_row_estimates__over_subjects_are_wider_than_over_cells() -> None:
    unseen, paper = compared("unseen"), compared("paper")
    for name in ("accuracy", "auroc"):
        over_subjects, over_cells = (
            summary.row_estimates(table[table["network"] == "lenet5"])[name]
            for table in (unseen, paper)
        )
        assert over_subjects.value == over_cells.value
        assert over_subjects.high - over_subjects.low > over_cells.high - over_cells.low


def test_gaps__need_both_protocols() -> None:
    both = pd.concat([compared("unseen"), compared("paper")])
    only = pd.concat([both[both["network"] == "lenet5"], compared("unseen")]).drop_duplicates()
    assert [gap.network for gap in summary.gaps(only)] == ["lenet5"] * 3
    assert all(gap.gap.value == 0 < gap.gap.high for gap in summary.gaps(only))
    assert summary.gaps(compared("paper")) == ()


def test_tests__say_which_network_is_better_and_how_surely() -> None:
    (found,) = summary.tests(compared())
    assert (found.a, found.b, found.protocol, found.cells) == ("qcresnet", "lenet5", "unseen", 150)
    assert found.only_a_right > found.only_b_right
    assert found.mcnemar_p == found.mcnemar_p_holm < 0.01
    share = (found.only_a_right - found.only_b_right) / found.cells
    assert found.accuracy_difference.value == pytest.approx(share)
    assert found.auroc_difference.low < found.auroc_difference.value


def test_tests__do_not_hang_on_the_order_of_rows() -> None:
    table = compared()
    shuffled = table.sample(frac=1, random_state=0)
    assert summary.tests(shuffled) == summary.tests(table)
