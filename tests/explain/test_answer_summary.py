from dataclasses import replace

import numpy as np

from allcore.evaluation.conformal import PredictionSets
from allcore.explain import answer_summary
from allcore.explain.parts import AugmentedViews, KnownCell
from allcore.inference.results import Prediction

SETS = PredictionSets(hem_up_to=0.9, all_from=0.4, cells=100, subjects=10, new_subjects=True)
NORMAL = Prediction("hem", 0.37, -0.5, 0.5)
NEW, SEEN = KnownCell(None, "unknown"), KnownCell(None, "cell", held_out=0.75, fold=1)


def test_summary__of_a_new_cell_is_the_networks_answer() -> None:
    found = answer_summary.summarise(NORMAL, NEW, SETS)
    assert (found.words, found.probability, found.held_out) == ("Normal", 0.37, False)
    assert found.classes == ("hem",) and not found.training_note
    assert found.scale_text == "0.37, below the threshold 0.50"
    assert found.certainty() == "95 % prediction set: normal."


def test_summary__of_a_cell_of_the_training_is_the_held_out_answer() -> None:
    found = answer_summary.summarise(NORMAL, SEEN, SETS)
    assert (found.verdict, found.probability, found.held_out) == ("all", 0.75, True)
    assert found.words == "Uncertain: leans ALL blast"
    assert "not trained on this cell" in found.training_note
    assert "gives 0.37 (normal)" in found.training_note


def test_summary__of_a_cell_of_the_training_without_held_out_answer_is_marked() -> None:
    found = answer_summary.summarise(NORMAL, replace(SEEN, held_out=None), SETS)
    assert (found.words, found.probability) == ("Normal", 0.37)
    assert found.classes == ()  # the 95 % do not hold
    assert "no held-out answer is on record" in found.training_note


def test_summary__is_not_uncertain_where_the_set_is_unknown() -> None:
    found = answer_summary.summarise(replace(NORMAL, p_all=0.6, verdict="all"), NEW, None)
    assert (found.words, found.certainty()) == ("ALL blast", "")


def test_summary__of_a_refusal_has_no_number() -> None:
    refused = Prediction("refused", None, None, 0.5, "It is blurred.", "focused", 0.8)
    found = answer_summary.summarise(refused, SEEN, SETS)
    assert found.refused and found.words == "Refused: out of focus"
    assert not found.scale_text and not found.certainty()


def test_certainty__counts_views_of_the_same_verdict() -> None:
    found = answer_summary.summarise(NORMAL, NEW, SETS)
    views = AugmentedViews(np.array([0.3, 0.4, 0.6, 0.7, 0.3, 0.3, 0.3, 0.3]))
    assert found.certainty(views).startswith("Same verdict in 6 of 8 views, 95 % prediction set")
    steady = AugmentedViews(np.full(8, 0.3))
    assert found.certainty(steady).startswith("Stable in 8 of 8 views")
