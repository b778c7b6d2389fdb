import io
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from allcore import model_folder
from allcore.data import subject_assignment
from allcore.evaluation import subjects
from allcore.inference import segmentation
from allcore.inference.provenance import ModelProvenance
from allcore.inference.results import PredictedRow, Prediction
from allcore.notice import RESEARCH_USE
from allcore.reports import batch_pdf, pdf_sheet, prediction_pdf
from allcore.reports.prediction_json import PictureFile, PredictionReport
from benchmarks import synthetic_smears
from tests.conftest import draw_cell

WHEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
EVIDENCE: dict[str, Any] = {
    "set": {"words": "95 % prediction set: ALL blast.", "holds_for": "cells of unseen subjects"},
    "stability": {"sentence": "All 8 views agree."},
    "heat": [{"method": "Grad-CAM", "sentence": "97 % inside.",
              "deletion": {"sentence": "Covering it lowers the probability."}}],
    "neighbours": {"sentence": "7 of 8 are blasts.", "cells": [{"label": "all", "subject": "51"}]},
    "models": [{"model": "m", "verdict": "all", "probability": 0.9},
               {"model": "other", "verdict": "refused", "probability": None, "reason": "Blurred."}],
}  # fmt: skip


def content() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(draw_cell(seed=0)).save(buffer, "PNG")
    return buffer.getvalue()


def made(**changes: Any) -> PredictionReport:
    model = ModelProvenance(
        "m", "ab" * 32, "qcresnet", {}, {"version": 1, "size": 224}, 1.0, 0.5, "Fixed.",
        "cd" * 32, None,
    )  # fmt: skip
    report = PredictionReport(
        "allscope-report", 1, RESEARCH_USE, WHEN, Prediction("all", 0.9, 2.2, 0.5), model,
        {"torch": "2"}, "cpu", None, EVIDENCE,
        PictureFile("a.png", "ef" * 32, "image/png", content()),
    )  # fmt: skip
    return replace(report, **changes)


def pages(data: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", data))


def text(data: bytes, tmp_path: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    ran = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True)
    return " ".join(ran.stdout.decode().split())


def test_pdf__says_all_that_the_report_does(tmp_path: Path) -> None:
    said = text(prediction_pdf.prediction_pdf(made()), tmp_path)
    assert said.count(RESEARCH_USE) == 2
    for part in (
        "ALL blast", "probability of an ALL blast 0.90, at or above the threshold 0.50",
        "95 % prediction set: ALL blast.", "All 8 views agree.", "97 % inside.",
        "Covering it lowers", "7 of 8 are blasts.", "ALL blast (51)", "other: refused Blurred.",
        "ab" * 32, "cd" * 32, "ef" * 32, "torch 2", "2026-03-04 05:06 UTC", "predict --verify",
    ):  # fmt: skip
        assert part in said, part


def test_pdf__a_cell_of_the_training_has_its_held_out_answer_first(tmp_path: Path) -> None:
    summary = {
        "verdict": "hem", "probability": 0.25, "held_out": True, "words": "Normal",
        "training_note": "The installed network gives 0.90.", "certainty": "Stable in 8 of 8.",
    }  # fmt: skip
    said = text(prediction_pdf.prediction_pdf(made(evidence={"summary": summary})), tmp_path)
    assert "Held-out probability of an ALL blast 0.25, below the threshold 0.50." in said
    assert "The installed network gives 0.90." in said and "Stable in 8 of 8." in said


def test_pdf__a_refused_picture_has_a_reason_and_no_number(tmp_path: Path) -> None:
    refused = Prediction("refused", None, None, 0.5, "The cell is blurred.", "focused", 0.8765)
    said = text(prediction_pdf.prediction_pdf(made(prediction=refused, evidence=None)), tmp_path)
    assert "Refused" in said and "The cell is blurred." in said
    assert "0.88" not in said and "0.87" not in said


def test_pdf__is_the_same_for_the_same_report() -> None:
    assert prediction_pdf.prediction_pdf(made()) == prediction_pdf.prediction_pdf(made())
    assert prediction_pdf.prediction_pdf(made()) != prediction_pdf.prediction_pdf(
        made(made_at=WHEN.replace(day=5))
    )


ANY = st.text(max_size=30).map(lambda each: each * 40)


@given(ANY, ANY, st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_pdf__is_one_page_whatever_it_says(one: str, two: str, refused: bool, bare: bool) -> None:
    evidence = {
        "set": {"words": one, "holds_for": two, "caution": None}, "stability": {"sentence": two},
        "heat": [{"method": one, "sentence": two, "deletion": {"sentence": one}}] * 5,
        "neighbours": {"sentence": one, "cells": [{"label": one, "subject": two}] * 9},
        "models": [{"model": one, "reason": two}] * 20,
    }  # fmt: skip
    base = made()
    answer = Prediction("refused", None, None, 0.5, one) if refused else base.prediction
    report = made(
        prediction=answer,
        evidence=None if bare else evidence,
        cut={"method": two},
        device=one,
        versions={one: two},
        model=replace(base.model, name=one, threshold_rule=two, architecture=two),
        file=replace(base.file, name=two, content=b"none" if bare else base.file.content),
    )
    panels = [prediction_pdf.PicturePanel(one, draw_cell(seed=1))] * 6
    data = prediction_pdf.prediction_pdf(report, panels)
    assert pages(data) == 1 and data.startswith(b"%PDF")


def test_pdf__nothing_is_written_below_the_foot(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "word " * 900
    lowest = []
    written = pdf_sheet.PdfSheet.line_of

    def seen(self: Any, *words: Any, **more: Any) -> None:
        written(self, *words, **more)
        lowest.append(self.y)

    monkeypatch.setattr(pdf_sheet.PdfSheet, "line_of", seen)
    evidence = {name: {"sentence": long, "words": long} for name in EVIDENCE} | {"heat": [
        {"method": long, "sentence": long}] * 2, "models": [{"model": long}] * 9}  # fmt: skip
    base = made()
    prediction_pdf.prediction_pdf(
        made(
            prediction=Prediction("refused", None, None, 0.5, long),
            evidence=evidence,
            cut={"method": long},
            versions={long: long},
            model=replace(base.model, name=long, threshold_rule=long),
            file=replace(base.file, name=long),
        )
    )
    assert max(lowest[:-2]) <= pdf_sheet.BOTTOM - 5 and max(lowest) < 297


@pytest.mark.parametrize("evidence", [{"set": 7, "heat": "x", "models": [1]}, {"heat": [{}]}, {}])
def test_pdf__evidence_of_a_stranger_may_be_anything(evidence: dict[str, Any]) -> None:
    assert pages(prediction_pdf.prediction_pdf(made(evidence=evidence))) == 1


def test_latin__replaces_what_the_font_lacks() -> None:
    assert pdf_sheet.latin("Zelle é 细胞\n–…\udcff\x07") == "Zelle é ?? -...??"


def rows(count: int) -> list[PredictedRow]:
    return [_refused(i) if i % 10 == 0 else _blast(i) for i in range(count)]


def _blast(i: int) -> PredictedRow:
    return PredictedRow(
        f"UID_{i % 3}_{i}_1_all.bmp", "ab" * 32, "all", 0.9, 0.5, "", "tiny", "cd", "fp32"
    )


def _refused(i: int) -> PredictedRow:
    reason = "It is blurred."
    return PredictedRow(
        f"UID_{i % 3}_{i}_1_all.bmp", "ab" * 32, "refused", None, 0.5, reason, "tiny", "cd", "fp32"
    )


def test_batch_pdf__has_counts_subjects_reasons_and_rows(tmp_path: Path, tiny_model: Path) -> None:
    info, found = model_folder.read_info(tiny_model), rows(90)
    whose = subject_assignment.by_names([row.path for row in found])
    shares = subjects.subject_shares([row.verdict for row in found], whose.subjects, least=28)
    data = batch_pdf.batch_pdf(found, info=info, made_at=WHEN, shares=shares, whence=whose.sentence)
    said = text(data, tmp_path)
    assert "90 pictures: 81 ALL blast, 0 normal, 9 refused." in said
    assert "too few cells" in said and subjects.SHARES_MEANING in said and whose.sentence in said
    assert "9 It is blurred." in said and info.weights_sha256 in said
    assert said.count(RESEARCH_USE) == 2 * pages(data)
    assert all(row.path in said for row in found)


def test_batch_pdf__says_how_many_rows_are_left_out(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_pdf, "MAX_ROWS", 10)
    info = model_folder.read_info(tiny_model)
    made = [batch_pdf.batch_pdf(rows(90), info=info, made_at=WHEN) for _ in range(2)]
    said = text(made[0], tmp_path)
    assert made[0] == made[1]
    assert "80 more pictures not listed here: the CSV has all." in said
    assert "UID_0_9_1" in said and "UID_1_10_1" not in said and "By subject" not in said
    assert pages(batch_pdf.batch_pdf([], info=info, made_at=WHEN)) == 1


def test_said__a_caution_takes_the_place_of_what_holds() -> None:
    chosen = {"words": "ALL blast.", "holds_for": "such cells", "caution": "Be careful."}
    assert ("Prediction set", "ALL blast. Be careful.") in list(
        prediction_pdf._evidence_lines({"set": chosen})
    )
    without = list(prediction_pdf._evidence_lines({"set": chosen | {"caution": None}}))
    assert ("Prediction set", "ALL blast. It holds for such cells.") in without


def test_pdf__tells_the_note_of_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []
    monkeypatch.setattr(pdf_sheet.PdfSheet, "line_of", lambda _, text, **__: lines.append(text))
    prediction_pdf.prediction_pdf(made(cut={"method": "m", "note": "cell 2 of 3; reduced"}))
    assert "Cell: cell 2 of 3; reduced." in lines


def test_came__shows_the_cell_before_and_after_the_cut() -> None:
    facts = {
        "version": segmentation.VERSION,
        "candidate": 0,
        "grow": 0,
        "tolerance": 0.5,
        "scale": 1,
    }
    field, _ = synthetic_smears.with_cell(synthetic_smears.field(300, 300), 150, 150, radius=70)
    buffer = io.BytesIO()
    Image.fromarray(field).save(buffer, "PNG")
    report = made(cut=facts, file=replace(made().file, content=buffer.getvalue()))
    judged = segmentation.Cut.from_dict(facts).applied(field).rgb
    came, before, after = prediction_pdf._report_panels(report)
    assert (came.rgb == field).all() and (after.rgb == judged).all()
    top, left, bottom, right = segmentation.Cut.from_dict(facts).applied(field).facts["frame"]
    assert before.rgb.shape[0] > max(bottom - top, right - left)
