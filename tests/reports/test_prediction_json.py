import base64
import hashlib
import io
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from allcore.data.images import decoding, formats
from allcore.inference import provenance
from allcore.inference.predictor import Predictor
from allcore.inference.provenance import ModelProvenance
from allcore.inference.results import Prediction
from allcore.notice import RESEARCH_USE
from allcore.reports import prediction_json
from allcore.reports.prediction_json import BadReport, PictureFile, PredictionReport
from tests.conftest import draw_cell

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def made_report() -> PredictionReport:
    """A report of a model that is nowhere installed."""
    content = bytes(range(256)) * 4
    return PredictionReport(
        schema=prediction_json.SCHEMA,
        version=prediction_json.VERSION,
        notice=RESEARCH_USE,
        made_at=WHEN,
        prediction=Prediction("all", 0.9, 2.2, 0.5, ood_score=0.4),
        model=ModelProvenance(
            "m", "ab" * 32, "qcresnet", {"widths": [16]}, {"version": 1}, 1.0, 0.5, "Fixed.",
            None, None,
        ),
        versions={"torch": "2"},
        device="cpu",
        cut=None,
        evidence={"seconds": 0.5, "a": [1, {"b": None}]},
        file=PictureFile("a.bmp", hashlib.sha256(content).hexdigest(), "image/bmp", content),
    )  # fmt: skip


SAMPLE = made_report().to_json()


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    told = json.loads(SAMPLE)
    change(told)
    return json.dumps(told).encode()


def png(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(draw_cell(seed=seed)).save(buffer, "PNG")
    return buffer.getvalue()


def test_of__holds_all_that_an_answer_rests_on(tiny_model: Path) -> None:
    predictor = Predictor.load(tiny_model, "cpu")
    content = png()
    answer = predictor.predict([decoding.decode(content)])[0]
    made = prediction_json.make_report(predictor, answer, content, name="a.png", made_at=WHEN)
    assert made.file == PictureFile(
        "a.png", hashlib.sha256(content).hexdigest(), "image/png", content
    )
    assert made.prediction == answer
    assert made.model.weights_sha256 == predictor.info.weights_sha256
    assert made.model.preprocessing == predictor.info.preprocessing.to_dict()
    assert (made.model.threshold, made.model.gate_sha256) == (0.5, None)
    assert set(made.versions) == {"allscope", "torch", "torchvision", "numpy", "pillow", "python"}
    assert (made.notice, made.device, made.made_at) == (RESEARCH_USE, "cpu", WHEN)


def test_read__gives_back_what_was_written(tiny_model: Path) -> None:
    predictor = Predictor.load(tiny_model, "cpu")
    content = png()
    answer = predictor.predict([decoding.decode(content)])[0]
    made = prediction_json.make_report(
        predictor, answer, content, name="Zelle \udcff 细胞.png", cut={"frame": (1, 2)},
        evidence={"low": float("nan"), "set": None, "text": "é"},
    )  # fmt: skip
    again = prediction_json.read_report(made.to_json())
    assert again == made
    assert again.evidence == {"low": None, "set": None, "text": "é"}
    assert again.cut == {"frame": [1, 2]}
    assert again.to_json() == made.to_json()


def test_to_json__is_the_same_whatever_the_order_of_its_dictionaries() -> None:
    made = made_report()
    turned = replace(made, evidence=dict(reversed(list((made.evidence or {}).items()))))
    assert list(turned.evidence or {}) != list(made.evidence or {})
    assert turned.to_json() == made.to_json()


def test_to_json__says_its_form_and_use_first_and_the_bytes_last() -> None:
    told = json.loads(SAMPLE)
    assert list(told)[:3] == ["schema", "version", "notice"]
    assert list(told)[-1] == "file"
    assert told["prediction"] == made_report().prediction.to_stored()
    assert zlib.decompress(base64.b64decode(told["file"]["content"])) == made_report().file.content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.update(version=2), "another form"),
        (lambda told: told.update(schema="x"), "does not say that it is one"),
        (lambda told: told.update(more=1), "unknown field 'more'"),
        (lambda told: told["model"].update(more=1), r"unknown field 'model\.more'"),
        (lambda told: told["prediction"].update(more=1), "other fields"),
        (lambda told: told["prediction"].pop("rung"), "other fields"),
        (lambda told: told["prediction"].update(logit=None), "contradicts itself"),
        (lambda told: told["prediction"].update(verdict="refused"), "contradicts itself"),
        (lambda told: told["prediction"].update(verdict="maybe"), r"prediction\.verdict"),
        (lambda told: told["prediction"].update(p_all="0.9"), r"prediction\.p_all"),
        (lambda told: told.pop("device"), "'device' is missing or wrong"),
        (lambda told: told.update(made_at="2026-01-01T00:00:00"), "'made_at'"),
        (lambda told: told["file"].update(content="%%%"), "can't be unpacked"),
        (lambda told: told["file"].update(content=told["file"]["content"][:-12]), "unpack|short"),
        (lambda told: told["file"].update(content=7), "no text"),
    ],
)
def test_read__says_what_is_wrong(change: Callable[[dict[str, Any]], object], said: str) -> None:
    with pytest.raises(BadReport, match=said):
        prediction_json.read_report(changed(change))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe", b"[]", b"7", b"[" * 100_000, b'{"schema":' * 5000, SAMPLE[:-200],
     SAMPLE.replace(b"0.9,", b"NaN,"), SAMPLE.replace(b"0.9,", b"1e999,"),
     SAMPLE.replace(b"0.9,", b"1" + b"0" * 5000 + b","), SAMPLE.replace(b"0.5", b"Infinity")],
)  # fmt: skip
def test_read__refuses_what_is_no_report(data: bytes) -> None:
    with pytest.raises(BadReport, match=r"^The report is damaged or no report of ALLScope \(.*\)"):
        prediction_json.read_report(data)


def test_read__looks_at_the_size_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_json, "MAX_BYTES", len(SAMPLE) - 1)
    with pytest.raises(BadReport, match="more than the"):
        prediction_json.read_report(SAMPLE)


def test_read__does_not_unpack_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MAX_BYTES", 10_000)
    bomb = base64.b64encode(zlib.compress(bytes(10_001))).decode()
    with pytest.raises(BadReport, match="unpacks to more"):
        prediction_json.read_report(changed(lambda told: told["file"].update(content=bomb)))
    fits = base64.b64encode(zlib.compress(bytes(10_000))).decode()
    read = prediction_json.read_report(changed(lambda told: told["file"].update(content=fits)))
    assert len(read.file.content) == 10_000


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def sentence_of(data: bytes) -> str:
    """What is said of a report that can't be read, or that it can; any other error fails."""
    try:
        prediction_json.read_report(data).to_json()
    except BadReport as error:
        return str(error)
    return "It is one."


@given(st.integers(0, len(SAMPLE) - 1), st.binary(max_size=6), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_read__of_mutated_bytes_gives_a_report_or_the_one_error(
    place: int, put: bytes, cut: int
) -> None:
    data = SAMPLE[:place] + put + SAMPLE[place + cut :]
    said = sentence_of(data)
    assert said.endswith(".") and len(said) < 400


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_read__of_mutated_values_gives_a_report_or_the_one_error(data: st.DataObject) -> None:
    told = json.loads(SAMPLE)
    inside = data.draw(st.sampled_from([told, told["model"], told["prediction"], told["file"]]))
    inside[data.draw(st.sampled_from(sorted(inside)))] = data.draw(VALUES)
    said = sentence_of(json.dumps(told).encode())
    assert said.endswith(".") and len(said) < 400


def test_media_type__goes_by_content() -> None:
    assert provenance.media_type(png()) == "image/png"
    assert provenance.media_type(b"GIF89a") == provenance.UNKNOWN_TYPE
    assert provenance.media_type(b"") == provenance.UNKNOWN_TYPE


def test_gate_digest__differs_with_every_number() -> None:
    from allcore.inference.gate import Gate, GateLimits

    ends = (0.0, 1.0)
    gate = Gate(
        limits=GateLimits(ends, ends, ends, ends), centre=np.zeros(2, np.float32),
        whiten=np.eye(2, dtype=np.float32), max_distance=3.0, facts={},
    )  # fmt: skip
    others = [
        replace(gate, max_distance=3.1),
        replace(gate, centre=np.ones(2, np.float32)),
        replace(gate, whiten=np.ones((2, 2), np.float32)),
        replace(gate, limits=GateLimits(ends, ends, ends, (0.0, 2.0))),
    ]
    digests = {provenance.gate_digest(each) for each in (gate, *others)}
    assert len(digests) == 5
    assert provenance.gate_digest(replace(gate, facts={"cells": 3})) in digests


@pytest.mark.parametrize("evidence", [{"models": [{"probability": 10**400}]}, [], "text"])
def test_read__refuses_evidence_that_no_page_could_print(evidence: object) -> None:
    with pytest.raises(BadReport):
        prediction_json.read_report(changed(lambda told: told.update(evidence=evidence)))
