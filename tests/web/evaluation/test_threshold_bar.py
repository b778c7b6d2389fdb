import pytest

from allcore.evaluation import model_evaluation, thresholds
from allcore.evaluation.thresholds import ThresholdChoice
from allcore.web.evaluation import threshold_bar
from tests import simulated


@pytest.mark.parametrize("rule", thresholds.RULES)
def test_sentence__of_cells_that_are_shown_says_that_it_flatters(rule: str) -> None:
    table = simulated.predictions()
    choice = thresholds.choose_threshold(
        rule,
        model_evaluation.labels_array(table),
        table["probability"].to_numpy(),
        model_evaluation.subject_groups(table),
    )
    assert threshold_bar._sentence(choice, False) == choice.sentence
    said = threshold_bar._sentence(choice, True)
    assert "cells shown" in said
    assert "on the validation cells" not in said
    assert said.endswith(threshold_bar.FLATTERS)


def test_sentence__without_the_words_to_replace() -> None:
    assert (
        threshold_bar._sentence(ThresholdChoice(0.5, "By hand."), True)
        == f"By hand. {threshold_bar.FLATTERS}"
    )
