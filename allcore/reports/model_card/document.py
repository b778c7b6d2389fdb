"""CARD.md of a model folder, generated from model.json and the evaluation.

The chapters stand in a reader's order; the last ones go through CLAIM (2024) and TRIPOD+AI item by
item and say where each is reported, or why it isn't.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from allcore import model_folder, notice
from allcore.evaluation import model_evaluation
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import background, checklist, method, prediction_sets
from allcore.reports.model_card import gate as card_gate
from allcore.reports.model_card import results as card_results
from allcore.reports.model_card import text as card_text
from allcore.reports.model_card.text import Chapter


def card(info: ModelInfo, report: ModelEvaluation, gate: Mapping[str, Any] | None = None) -> str:
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
    report: ModelEvaluation,
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
        background.what(info, report),
        background.use(),
        background.data(info, report),
        background.split(info, report),
        *background.unlabelled(info),
        method.preprocessing(info),
        method.network(info),
        method.point(info),
        *card_results.chapters(report),
        *prediction_sets.chapters(report),
        *card_gate.chapters(gate),
        background.limits(info, report),
        method.reproduce(info, report),
        *checklist.chapters(info, report, beside=beside),
    )


def rewrite(folder: Path) -> None:
    """Write CARD.md of a model folder again from its model.json and predictions.

    Raises:
        ModelError: either is missing or damaged.
        DataError: the predictions can't be evaluated.
    """
    info = model_folder.read_info(folder)
    report = model_evaluation.evaluate_model(model_folder.read_predictions(folder), info)
    text = card(info, report, model_folder.read_gate(folder))
    (folder / model_folder.CARD).write_text(text, encoding="utf-8")
