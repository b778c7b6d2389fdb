"""Text format of numbers, shares and intervals for pages, reports and the terminal."""

import json
import math
import re
from typing import Protocol

SPLITS = {"test": "Test", "validation": "Validation"}
"""Titles of the parts of a split."""
# Control characters, marks that turn or hide text, and bytes of a name that are no UTF-8.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


class IntervalLike(Protocol):
    """An estimate with its bounds, such as `allcore.evaluation.intervals.Interval`."""

    @property
    def value(self) -> float:
        """The estimate; NaN where undefined."""

    @property
    def low(self) -> float:
        """The lower bound."""

    @property
    def high(self) -> float:
        """The upper bound."""

    @property
    def known(self) -> bool:
        """True if there are bounds."""


class EstimateLike(Protocol):
    """An estimate with an interval over subjects and one over cells."""

    @property
    def over_subjects(self) -> IntervalLike:
        """Uncertainty for new subjects."""

    @property
    def over_cells(self) -> IntervalLike:
        """Uncertainty for these very subjects."""


def share(interval: IntervalLike, total: int) -> str:
    """Share of `total` with its interval: "42 of 48 (88 %, 95 % interval 75 to 95)"."""
    if total == 0:
        return "0 of 0"
    hits = round(interval.value * total)
    bounds = f"95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f}"
    return f"{hits} of {total} ({100 * interval.value:.0f} %, {bounds})"


def estimate(interval: IntervalLike) -> str:
    """Estimate with its interval: "0.883 (0.812 to 0.931)", or the reason why there is none."""
    if math.isnan(interval.value):
        return "undefined"
    return f"{interval.value:.3f} ({bounds(interval)})"


def number(value: float) -> str:
    """Number with three decimals, or a word for undefined."""
    return "undefined" if math.isnan(value) else f"{value:.3f}"


def bounds(interval: IntervalLike) -> str:
    """Bounds alone: "0.812 to 0.931", or a phrase for their absence."""
    return f"{interval.low:.3f} to {interval.high:.3f}" if interval.known else "no interval"


def both_bounds(estimate: EstimateLike) -> str:
    """Both intervals of an estimate: "over subjects 0.812 to 0.931, over cells 0.861 to 0.904"."""
    return (
        f"over subjects {bounds(estimate.over_subjects)}, over cells {bounds(estimate.over_cells)}"
    )


def count(number: int, noun: str) -> str:
    """Number with its noun: "1 subject", "1,204 cells"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Text with control characters escaped as in JSON, and bytes of no letter as well."""
    return _CONTROL.sub(lambda match: json.dumps(match.group())[1:-1], text)
