"""Numbers, shares and intervals as text, the same on pages, in reports and on the terminal."""

import math
from typing import Protocol

SPLITS = {"test": "Test", "validation": "Validation"}
"""Titles of the parts of a split."""


class IntervalLike(Protocol):
    """An estimate with its bounds, as `allcore.evaluation.intervals.Interval` is one."""

    @property
    def value(self) -> float:
        """The estimate; not a number where it is undefined."""

    @property
    def low(self) -> float:
        """The lower bound."""

    @property
    def high(self) -> float:
        """The upper bound."""

    @property
    def known(self) -> bool:
        """Whether there are bounds."""


class EstimateLike(Protocol):
    """A number with an interval over subjects and one over cells."""

    @property
    def over_subjects(self) -> IntervalLike:
        """What to expect of other subjects."""

    @property
    def over_cells(self) -> IntervalLike:
        """How well the number is known for these very subjects."""


def share(interval: IntervalLike, total: int) -> str:
    """A share of `total` with its interval: "42 of 48 (88 %, 95 % interval 75 to 95)"."""
    if total == 0:
        return "0 of 0"
    hits = round(interval.value * total)
    bounds = f"95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f}"
    return f"{hits} of {total} ({100 * interval.value:.0f} %, {bounds})"


def estimate(interval: IntervalLike) -> str:
    """An estimate with its interval: "0.883 (0.812 to 0.931)", or why there is none."""
    if math.isnan(interval.value):
        return "undefined"
    return f"{interval.value:.3f} ({bounds(interval)})"


def number(value: float) -> str:
    """A number with three decimals, or that it is undefined."""
    return "undefined" if math.isnan(value) else f"{value:.3f}"


def bounds(interval: IntervalLike) -> str:
    """Only the bounds: "0.812 to 0.931", or that there are none."""
    return f"{interval.low:.3f} to {interval.high:.3f}" if interval.known else "no interval"


def both_bounds(estimate: EstimateLike) -> str:
    """Both intervals of an estimate: "over subjects 0.812 to 0.931, over cells 0.861 to 0.904"."""
    return (
        f"over subjects {bounds(estimate.over_subjects)}, over cells {bounds(estimate.over_cells)}"
    )


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 subject", "1,204 cells"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
