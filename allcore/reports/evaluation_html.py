"""The whole evaluation of a model as one HTML file that needs nothing else, no network either.

Nothing in it is loaded from anywhere: plotly.js, style and figures are inside, and a content
security policy forbids the rest. All text that people or files named is escaped.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

import allcore
from allcore import formats
from allcore.evaluation import calibration, curves, metrics, model_evaluation
from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
from allcore.labels import CLASS_NAMES
from allcore.model_folder import ModelInfo
from allcore.plots import style
from allcore.reports import html_parts as parts
from allcore.reports.model_card import background as card_sections
from allcore.reports.model_card import document
from allcore.reports.model_card import results as card_results

METHOD = (
    "Every figure is computed from predictions for held-out cells; no picture is needed. Over "
    "subjects is the interval to go by for the next subject: whole subjects are drawn anew within "
    "their class 2,000 times (rescaled bootstrap of Rao and Wu) and the spread becomes a "
    "Student's t interval on the logit scale.",
    "Over cells treats every cell as independent (Wilson for shares, DeLong for the AUROC, "
    "bootstrap for the others), so it says only how well a figure is known for these very "
    "subjects. The band of the ROC curve is pointwise and over subjects; the bars of the "
    "reliability curve are over cells.",
    "The baseline is a set of boosted trees that see a cell's area and brightness, no more: what "
    "a network adds is what it does better than that.",
)


@dataclass(frozen=True)
class ReportSection:
    """What a caller adds to the report: text, then figures, then tables."""

    title: str
    figures: Sequence[go.Figure] = ()
    tables: Sequence[pd.DataFrame] = ()
    text: str = ""


def evaluation_html(
    report: ModelEvaluation,
    predictions: pd.DataFrame,
    info: ModelInfo,
    *,
    history: pd.DataFrame | None = None,
    extras: Sequence[ReportSection] = (),
    date: datetime.date | None = None,
) -> str:
    """The evaluation as a self-contained HTML document.

    Args:
        report: from `results.evaluate`.
        predictions: the table that it was made of.
        info: the model.
        history: one row an epoch, as `plots.learning_curve` takes it.
        extras: further sections, such as slices or robustness.
        date: the date that stands in it; today's where none is given. Apart from it, equal
            arguments give equal documents.

    Raises:
        DataError: the predictions can't be evaluated.
    """
    day = date or datetime.date.today()
    sections = [
        *(_split(part, predictions, report) for part in card_results.splits_of(report)),
        *_training(history),
        *(_extra(section) for section in extras),
        parts.HtmlSection("Method and threshold", _method(report)),
        *_card(info, report, [section.title for section in extras]),
    ]
    intro = (
        f"<h1>Evaluation of {escape(info.name)}</h1>"
        + parts.paragraph(
            f"Generated on {day.isoformat()} by ALLScope {allcore.__version__} from held-out "
            f"predictions. A cell is called an ALL blast from a probability of "
            f"{report.threshold:.3f} on."
        )
        + "".join(parts.block(told) for told in card_sections.split(info, report).blocks[:1])
        + parts.paragraph(f"Weights SHA-256 {report.weights_sha256}", quiet=True)
    )
    return parts.document(f"Evaluation of {info.name}", intro, sections)


def figures_of(
    part: SplitEvaluation, cells: pd.DataFrame, *, threshold: float
) -> list[tuple[str, go.Figure]]:
    """The figures of one split with their names, those that its cells allow.

    Args:
        part: the split's report.
        cells: its labelled predictions.
        threshold: probability from which a cell is called a blast.
    """
    sample = model_evaluation.sample_of_predictions(cells)
    found = [("confusion-matrix", style.confusion_matrix(part.confusion))]
    if part.blast.cells and part.normal.cells:
        point = (1 - part.estimate("specificity").value, part.estimate("sensitivity").value)
        area = part.estimate("auroc").over_subjects
        found.append(("roc", style.roc(curves.roc(sample), point=point, area=area)))
    bins = calibration.reliability(labels=sample.labels, probabilities=sample.probabilities)
    error = part.estimate("ece").value
    found.append(("reliability", style.reliability(bins, error=error)))
    if part.subjects:
        found.append(("subjects", _strip(part, cells, threshold)))
    return found


def _split(
    part: SplitEvaluation, predictions: pd.DataFrame, report: ModelEvaluation
) -> parts.HtmlSection:
    chosen = (predictions["split"] == part.split) & predictions["label"].notna()
    drawn = figures_of(part, predictions[chosen], threshold=report.threshold)
    charts = [
        parts.chart(figure, name=f"{report.model}-{part.split}-{name}") for name, figure in drawn
    ]
    body = [
        parts.paragraph(part.size_text + "."),
        *(parts.paragraph(note) for note in part.notes),
        _headline(part),
        parts.grid(charts[:-1] if part.subjects else charts),
        "<h3>All figures</h3>",
        parts.table(_figures_table(part)),
        "<h3>Subjects</h3>",
        *(_subjects(part, charts[-1]) if part.subjects else [_UNKNOWN]),
    ]
    return parts.HtmlSection(
        f"{card_results.TITLE}: {formats.SPLITS[part.split].lower()}", "".join(body)
    )


_UNKNOWN = parts.paragraph("Subjects are unknown for these cells.")


def _headline(part: SplitEvaluation) -> str:
    cards = []
    for name in card_results.HEADLINE:
        figure = part.estimate(name)
        value = "undefined" if figure.value != figure.value else f"{figure.value:.3f}"
        lines = [
            ("Over subjects", formats.bounds(figure.over_subjects)),
            ("Over cells", formats.bounds(figure.over_cells)),
        ]
        cards.append(parts.card(metrics.TITLES[name], value, lines))
    below = "95 % intervals. Over subjects is the one to go by for a new subject."
    return f'<div class="cards">{"".join(cards)}</div>' + parts.paragraph(below, quiet=True)


def _figures_table(part: SplitEvaluation) -> pd.DataFrame:
    baseline = {figure.name: formats.estimate(figure.over_subjects) for figure in part.baseline}
    return pd.DataFrame(
        {
            "Figure": metrics.TITLES[figure.name],
            "Value": "undefined" if np.isnan(figure.value) else f"{figure.value:.3f}",
            "Over subjects": formats.bounds(figure.over_subjects),
            "Over cells": formats.bounds(figure.over_cells),
            "Area and brightness only (over subjects)": baseline.get(figure.name, "not measured"),
        }
        for figure in part.estimates
    )


def _subjects(part: SplitEvaluation, strip: str) -> list[str]:
    table = pd.DataFrame(
        {
            "Subject": row.subject,
            "Class": CLASS_NAMES[row.label],
            "Cells": row.cells,
            "Called rightly": formats.share(row.accuracy, row.cells),
            "Called ALL blast": formats.share(row.blasts, row.cells),
            "Median probability": f"{row.probability:.2f}",
        }
        for row in part.subjects
    )
    return [strip, parts.table(table)]


def _strip(part: SplitEvaluation, cells: pd.DataFrame, threshold: float) -> go.Figure:
    """The strip plot; plotly reads names as mark-up, so they are escaped before it sees them."""
    safe = cells.assign(
        subject=cells["subject"].astype(str).map(escape),
        image_id=cells["image_id"].astype(str).map(escape),
    )
    rows = [replace(row, subject=escape(row.subject)) for row in part.subjects]
    return style.subject_strip(safe, rows, threshold=threshold)


def _training(history: pd.DataFrame | None) -> Iterator[parts.HtmlSection]:
    if history is not None and {"train_loss", "validation_loss"} <= set(history):
        curve = parts.chart(style.learning_curve(history), name="learning-curve")
        yield parts.HtmlSection("Training", parts.grid([curve]))


def _extra(section: ReportSection) -> parts.HtmlSection:
    charts = [
        parts.chart(figure, name=f"{section.title}-{number}")
        for number, figure in enumerate(section.figures, start=1)
    ]
    body = [
        *(parts.paragraph(text) for text in section.text.split("\n\n") if text.strip()),
        parts.grid(charts),
        *(parts.table(table) for table in section.tables),
    ]
    return parts.HtmlSection(section.title, "".join(body))


def _method(report: ModelEvaluation) -> str:
    rule = f"Threshold {report.threshold:.3f}, temperature {report.temperature:.3f}. Rule: "
    return "".join(map(parts.paragraph, (*METHOD, rule + report.threshold_rule)))


def _card(
    info: ModelInfo, report: ModelEvaluation, beside: Sequence[str]
) -> Iterator[parts.HtmlSection]:
    """The card's chapters; those of its results say again what the report shows already."""
    told = {chapter.title for chapter in card_results.chapters(report)}
    for chapter in document.chapters(info, report, beside=beside):
        if chapter.title not in told:
            body = "".join(parts.block(block) for block in chapter.blocks)
            yield parts.HtmlSection(chapter.title, body)
