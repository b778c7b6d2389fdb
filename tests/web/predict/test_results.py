from pathlib import Path

from allcore.inference.predictor import Predictor
from allcore.inference.results import Refusal
from allcore.reports import prediction_json
from allcore.web.predict import results


def test_as_pdf__of_an_answer_without_evidence(tiny_model: Path) -> None:
    predictor = Predictor.load(tiny_model, "cpu")
    answer = predictor.prediction(None, Refusal("readable", "It can't be read."))
    made = prediction_json.make_report(predictor, answer, b"no picture", name="x")
    assert results.as_pdf(made, None).startswith(b"%PDF")
