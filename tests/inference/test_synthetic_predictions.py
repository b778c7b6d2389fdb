import dataclasses
from pathlib import Path

import numpy as np
import pytest

from allcore import model_folder
from allcore.data import cell_measurements, readers
from allcore.data.images import decoding
from allcore.errors import DataError
from allcore.inference import synthetic_predictions
from allcore.inference.predictor import Predictor


def test_score__tables_of_every_synthetic_cell(drawn_demo: Path, tiny_model: Path) -> None:
    model = model_folder.resolve("tiny")
    steps: list[tuple[int, int]] = []
    assert not synthetic_predictions.is_scored(model)
    folder = synthetic_predictions.score(model, progress=lambda *step: steps.append(step))
    assert synthetic_predictions.is_scored(model)
    cells = readers.read(drawn_demo).table
    table = model_folder.read_predictions(folder)
    assert table["image_id"].tolist() == cells["image_id"].tolist()
    assert set(table["split"]) == {"test"}
    assert steps[-1] == (2 * len(cells), 2 * len(cells))
    facts = model_folder.read_facts(folder)
    assert facts is not None and list(facts) == list(cell_measurements.COLUMNS)
    with np.load(folder / model_folder.EMBEDDINGS) as stored:
        assert stored["image_id"].tolist() == table["image_id"].tolist()
        assert np.isfinite(stored["map"]).all()
    predictor = Predictor.load(tiny_model, gated=False)
    [first] = predictor.predict([decoding.decode_file(drawn_demo / table["path"].iloc[0])])
    assert table["logit"].iloc[0] == pytest.approx(first.logit, abs=1e-3)


def test_score__once_a_model(
    drawn_demo: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_folder.resolve("tiny")
    folder = synthetic_predictions.score(model)
    monkeypatch.setattr(synthetic_predictions, "_write", lambda *_: pytest.fail("scored again"))
    assert synthetic_predictions.score(model) == folder
    info = model_folder.read_info(tiny_model)
    model_folder.write_info(tiny_model, dataclasses.replace(info, threshold=0.4))
    assert not synthetic_predictions.is_scored(model_folder.resolve("tiny"))


def test_score__a_home_that_cannot_be_written_to(
    drawn_demo: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drawn_demo.parent / "synthetic").write_text("in the way")
    with pytest.raises(DataError, match="ALLSCOPE_HOME"):
        synthetic_predictions.score(model_folder.resolve("tiny"))


def test_can_score__needs_the_network(tiny_model: Path) -> None:
    model = model_folder.resolve("tiny")
    assert synthetic_predictions.can_score(model)
    (tiny_model / model_folder.WEIGHTS).unlink()
    assert not synthetic_predictions.can_score(model)
