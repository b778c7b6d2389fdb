"""Checklists CLAIM and TRIPOD+AI at the end of a card, answered from the run alone.

The items are data: ``claim.toml`` and ``tripod_ai.toml``.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import background, results
from allcore.reports.model_card.text import Chapter, Paragraph, Table

NAMES = ("claim", "tripod_ai")
HEAD = ("Item", "Topic", "Answer")
_INTRODUCTION = (
    "Topics are in words of our own; {source} An item counts as reported only where the run holds "
    "what it asks for: of {total}, {reported} are reported, {partly} in part, {missing} are not, "
    "and {foreign} do not apply."
)
_STATES = {
    "reported": "Reported", "partly": "In part", "missing": "Not reported",
    "foreign": "Not applicable",
}  # fmt: skip


@dataclass(frozen=True)
class ChecklistItem:
    """One item of a checklist."""

    number: str
    topic: str
    where: str = ""  # title of the chapter that reports it; empty where none does
    needs: Sequence[str] = ()  # names of the required `facts`
    gap: str = ""  # missing part of a reported item; empty if complete
    why: str = ""  # reason for an unreported item
    applies: bool = True  # whether the item applies to this kind of model

    def answer(self, facts: frozenset[str]) -> str:
        """State of the item, with the chapter that reports it or the reason that none does."""
        if self.where and facts.issuperset(self.needs):
            state = f"In part ({self.gap})" if self.gap else "Reported"
            return f"{state}: {self.where}"
        return f"{'Not reported' if self.applies else 'Not applicable'}: {self.why}"


@dataclass(frozen=True)
class Checklist:
    """A reporting guideline."""

    title: str
    source: str
    items: tuple[ChecklistItem, ...]


@cache
def read_checklist(name: str) -> Checklist:
    """Read one of `NAMES`."""
    path = Path(__file__).with_name(f"{name}.toml")
    fields = tomllib.loads(path.read_text(encoding="utf-8"))
    items = tuple(ChecklistItem(**item) for item in fields["items"])
    return Checklist(fields["title"], fields["source"], items)


def chapters(info: ModelInfo, evaluation: ModelEvaluation) -> tuple[Chapter, ...]:
    """Both checklists, each item with the chapter that reports it or the reason that none does."""
    known = facts(info, evaluation)
    return tuple(_chapter(read_checklist(name), known) for name in NAMES)


def facts(info: ModelInfo, evaluation: ModelEvaluation) -> frozenset[str]:
    """Names of the facts that the run documents."""
    training, splits = info.training, results.splits_of(evaluation)
    split, recipe = training.get("split", {}), training.get("recipe", {})
    estimates = [estimate for part in splits for estimate in part.estimates]
    over_subjects = any(estimate.over_subjects.known for estimate in estimates)
    present = {
        "known": background.public_dataset(info),
        "parts": any(split.get(name) for name in ("train", "validation", "test")),
        "recipe": recipe,
        "balance": "subject_strength" in recipe,
        "init": training.get("init"),
        "versions": training.get("versions"),
        "selection": training.get("best_epoch") is not None,
        "rule": info.threshold_rule,
        "weights": info.weights_sha256,
        "command": training.get("command"),
        "intervals": over_subjects or any(estimate.over_cells.known for estimate in estimates),
        "over subjects": over_subjects,
        "subjects": splits[0].subjects,
        "both classes": splits[0].blast.cells and splits[0].normal.cells,
        "internal": splits[0].subjects and not evaluation.external,
        "external": evaluation.external and splits[0].subjects,
        "ensemble": info.architecture == "ensemble",
    }
    return frozenset(name for name, value in present.items() if value)


def _chapter(checklist: Checklist, known: frozenset[str]) -> Chapter:
    rows = tuple((item.number, item.topic, item.answer(known)) for item in checklist.items)
    counts = {
        name: sum(answer.startswith(state) for _, _, answer in rows)
        for name, state in _STATES.items()
    }
    text = _INTRODUCTION.format(source=checklist.source, total=len(rows), **counts)
    return Chapter(checklist.title, (Paragraph(text), Table(HEAD, rows)))
