import numpy as np
import pandas as pd
import pytest
from scipy import special

from allcore.data import score_columns
from allcore.data.score_columns import MEANINGS, ScoreMeaning
from allcore.errors import DataError

P = np.linspace(0.02, 0.99, 40).round(4)


def texts(values: object) -> "pd.Series[str]":
    return pd.Series([str(value) for value in values], dtype=object)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("of", "headings"),
    [
        ("all", ["p_all", "P(ALL)", "prob_ALL", "probALL", "probability of ALL blast", "prob_1",
                 "proba1", "score_leukemia", "ALL", "y_pred_prob_1", "ALL probability"]),
        ("hem", ["prob_hem", "p_hem", "pHem", "P(normal)", "probability_of_normal_cells",
                 "proba_0", "hem", "Healthy score", "normal probability", "prob_not_all",
                 "p_non_ALL", "prob_negative"]),
        (None, ["p", "prob", "Score", "y_score", "pred_proba", "softmax", "model output"]),
    ],
)  # fmt: skip
def test_heading_meaning__names_the_class(of: str | None, headings: list[str]) -> None:
    found = [score_columns.heading_meaning(heading, {}) for heading in headings]
    assert found == [ScoreMeaning(of)] * len(headings)  # type: ignore[arg-type]


def test_heading_meaning__scales_and_other_columns() -> None:
    scales = {"p_all %": "percent", "prob_pct": "percent", "logit": "logit", "log-odds": "logit"}
    for heading, scale in {**scales, "log_odds": "logit"}.items():
        meaning = score_columns.heading_meaning(heading, {})
        assert meaning is not None and meaning.scale == scale, heading
    for heading in ("confidence", "max_prob", "top_score", "predictions.confidence"):
        meaning = score_columns.heading_meaning(heading, {})
        assert meaning is not None and meaning.of_prediction, heading
    for heading in ("label", "p_value", "baseline_probability", "prob_aml", "subject", ""):
        assert score_columns.heading_meaning(heading, {}) is None, heading


def test_heading_meaning__of_exchanged_codes() -> None:
    assert score_columns.heading_meaning("prob_1", {"0": "all", "1": "hem"}) == ScoreMeaning("hem")


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (["prob_hem", "prob_all"], "prob_all"),
        (["score", "probability"], "probability"),
        (["logit", "score"], "score"),
        (["all", "hem", "prob"], "prob"),
        (["hem", "all"], "all"),
        (["confidence", "p_hem"], "p_hem"),
        (["label", "subject"], None),
        (["y_true", "ALL", "HEM"], "ALL"),
        (["true_label", "actual", "p(blast)"], "p(blast)"),
    ],
)
def test_probability_heading__the_most_probable(headings: list[str], expected: str | None) -> None:
    assert score_columns.probability_heading(headings, {}) == expected


@pytest.mark.parametrize(
    "entries",
    [
        [f"{p:.4f}" for p in P],
        [f"{p:.4f}".replace(".", ",") for p in P],
        [f"{p:.4f}"[1:] for p in P],
        [f"{p:e}" for p in P],
        [f"{100 * p:.2f}%" for p in P],
        [f"{100 * p:.2f} %".replace(".", ",") for p in P],
        [f"{100 * p:.2f}" for p in P],
    ],
)
def test_probabilities__forms_of_numbers(entries: list[str]) -> None:
    values, _ = score_columns.probabilities(texts(entries), "p", ScoreMeaning())
    assert values.to_numpy() == pytest.approx(P, abs=1e-6)


def test_probabilities__conversions_are_said() -> None:
    percent, said = score_columns.probabilities(texts(100 * P), "p", ScoreMeaning())
    assert percent.to_numpy() == pytest.approx(P) and "read as percent (from 2 to 99)" in said[0]
    other, said = score_columns.probabilities(texts(1 - P), "p_hem", ScoreMeaning("hem"))
    assert other.to_numpy() == pytest.approx(P) and "1 minus it" in said[0]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (special.logit(P), "holds logits and no probabilities"),
        (np.log(P), "logits, or logarithms of probabilities"),
        (1000 * P, "holds scores and no probabilities"),
        ([*P, "-0.1"], "outside of 0 to 1, such as '-0.1'"),
        ([*P, "1.5"], "outside of 0 to 1, such as '1.5'"),
        ([*P, "90"], "outside of 0 to 1, such as '90'"),
        ([*P, *(100 * P)], "could be percent or not"),
        (["0.4990", *(100 * P).round(1)], "could be percent or not"),
        (8 * P, "could be percent or not"),
        ([90], "could be percent or not"),
        (["90%", *(100 * P)], "with a percent sign"),
        ([*P, "inf"], "outside of 0 to 1, such as 'inf'"),
        (["<0.01", *P[1:-1], ">0.99"], r"no numbers \(2, such as .<0.01., .>0.99."),
        (["high", *P], "entries that are no numbers"),
    ],
)  # fmt: skip
def test_probabilities__a_column_is_refused_as_a_whole(entries: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        score_columns.probabilities(texts(entries), "score", ScoreMeaning())


def test_probabilities__the_advice_on_logits_works() -> None:
    logits = special.logit(P)
    converted, _ = score_columns.probabilities(
        texts(1 / (1 + np.exp(-logits))), "p", ScoreMeaning()
    )
    meaning = MEANINGS["Logit of ALL blast"]
    chosen, _ = score_columns.probabilities(texts(logits), "logit", meaning, chosen=True)
    assert converted.to_numpy() == pytest.approx(P) == chosen.to_numpy()


def test_probabilities__the_advice_on_percent_works() -> None:
    few = texts([3, 90])
    for meaning, expected in (("Percent of ALL blast", 0.9), ("Percent of normal", 0.1)):
        chosen, _ = score_columns.probabilities(few, "p", MEANINGS[meaning], chosen=True)
        assert chosen.iloc[1] == pytest.approx(expected)
    signs, _ = score_columns.probabilities(texts(["3%", "90%"]), "p", ScoreMeaning())
    assert signs.tolist() == [0.03, 0.9]
    with pytest.raises(DataError, match="holds other numbers than that"):
        score_columns.probabilities(few, "p", MEANINGS["Probability of normal"], chosen=True)


def test_probabilities__of_the_predicted_class_are_asked_for() -> None:
    with pytest.raises(DataError, match="may be the probability of the predicted class"):
        score_columns.probabilities(texts(P), "confidence", ScoreMeaning(of_prediction=True))


def test_seems_reversed__far_beyond_chance_only() -> None:
    is_blast = pd.Series(np.arange(40) >= 20)
    assert score_columns.seems_reversed(pd.Series(1 - P), is_blast)
    assert not score_columns.seems_reversed(pd.Series(P), is_blast)
    assert not score_columns.seems_reversed(pd.Series(np.full(40, 0.5)), is_blast)
    assert not score_columns.seems_reversed(pd.Series([0.9, 0.1]), pd.Series([False, True]))
    assert not score_columns.seems_reversed(pd.Series(P), pd.Series(np.ones(40, dtype=bool)))


@pytest.mark.parametrize("entry", ["1.2", "-0.3", "inf", "7", "-1e-3"])
def test_probabilities__a_few_numbers_outside(entry: str) -> None:
    with pytest.raises(DataError, match="1 number of 40 outside of 0 to 1") as error:
        score_columns.probabilities(texts([entry, *P[1:]]), "p", ScoreMeaning())
    assert f"'{entry}'" in str(error.value)


@pytest.mark.parametrize("entry", ["-1e-9", "1.0000001", "-0.0"])
def test_probabilities__rounding_of_sums(entry: str) -> None:
    values, _ = score_columns.probabilities(texts([entry, *P[1:]]), "p", ScoreMeaning())
    assert values.between(0, 1).all()
