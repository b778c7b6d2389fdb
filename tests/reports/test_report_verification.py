import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from allcore import model_folder
from allcore.data.images import decoding
from allcore.inference.predictor import Predictor
from allcore.inference.results import Refusal
from allcore.inference.segmentation import Cut
from allcore.reports import prediction_json, report_verification
from allcore.reports.prediction_json import PredictionReport
from benchmarks import synthetic_smears
from tests import validated
from tests.conftest import draw_cell


def content(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(draw_cell(seed=seed)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def made(tiny_model: Path) -> PredictionReport:
    predictor = Predictor.load(tiny_model, "cpu")
    answer = predictor.predict([decoding.decode(content())])[0]
    return prediction_json.make_report(predictor, answer, content(), name="a.png")


def failed(made: PredictionReport, tiny_model: Path) -> list[str]:
    found = report_verification.verify_report(made, tiny_model.parent, device="cpu")
    return [check.name for check in found.checks if not check.ok]


def test_verify__reproduces_what_was_written(made: PredictionReport, tiny_model: Path) -> None:
    found = report_verification.verify_report(
        prediction_json.read_report(made.to_json()), tiny_model.parent, device="cpu"
    )
    assert found.ok and found.other_versions == ()
    assert found.sentence.startswith("Reproduced: 'tiny' with the weights")
    assert {"file", "weights", "preprocessing", "threshold", "verdict", "log-odds"} <= {
        check.name for check in found.checks
    }


def test_verify__a_tampered_picture(made: PredictionReport, tiny_model: Path) -> None:
    other = replace(made, file=replace(made.file, content=content(1)))
    assert failed(other, tiny_model)[0] == "file"
    broken = replace(made, file=replace(made.file, content=b"no picture"))
    assert {"file", "verdict", "log-odds"} <= set(failed(broken, tiny_model))


def test_verify__tampered_numbers(made: PredictionReport, tiny_model: Path) -> None:
    logit = made.prediction.logit
    assert logit is not None
    within = replace(made, prediction=replace(made.prediction, logit=logit + 5e-4))
    assert failed(within, tiny_model) == []
    beyond = replace(made, prediction=replace(made.prediction, logit=logit + 2e-3))
    assert failed(beyond, tiny_model) == ["log-odds"]
    found = report_verification.verify_report(beyond, tiny_model.parent, device="cpu")
    check = next(each for each in found.checks if each.name == "log-odds")
    assert "differs by 2.0e-03" in check.found
    assert "Not reproduced: log-odds is" in found.sentence
    lower = replace(made, prediction=replace(made.prediction, p_all=0.4))
    assert failed(lower, tiny_model) == ["probability"]
    turned = "hem" if made.prediction.verdict == "all" else "all"
    assert failed(
        replace(made, prediction=replace(made.prediction, verdict=turned)), tiny_model
    ) == ["verdict"]


def test_verify__a_tampered_model(made: PredictionReport, tiny_model: Path) -> None:
    moved = replace(made, model=replace(made.model, threshold=0.9))
    assert failed(moved, tiny_model) == ["threshold"]
    older = replace(made.model, preprocessing=made.model.preprocessing | {"version": 0})
    assert failed(replace(made, model=older), tiny_model) == ["preprocessing"]
    gated = replace(made, model=replace(made.model, gate_sha256="ab"))
    assert failed(gated, tiny_model) == ["gate"]


def test_verify__says_which_model_is_missing(made: PredictionReport, tiny_model: Path) -> None:
    other = replace(made, model=replace(made.model, name="gone", weights_sha256="cd" * 32))
    found = report_verification.verify_report(other, tiny_model.parent, device="cpu")
    assert [check.name for check in found.checks] == ["file", "weights"]
    assert not found.ok
    assert "install the model 'gone' with the weights cdcdcdcdcdcd" in found.sentence


def test_verify__finds_the_model_by_its_weights(made: PredictionReport, tiny_model: Path) -> None:
    root = tiny_model.parent
    shutil.copytree(tiny_model, root / "another")
    changed = replace(model_folder.read_info(tiny_model), threshold=0.9)
    model_folder.write_info(root / "another", changed)
    (root / "broken").mkdir()
    (root / "broken" / model_folder.INFO).write_text("{")
    assert failed(made, tiny_model) == []
    tiny_model.rename(root / "renamed")
    assert failed(made, tiny_model) == []


def test_verify__a_refused_picture(tiny_model: Path) -> None:
    predictor = Predictor.load(tiny_model, "cpu")
    answer = predictor.prediction(None, Refusal("readable", "It can't be read."))
    made = prediction_json.make_report(predictor, answer, b"no picture", name="a.png")
    assert failed(prediction_json.read_report(made.to_json()), tiny_model) == []
    elsewhere = replace(answer, check="cell")
    assert failed(replace(made, prediction=elsewhere), tiny_model) == ["verdict"]


def test_verify__a_cut_that_can_not_be_made_again(made: PredictionReport, tiny_model: Path) -> None:
    assert failed(replace(made, cut={"version": 0}), tiny_model) == ["cut"]
    said = report_verification.verify_report(
        replace(made, cut={"version": 0}), tiny_model.parent
    ).sentence
    assert said.count("in the report") == 1
    assert failed(replace(made, cut={}), tiny_model) == ["cut"]


def test_verify__makes_the_same_cut_again(tiny_model: Path) -> None:
    field = synthetic_smears.field(480, 640)
    for y, x in ((160, 200), (300, 460)):
        field, _ = synthetic_smears.with_cell(field, y, x, radius=80)
    buffer = io.BytesIO()
    Image.fromarray(field).save(buffer, "PNG")
    predictor = Predictor.load(tiny_model, "cpu")
    cut = Cut(candidate=1, grow=3).applied(field)
    answer = predictor.predict([cut.rgb])[0]
    assert answer.p_all is not None
    made = prediction_json.make_report(
        predictor, answer, buffer.getvalue(), name="a.png", cut=cut.facts
    )
    assert failed(prediction_json.read_report(made.to_json()), tiny_model) == []
    reworded = replace(made, cut=(made.cut or {}) | {"note": "other words"})
    assert failed(reworded, tiny_model) == []
    moved = replace(made, cut=(made.cut or {}) | {"area": 7})
    assert failed(moved, tiny_model) == ["cut"]
    other = replace(made, cut=(made.cut or {}) | {"grow": 9})
    assert failed(other, tiny_model)[0] == "cut"


def test_verify__names_other_versions(made: PredictionReport, tiny_model: Path) -> None:
    told = json.loads(made.to_json())
    told["versions"]["torch"] = "1.0"
    read = prediction_json.read_report(json.dumps(told).encode())
    found = report_verification.verify_report(read, tiny_model.parent, device="cpu")
    assert found.ok
    assert len(found.other_versions) == 1
    assert found.other_versions[0].startswith("torch ")
    assert found.other_versions[0].endswith("(report: 1.0)")


def test_verify__repeats_an_answer_with_a_site_profile(tiny_model: Path) -> None:
    """The report holds the whole profile: it need not be saved where it is verified."""
    weights = model_folder.read_info(tiny_model).weights_sha256
    profile = validated.profile(model_sha256=weights, bias=0.5, threshold=0.2)
    predictor = Predictor.load(tiny_model, "cpu").with_profile(profile)
    answer = predictor.predict([decoding.decode(content())])[0]
    written = prediction_json.make_report(predictor, answer, content(), name="a.png")
    read = prediction_json.read_report(written.to_json())
    assert read.model.profile == profile
    assert "Laboratory A@1" in read.model.threshold_rule
    assert failed(read, tiny_model) == []
    other = replace(profile, bias=0.0)
    assert "probability" in failed(
        replace(read, model=replace(read.model, profile=other)), tiny_model
    )
    assert b"Laboratory A@1" in written.to_json()
    assert (
        b'"profile"'
        not in prediction_json.make_report(
            Predictor.load(tiny_model, "cpu"), answer, content(), name="a.png"
        ).to_json()
    )
