"""CARD.md of a model folder, generated from model.json and the evaluation.

The chapters stand in a reader's order; the last ones go through CLAIM (2024) and TRIPOD+AI item by
item and say where each is reported, or why it isn't.
"""

from collections.abc import Sequence
from pathlib import Path

from allcore import modelfolder, notice
from allcore.evaluation import (
    card_checklist,
    card_method,
    card_results,
    card_sections,
    card_sets,
    card_text,
    results,
)
from allcore.evaluation.card_text import Chapter
from allcore.evaluation.results import Report
from allcore.modelfolder import ModelInfo


def card(info: ModelInfo, report: Report) -> str:
    """The model card in Markdown.

    Args:
        info: the model's own description.
        report: its evaluation.
    """
    head = f"# {card_text.escape(info.name)}\n\n**{notice.RESEARCH_USE}**"
    return f"{head}\n\n{card_text.markdown(chapters(info, report))}\n"


def chapters(info: ModelInfo, report: Report, *, beside: Sequence[str] = ()) -> tuple[Chapter, ...]:
    """The chapters of the card, in a reader's order.

    Args:
        info: the model's own description.
        report: its evaluation.
        beside: titles of what stands beside the card, such as "Robustness"; the checklists then
            point at it.
    """
    return (
        card_sections.what(info, report),
        card_sections.use(),
        card_sections.data(info, report),
        card_sections.split(info, report),
        *card_sections.unlabelled(info),
        card_method.preprocessing(info),
        card_method.network(info),
        card_method.point(info),
        *card_results.chapters(report),
        *card_sets.chapters(report),
        card_sections.limits(info, report),
        card_method.reproduce(info, report),
        *card_checklist.chapters(info, report, beside=beside),
    )


def rewrite(folder: Path) -> None:
    """Write CARD.md of a model folder again from its model.json and predictions.

    Raises:
        ModelError: either is missing or damaged.
        DataError: the predictions can't be evaluated.
    """
    info = modelfolder.read_info(folder)
    text = card(info, results.evaluate(modelfolder.read_predictions(folder), info))
    (folder / modelfolder.CARD).write_text(text, encoding="utf-8")
