"""Two models on the same cells, against `paired` and against references."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import special

from allcore.errors import DataError
from allcore.evaluation import metrics, model_agreement, model_evaluation, paired
from allcore.evaluation.model_agreement import ModelAgreement
from tests import simulated


def models(**changes: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of one model, and of a second that errs on some other cells."""
    first = simulated.predictions(**changes)
    random = np.random.default_rng(1)
    second = first.sample(frac=1, random_state=0).reset_index(drop=True)
    logit = second["logit"] * 0.8 + random.normal(0, 1.2, len(second))
    return first, second.assign(logit=logit, probability=special.expit(logit))


def compare_models(
    a: pd.DataFrame,
    b: pd.DataFrame,
    *,
    threshold_a: float,
    threshold_b: float,
    notes: Sequence[str] = (),
) -> ModelAgreement:
    joined = model_agreement.join_predictions(a, b, notes=notes)
    return model_agreement.agreement_at(joined, threshold_a=threshold_a, threshold_b=threshold_b)


def test_compare__kinds_are_counted_cell_by_cell() -> None:
    a, b = models()
    found = compare_models(a, b, threshold_a=0.4, threshold_b=0.6)
    by_id = b.set_index("image_id")["probability"]
    expected = []
    for row in a.itertuples():
        right = [
            (row.probability >= 0.4) == (row.label == "all"),
            (by_id[row.image_id] >= 0.6) == (row.label == "all"),
        ]
        name = {(1, 1): "both_right", (1, 0): "only_a", (0, 1): "only_b", (0, 0): "both_wrong"}
        expected.append(name[tuple(map(int, right))])
    assert found.table["image_id"].tolist() == a["image_id"].tolist()
    assert found.table["kind"].tolist() == expected
    assert found.counts == {kind: expected.count(kind) for kind in model_agreement.KINDS}
    assert (found.mcnemar.only_a, found.mcnemar.only_b) == (
        found.counts["only_a"],
        found.counts["only_b"],
    )
    assert found.joined.unit == "subjects"
    assert set(model_agreement.COLUMNS) <= set(found.table)


def test_compare__intervals_are_those_of_paired() -> None:
    a, b = models()
    found = compare_models(a, b, threshold_a=0.5, threshold_b=0.5)
    table = found.table
    first, second = (
        paired.resample_metrics(
            labels=model_evaluation.labels_array(table),
            probabilities=table[f"probability_{end}"].to_numpy(),
            subjects=model_evaluation.subject_groups(table),
        )
        for end in "ab"
    )
    assert [each.name for each in found.differences] == list(paired.COMPARED_METRICS)
    for each in found.differences:
        expected = paired.paired_difference(first, second, each.name)
        assert (each.a, each.b) == pytest.approx((first.value[each.name], second.value[each.name]))
        assert vars(each.difference) == pytest.approx(vars(expected))


def test_compare__own_thresholds_for_each_model() -> None:
    a, b = models()
    found = compare_models(a, b, threshold_a=0.3, threshold_b=0.8)
    for which, threshold in (("a", 0.3), ("b", 0.8)):
        scores = metrics.scores(
            labels=model_evaluation.labels_array(found.table),
            probabilities=found.table[f"probability_{which}"].to_numpy(),
            threshold=threshold,
        )
        for each in found.differences:
            assert getattr(each, which) == pytest.approx(getattr(scores, each.name))


def test_compare__unknown_subjects_give_intervals_over_cells() -> None:
    a, b = (table.assign(subject=None, group=None) for table in models())
    found = compare_models(a, b, threshold_a=0.5, threshold_b=0.5)
    assert found.joined.unit == "cells"
    # Over cells the difference of two shares of the same cells has a known error.
    right = [found.table["kind"].isin(("both_right", only)) for only in ("only_a", "only_b")]
    apart = right[0].astype(float) - right[1]
    accuracy = found.difference("accuracy").difference
    assert accuracy.value == pytest.approx(apart.mean())
    half = 1.96 * apart.std(ddof=0) / np.sqrt(len(apart))
    assert accuracy.high - accuracy.low == pytest.approx(2 * half, rel=0.06)
    assert found.difference("auroc").difference.known


def test_compare__auroc_over_cells_is_delongs() -> None:
    """Held to the covariance of the placement values, computed pair by pair."""
    a, b = (table.assign(subject=None) for table in models(all_subjects=3, normal_subjects=3))
    found = compare_models(a, b, threshold_a=0.5, threshold_b=0.5)
    blast = found.table["label"] == "all"
    over, under = [], []
    for end in "ab":
        scores = found.table[f"probability_{end}"].to_numpy()
        wins = scores[blast][:, None] > scores[~blast][None]
        over.append(wins.mean(axis=1))
        under.append(wins.mean(axis=0))
    s10, s01 = np.cov(over), np.cov(under)
    contrast = np.array([1, -1])
    error = np.sqrt(contrast @ (s10 / blast.sum() + s01 / (~blast).sum()) @ contrast)
    difference = found.difference("auroc").difference
    assert difference.value == pytest.approx(over[0].mean() - over[1].mean())
    assert difference.high - difference.low == pytest.approx(2 * 1.959964 * error)


def test_compare__a_model_with_itself() -> None:
    a, _ = models()
    found = compare_models(a, a, threshold_a=0.5, threshold_b=0.5)
    assert found.counts["only_a"] == found.counts["only_b"] == 0
    assert found.mcnemar.p == 1.0
    assert all(each.difference.value == 0 for each in found.differences)


def test_compare__cells_that_only_one_has() -> None:
    a, b = models()
    fewer = b[b["image_id"] != a["image_id"][9]]
    found = compare_models(a[5:], fewer, threshold_a=0.5, threshold_b=0.5)
    assert len(found.table) == len(a) - 6


def test_compare__one_class_only() -> None:
    a, b = (table[table["label"] == "all"] for table in models())
    found = compare_models(a, b, threshold_a=0.5, threshold_b=0.5)
    assert np.isnan(found.difference("auroc").difference.value)
    assert found.difference("accuracy").difference.known


def test_compare__notes_on_what_is_left_out() -> None:
    a, b = models()
    a.loc[[0, 1], "label"] = None
    ids = a["image_id"]
    a.loc[2, "label"] = "all"
    b.loc[b["image_id"] == ids[1], "label"] = None
    b.loc[b["image_id"] == ids[2], "label"] = "hem"
    found = compare_models(a, b, threshold_a=0.5, threshold_b=0.5, notes=["From the caller."])
    assert found.joined.notes == (
        "From the caller.",
        "Left out: 1 shared cell without a label.",
        "Left out: 1 shared cell with two different labels.",
    )
    assert found.table["label"][0] == "all"  # the first cell has the second table's label
    assert len(found.table) == len(a) - 2


def test_compare__subjects_of_either_table() -> None:
    a, b = models()
    found = compare_models(a.assign(subject=None, group=None), b, threshold_a=0.5, threshold_b=0.5)
    assert found.joined.unit == "subjects"
    assert found.table["subject"].tolist() == a["subject"].tolist()


def test_compare__refuses() -> None:
    a, b = models()
    bare = a.assign(label=None)
    for other, words in (
        (b.assign(image_id="other" + b["image_id"]), "share no cell"),
        (pd.concat([b, b[:1]]), "twice in the second"),
        (bare, "has one label"),
        (b.assign(probability=np.nan), "from 0 to 1"),
    ):
        first = bare if other is bare else a
        with pytest.raises(DataError, match=words):
            compare_models(first, other, threshold_a=0.5, threshold_b=0.5)
