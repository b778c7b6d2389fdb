"""What findings say in words, and how well they meet the truth about a drawn set."""

import numpy as np
import pandas as pd
import pytest

from allcore.audit.findings import checks, finding_text, ground_truth, label_folds
from allcore.audit.findings.finding import Finding
from allcore.errors import DataError
from allcore.plots import dataset as dataset_plots


def finding(kind: str, **detail: object) -> Finding:
    return Finding(kind, "high", ("a", "b"), "Why.", "Do.", detail)


def shortcut(cue: str, auroc: float, **more: object) -> Finding:
    detail = {"cue": cue, "auroc": auroc, "low": auroc - 0.1, "high": auroc + 0.1, **more}
    return Finding("shortcut", "medium", (), "Why.", "Do.", detail)


def test_titles__name_every_kind() -> None:
    assert {each.kind for each in checks.CHECKS} <= set(finding_text.TITLES)


def test_entries__keep_findings_of_a_kind_together() -> None:
    given = [finding("dark"), shortcut("area", 0.8), shortcut("brightness", 0.7)]
    found = finding_text.group_by_kind(given)
    assert [(each.kind, len(each.findings)) for each in found] == [("dark", 1), ("shortcut", 2)]
    assert [each.severity for each in found] == ["high", "medium"]


def test_headline__says_the_worst_first_or_that_there_is_nothing() -> None:
    said = finding_text.headline(
        finding_text.group_by_kind([finding("near_duplicate"), shortcut("area", 0.8)]), 40
    )
    assert said.startswith("Near duplicates: 2 images (5.0 %).")
    assert "1 of 2 kinds of findings can spoil a study" in said
    assert finding_text.headline([], 40).startswith("Nothing was found in 40 images")


def test_summary__of_shortcuts_names_the_strongest() -> None:
    entry = finding_text.group_by_kind([shortcut("area", 0.7), shortcut("brightness", 0.8)])[0]
    assert finding_text.summary(entry, 40).startswith("Brightness alone")
    assert "0.80 (95 % interval over subjects 0.70 to 0.90)" in finding_text.summary(entry, 40)


def test_numbers__of_a_cell_under_two_subjects() -> None:
    subjects = {"51 and 78": 193, "H3 and H10": 36}
    found = finding(
        "cell_under_two_subjects", pairs=229, groups=[["a", "b"]], subjects=subjects,
        pairs_of_subjects=5, not_kept_together=0,
    )  # fmt: skip
    said = finding_text.detail_sentences(found)
    assert said[0] == "229 pairs in 1 group."
    assert "51 and 78: 193; H3 and H10: 36; and 3 more" in said[1]
    assert "are kept together" in said[2]


def test_numbers__of_class_imbalance_are_by_class() -> None:
    counts = {"all": 30, "hem": 10}
    said = finding_text.detail_sentences(
        finding("class_imbalance", images=counts, subjects=counts, ratio=3.0)
    )
    assert said[0] == "Images: 30 ALL blast, 10 normal."
    assert said[1] == "Independent subjects: 30 ALL blast, 10 normal."


def test_shortcuts__set_plain_facts_beside_the_model() -> None:
    model = {"name": "net", "auroc": 0.85, "low": 0.75, "high": 0.92}
    found = [shortcut("area", 0.82, model=model), shortcut("brightness", 0.6, model=model)]
    figure = dataset_plots.shortcut_bars(found)
    assert [bar.y[0] for bar in figure.data] == ["Area", "Brightness", "Model net"]
    assert [round(bar.x[0] + bar.base, 2) for bar in figure.data] == [0.82, 0.6, 0.85]
    assert "within the interval of the model" in dataset_plots.shortcuts_text(found)
    apart = [shortcut("area", 0.6, model=model)]
    assert dataset_plots.shortcuts_text(apart).endswith("the model 0.85")


def planted() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": list("abcdef"),
            "fault": ["", "near_duplicate", "near_duplicate", "wrong_label", "", "dark"],
            "partner": ["", "a", "e", "", "", ""],
        }
    )


def test_scores__count_pairs_and_images() -> None:
    given = [
        finding("near_duplicate", groups=[["a", "b"], ["c", "d"]]),
        Finding("probable_label_error", "low", ("d", "e"), "W.", "D."),
    ]
    found = {each.kind: each for each in ground_truth.detection_scores(given, planted())}
    assert set(found) == {"near_duplicate", "probable_label_error", "dark"}
    near, wrong = found["near_duplicate"], found["probable_label_error"]
    assert (near.planted, near.detected, near.recall, near.precision) == (2, 2, 0.5, 0.5)
    assert (wrong.recall, wrong.precision) == (1.0, 0.5)
    assert found["dark"].recall == 0 and np.isnan(found["dark"].precision)
    assert "| near_duplicate | pairs | 2 | 2 | 0.50 | 0.50 |" in ground_truth.as_text(
        found.values()
    )


def test_scores__of_a_set_without_faults() -> None:
    with pytest.raises(DataError, match="No fault was planted"):
        ground_truth.detection_scores([], planted().assign(fault=""))


def test_standing_out__is_measured_among_cells_of_the_label() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    odds = np.where(labels == 1, 1.0, -1.0) + random.normal(size=400) * 0.5
    odds[[3, 300]] = 2.5, -2.5
    far = label_folds.label_deviations(labels, 1 / (1 + np.exp(-odds)))
    assert set(np.argsort(-far)[:2]) == {3, 300} and far[3] > 5 < far[300]
    assert np.abs(np.median(far[labels == 0])) < 1e-9


def test_figures__stay_when_a_cell_is_turned() -> None:
    rings = np.random.default_rng(0).integers(80, 200, (5, 12, 64)).astype(np.uint8)
    plain, turned = (
        label_folds.texture_statistics(rings),
        label_folds.texture_statistics(np.roll(rings, 9, axis=2)),
    )
    assert plain.shape[0] == 5 and np.allclose(plain, turned, atol=1e-3)
    assert not np.allclose(plain[0], plain[1], atol=1e-3)
