"""``CARD.md`` of a model folder, generated from model.json and the evaluation.

The last chapters are CLAIM (2024) and TRIPOD+AI, item by item.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from allcore import model_folder, notice
from allcore.evaluation import model_evaluation
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import background, checklist, method, results, text
from allcore.reports.model_card.text import Chapter


def card(
    info: ModelInfo, evaluation: ModelEvaluation, gate: Mapping[str, Any] | None = None
) -> str:
    """Generate the model card in Markdown.

    Args:
        gate: content of its ``gate.json``; None without a gate.
    """
    head = f"# {text.escape(info.name)}\n\n**{notice.RESEARCH_USE}**"
    return f"{head}\n\n{text.markdown(chapters(info, evaluation, gate=gate))}\n"


def chapters(
    info: ModelInfo,
    evaluation: ModelEvaluation,
    *,
    gate: Mapping[str, Any] | None = None,
    beside: Sequence[str] = (),
) -> tuple[Chapter, ...]:
    """Generate the chapters of the card, in reading order.

    Args:
        gate: content of its ``gate.json``; None without a gate.
        beside: titles of sections outside the card, such as "Robustness"; the checklists refer to
            them.
    """
    return (
        background.what(info, evaluation),
        background.use(),
        background.data(info, evaluation),
        background.split(info, evaluation),
        *background.unlabelled(info),
        method.preprocessing(info),
        method.network(info),
        method.point(info),
        *results.chapters(evaluation),
        *results.prediction_set_chapters(evaluation),
        *results.gate_chapters(gate),
        background.limits(info, evaluation),
        method.reproduce(info, evaluation),
        *checklist.chapters(info, evaluation, beside=beside),
    )


def rewrite_card(folder: Path) -> None:
    """Regenerate CARD.md of a model folder from its model.json and predictions.

    Raises:
        ModelError: either is missing or damaged.
        DataError: the predictions can't be evaluated.
    """
    info = model_folder.read_info(folder)
    evaluation = model_evaluation.evaluate_model(model_folder.read_predictions(folder), info)
    card_text = card(info, evaluation, model_folder.read_gate(folder))
    (folder / model_folder.CARD).write_text(card_text, encoding="utf-8")
