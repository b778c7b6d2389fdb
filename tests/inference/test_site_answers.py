import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.special import logit

from allcore import model_folder
from allcore.data import readers
from allcore.errors import DataError, Stopped
from allcore.inference import site_answers
from allcore.inference.predictor import Predictor
from allcore.inference.site_answers import SHIPPED
from allcore.nets import registry
from tests import simulated
from tests.conftest import draw_cell

SUBJECTS = ("91", "92", "H91", "H92")
FOLDS = {"91": 0, "92": 1, "H91": 0, "H92": 1}


@pytest.fixture
def model(home: Path, tiny_model: Path) -> Path:
    """The tiny model, trained out of fold in two folds on the cells of four subjects."""
    table = simulated.predictions().head(4).copy()
    table["subject"] = table["group"] = list(SUBJECTS)
    table["image_id"] = [_name(subject, 1) for subject in SUBJECTS]
    table["fold"], table["split"] = [FOLDS[subject] for subject in SUBJECTS], "test"
    table.to_parquet(tiny_model / model_folder.PREDICTIONS, index=False)
    table.assign(split="train")[["image_id", "split"]].to_csv(
        tiny_model / model_folder.SPLIT, index=False
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        networks = [registry.build("qcresnet", widths=[16]) for _ in range(2)]
    folds = model_folder.write_folds(tiny_model, networks)
    info = model_folder.read_info(tiny_model)
    made = simulated.info(table, name="tiny", weights_sha256=info.weights_sha256, temperature=2.0)
    training = made.training | {"out_of_fold": 2}
    changed = dataclasses.replace(made, training=training, folds_sha256=folds)
    model_folder.write_info(tiny_model, changed)
    return tiny_model


def _name(subject: str, cell: int) -> str:
    return f"UID_{subject}_1_{cell}_{'hem' if subject[0] == 'H' else 'all'}"


def _stem(image_id: str) -> str:
    return Path(image_id).stem


def draw(root: Path, names: list[str]) -> Path:
    """Pictures of such names in class folders."""
    for number, name in enumerate(names):
        folder = root / ("hem" if name.endswith("hem") else "all")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_cell(seed=number, radius=80 + 5 * number)).save(folder / f"{name}.png")
    return root


def answered(root: Path, model: Path) -> site_answers.SiteAnswers:
    predictor = Predictor.load(model, "cpu", threads=1)
    installed = model_folder.resolve(model.name, model.parent)
    return site_answers.answer(readers.read(root), installed, predictor)


def test_answer__own_cells_by_the_network_of_their_fold(model: Path, tmp_path: Path) -> None:
    """So are other cells of the subjects; those of a new subject are answered by the shipped."""
    names = [*(_name(subject, 1) for subject in SUBJECTS), _name("91", 2), _name("97", 1)]
    found = answered(draw(tmp_path / "set", names), model)
    table = found.table.assign(image_id=found.table["image_id"].map(_stem)).set_index("image_id")
    assert table["fold"].to_dict() == dict(zip(names, [0, 1, 0, 1, 0, SHIPPED], strict=True))
    assert (found.own, found.left_out, found.images) == (True, 0, 6)
    info = model_folder.read_info(model)
    for name, row in table.iterrows():
        rgb = np.asarray(Image.open(tmp_path / "set" / str(row["label"]) / f"{name}.png"))
        network = (
            model_folder.load_network(model)
            if row["fold"] == SHIPPED
            else model_folder.load_fold_network(model, int(row["fold"]))
        )
        predictor = Predictor(network, info, torch.device("cpu"))
        expected = predictor.predict([rgb])[0].logit
        assert expected is not None
        if row["fold"] == SHIPPED:  # the output of a fold's network is calibrated
            expected /= info.temperature
        assert row["log_odds"] == pytest.approx(expected, abs=2e-3)


def test_answer__subjects_of_another_laboratory_only_share_their_names(
    model: Path, tmp_path: Path
) -> None:
    root = tmp_path / "set"
    draw(root, ["a-all", "b-hem"])
    (root / "all" / "broken-all.png").write_bytes(b"nonsense")
    rows = [("all/a-all.png", "all", "91"), ("hem/b-hem.png", "hem", "H91"),
            ("all/broken-all.png", "all", "92")]  # fmt: skip
    pd.DataFrame(rows, columns=["path", "label", "subject"]).to_csv(root / "manifest.csv")
    found = answered(root, model)
    assert set(found.table["fold"]) == {SHIPPED}
    assert not found.own and found.new_subjects
    broken = found.table[found.table["check"] == "readable"]
    assert len(broken) == 1
    assert broken["log_odds"].isna().all()
    assert broken["reason"].str.contains("readable").all()


def test_answer__of_a_model_without_folds_the_test_part(model: Path, tmp_path: Path) -> None:
    info = model_folder.read_info(model)
    training = {key: value for key, value in info.training.items() if key != "out_of_fold"}
    model_folder.write_info(model, dataclasses.replace(info, training=training, folds_sha256=None))
    names = [_name(subject, 1) for subject in SUBJECTS]
    split = pd.DataFrame({"image_id": names, "split": ["test", "train", "test", "validation"]})
    split.to_csv(model / model_folder.SPLIT, index=False)
    root = draw(tmp_path / "set", names)
    found = answered(root, model)
    assert sorted(found.table["image_id"].map(_stem)) == sorted([names[0], names[2]])
    assert found.left_out == 2
    split.assign(split="train").to_csv(model / model_folder.SPLIT, index=False)
    with pytest.raises(DataError, match="was trained on every labelled image"):
        answered(root, model)


def test_answer__stops_and_reports_progress(model: Path, tmp_path: Path) -> None:
    root = draw(tmp_path / "set", [_name("91", 1), _name("H91", 1), _name("92", 1)])
    predictor = Predictor.load(model, "cpu", threads=1)
    installed = model_folder.resolve("tiny", model.parent)
    steps: list[tuple[int, int]] = []
    site_answers.answer(
        readers.read(root), installed, predictor,
        progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert steps == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(Stopped):
        site_answers.answer(readers.read(root), installed, predictor, cancelled=lambda: True)


def test_answer__withheld_answers_of_refused_cells_are_there(model: Path, tmp_path: Path) -> None:
    """Figures without the gate need them."""
    root = draw(tmp_path / "set", ["a-all"])
    predictor = Predictor.load(model, "cpu", threads=1)
    prediction = predictor.predict([np.asarray(Image.open(root / "all" / "a-all.png"))])[0]
    assert prediction.p_all is not None
    refused = dataclasses.replace(prediction, p_all=None, logit=None, withheld=prediction.p_all)
    assert site_answers._log_odds(refused) == pytest.approx(logit(prediction.p_all))
