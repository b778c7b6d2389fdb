"""The whole explanation of a prediction, and its form as JSON types."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from allcore import notice
from allcore.evaluation import conformal
from allcore.explain.answer_summary import AnswerSummary
from allcore.explain.parts import (
    CAUTIONS,
    VIEW_NAMES,
    AugmentedViews,
    KnownCell,
    ModelAnswer,
    ModelAnswers,
    ModelInput,
    Neighbourhood,
    PredictionSet,
    SaliencyMap,
    SaliencyMaps,
)
from allcore.labels import Label


@dataclass(frozen=True)
class Explanation:
    """All parts of the explanation of one prediction."""

    model: str  # name of the model
    model_sha256: str  # of its weights
    picture_sha256: str  # of the image file
    verdict: Label  # ``all`` or ``hem``
    probability: float  # calibrated, of an ALL blast
    threshold: float  # probability from which the verdict is ``all``
    summary: AnswerSummary  # the answer to show first
    known: KnownCell  # the data set cell that the image shows
    prediction_set: PredictionSet  # the classes that can't be ruled out
    views: AugmentedViews  # predictions for the rotated and mirrored cell
    saliency: tuple[SaliencyMap, ...]  # Grad-CAM first, then integrated gradients
    input: ModelInput  # the model input
    neighbourhood: Neighbourhood  # the nearest cells
    answers: tuple[ModelAnswer, ...]  # predictions of all installed models, this one's first
    seconds: float  # computing time

    def to_dict(self) -> dict[str, Any]:
        """Return all but the images as JSON types: dicts, lists, strings, numbers and None."""
        return {
            "model": self.model,
            "model_sha256": self.model_sha256,
            "picture_sha256": self.picture_sha256,
            "verdict": self.verdict,
            "probability": self.probability,
            "threshold": self.threshold,
            "identity": self.known.identity and asdict(self.known.identity),
            "summary": self.summary.to_dict()
            | {"certainty": self.summary.certainty(self.views, self.neighbourhood)},
            "set": self._set(),
            "stability": self._stability(),
            "heat": [_saliency(saliency) for saliency in self.saliency],
            "tensor": {
                "shape": [*self.input.shape],
                "low": self.input.low,
                "high": self.input.high,
                "means": [*self.input.means],
            },
            "neighbours": _neighbours(self.neighbourhood) if self.neighbourhood.cells else None,
            "models": [_model(answer) for answer in self.answers],
            "seconds": self.seconds,
            "notice": notice.RESEARCH_USE,
        }

    def _set(self) -> dict[str, Any] | None:
        sets = self.prediction_set.sets
        if sets is None:
            return None
        return {
            "level": conformal.LEVEL,
            "classes": [*sets.of(self.prediction_set.probability)],
            "words": self.prediction_set.sentence,
            "holds_for": self.prediction_set.scope,
            "caution": "" if self.summary.held_out else CAUTIONS[self.known.exposure],
            "hem_up_to": sets.hem_up_to,
            "all_from": sets.all_from,
        }

    def _stability(self) -> dict[str, Any]:
        return {
            "names": [*VIEW_NAMES],
            "probabilities": self.views.probabilities.tolist(),
            "mean": self.views.mean,
            "spread": self.views.spread,
            "agree": self.views.agree(self.threshold),
            "sentence": self.views.sentence(self.threshold),
        }


Part = (
    AnswerSummary
    | PredictionSet
    | ModelInput
    | AugmentedViews
    | SaliencyMaps
    | Neighbourhood
    | ModelAnswers
    | Explanation
)


def _saliency(saliency: SaliencyMap) -> dict[str, Any]:
    check = saliency.deletion
    return {
        "method": saliency.method,
        "towards": saliency.heat.towards,
        "share_in_cell": _finite(saliency.heat.share_in_cell),
        "sentence": saliency.sentence,
        "complete": saliency.incomplete,
        "deletion": check
        and {
            "before": check.before,
            "after": check.after,
            "share_of_cell": check.share,
            "others": len(check.random_falls),
            "others_less": check.others_less,
            "supported": check.supported,
            "sentence": check.sentence,
        },
        "result": saliency.result,
        "trusted": saliency.trusted,
    }


def _neighbours(neighbourhood: Neighbourhood) -> dict[str, Any]:
    near = neighbourhood.accuracy
    return {
        "cells": [asdict(cell) for cell in neighbourhood.cells],
        "nearby": near
        and {
            "cells": near.cells,
            "subjects": near.subjects,
            "accuracy": near.accuracy.value,
            "low": _finite(near.accuracy.over_cells.low),
            "high": _finite(near.accuracy.over_cells.high),
            "subject_low": _finite(near.accuracy.over_subjects.low),
            "subject_high": _finite(near.accuracy.over_subjects.high),
        },
        "sentence": neighbourhood.sentence,
    }


def _model(answer: ModelAnswer) -> dict[str, Any]:
    return {
        "model": answer.model,
        "verdict": answer.verdict,
        "probability": answer.probability,
        "threshold": answer.threshold,
        "learned": answer.exposure,
        "reason": answer.reason,
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
