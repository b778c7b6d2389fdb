"""``CARD.md`` of a model folder, generated from model.json and the evaluation.

The last chapters are CLAIM (2024) and TRIPOD+AI, item by item.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from allcore import model_folder, notice
from allcore.evaluation import model_evaluation
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import background, checklist, method, results, text
from allcore.reports.model_card.text import Chapter


def write_card(folder: Path) -> None:
    """Write ``CARD.md`` of a model folder from its other files.

    Raises:
        ModelError: model.json, the predictions or the gate are missing or damaged.
    """
    info = model_folder.read_info(folder)
    evaluation = model_evaluation.evaluate_model(model_folder.read_predictions(folder), info)
    text = card(info, evaluation, model_folder.read_gate(folder))
    (folder / model_folder.CARD).write_text(text, encoding="utf-8")


def card(
    info: ModelInfo, evaluation: ModelEvaluation, gate: Mapping[str, Any] | None = None
) -> str:
    """Generate the model card in Markdown; `gate` is the content of its ``gate.json``."""
    head = f"# {text.escape(info.name)}\n\n**{notice.RESEARCH_USE}**"
    return f"{head}\n\n{text.markdown(chapters(info, evaluation, gate))}\n"


def chapters(
    info: ModelInfo, evaluation: ModelEvaluation, gate: Mapping[str, Any] | None = None
) -> tuple[Chapter, ...]:
    """Generate the chapters of the card, in reading order."""
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
        *checklist.chapters(info, evaluation),
    )
