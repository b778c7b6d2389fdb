from dataclasses import replace

import numpy as np

from allcore.evaluation.conformal import PredictionSets
from allcore.explain.deletion_check import Deletion
from allcore.explain.gradcam import Heatmap
from allcore.explain.parts import CAUTIONS, AugmentedViews, PredictionSet, SaliencyMap


def test_views__agree_where_the_threshold_is_on_one_side_of_all() -> None:
    views = AugmentedViews(np.array([0.4, 0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.7]))
    assert views.agree(0.4) and views.blasts(0.4) == 8
    assert not views.agree(0.5) and views.blasts(0.5) == 6
    assert views.agree(0.71) and views.blasts(0.71) == 0


def test_views__say_when_turning_changes_the_answer() -> None:
    views = AugmentedViews(np.array([0.4, 0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.7]))
    assert views.sentence(0.5).startswith("6 of 8 views are predicted ALL blast, so")
    assert views.sentence(0.4).startswith("All 8 views are predicted ALL blast")
    assert views.sentence(0.8).startswith("All 8 views are predicted normal")


def test_prediction_set__says_the_classes_in_words() -> None:
    sets = PredictionSets(hem_up_to=0.9, all_from=0.2, cells=100, subjects=10, new_subjects=True)
    assert PredictionSet(sets, 0.95).sentence == "95 % prediction set: ALL blast."
    assert PredictionSet(sets, 0.1).sentence == "95 % prediction set: normal."
    both = PredictionSet(sets, 0.5)
    assert "ALL blast or normal" in both.sentence
    assert "between 0.20 and 0.90" in both.sentence
    assert "unseen" in both.scope
    assert "trained on" in PredictionSet(replace(sets, new_subjects=False), 0.5).scope
    assert PredictionSet(None, 0.5).sentence == ""


def test_cautions__only_for_cells_that_the_network_was_trained_on() -> None:
    assert CAUTIONS["no"] == ""
    assert "do not hold" in CAUTIONS["cell"]


def saliency(*, incomplete: float | None, falls: float) -> SaliencyMap:
    values = np.full((4, 4), 0.5, dtype=np.float32)
    heat = Heatmap(values=values, share_in_cell=1.0, towards="all")
    deletion = Deletion(0.9, 0.4, falls, (0.1,) * 16)
    return SaliencyMap("Integrated gradients", heat, incomplete, deletion)


def test_saliency__is_trusted_where_it_passed_both_checks() -> None:
    assert saliency(incomplete=0.08, falls=1.0).trusted
    assert "matters more than 16 of 16 random" in saliency(incomplete=0.08, falls=1.0).result
    assert not saliency(incomplete=0.68, falls=1.0).trusted
    assert "within 68 % only" in saliency(incomplete=0.68, falls=1.0).result
    assert not saliency(incomplete=None, falls=0.05).trusted
    assert saliency(incomplete=None, falls=0.05).result.startswith("failed")
