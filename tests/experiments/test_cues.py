from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from allcore.experiments import cues, facts
from allcore.experiments.options import Options
from allcore.experiments.record import Record
from tests.conftest import draw_cell


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Of blasts that are large, and subjects that are differently bright."""
    root = tmp_path_factory.mktemp("cues")
    for number in range(8):
        label = "all" if number < 4 else "hem"
        subject = f"{number + 100}" if label == "all" else f"H{number + 100}"
        (root / label).mkdir(exist_ok=True)
        for cell in range(15):
            radius = (100 if label == "all" else 75) + cell % 4
            picture = draw_cell(seed=number * 15 + cell, radius=radius) * (0.6 + 0.05 * number)
            name = f"UID_{subject}_{cell}_1_{label}.png"
            Image.fromarray(picture.astype("uint8")).save(root / label / name)
    options = Options(data=root, work=root / "work", command="python", folds=4)
    return cues.run(options)


def test_run__has_a_row_for_each_cue(found: Record) -> None:
    names = [row.name for row in found.rows]
    assert names == [cues.PLAINEST, *facts.CUES.values(), cues.ALL]
    assert all(row.cells == 120 and row.subjects == 8 for row in found.rows)


def test_run__sees_what_was_planted(found: Record) -> None:
    by_name = {row.name: row.figures for row in found.rows}
    size, bright = by_name[facts.CUES["size"]], by_name[facts.CUES["brightness"]]
    position = by_name[facts.CUES["position"]]
    assert size["image"].value > 0.95 and size["unseen"].value > 0.95
    assert bright["subject"].value > 0.9 > 0.5 > position["subject"].value
    assert bright["image"].value > 0.95


def test_run__judges_its_prediction(found: Record) -> None:
    assert "The prediction" in found.finding
    assert "eld: size loses less than 0.05" in found.finding
    assert "where always naming the largest would be right for 12 %" in found.finding


def test_measured__once_for_a_data_set(
    options: Options, drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from allcore.data import readers

    manifest = readers.read(drawn).labelled()
    first = cues.measured(manifest, "digest", options)
    monkeypatch.setattr(facts, "table", lambda *_a, **_k: pytest.fail("measured again"))
    assert cues.measured(manifest, "digest", options).equals(first)
    with pytest.raises(pytest.fail.Exception):
        cues.measured(manifest, "another", replace(options))
