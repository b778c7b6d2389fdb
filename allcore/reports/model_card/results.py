"""The figures of a card, each with its interval over cells and over subjects."""

from allcore import formats
from allcore.evaluation import metrics
from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
from allcore.evaluation.subjects import SubjectRow
from allcore.labels import CLASS_NAMES
from allcore.reports.model_card.text import Block, Chapter, Paragraph, Table

TITLE = "Results"
WORST = 5
HEADLINE = ("accuracy", "weighted_f1", "auroc", "sensitivity", "specificity")


def chapters(report: ModelEvaluation) -> tuple[Chapter, ...]:
    """The results of both splits and the subjects that do worst."""
    parts = parts_of(report)
    return (
        Chapter(TITLE, (Paragraph(_reading(report)),)),
        *(_figures(part) for part in parts),
        *_worst(parts[0]),
    )


def parts_of(report: ModelEvaluation) -> tuple[SplitEvaluation, ...]:
    """The splits that hold cells, test first."""
    return tuple(part for part in (report.test, report.validation) if part is not None)


def summary(part: SplitEvaluation) -> str:
    """The headline figures in one sentence, both units."""
    figures = (part.estimate(name) for name in HEADLINE)
    told = [
        f"{metrics.TITLES[figure.name]} {figure.value:.3f} ({formats.both_bounds(figure)})"
        for figure in figures
        if figure.value == figure.value
    ]
    return f"{formats.SPLITS[part.split]}, {part.size_text}: {'; '.join(told)}."


def _reading(report: ModelEvaluation) -> str:
    text = (
        "Each figure has two 95 % intervals: over cells (how well it is known for these very "
        "subjects) and over subjects (what to expect of other subjects; the one to go by). "
        "Shares have Wilson's interval over cells, the AUROC DeLong's, the others a bootstrap; "
        "over subjects, whole subjects are drawn anew within their class."
    )
    if not any(part.baseline for part in parts_of(report)):
        return text
    return (
        f"{text} The baseline is a set of boosted trees that see only a cell's area and "
        f"brightness, at its own threshold of {report.baseline_threshold:.3f}."
    )


def _figures(part: SplitEvaluation) -> Chapter:
    baseline = {figure.name: figure for figure in part.baseline}
    rows = tuple(
        (
            metrics.TITLES[figure.name],
            "undefined" if figure.value != figure.value else f"{figure.value:.3f}",
            formats.bounds(figure.over_cells),
            formats.bounds(figure.over_subjects),
            formats.estimate(baseline[figure.name].over_subjects) if baseline else "not measured",
        )
        for figure in part.estimates
    )
    head = (
        "Figure",
        "Value",
        "Interval over cells",
        "Interval over subjects",
        "Area and brightness only (over subjects)",
    )
    blocks: tuple[Block, ...] = (Table(head, rows), Paragraph(_counts(part)))
    notes = tuple(Paragraph(note) for note in part.notes)
    title = f"{formats.SPLITS[part.split]}: {part.size_text}"
    return Chapter(title, blocks + notes, level=3)


def _counts(part: SplitEvaluation) -> str:
    counts = part.confusion
    return (
        f"Of {part.blast.cells:,} ALL blasts {int(counts.tp):,} were called blast; of "
        f"{part.normal.cells:,} normal cells {int(counts.tn):,} were called normal."
    )


def _worst(part: SplitEvaluation) -> tuple[Chapter, ...]:
    if not part.subjects:
        return ()
    below = sum(row.accuracy.value < 0.5 for row in part.subjects)
    text = (
        f"Fewer than half of the cells are called rightly for {below} of "
        f"{formats.count(len(part.subjects), 'subject')}. Intervals are Wilson's, over a subject's "
        "cells."
    )
    table = Table(
        ("Subject", "Class", "Called rightly"),
        tuple(_subject(row) for row in part.subjects[:WORST]),
    )
    title = f"Worst subjects ({formats.SPLITS[part.split].lower()})"
    return (Chapter(title, (Paragraph(text), table), level=3),)


def _subject(row: SubjectRow) -> tuple[str, str, str]:
    name = CLASS_NAMES[row.label]
    return row.subject, name, formats.share(row.accuracy, row.cells)
