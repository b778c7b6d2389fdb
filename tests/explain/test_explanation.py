import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from allcore import model_folder
from allcore.cnmc import release
from allcore.data.images import decoding
from allcore.explain import deletion_check, explanation, model_record
from allcore.explain.explanation import Explainer
from allcore.explain.model_record import ModelRecord
from allcore.explain.parts import VIEW_NAMES, CellIdentity, ModelAnswers, SaliencyMaps
from allcore.explain.result import Explanation
from allcore.inference import upload
from allcore.inference.predictor import Predictor
from allcore.inference.upload import CellPicture, Rgb
from allcore.model_folder import InstalledModel
from allcore.nets import registry
from tests import simulated

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture
def predictor(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model, device="cpu", threads=1)


@pytest.fixture
def by_cell(predictor: Predictor) -> Predictor:
    preprocessing = replace(predictor.info.preprocessing, normalisation="cell")
    info = replace(predictor.info, preprocessing=preprocessing)
    return Predictor(predictor.network, info, predictor.device)


@pytest.fixture
def recorded(tiny_model: Path) -> Path:
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
    info.training.update({"out_of_fold": 5, "split": {"kind": "subject", "train": people}})
    model_folder.write_info(tiny_model, info)
    return tiny_model


def installed(folder: Path) -> InstalledModel:
    return model_folder.resolve(folder.name, folder.parent)


def load(model: InstalledModel) -> Predictor:
    return Predictor.load(model.folder, device="cpu", threads=1)


def explained(folder: Path, rgb: Rgb, **more: Any) -> Explanation:
    model, picture = installed(folder), CellPicture(rgb, "0" * 64)
    (prediction,) = load(model).predict([rgb])
    return Explainer(load).explanation(model, picture, prediction, **more)


def test_explain__has_every_part(recorded: Path, cell_image: Rgb) -> None:
    whole = explained(recorded, cell_image, others=[installed(recorded)])
    assert whole.prediction_set.sets is not None
    assert whole.prediction_set.sets.new_subjects
    assert len(whole.views.probabilities) == 8
    assert [each.method for each in whole.saliency] == ["Grad-CAM", "Integrated gradients"]
    assert any(each.deletion for each in whole.saliency)
    assert len(whole.neighbourhood.cells) == 8
    assert whole.neighbourhood.accuracy is not None
    assert [each.model for each in whole.answers] == ["tiny", "tiny"]
    assert not any(each.pending for each in whole.answers)
    assert whole.answers[1].probability == pytest.approx(whole.probability, abs=1e-4)
    assert whole.known.identity is None
    assert whole.known.exposure == "unknown"
    assert whole.input.picture.shape == (64, 64, 3)


def test_explain__gives_each_part_as_soon_as_it_is_computed(
    recorded: Path, cell_image: Rgb
) -> None:
    model, picture = installed(recorded), CellPicture(cell_image, "0" * 64)
    (prediction,) = load(model).predict([picture])
    parts = list(Explainer(load).explain(model, picture, prediction, others=[model]))
    assert [type(part).__name__ for part in parts] == [
        "AnswerSummary", "PredictionSet", "ModelInput", "AugmentedViews", "Neighbourhood",
        "SaliencyMaps", "SaliencyMaps", "SaliencyMaps", "ModelAnswers", "ModelAnswers",
        "Explanation",
    ]  # fmt: skip
    maps = [part.maps for part in parts if isinstance(part, SaliencyMaps)]
    assert [len(each) for each in maps] == [1, 2, 2]
    assert not any(each.deletion for each in maps[1]) and any(each.deletion for each in maps[2])
    first, last = (part.answers for part in parts if isinstance(part, ModelAnswers))
    assert [each.pending for each in first] == [False, True]
    assert [each.pending for each in last] == [False, False]


def test_explain__leaves_out_what_the_folder_can_not_tell(
    tiny_model: Path, cell_image: Rgb
) -> None:
    whole = explained(tiny_model, cell_image)
    assert whole.prediction_set.sets is None
    assert whole.neighbourhood.cells == ()
    assert whole.neighbourhood.accuracy is None
    assert "embeddings" in whole.neighbourhood.problem
    fields = whole.to_dict()
    assert fields["set"] is None
    assert fields["neighbours"] is None


def test_explain__refuses_a_refusal(tiny_model: Path, cell_image: Rgb) -> None:
    model = installed(tiny_model)
    (prediction,) = load(model).predict([cell_image])
    refused = replace(prediction, verdict="refused", p_all=None)
    with pytest.raises(ValueError, match="refused"):
        next(Explainer(load).explain(model, CellPicture(cell_image), refused))


def test_explain__cuts_the_cell_once(
    recorded: Path, cell_image: Rgb, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, picture = installed(recorded), CellPicture(cell_image, "0" * 64)
    predictor, calls = load(model), []
    find_cell = upload.find_cell
    monkeypatch.setattr(upload, "find_cell", lambda rgb: calls.append(1) or find_cell(rgb))
    (prediction,) = predictor.predict([picture])
    Explainer(lambda _: predictor).explanation(model, picture, prediction, others=[model])
    assert len(calls) == 1


def test_to_dict__is_json(recorded: Path, cell_image: Rgb) -> None:
    fields = explained(recorded, cell_image).to_dict()
    assert json.loads(json.dumps(fields, allow_nan=False)) == fields
    assert {"set", "stability", "heat", "tensor", "neighbours", "models", "notice"} <= set(fields)
    assert fields["set"]["classes"]
    assert fields["neighbours"]["nearby"]["cells"] > 0
    assert "own subject" not in fields["neighbours"]["sentence"]  # nobody knows whose cell it is


def test_explain__a_cell_of_the_training_by_its_held_out_answer(
    recorded: Path, cell_image: Rgb
) -> None:
    """The recorded answer comes first; views and maps are of the network that never saw it."""
    other = registry.build("qcresnet", widths=[16])
    info = model_folder.read_info(recorded)
    folds = model_folder.write_folds(recorded, [other])
    training = info.training | {"out_of_fold": 1}
    model_folder.write_info(recorded, replace(info, training=training, folds_sha256=folds))
    table = simulated.predictions().assign(fold=0)
    table.to_parquet(recorded / model_folder.PREDICTIONS, index=False)
    row = table.iloc[0]
    cells = table.head(1)[["image_id", "subject", "group", "label"]].assign(sha256="0" * 64)
    model, picture = installed(recorded), CellPicture(cell_image, "0" * 64)
    (prediction,) = load(model).predict([picture])
    whole = Explainer(load, cells=lambda: cells).explanation(model, picture, prediction)
    assert whole.summary.held_out and whole.known.exposure == "cell"
    assert whole.summary.probability == pytest.approx(row["probability"])
    assert whole.prediction_set.probability == whole.summary.probability
    assert whole.probability == prediction.p_all == whole.summary.network
    fold = model_record.fold_predictor(model, 0, torch.device("cpu"))
    views = explanation.predict_views(fold, fold.prepare(picture)).probabilities
    assert whole.views.probabilities == pytest.approx(views)
    fields = whole.to_dict()
    assert fields["summary"]["held_out"] and fields["set"]["caution"] == ""


def test_neighbourhood__leaves_out_the_cell_itself(recorded: Path) -> None:
    explainer, model = Explainer(load), installed(recorded)
    neighbours = explainer.record(model).neighbours()
    name = str(neighbours.table["image_id"].iat[5])
    own = CellIdentity(name, str(neighbours.table["subject"].iat[5]))
    near = explainer.neighbourhood(model, None, own, threshold=0.5)
    assert name not in {cell.image_id for cell in near.cells}
    assert near.subject_known
    assert near.accuracy is not None
    same = sum(cell.same_subject for cell in near.cells)
    assert 0 <= same <= near.accuracy.same_subject
    unknown = explainer.neighbourhood(model, None, CellIdentity("another", None), threshold=0.5)
    assert "without its picture" in unknown.problem


def test_exposure__tells_what_the_network_was_trained_on(recorded: Path) -> None:
    record = ModelRecord(installed(recorded))
    table = simulated.predictions()
    name, subject = table["image_id"].iat[0], table["subject"].iat[0]
    assert record.exposure(CellIdentity(name, subject)) == "cell"
    assert record.exposure(CellIdentity("another", subject)) == "subject"
    assert record.exposure(CellIdentity("another", "999")) == "no"
    assert record.exposure(None) == "unknown"


def test_answers__are_each_models_own(tiny_model: Path, cell_image: Rgb) -> None:
    model = installed(tiny_model)
    strict = replace(model, digest="strict", info=replace(model.info, threshold=1.0))
    shipped = load(model)
    other = Predictor(shipped.network, strict.info, shipped.device)
    explainer = Explainer(lambda asked: other if asked == strict else shipped)
    picture = CellPicture(cell_image, "0" * 64)
    *_, last = explainer.answers([], [model, strict], ["broken"], None, picture)
    own, others, broken = last.answers
    assert own.probability == pytest.approx(others.probability)
    assert others.verdict == "hem" and others.threshold == 1.0
    assert (broken.model, broken.probability) == ("broken", None)
    assert "damaged" in broken.reason


def test_answers__refuse_what_shows_no_cell(tiny_model: Path) -> None:
    picture = CellPicture(np.full((100, 100, 3), 255, np.uint8), "0" * 64)
    *_, last = Explainer(load).answers([], [installed(tiny_model)], [], None, picture)
    (answer,) = last.answers
    assert answer.verdict == "refused" and answer.reason


def test_identify__knows_the_files_of_the_release() -> None:
    files = release.read_release()
    row = files[files["subject"] == "51"].iloc[0]
    [cell] = model_record.identify([row["sha256"]])
    assert cell is not None
    assert cell.subject == "51"
    assert cell.group == "51+75+78"
    assert cell.image_id.startswith("UID_51_")
    assert "/" not in cell.image_id


def test_identify__a_file_nobody_knows() -> None:
    assert model_record.identify(["0" * 64]) == [None]
    table = pd.DataFrame({"image_id": ["a"], "subject": ["7"], "sha256": ["1" * 64]})
    assert model_record.identify(["0" * 64], table) == [None]
    assert model_record.identify(["0" * 64], table.drop(columns="sha256")) == [None]


def test_identify__looks_in_a_data_set_first() -> None:
    table = pd.DataFrame(
        {"image_id": ["a", "b"], "subject": ["7", None], "sha256": ["0" * 64, "1" * 64]}
    )
    first, second = model_record.identify(["0" * 64, "1" * 64], table)
    assert first == CellIdentity("a", "7")
    assert second == CellIdentity("b", None)
    assert second.group is None


def test_turn__gives_eight_that_differ() -> None:
    cell = torch.arange(3 * 5 * 5).view(3, 5, 5).to(torch.uint8)
    views = explanation.turn(cell)
    assert views.shape == (8, 3, 5, 5)
    assert len({tuple(view.flatten().tolist()) for view in views}) == 8
    torch.testing.assert_close(views[0], cell)
    for view in views:  # a group: turning any view again gives the same eight
        again = {tuple(each.flatten().tolist()) for each in explanation.turn(view)}
        assert again == {tuple(each.flatten().tolist()) for each in views}


def test_turn__gives_what_the_names_say() -> None:
    cell = torch.zeros(3, 4, 4, dtype=torch.uint8)
    cell[:, 0, 1] = 1  # a dot at the top, left of the middle
    views = dict(zip(VIEW_NAMES, explanation.turn(cell), strict=True))
    assert views["turned by 90°"][0, 2, 0] == 1  # anticlockwise: to the left, below the middle
    assert views["turned by 180°"][0, 3, 2] == 1
    assert views["mirrored"][0, 0, 2] == 1
    assert views["mirrored, 90°"][0, 1, 0] == 1


def test_predict_views__are_the_answers_to_the_turned_cells(
    predictor: Predictor, cell_image: Rgb
) -> None:
    predictor.info = replace(predictor.info, temperature=2.0)
    cell = predictor.prepare(cell_image)
    views = explanation.predict_views(predictor, cell)
    one_by_one = [
        predictor.prediction(predictor.read(view[None])[0]).p_all for view in explanation.turn(cell)
    ]
    np.testing.assert_allclose(views.probabilities, one_by_one, atol=1e-4)
    assert views.mean == pytest.approx(np.mean(one_by_one), abs=1e-4)
    assert views.spread == pytest.approx(max(one_by_one) - min(one_by_one), abs=2e-4)


def test_to_model_input__is_the_cut_cell_under_imagenets_normalisation(
    predictor: Predictor, cell_image: Rgb
) -> None:
    cell = predictor.prepare(cell_image)
    np.testing.assert_array_equal(
        explanation.to_model_input(predictor, cell).picture, cell.permute(1, 2, 0).numpy()
    )


def test_to_model_input__runs_from_3_deviations_below_to_3_above(
    by_cell: Predictor, cell_image: Rgb
) -> None:
    cell = by_cell.prepare(cell_image)
    levels = explanation.to_model_input(by_cell, cell).picture.astype(float)
    values = by_cell.normalised(cell[None])[0].permute(1, 2, 0).numpy()
    assert levels[0, 0] == pytest.approx([127.5] * 3, abs=0.5)  # the background is the mean
    inside = np.abs(values) < 3
    np.testing.assert_allclose(levels[inside] / 255 * 6 - 3, values[inside], atol=6 / 255)
    assert (levels[values > 3] == 255).all() and (levels[values < -3] == 0).all()


def test_to_model_input__measures_what_the_network_gets(
    predictor: Predictor, cell_image: Rgb
) -> None:
    cell = predictor.prepare(cell_image)
    inputs: list[torch.Tensor] = []
    handle = predictor.answering.register_forward_pre_hook(lambda _, given: inputs.extend(given))
    predictor.logits(cell[None])
    handle.remove()
    (tensor,) = inputs[0]
    measured = explanation.to_model_input(predictor, cell)
    assert (measured.low, measured.high) == (float(tensor.min()), float(tensor.max()))
    assert measured.means == pytest.approx(tensor.mean((1, 2)).tolist())


def test_to_model_input__measures_each_channel() -> None:
    values = torch.tensor([0.0, 1.0, -2.0]).view(3, 1, 1).expand(3, 4, 4).clone()
    values[1, 0, 0] = 5.0
    info = SimpleNamespace(preprocessing=SimpleNamespace(normalisation="cell"))
    predictor: Any = SimpleNamespace(normalised=lambda cells: values[None], info=info)
    measured = explanation.to_model_input(predictor, values)
    assert measured.shape == (3, 4, 4)
    assert (measured.low, measured.high) == (-2.0, 5.0)
    assert measured.means == pytest.approx((0.0, 1.25, -2.0))


def test_shipped_model__knows_its_own_cells(cnmc_root: Path) -> None:
    # One whose texture tells: where it adds nearly nothing, no share of that can be complete.
    path = sorted((cnmc_root / "bmp").glob("*_all.bmp"))[0]
    data = path.read_bytes()
    model = installed(MODELS / "qcresnet-cnmc")
    predictor = load(model)
    picture = CellPicture(decoding.decode(data), hashlib.sha256(data).hexdigest())
    (prediction,) = predictor.predict([picture])
    whole = Explainer(lambda _: predictor).explanation(model, picture, prediction)
    assert whole.known.identity is not None
    assert whole.known.identity.image_id == path.stem
    assert whole.known.exposure == "cell"
    assert whole.summary.held_out and whole.known.fold is not None
    assert not whole.to_dict()["set"]["caution"]  # it is that of the held-out answer
    fine = whole.saliency[1]
    assert fine.incomplete is not None
    assert fine.incomplete < 0.2
    assert fine.heat.share_in_cell > 0.8
    assert fine.deletion is not None
    assert fine.deletion.others_less > deletion_check.RANDOM_REGIONS / 2
    near = whole.neighbourhood.cells
    assert path.stem not in {cell.image_id for cell in near}
    assert near[0].distance <= near[-1].distance < 0.5
