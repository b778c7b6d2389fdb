from dataclasses import replace
from pathlib import Path

import pytest

from allcore.evaluation.experiments import ExperimentRecord
from allcore.research.experiments import cue_features, cues
from allcore.research.experiments.options import Options
from tests.conftest import draw_folders


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> ExperimentRecord:
    """Of blasts that are large, and subjects that are differently bright."""
    root = tmp_path_factory.mktemp("cues")
    draw_folders(root, subjects=8, cells=15, radii=(100, 75), brightness=(0.5, 1.1))
    options = Options(data=root, work=root / "work", command="python", folds=4)
    return cues.run(options)


def test_run__has_a_row_for_each_cue(found: ExperimentRecord) -> None:
    names = [row.name for row in found.rows]
    assert names == [cues.PLAINEST, *cue_features.CUES.values(), cues.ALL]
    assert all(row.cells == 120 and row.subjects == 8 for row in found.rows)


def test_run__sees_what_was_planted(found: ExperimentRecord) -> None:
    by_name = {row.name: row.figures for row in found.rows}
    size, bright = by_name[cue_features.CUES["size"]], by_name[cue_features.CUES["brightness"]]
    position = by_name[cue_features.CUES["position"]]
    assert size["image"].value > 0.95 and size["unseen"].value > 0.95
    assert bright["subject"].value > 0.9 > 0.5 > position["subject"].value
    assert bright["image"].value > 0.95


def test_run__judges_its_prediction(found: ExperimentRecord) -> None:
    assert "The prediction" in found.finding
    assert "eld: size loses less than 0.05" in found.finding
    assert "where always naming the largest would be right for 12 %" in found.finding


def test_measured__once_for_a_data_set(
    options: Options, drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from allcore.data import readers

    manifest = readers.read(drawn).labelled()
    first = cues.measured(manifest, "digest", options)
    monkeypatch.setattr(cue_features, "table", lambda *_a, **_k: pytest.fail("measured again"))
    assert cues.measured(manifest, "digest", options).equals(first)
    with pytest.raises(pytest.fail.Exception):
        cues.measured(manifest, "another", replace(options))
