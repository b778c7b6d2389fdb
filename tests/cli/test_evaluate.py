import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from allcore import model_folder
from allcore.cli.evaluate import evaluate
from allcore.data.cells import Rgb
from allcore.data.perturbations import SWEEPS
from allcore.data.prediction_import import PREDICTION_COLUMNS
from allcore.errors import AllScopeError, DataError, ModelError
from allcore.notice import RESEARCH_USE
from allcore.reports import json_files
from tests import simulated
from tests.conftest import draw_cell


@pytest.fixture
def model(home: Path, tiny_model: Path) -> Path:
    """The tiny model, with a split: H1 and 1 to test, H2 and 2 to validation, H3 and 3 trained."""
    names = [f"UID_{s}_1_1_{'hem' if s[0] == 'H' else 'all'}" for s in SUBJECTS]
    table = pd.DataFrame({"image_id": names, "split": PARTS})
    table.to_csv(tiny_model / model_folder.SPLIT, index=False)
    info = model_folder.read_info(tiny_model)
    of_part = {
        part: [s for s, p in zip(SUBJECTS, PARTS, strict=True) if p == part] for part in set(PARTS)
    }
    training = simulated.info(simulated.predictions()).training
    changed = simulated.info(
        simulated.predictions(),
        name="tiny",
        config=info.config,
        weights_sha256=info.weights_sha256,
        temperature=2.0,
        training=training | {"split": {"kind": "subject", "seed": 0} | of_part},
    )
    model_folder.write_info(tiny_model, changed)
    return tiny_model


SUBJECTS = ["H91", "91", "H92", "92", "H93", "93"]
PARTS = ["test", "test", "validation", "validation", "train", "train"]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Two cells a subject in C-NMC's folders; of each the second has another name than trained."""
    root = tmp_path / "cells"
    for number, subject in enumerate(SUBJECTS):
        label = "hem" if subject[0] == "H" else "all"
        folder = root / "fold_0" / label
        folder.mkdir(parents=True, exist_ok=True)
        for cell in (1, 2):
            picture = draw_cell(seed=number, radius=80 + 10 * cell)
            Image.fromarray(picture).save(folder / f"UID_{subject}_1_{cell}_{label}.bmp")
    return root


def test_evaluate__held_out_cells_only(
    model: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    evaluate(data=cells, out=out)
    table = pd.read_parquet(out / "predictions.parquet")
    assert list(table.columns) == list(PREDICTION_COLUMNS)
    assert set(table["subject"]) == {"91", "H91", "92", "H92"}
    assert set(table.loc[table["split"] == "test", "subject"]) == {"91", "H91"}
    assert table["probability"].to_numpy() == pytest.approx(1 / (1 + np.exp(-table["logit"] / 2.0)))
    found = json.loads((out / "metrics.json").read_text())
    assert RESEARCH_USE in (out / "report.html").read_text()
    assert found["test"]["cells"] == found["validation"]["cells"] == 4
    printed = capsys.readouterr().out
    assert RESEARCH_USE in printed
    assert "Weighted F1" in printed
    assert "4 images that training saw, or of a subject that it saw: left out." in printed
    assert "subjects that training never saw" in printed


def test_evaluate__logits_are_the_predictors(model: Path, cells: Path, tmp_path: Path) -> None:
    from allcore.inference.predictor import Predictor

    evaluate(data=cells, out=tmp_path / "out", device="cpu")
    table = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    predictor = Predictor.load(model, "cpu")
    for path, logit in zip(table["path"], table["logit"], strict=True):
        rgb: Rgb = np.asarray(Image.open(cells / path))
        assert predictor.predict([rgb])[0].logit == pytest.approx(logit, abs=1e-4)


def test_evaluate__another_data_set_is_all_test(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("blast", "normal"):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.fromarray(draw_cell(seed=len(name))).save(tmp_path / "set" / name / "1.png")
    (tmp_path / "set" / "normal" / "broken.png").write_bytes(b"nonsense")
    evaluate(data=tmp_path / "set", out=tmp_path / "out", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["test"]["cells"] == 2
    assert found["validation"] is None
    assert found["refused"] == 1
    assert found["test"]["figures"]["accuracy"]["subject"]["low"] is None  # subjects unknown


def test_evaluate__one_class_says_so(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set" / "all").mkdir(parents=True)
    Image.fromarray(draw_cell(seed=1)).save(tmp_path / "set" / "all" / "1.png")
    evaluate(data=tmp_path / "set", out=tmp_path / "out")
    assert "There are only ALL blasts here" in capsys.readouterr().out


def test_evaluate__says_what_is_wrong(model: Path, cells: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data set at"):
        evaluate(data=tmp_path / "nowhere", out=tmp_path / "out")
    with pytest.raises(ModelError, match="There is no model 'other'"):
        evaluate(data=cells, out=tmp_path / "out", model="other")
    (tmp_path / "plain").mkdir()
    Image.fromarray(draw_cell(seed=1)).save(tmp_path / "plain" / "1.png")
    with pytest.raises(DataError, match="has a label"):
        evaluate(data=tmp_path / "plain", out=tmp_path / "out")
    (tmp_path / "broken" / "all").mkdir(parents=True)
    (tmp_path / "broken" / "all" / "1.png").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="None of the 1 images"):
        evaluate(data=tmp_path / "broken", out=tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(AllScopeError, match="can't be written"):
        evaluate(data=cells, out=tmp_path / "file" / "out")


def test_evaluate__writes_the_facts_of_its_cells(model: Path, cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    evaluate(data=cells, out=out)
    facts = model_folder.read_facts(out)
    assert facts is not None
    assert facts["image_id"].tolist() == pd.read_parquet(out / "predictions.parquet")[
        "image_id"
    ].tolist()  # fmt: skip
    assert facts["area"].min() == pytest.approx(np.pi * 90 * 81, rel=0.02)


def test_evaluate__facts_alone(
    model: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    evaluate(data=cells, out=out, only_facts=True)
    assert "Facts of 8 cells written to" in capsys.readouterr().out
    assert [path.name for path in out.iterdir()] == [model_folder.FACTS]
    evaluate(data=cells, out=tmp_path / "first")
    table = pd.read_parquet(tmp_path / "first" / "predictions.parquet").head(3)
    table.to_parquet(model / model_folder.PREDICTIONS)  # a shipped model's: exactly its cells
    evaluate(data=cells, out=model, only_facts=True)
    facts = model_folder.read_facts(model)
    assert facts is not None and facts["image_id"].tolist() == table["image_id"].tolist()
    for path in cells.rglob("*.bmp"):
        path.write_bytes(b"nonsense")
    with pytest.raises(DataError, match="connect the pictures"):
        evaluate(data=cells, out=out, only_facts=True)


def test_evaluate__robustness_alone(
    model: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    evaluate(data=cells, out=out, device="cpu", robustness=True, cells=2)
    printed = capsys.readouterr().out
    assert RESEARCH_USE in printed and "tiny on 2 cells of 2 subjects, altered:" in printed
    assert [path.name for path in out.iterdir()] == [model_folder.ROBUSTNESS]
    found = json_files.read_robustness(out)
    assert found is not None
    info = model_folder.read_info(model)
    assert (found.weights_sha256, found.folds_sha256) == (info.weights_sha256, None)
    assert [each.name for each in found.alterations] == [sweep.name for sweep in SWEEPS]
    assert len(found.rows) == sum(len(sweep.levels) for sweep in SWEEPS)
    evaluate(data=cells, out=out, device="cpu", robustness=True, cells=2, as_json=True)
    assert json.loads(capsys.readouterr().out)["cells"] == 2
