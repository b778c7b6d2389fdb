"""The one door to a model's evaluation: evaluate, write, describe."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from allcore import notice
from allcore.evaluation import metrics
from allcore.evaluation.estimates import Figure
from allcore.evaluation.intervals import Interval
from allcore.evaluation.model_evaluation import Report, SplitReport, evaluate
from allcore.reports.headline import Headline, headline
from allcore.reports.model_card.document import card

METRICS = "metrics.json"

__all__ = [
    "METRICS",
    "Headline",
    "Report",
    "SplitReport",
    "as_dict",
    "card",
    "evaluate",
    "headline",
    "rows",
    "write_metrics",
]


def write_metrics(report: Report, path: Path) -> None:
    """Write metrics.json: every figure with its intervals, null where undefined."""
    text = json.dumps(as_dict(report), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def as_dict(report: Report) -> dict[str, Any]:
    """The report as JSON holds it."""
    plain = {
        "notice": notice.RESEARCH_USE,
        "model": report.model,
        "weights_sha256": report.weights_sha256,
        "split": report.split_kind,
        "temperature": report.temperature,
        "threshold": report.threshold,
        "threshold_rule": report.threshold_rule,
        "baseline_threshold": report.baseline_threshold,
    }
    splits = {"test": report.test, "validation": report.validation}
    return plain | {name: part and _split(part) for name, part in splits.items()}


def rows(report: Report) -> list[dict[str, Any]]:
    """One row a figure and split, as its CSV export has them."""
    parts = [part for part in (report.test, report.validation) if part is not None]
    return [_row(report, part, figure) for part in parts for figure in part.figures]


def _row(report: Report, part: SplitReport, figure: Figure) -> dict[str, Any]:
    baseline = {known.name: known.value for known in part.baseline}
    return {
        "model": report.model,
        "split": part.split,
        "figure": metrics.TITLES[figure.name],
        "value": figure.value,
        "over_subjects_low": figure.subject.low,
        "over_subjects_high": figure.subject.high,
        "over_cells_low": figure.image.low,
        "over_cells_high": figure.image.high,
        "area_and_brightness_only": baseline.get(figure.name, math.nan),
        "threshold": report.threshold,
        "cells": part.cells,
        "subjects": _subjects(part),
        "notice": notice.RESEARCH_USE,
    }


def _split(part: SplitReport) -> dict[str, Any]:
    return {
        "cells": part.cells,
        "subjects": _subjects(part),
        "blast": dataclasses.asdict(part.blast),
        "normal": dataclasses.asdict(part.normal),
        "confusion": {k: int(v) for k, v in dataclasses.asdict(part.confusion).items()},
        "figures": _figures(part.figures),
        "baseline": _figures(part.baseline),
        "by_subject": [dataclasses.asdict(row) for row in part.subjects],
        "notes": list(part.notes),
    }


def _subjects(part: SplitReport) -> int | None:
    if part.blast.subjects is None or part.normal.subjects is None:
        return None
    return part.blast.subjects + part.normal.subjects


def _figures(figures: tuple[Figure, ...]) -> dict[str, Any]:
    return {
        figure.name: {
            "value": _number(figure.value),
            "image": _bounds(figure.image),
            "subject": _bounds(figure.subject),
        }
        for figure in figures
    }


def _bounds(interval: Interval) -> dict[str, float | None]:
    return {k: _number(v) for k, v in dataclasses.asdict(interval).items()}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
