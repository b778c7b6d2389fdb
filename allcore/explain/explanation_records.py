"""The evidence for an answer as plain values: what files and reports are written from."""

import math
from dataclasses import asdict
from typing import Any

from allcore import notice
from allcore.evaluation import conformal
from allcore.evaluation.conformal import PredictionSets
from allcore.explain import explanation_text
from allcore.explain.explanation import Evidence, Saliency
from allcore.explain.neighbours import Nearby
from allcore.explain.views import Views


def plain(found: Evidence) -> dict[str, Any]:
    """All but the pictures, in dictionaries, lists, texts, numbers and None."""
    figures = found.figures
    return {
        "model": found.model,
        "model_sha256": found.model_sha256,
        "picture_sha256": found.picture_sha256,
        "verdict": found.verdict,
        "probability": found.probability,
        "threshold": found.threshold,
        "identity": found.identity and asdict(found.identity),
        "set": found.sets and _set(found, found.sets),
        "stability": _views(found.views, found.threshold),
        "heat": [_saliency(each) for each in found.saliency],
        "tensor": asdict(figures) | {"shape": [*figures.shape], "means": [*figures.means]},
        "neighbours": _neighbours(found) if found.neighbours else None,
        "models": [asdict(each) for each in found.models],
        "seconds": found.seconds,
        "notice": notice.RESEARCH_USE,
    }


def _neighbours(found: Evidence) -> dict[str, Any]:
    known = found.identity is not None and found.identity.subject is not None
    said = explanation_text.of_neighbours(found.neighbours, found.nearby, own_known=known)
    return {
        "cells": [asdict(each) for each in found.neighbours],
        "nearby": found.nearby and _nearby(found.nearby),
        "sentence": said,
    }


def _set(found: Evidence, sets: PredictionSets) -> dict[str, Any]:
    return {
        "level": conformal.LEVEL,
        "classes": [*sets.of(found.probability)],
        "words": explanation_text.of_set(sets, found.probability),
        "holds_for": explanation_text.holds_for(sets),
        "caution": explanation_text.caution(found.learned),
        "hem_up_to": sets.hem_up_to,
        "all_from": sets.all_from,
    }


def _views(found: Views, threshold: float) -> dict[str, Any]:
    return {
        "names": [*found.names],
        "probabilities": found.probabilities.tolist(),
        "mean": found.mean,
        "spread": found.spread,
        "agree": found.agree(threshold),
        "sentence": explanation_text.of_views(found, threshold),
    }


def _saliency(found: Saliency) -> dict[str, Any]:
    check = found.deletion
    return {
        "method": found.method,
        "towards": found.heat.towards,
        "share_in_cell": _number(found.heat.share_in_cell),
        "sentence": found.sentence,
        "complete": found.incomplete,
        "deletion": check
        and {
            "before": check.before,
            "after": check.after,
            "share_of_cell": check.share,
            "others": len(check.falls),
            "others_less": check.others_less,
            "supported": check.supported,
            "sentence": check.sentence,
        },
    }


def _nearby(found: Nearby) -> dict[str, Any]:
    image, subject = found.accuracy.over_cells, found.accuracy.over_subjects
    return {
        "cells": found.cells,
        "subjects": found.subjects,
        "accuracy": found.accuracy.value,
        "low": _number(image.low),
        "high": _number(image.high),
        "subject_low": _number(subject.low),
        "subject_high": _number(subject.high),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
