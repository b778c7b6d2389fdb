"""The chapter of a card on what the model refuses to answer, and how often it does."""

from collections.abc import Mapping
from typing import Any

from allcore.reports.model_card.text import Chapter, Paragraph, Table

TITLE = "What it refuses"
_HOW = (
    "A picture is answered only where it can be read, shows one cell on black, whole, well exposed "
    "and in focus, and where what the network reads in it lies near what it read in training cells "
    "(Mahalanobis distance). Limits come from training cells, that of the distance from validation "
    "subjects."
)
_METHODS = {
    "mahalanobis": "Mahalanobis distance (in use)",
    "nearest": "Distance to the nearest cells",
    "energy": "Energy of the answer",
}


def chapters(gate: Mapping[str, Any] | None) -> tuple[Chapter, ...]:
    """One chapter; none where the model has no gate.

    Args:
        gate: what ``gate.json`` says.
    """
    if gate is None:
        return ()
    methods = gate["methods"]
    head = ("Picture", "Shown", "Refused by all checks", *(_METHODS[name] for name in methods))
    rows = tuple(
        (kind, f"{found['n']:,}", _percent(found["value"]), *_alone(methods, kind))
        for kind, found in gate["strangers"].items()
    )
    blocks = (
        Paragraph(f"{_HOW} {in_words(gate)}"),
        Table(head, rows),
        Paragraph(f"Made by `{gate['command']}`."),
    )
    return (Chapter(TITLE, blocks, level=3),)


def in_words(gate: Mapping[str, Any]) -> str:
    """How many cells pass that should, and who passes least."""
    found = gate["accepted"]
    said = (
        f"{100 * found['value']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f}, "
        f"over subjects) of {gate['cells']:,} held-out cells pass, judged on "
        f"{gate['judged_on']}."
    )
    low = gate["accepted_by_subject"]
    if not low:
        return said
    least = ", ".join(f"{subject} ({100 * share:.0f} %)" for subject, share in low.items())
    return f"{said} Fewer than nine in ten pass of {least}."


def _alone(methods: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """What each distance alone refuses of those that the checks before let through."""
    shares = (found["refused"].get(kind) for found in methods.values())
    return tuple("none left" if share is None else _percent(share) for share in shares)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
