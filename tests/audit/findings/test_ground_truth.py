"""What is found of the faults planted in the app's own drawn set: what its pages promise."""

import pytest

from allcore.audit.findings import findings_cache, ground_truth
from allcore.audit.findings.ground_truth import DetectionScore
from allcore.audit.index import build
from allcore.synthetic import dataset, demo

LEAST = {
    "exact_duplicate": (1.0, 0.95),
    "near_duplicate": (1.0, 0.95),
    "cell_under_two_subjects": (1.0, 0.95),
    "probable_label_error": (0.9, 0.8),
    "blurred": (0.9, 0.8),
    "dark": (0.9, 0.8),
    "over_cropped": (0.9, 0.8),
}
"""Recall and precision by kind."""


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DetectionScore]:
    """Of the whole demonstration set, indexed without a model; takes most of a minute."""
    folder = tmp_path_factory.mktemp("truth")
    root = demo.ensure_demo(folder / "set").root
    build.build_index(root, home=folder / "home")
    found = findings_cache.all_findings(root, home=folder / "home").findings
    return {
        each.kind: each for each in ground_truth.detection_scores(found, dataset.read_truth(root))
    }


@pytest.mark.long
@pytest.mark.parametrize("kind", LEAST)
def test_findings__meet_the_truth(scores: dict[str, DetectionScore], kind: str) -> None:
    recall, precision = LEAST[kind]
    assert scores[kind].recall >= recall
    assert scores[kind].precision >= precision
