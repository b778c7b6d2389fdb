from dataclasses import replace

import numpy as np

from allcore.evaluation.conformal import PredictionSets
from allcore.explain.parts import CAUTIONS, AugmentedViews, PredictionSet


def test_views__agree_where_the_threshold_is_on_one_side_of_all() -> None:
    views = AugmentedViews(np.array([0.4, 0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.7]))
    assert views.agree(0.4) and views.blasts(0.4) == 8
    assert not views.agree(0.5) and views.blasts(0.5) == 6
    assert views.agree(0.71) and views.blasts(0.71) == 0


def test_views__say_when_turning_changes_the_answer() -> None:
    views = AugmentedViews(np.array([0.4, 0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.7]))
    assert views.sentence(0.5).startswith("6 of 8 are called ALL blast, so")
    assert views.sentence(0.4).startswith("All 8 are called ALL blast")
    assert views.sentence(0.8).startswith("All 8 are called normal")


def test_prediction_set__says_the_classes_in_words() -> None:
    sets = PredictionSets(hem_up_to=0.9, all_from=0.2, cells=100, subjects=10, new_subjects=True)
    assert PredictionSet(sets, 0.95).sentence == "At 95 % the answer is: ALL blast."
    assert PredictionSet(sets, 0.1).sentence == "At 95 % the answer is: normal."
    both = PredictionSet(sets, 0.5)
    assert "can't tell" in both.sentence
    assert "between 0.20 and 0.90" in both.sentence
    assert "unseen" in both.scope
    assert "trained on" in PredictionSet(replace(sets, new_subjects=False), 0.5).scope
    assert PredictionSet(None, 0.5).sentence == ""


def test_cautions__only_for_cells_that_the_network_was_trained_on() -> None:
    assert CAUTIONS["no"] == ""
    assert "do not hold" in CAUTIONS["cell"]
