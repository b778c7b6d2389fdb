from pathlib import Path

import numpy as np
import pytest
from scipy import special

from allcore import model_folder
from allcore.evaluation import estimates, metrics, model_evaluation, site_validation
from allcore.inference.site_answers import COLUMNS
from tests import validated


def test_validate_site__estimates_of_accepted_cells_and_of_all() -> None:
    found = validated.validation()
    table = validated.answers().table
    labels = (table["label"] == "all").to_numpy().astype(int)
    exact = metrics.scores(
        labels=labels, probabilities=special.expit(table["log_odds"].to_numpy()), threshold=0.5
    )
    ungated = estimates.by_name(found.ungated)
    assert ungated["auroc"].value == pytest.approx(exact.auroc)
    assert ungated["sensitivity"].value == pytest.approx(exact.sensitivity)
    assert (found.cells, found.accepted_cells) == (300, 285)
    assert found.accepted.value == pytest.approx(0.95)
    assert [(row.title, row.cells) for row in found.refusals] == [("badly exposed", 15)]
    assert (found.blast.subjects, found.normal.subjects) == (8, 7)
    shipped = estimates.by_name(found.shipped)
    assert shipped["auroc"].over_subjects.known
    assert found.estimate("auroc") == shipped["auroc"]


def test_validate_site__calibrates_an_overconfident_model_that_is_off() -> None:
    found = validated.validation(shift=4.0)
    shipped, site = estimates.by_name(found.shipped), estimates.by_name(found.site)
    assert site["ece"].value < shipped["ece"].value / 2
    assert site["balanced_accuracy"].value > shipped["balanced_accuracy"].value + 0.05
    assert found.calibration is not None
    assert found.calibration.scaling.bias < 0
    assert "validation cells" not in found.calibration.rule
    assert found.verdict.nothing == ""
    assert found.can_be_saved


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"all_subjects": 1, "normal_subjects": 1}, "Nothing can be claimed: 2 subjects (1 with"),
        ({"normal_subjects": 4}, "Nothing can be claimed: 12 subjects (8 with ALL blasts, 4 with"),
        ({"normal_subjects": 0}, "Nothing can be claimed: the accepted cells are ALL blasts only"),
        ({"apart": 0.0}, "Nothing can be claimed: it is not shown that the model tells"),
        ({"new_subjects": False}, "Nothing can be claimed of new subjects: the model was trained"),
    ],
)
def test_validate_site__nothing_can_be_claimed(changes: dict[str, object], sentence: str) -> None:
    found = validated.validation(**changes)
    assert found.verdict.nothing.startswith(sentence)
    assert found.verdict.headline == found.verdict.nothing
    assert found.verdict.claims == ()
    assert not found.can_be_saved
    with pytest.raises(ValueError, match="may be claimed"):
        site_validation.make_profile(found, name="A", command="")


def test_validate_site__unknown_subjects() -> None:
    answers = validated.answers()
    answers.table.loc[:9, "subject"] = None
    found = site_validation.validate_site(answers, validated.model())
    assert "the subject of 10 of 300 cells is unknown" in found.verdict.nothing
    assert found.blast.subjects is None
    assert not found.shipped[0].over_subjects.known
    assert found.shipped[0].over_cells.known


def test_validate_site__every_cell_refused() -> None:
    answers = validated.answers()
    answers.table["check"] = "cell"
    answers.table["log_odds"] = np.nan
    found = site_validation.validate_site(answers, validated.model())
    assert found.verdict.nothing == "Nothing can be claimed: the gate refuses all of the 300 cells."
    assert found.sample is None
    assert found.shipped == found.ungated == found.site == ()


def test_validate_site__says_what_is_claimed_and_what_not() -> None:
    found = site_validation.validate_site(
        validated.answers(own=True, fields=True, left_out=3), validated.model(), width=0.02
    )
    claims, limits = " ".join(found.verdict.claims), " ".join(found.verdict.limits)
    assert "95 % intervals over 15 subjects" in claims
    assert "percentage points" in claims
    for part in ("15 cells are refused", "takes about", "ALL subjects with", "model's own data set",
                 "3 images", "A field's label", "diagnosis"):  # fmt: skip
        assert part in limits


def test_make_profile__has_figures_and_calibration() -> None:
    profile = validated.profile()
    found = validated.validation()
    assert set(profile.figures) == {"accepted", "auroc", "sensitivity", "specificity", "ece"}
    site = estimates.by_name(found.site)["sensitivity"].over_subjects
    assert profile.figures["sensitivity"].value == pytest.approx(site.value, abs=1e-4)
    assert profile.figures["sensitivity"].low == pytest.approx(site.low, abs=1e-4)
    assert profile.mark.startswith("validated at Laboratory A: sensitivity 0.")
    assert (profile.cells, profile.subjects, profile.fields) == (285, 15, False)


def test_validate_site__the_shipped_models_own_cells_give_its_card() -> None:
    """Of out-of-fold predictions as `validate` makes them again, and as the card counts them."""
    folder = Path(__file__).parents[2] / "models" / "qcresnet-cnmc"
    table = model_folder.read_predictions(folder)
    info = model_folder.read_info(folder)
    card = estimates.by_name(
        model_evaluation.evaluate_split(
            table, "test", threshold=info.threshold, baseline_threshold=0.5
        ).estimates
    )
    rows = table.assign(cell="", check="", reason="", log_odds=special.logit(table["probability"]))
    made = validated.answers(own=True, table=rows[list(COLUMNS)])
    found = site_validation.validate_site(made, model_folder.resolve(folder.name, folder.parent))
    again = estimates.by_name(found.ungated)
    for name, estimate in card.items():
        assert again[name].value == pytest.approx(estimate.value, abs=1e-9)
        assert again[name].over_subjects.low == pytest.approx(
            estimate.over_subjects.low, abs=1e-9, nan_ok=True
        )
    assert found.verdict.nothing == ""
    assert "model's own data set" in " ".join(found.verdict.limits)
