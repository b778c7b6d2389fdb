"""CARD.md of a model folder, generated from model.json and the evaluation.

The chapters stand in a reader's order; the last ones go through CLAIM (2024) and TRIPOD+AI item by
item and say where each is reported, or why it isn't.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from allcore import modelfolder, notice
from allcore.evaluation import (
    card_checklist,
    card_gate,
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


def card(info: ModelInfo, report: Report, gate: Mapping[str, Any] | None = None) -> str:
    """The model card in Markdown.

    Args:
        info: the model's own description.
        report: its evaluation.
        gate: what its ``gate.json`` says; None where it has none.
    """
    head = f"# {card_text.escape(info.name)}\n\n**{notice.RESEARCH_USE}**"
    return f"{head}\n\n{card_text.markdown(chapters(info, report, gate=gate))}\n"


def chapters(
    info: ModelInfo,
    report: Report,
    *,
    gate: Mapping[str, Any] | None = None,
    beside: Sequence[str] = (),
) -> tuple[Chapter, ...]:
    """The chapters of the card, in a reader's order.

    Args:
        info: the model's own description.
        report: its evaluation.
        gate: what its ``gate.json`` says; None where it has none.
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
        *card_gate.chapters(gate),
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
    report = results.evaluate(modelfolder.read_predictions(folder), info)
    text = card(info, report, modelfolder.read_gate(folder))
    (folder / modelfolder.CARD).write_text(text, encoding="utf-8")
