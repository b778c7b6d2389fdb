"""The checklists of a card, answered from what the run holds and from nothing else."""

from collections.abc import Sequence

from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import background, results
from allcore.reports.model_card import claim as card_claim
from allcore.reports.model_card import tripod as card_tripod
from allcore.reports.model_card.checklist_items import Item
from allcore.reports.model_card.public_datasets import known
from allcore.reports.model_card.text import Chapter, Paragraph, Table

TITLES = ("Checklist: CLAIM, update of 2024", "Checklist: TRIPOD+AI")
HEAD = ("Item", "Topic", "Answer")
_SOURCES = (
    "Tejani and others, Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 "
    "update, Radiology: Artificial Intelligence 2024, 6(4), e240300.",
    "Collins and others, TRIPOD+AI statement, BMJ 2024, 385, e078378.",
)
_READING = (
    "Topics are in words of our own; {source} An item counts as reported only where the run holds "
    "what it asks for: of {total}, {reported} are reported, {partly} in part, {missing} are not, "
    "and {foreign} do not apply."
)
_STATES = ("Reported", "In part", "Not reported", "Not applicable")


def chapters(
    info: ModelInfo, report: ModelEvaluation, *, beside: Sequence[str] = ()
) -> tuple[Chapter, Chapter]:
    """Both checklists, each item with where it is reported, or why it isn't.

    Args:
        info: the model's own description.
        report: its evaluation.
        beside: titles of what stands beside the card.
    """
    found = facts(info, report, beside=beside)
    claim, tripod = (
        _chapter(title, source, items, found)
        for title, source, items in zip(
            TITLES, _SOURCES, (card_claim.ITEMS, card_tripod.ITEMS), strict=True
        )
    )
    return claim, tripod


def facts(
    info: ModelInfo, report: ModelEvaluation, *, beside: Sequence[str] = ()
) -> frozenset[str]:
    """Names of the facts that the run holds."""
    training, parts = info.training, results.parts_of(report)
    split, recipe = training.get("split", {}), training.get("recipe", {})
    elsewhere = background.elsewhere(info, report)
    every = [figure for part in parts for figure in part.estimates]
    held = {
        "known": known(background.data_name(info)),
        "parts": any(split.get(name) for name in ("train", "validation", "test")),
        "recipe": recipe,
        "balance": "subject_strength" in recipe,
        "init": training.get("init"),
        "versions": training.get("versions"),
        "selection": training.get("best_epoch") is not None,
        "rule": info.threshold_rule,
        "weights": info.weights_sha256,
        "command": training.get("command"),
        "intervals": any(figure.over_cells.known or figure.over_subjects.known for figure in every),
        "over subjects": any(figure.over_subjects.known for figure in every),
        "subjects": parts[0].subjects,
        "both classes": parts[0].blast.cells and parts[0].normal.cells,
        "internal": parts[0].subjects and not elsewhere,
        "external": elsewhere,
        "ensemble": info.architecture == "ensemble",
        "robustness": any(title.lower().startswith("robustness") for title in beside),
    }
    return frozenset(name for name, value in held.items() if value)


def _chapter(title: str, source: str, items: tuple[Item, ...], found: frozenset[str]) -> Chapter:
    rows = tuple((item.number, item.topic, item.answer(found)) for item in items)
    counts = [sum(answer.startswith(state) for _, _, answer in rows) for state in _STATES]
    text = _READING.format(
        source=source, total=len(rows), reported=counts[0], partly=counts[1], missing=counts[2],
        foreign=counts[3],
    )  # fmt: skip
    return Chapter(title, (Paragraph(text), Table(HEAD, rows)))
