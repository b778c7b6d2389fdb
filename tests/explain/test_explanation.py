import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from allcore import model_folder
from allcore.evaluation.conformal import PredictionSets
from allcore.explain import deletion_check, explanation, explanation_text
from allcore.explain.explanation import Evidence
from allcore.explain.known_cells import Identity
from allcore.explain.views import NAMES, Views
from allcore.inference import upload
from allcore.inference.predictor import Predictor
from allcore.inference.upload import Rgb
from tests import simulated

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture
def predictor(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model, device="cpu", threads=1)


@pytest.fixture
def told(tiny_model: Path) -> Path:
    """The tiny model's folder with held-out predictions, a split and features."""
    table = simulated.predictions()
    table.to_parquet(tiny_model / model_folder.PREDICTIONS, index=False)
    split = table.assign(split="train")[["image_id", "split"]]
    split.to_csv(tiny_model / model_folder.SPLIT, index=False)
    vectors = np.random.default_rng(0).normal(size=(len(table), 16)).astype(np.float32)
    ids = table["image_id"].tolist()
    model_folder.write_embeddings(tiny_model, ids, vectors, vectors[:, :2])
    info = model_folder.read_info(tiny_model)
    people = sorted(set(table["subject"]))
    info.training.update({"split": {"kind": "subject", "train": people}})
    model_folder.write_info(tiny_model, info)
    return tiny_model


def gathered(predictor: Predictor, rgb: Rgb, folder: Path, **more: object) -> Evidence:
    (answer,) = predictor.predict([rgb])
    cell = predictor.prepare(rgb)
    return explanation.gather(predictor, rgb, cell, answer, folder, digest="0" * 64, **more)  # type: ignore[arg-type]


def test_gather__has_every_part(told: Path, cell_image: Rgb) -> None:
    predictor = Predictor.load(told, device="cpu", threads=1)
    found = gathered(predictor, cell_image, told, others=[(told, predictor)])
    assert found.sets is not None
    assert found.sets.new_subjects
    assert len(found.views.probabilities) == 8
    assert [each.method for each in found.saliency] == ["Grad-CAM", "Integrated gradients"]
    assert any(each.deletion for each in found.saliency)
    assert len(found.neighbours) == 8
    assert found.nearby is not None
    assert [each.model for each in found.models] == ["tiny", "tiny"]
    assert found.models[0].probability == pytest.approx(found.probability)
    assert found.identity is None
    assert found.learned == "unknown"
    assert found.seen.shape == (64, 64, 3)


def test_gather__leaves_out_what_the_folder_can_not_tell(
    predictor: Predictor, tiny_model: Path, cell_image: Rgb
) -> None:
    found = gathered(predictor, cell_image, tiny_model)
    assert found.sets is None
    assert found.neighbours == ()
    assert found.nearby is None
    plain = found.to_dict()
    assert plain["set"] is None
    assert plain["neighbours"] is None


def test_gather__refuses_a_refusal(predictor: Predictor, tiny_model: Path, cell_image: Rgb) -> None:
    (answer,) = predictor.predict([cell_image])
    refused = replace(answer, verdict="refused", p_all=None)
    cell = predictor.prepare(cell_image)
    with pytest.raises(ValueError, match="refused"):
        explanation.gather(predictor, cell_image, cell, refused, tiny_model, digest="")


def test_to_dict__is_json(told: Path, cell_image: Rgb) -> None:
    predictor = Predictor.load(told, device="cpu", threads=1)
    plain = gathered(predictor, cell_image, told).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert {"set", "stability", "heat", "tensor", "neighbours", "models", "notice"} <= set(plain)
    assert plain["set"]["classes"]
    assert plain["neighbours"]["nearby"]["cells"] > 0
    assert "own subject" not in plain["neighbours"]["sentence"]  # nobody knows whose cell it is


def test_around__leaves_out_the_cell_itself(told: Path, cell_image: Rgb) -> None:
    near = explanation.kept(told)
    assert near is not None
    name = str(near.table["image_id"].iat[5])
    own = Identity(name, str(near.table["subject"].iat[5]))
    with np.load(told / model_folder.EMBEDDINGS) as kept:
        vector = kept["features"][5].astype(np.float32)
    found, nearby = explanation.around(near, vector, own, 0.5)
    stranger, _ = explanation.around(near, vector, None, 0.5)
    assert stranger[0].image_id == name
    assert name not in {each.image_id for each in found}
    assert nearby is not None
    assert 0 <= sum(each.same_subject for each in found) <= nearby.same_subject


def test_learned__tells_what_the_network_knew(told: Path) -> None:
    known = simulated.predictions()
    name, subject = known["image_id"].iat[0], known["subject"].iat[0]
    assert explanation.learned(told, Identity(name, subject)) == "cell"
    assert explanation.learned(told, Identity("another", subject)) == "subject"
    assert explanation.learned(told, Identity("another", "999")) == "no"
    assert explanation.learned(told, None) == "unknown"
    assert explanation_text.caution("no") == ""
    assert "do not hold" in explanation_text.caution("cell")


def test_of_views__says_when_turning_changes_the_answer() -> None:
    found = Views(NAMES, np.array([0.4, 0.5, 0.6, 0.7, 0.4, 0.5, 0.6, 0.7]))
    assert explanation_text.of_views(found, 0.5).startswith("6 of 8 are called ALL blast, so")
    assert explanation_text.of_views(found, 0.4).startswith("All 8 are called ALL blast")
    assert explanation_text.of_views(found, 0.8).startswith("All 8 are called normal")


def test_of_set__says_the_set_in_words() -> None:
    sets = PredictionSets(hem_up_to=0.9, all_from=0.2, cells=100, subjects=10, new_subjects=True)
    assert explanation_text.of_set(sets, 0.95) == "At 95 % the answer is: ALL blast."
    assert explanation_text.of_set(sets, 0.1) == "At 95 % the answer is: normal."
    said = explanation_text.of_set(sets, 0.5)
    assert "can't tell" in said
    assert "between 0.20 and 0.90" in said
    assert "unseen" in explanation_text.holds_for(sets)
    assert "trained on" in explanation_text.holds_for(replace(sets, new_subjects=False))


def test_shipped_model__knows_its_own_cells(cnmc_root: Path) -> None:
    # One whose texture tells: where it adds nearly nothing, no share of that can be complete.
    path = sorted((cnmc_root / "bmp").glob("*_all.bmp"))[0]
    data = path.read_bytes()
    folder = MODELS / "qcresnet-cnmc"
    predictor = Predictor.load(folder, device="cpu", threads=1)
    rgb = upload.decode(data)
    cell: Tensor = predictor.prepare(rgb)
    (answer,) = predictor.predict([rgb])
    digest = hashlib.sha256(data).hexdigest()
    found = explanation.gather(predictor, rgb, cell, answer, folder, digest=digest)
    assert found.identity is not None
    assert found.identity.image_id == path.stem
    assert found.learned == "cell"
    assert found.to_dict()["set"]["caution"]
    fine = found.saliency[1]
    assert fine.incomplete is not None
    assert fine.incomplete < 0.2
    assert fine.heat.share_in_cell > 0.8
    assert fine.deletion is not None
    assert fine.deletion.others_less > deletion_check.OTHERS / 2
    assert path.stem not in {each.image_id for each in found.neighbours}
    assert found.neighbours[0].distance <= found.neighbours[-1].distance < 0.5
