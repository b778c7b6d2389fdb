"""How figures are written wherever a person reads them."""

from typing import TYPE_CHECKING

from allcore.evaluation.intervals import Interval

if TYPE_CHECKING:
    from allcore.evaluation.results import SplitReport

# What the rows of a table stand for.
SPLITS = {"test": "Test", "validation": "Validation"}


def share(interval: Interval, total: int) -> str:
    """A share of `total` with its interval: "42 of 48 (88 %, 95 % interval 75 to 95)"."""
    if total == 0:
        return "0 of 0"
    hits = round(interval.value * total)
    bounds = f"95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f}"
    return f"{hits} of {total} ({100 * interval.value:.0f} %, {bounds})"


def figure(interval: Interval) -> str:
    """A figure with its interval: "0.883 (0.812 to 0.931)", or why there is none."""
    if interval.value != interval.value:
        return "undefined"
    return f"{interval.value:.3f} ({bounds(interval)})"


def bounds(interval: Interval) -> str:
    """Only the bounds: "0.812 to 0.931", or that there are none."""
    return f"{interval.low:.3f} to {interval.high:.3f}" if interval.known else "no interval"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 subject", "1,204 cells"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cells_of(part: "SplitReport") -> str:
    """How many cells of how many subjects a split has."""
    cells = count(part.cells, "cell")
    if part.blast.subjects is None or part.normal.subjects is None:
        return cells
    return (
        f"{cells} of {part.blast.subjects} independent ALL and {part.normal.subjects} normal "
        "subjects"
    )
