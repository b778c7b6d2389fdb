"""Evaluation of a model as one self-contained HTML file.

The file includes plotly.js, style and figures and loads nothing; a content security policy forbids
it. All user-supplied text is escaped.
"""

import datetime
from collections.abc import Iterable
from dataclasses import replace
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

import allcore
from allcore import formats
from allcore.evaluation import curves, metrics, model_evaluation
from allcore.evaluation.estimates import Estimate
from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
from allcore.evaluation.subjects import SubjectRow
from allcore.labels import CLASS_NAMES
from allcore.model_folder import ModelInfo
from allcore.plots.evaluation import curves as curve_plots
from allcore.plots.evaluation import errors as error_plots
from allcore.plots.evaluation import subjects as subject_plots
from allcore.reports import html_document as html
from allcore.reports.html_document import HtmlSection
from allcore.reports.model_card import background, document, results

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


def evaluation_html(
    evaluation: ModelEvaluation,
    predictions: pd.DataFrame,
    info: ModelInfo,
    *,
    date: datetime.date | None = None,
) -> str:
    """Generate the evaluation as a self-contained HTML document, dated today by default."""
    day = date or datetime.date.today()
    rule = (
        f"Threshold {evaluation.threshold:.3f}, temperature {evaluation.temperature:.3f}. Rule: "
        f"{evaluation.threshold_rule}"
    )
    splits = results.splits_of(evaluation)
    sections = [_split_section(split, predictions, evaluation) for split in splits]
    method = "".join(map(html.paragraph, (*METHOD, rule)))
    sections.append(HtmlSection("Method and threshold", method))
    # The card without the chapters of its results, which the report already has.
    own = {chapter.title for chapter in results.chapters(evaluation)}
    for chapter in document.chapters(info, evaluation):
        if chapter.title not in own:
            body = "".join(map(html.block, chapter.blocks))
            sections.append(HtmlSection(chapter.title, body))
    introduction = (
        f"<h1>Evaluation of {escape(info.name)}</h1>"
        + html.paragraph(
            f"Generated on {day.isoformat()} by ALLScope {allcore.__version__} from held-out "
            f"predictions. A cell is predicted ALL blast from a probability of "
            f"{evaluation.threshold:.3f} on."
        )
        + html.block(background.split(info, evaluation).blocks[0])
        + html.paragraph(f"Weights SHA-256 {evaluation.weights_sha256}", quiet=True)
    )
    return html.document(f"Evaluation of {info.name}", introduction, sections)


def split_plots(
    split: SplitEvaluation, cells: pd.DataFrame, *, threshold: float
) -> dict[str, go.Figure]:
    """Plots of one split by name, as far as its cells allow."""
    sample = model_evaluation.sample_of_predictions(cells)
    plots = {"confusion-matrix": error_plots.confusion_matrix(split.confusion)}
    if split.blast.cells and split.normal.cells:
        point = (1 - split.estimate("specificity").value, split.estimate("sensitivity").value)
        plots["roc"] = curve_plots.roc(
            {"Model": curves.roc_curve(sample)},
            points={"Model": point},
            areas={"Model": split.estimate("auroc")},
        )
    error = split.estimate("ece").value
    curve = curves.reliability_curve(sample)
    plots["reliability"] = curve_plots.calibration(None, curve, errors=(np.nan, error))
    if split.subjects:
        # plotly interprets names as mark-up, so they are escaped.
        names = {name: cells[name].astype(str).map(escape) for name in ("subject", "image_id")}
        rows = [replace(row, subject=escape(row.subject)) for row in split.subjects]
        plots["subjects"] = subject_plots.subject_strip(
            cells.assign(**names), rows, threshold=threshold
        )
    return plots


def _split_section(
    split: SplitEvaluation, predictions: pd.DataFrame, evaluation: ModelEvaluation
) -> HtmlSection:
    labelled = (predictions["split"] == split.split) & predictions["label"].notna()
    plots = split_plots(split, predictions[labelled], threshold=evaluation.threshold)
    charts = {
        name: html.chart(plot, name=f"{evaluation.model}-{split.split}-{name}")
        for name, plot in plots.items()
    }
    strip = charts.pop("subjects", "")
    subjects = strip + html.table(subjects_table(split.subjects))
    body = [
        html.paragraph(split.size_text + "."),
        *map(html.paragraph, split.notes),
        _headline(split),
        html.grid(list(charts.values())),
        "<h3>All figures</h3>",
        html.table(estimates_table(split.estimates, split.baseline)),
        "<h3>Subjects</h3>",
        subjects if split.subjects else html.paragraph("Subjects are unknown for these cells."),
    ]
    return HtmlSection(f"{results.TITLE}: {formats.SPLITS[split.split].lower()}", "".join(body))


def _headline(split: SplitEvaluation) -> str:
    cards = []
    for estimate in map(split.estimate, results.HEADLINE):
        lines = [
            ("Over subjects", formats.bounds(estimate.over_subjects)),
            ("Over cells", formats.bounds(estimate.over_cells)),
        ]
        title, value = metrics.TITLES[estimate.name], formats.number(estimate.value)
        cards.append(html.card(title, value, lines))
    below = results.intervals_text(split)
    return f'<div class="cards">{"".join(cards)}</div>' + html.paragraph(below, quiet=True)


def estimates_table(estimates: Iterable[Estimate], baseline: Iterable[Estimate]) -> pd.DataFrame:
    """One row an estimate with both intervals, beside that of area and brightness alone."""
    alone = {row.name: formats.estimate(row.over_subjects) for row in baseline}
    return pd.DataFrame(
        {
            "Figure": metrics.TITLES[estimate.name],
            "Value": formats.number(estimate.value),
            "Over subjects": formats.bounds(estimate.over_subjects),
            "Over cells": formats.bounds(estimate.over_cells),
            "Area and brightness only (over subjects)": alone.get(estimate.name, "not measured"),
        }
        for estimate in estimates
    )


def subjects_table(rows: Iterable[SubjectRow]) -> pd.DataFrame:
    """One row a subject: cells, and shares with their intervals."""
    return pd.DataFrame(
        {
            "Subject": row.subject,
            "Class": CLASS_NAMES[row.label],
            "Cells": row.cells,
            "Correct": formats.share(row.accuracy, row.cells),
            "Predicted ALL blast": formats.share(row.blasts, row.cells),
            "Median probability": row.probability,
        }
        for row in rows
    )
