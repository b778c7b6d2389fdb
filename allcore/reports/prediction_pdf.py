"""One-page A4 report of one prediction, for readers.

Any report fits on one page: every text has a maximum number of lines and is truncated beyond them.
Equal reports and images give equal files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from allcore.data import cells
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.errors import BadImage
from allcore.labels import CLASS_COLOURS, CLASS_NAMES, VERDICT_TITLES
from allcore.plots import style
from allcore.reports.pdf_sheet import BOTTOM, LEFT, QUIET, WIDTH, PdfSheet, latin, rgb
from allcore.reports.prediction_json import PredictionReport

if TYPE_CHECKING:
    from allcore.explain.result import Explanation

MAX_PICTURES = 4
_SIDE, _GAP = 42.0, 4.0  # side of an image, and gap between images, millimetres
_PIXELS = 448  # maximum side of an image
_THINNED = 4 * _PIXELS  # side of a picture from which rows and columns are left out
_LABEL = 36.0  # width of a line's label, millimetres
_FACTS = BOTTOM - 60  # fixed top of the model section
_LINE = 0.42 * 9  # height of a line of evidence, millimetres
_MODELS = 5  # maximum number of models listed


@dataclass(frozen=True)
class PicturePanel:
    """An image beside the verdict."""

    title: str
    rgb: Rgb  # (H, W, 3) uint8


def prediction_pdf(report: PredictionReport, panels: Sequence[PicturePanel] = ()) -> bytes:
    """Render a report as one page, with as many additional images as fit."""
    sheet = PdfSheet("ALLScope: report of one prediction", report.made_at)
    sheet.line_of(report.file.name, size=11, bold=True, lines=2)
    if latin(report.file.name) != " ".join(report.file.name.split()):
        text = "Letters that this page can't show are replaced; the JSON report has the whole name."
        sheet.line_of(text, size=8, colour=QUIET)
    sheet.line_of(f"SHA-256 {report.file.sha256}", size=8, mono=True, colour=QUIET)
    _pictures(sheet, [*_report_panels(report), *panels][:MAX_PICTURES])
    _answer(sheet, report)
    _evidence(sheet, report.evidence)
    _model(sheet, report)
    return bytes(sheet.output())


def explanation_panels(explanation: "Explanation") -> list[PicturePanel]:
    """Images of an explanation: the network's input, and the saliency maps that passed checks."""
    from allcore.explain import gradcam

    picture = explanation.input.picture
    maps = [
        PicturePanel(saliency.method, gradcam.overlay(picture, saliency.heat))
        for saliency in explanation.saliency
        if saliency.trusted
    ]
    return [PicturePanel("What the network saw", picture), *maps]


def _report_panels(report: PredictionReport) -> Iterator[PicturePanel]:
    """The original image, if it can be decoded, and the segmented cell."""
    try:
        picture = _decoded(report)
    except BadImage:
        return
    yield PicturePanel(
        f"As it came, {picture.shape[1]} x {picture.shape[0]} px", cells.thinned(picture, _THINNED)
    )
    if report.cut is None:
        return
    from allcore.inference import segmentation

    try:
        cut = segmentation.Cut.from_dict(report.cut).applied(picture)
        before = segmentation.surroundings(picture, cut.facts["frame"])
        yield PicturePanel("Before: the cell in the picture", before)
        yield PicturePanel("After: the cell that was judged", cut.rgb)
    except BadImage:  # the cut can't be reproduced, which --verify reports
        return


def _decoded(report: PredictionReport) -> Rgb:
    if report.cut is None:
        return decoding.decode(report.file.content)
    from allcore.inference import upload

    return upload.decode_field(report.file.content)


def _pictures(sheet: PdfSheet, panels: Sequence[PicturePanel]) -> None:
    top = sheet.y + 2
    for place, panel in enumerate(panels):
        image = Image.fromarray(panel.rgb)
        image.thumbnail((_PIXELS, _PIXELS))
        left = LEFT + place * (_SIDE + _GAP)
        longer = max(image.size)
        width, height = (_SIDE * side / longer for side in image.size)
        across, down = left + (_SIDE - width) / 2, top + (_SIDE - height) / 2
        sheet.image(image, x=across, y=down, w=width, h=height, alt_text=latin(panel.title))
        sheet.set_xy(left, top + _SIDE + 0.5)
        sheet.line_of(panel.title, size=7.5, colour=QUIET, width=_SIDE, lines=2)
    sheet.set_xy(LEFT, top + (_SIDE + 7.5 if panels else 0))


def _answer(sheet: PdfSheet, report: PredictionReport) -> None:
    """The verdict block: words, probability on its scale, how sure, what training means for it."""
    prediction, summary = report.prediction, _dict(_dict(report.evidence).get("summary"))
    verdict = str(summary.get("verdict", prediction.verdict))
    colour = rgb(CLASS_COLOURS.get(verdict, style.REFUSED))
    words = str(summary.get("words", prediction.words))
    sheet.line_of(words, size=20, bold=True, colour=colour)
    if mark := str(_dict(report.cut).get("mark") or ""):
        sheet.line_of(_capital(mark), size=11, bold=True, colour=rgb(style.CAUTION_INK))
    if prediction.p_all is None:
        sheet.line_of(prediction.reason or "The picture was refused.", size=10, lines=4)
        sheet.line_of("A refused picture has no probability.", colour=QUIET)
    else:
        probability, threshold, kind = prediction.p_all, prediction.threshold, "Calibrated"
        recorded = summary.get("probability")
        if summary.get("held_out") is True and isinstance(recorded, float):
            probability, kind = recorded, "Held-out"
        side = "at or above" if probability >= threshold else "below"
        text = f"{kind} probability of an ALL blast {probability:.2f}, {side} the threshold"
        text += f" {threshold:.2f}."
        sheet.line_of(text, size=10)
        sheet.set_y(sheet.y + 2)
        sheet.scale(probability, threshold, width=WIDTH)
        for name in ("certainty", "training_note"):
            sheet.line_of(str(summary.get(name) or ""), lines=2)
    if report.cut is not None:
        parts = (
            report.cut.get("note") or "cut out by the program",
            report.cut.get("normalisation"),
        )
        sheet.line_of(f"Cell: {'; '.join(str(part) for part in parts if part)}.", lines=3)
    sheet.set_y(sheet.y + 1.5)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _evidence(sheet: PdfSheet, record: dict[str, Any] | None) -> None:
    sheet.heading("Evidence")
    if record is None:
        sheet.line_of("None was asked for, or the picture was refused.", colour=QUIET)
    else:
        for name, text in _evidence_lines(record):
            room = int((_FACTS - 3 - sheet.y) / _LINE)
            if room < 2:
                sheet.line_of("More stands in the JSON report.", colour=QUIET)
                break
            _labelled(sheet, name, text, size=9, lines=min(4, room - 1))


def _labelled(
    sheet: PdfSheet, name: str, text: str, *, size: float, lines: int = 1, mono: bool = False
) -> None:
    """Write a line with a label."""
    top = sheet.y
    sheet.line_of(name, size=size, bold=True, width=_LABEL - 2)
    sheet.set_xy(LEFT + _LABEL, top)
    sheet.line_of(text, size=size, mono=mono, width=WIDTH - _LABEL, lines=lines)
    sheet.set_xy(LEFT, max(sheet.y, top + 0.42 * size) + 0.5)


def _evidence_lines(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Title and sentences of each part of the evidence that is present."""
    prediction_set = _dict(record.get("set"))
    if prediction_set:
        cells = prediction_set.get("holds_for", "cells like those it was tested on")
        caution = prediction_set.get("caution") or f"It holds for {cells}."
        yield "Prediction set", f"{prediction_set.get('words', '')} {caution}"
    for title in ("Stability", "Neighbours"):
        piece = _dict(record.get(title.lower()))
        if sentence := piece.get("sentence"):
            yield title, f"{sentence} {_near(piece)}"
    for saliency in _list(record.get("heat"))[:2]:
        deletion = _dict(saliency.get("deletion")).get("sentence", "")
        yield str(saliency.get("method", "Heat")), f"{saliency.get('sentence', '')} {deletion}"
    models = _list(record.get("models"))
    if models:
        more = len(models) - _MODELS
        end = f"; {more} more in the JSON report" if more > 0 else ""
        yield "All models", "; ".join(map(_of_model, models[:_MODELS])) + end


def _near(record: dict[str, Any]) -> str:
    """Labels and subjects of the nearest cells, in words."""
    texts = []
    for cell in _list(record.get("cells"))[:8]:
        name = CLASS_NAMES.get(str(cell.get("label")), "no label")
        texts.append(f"{name} ({cell.get('subject') or 'unknown'})")
    return f"Nearest first: {', '.join(texts)}." if texts else ""


def _of_model(record: dict[str, Any]) -> str:
    spoken = {str(verdict): words for verdict, words in VERDICT_TITLES.items()}
    verdict, number = spoken.get(str(record.get("verdict")), "no answer"), record.get("probability")
    value = f"{number:.2f}" if isinstance(number, int | float) else str(record.get("reason") or "")
    return f"{record.get('model', '')}: {verdict.lower().replace('all ', 'ALL ')} {value}".rstrip()


def _model(sheet: PdfSheet, report: PredictionReport) -> None:
    sheet.rule(_FACTS)
    sheet.set_xy(LEFT, _FACTS + 1.5)
    sheet.heading("What the answer rests on")
    model = report.model
    size, version = (model.preprocessing.get(name, "?") for name in ("size", "version"))
    profile = model.profile
    scaling = f"temperature {model.temperature:.3f}"
    if profile is not None:
        scaling += f", at {profile.name} then / {profile.temperature:.3f} {profile.bias:+.3f}"
    facts = [
        ("Model", f"{model.name} ({model.architecture}), {scaling}"),
        ("Weights SHA-256", model.weights_sha256),
        ("Data digest", model.data_digest or "not on record"),
        ("Gate SHA-256", model.gate_sha256 or "this model has no gate"),
        ("Preprocessing", f"version {version}, {size} x {size} px"),
        ("Threshold", f"{model.threshold:.3f}. {model.threshold_rule}"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in report.versions.items())),
        ("Device", f"{report.device}, {report.precision}"),
        ("Reproduce", "python -m allcore predict --verify REPORT.json, this report as JSON"),
    ]
    for name, text in facts:
        lines = {"Threshold": 3, "Versions": 2}.get(name, 1)
        mono = name.endswith(("SHA-256", "digest"))
        _labelled(sheet, name, text, size=8, lines=lines, mono=mono)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
