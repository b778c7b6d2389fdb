"""Semi-supervised training: a student also learns from cells that a teacher labels.

Hard labels from confident predictions follow Lee, "Pseudo-Label: The Simple and Efficient
Semi-Supervised Learning Method for Deep Neural Networks", ICML 2013 workshop. A separate teacher
without noise, and a student that learns under augmentation and dropout from labelled and
pseudo-labelled cells together, balanced by class, follow Xie et al., "Self-training with Noisy
Student improves ImageNet classification", CVPR 2020. This implementation: one round, a calibrated
teacher averaged over eight orientations, and a student that is discarded where it is worse on
validation subjects.
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from scipy.special import expit

from allcore import formats
from allcore.data import decoded_cells
from allcore.errors import ModelError
from allcore.evaluation import binned_counts, estimates, metrics, paired
from allcore.evaluation.intervals import Interval
from allcore.evaluation.metrics import Floats
from allcore.inference import devices
from allcore.reports import trained_model
from allcore.research import pseudo_labels
from allcore.research.pseudo_labels import CONFIDENCE, LIMIT, PseudoLabels, Teacher
from allcore.training import checkpoint, fit, run
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training.fit import FittedNetwork, TrainingExamples
from allcore.training.plan import TrainingData, TrainingPlan
from allcore.training.run import TrainingResult

KEY = "semi_supervised"
"""Key of the record in model.json, under ``training``."""
_FACTS, _CONTROL = "semi_supervised.json", "control"


@dataclass(frozen=True)
class SemiSupervisedRequest:
    """Inputs of semi-supervised training."""

    unlabelled: Path  # data set of unlabelled cells
    teacher: Path  # model folder
    confidence: float = CONFIDENCE  # see ``pseudo_labels.CONFIDENCE``
    limit: float = LIMIT  # see ``pseudo_labels.LIMIT``
    control: bool = False  # whether to also train the student without pseudo-labels, for comparison


@dataclass(frozen=True)
class StudentCheck:
    """Comparison of the student with another network on validation cells, equal subject weights."""

    against: str
    student: float  # AUROC
    other: float
    difference: Interval  # of the student less the other, over subjects

    @property
    def hurt(self) -> bool:
        """True if the student is worse beyond the interval, or worse where there is none."""
        return (self.difference.high if self.difference.known else self.difference.value) < 0

    def sentence(self) -> str:
        """Result as a sentence."""
        return (
            f"On validation cells its AUROC, subjects counting alike, is {self.student:.3f} "
            f"against {self.other:.3f} of {self.against}: a difference of "
            f"{formats.estimate(self.difference)} over subjects."
        )


@dataclass(frozen=True, kw_only=True)
class SemiSupervisedData(TrainingData):
    """Training data of a student: pseudo-labelled cells join the training part only."""

    pseudo: PseudoLabels
    limit: float

    def examples(self, part: str, *, subject_strength: float) -> TrainingExamples:
        """Examples of a part; the training part includes pseudo-labelled cells."""
        labelled = super().examples(part, subject_strength=subject_strength)
        if part != "train":
            return labelled
        return pseudo_labels.join_examples(
            labelled, self.pseudo, subject_strength=subject_strength, limit=self.limit
        )


def train(plan: TrainingPlan, request: SemiSupervisedRequest) -> str:
    """Label, train and check; write the model folder, and describe it in a sentence.

    Raises:
        DataError: a data set can't be used, or no cell has a confident prediction.
        ModelError: the teacher can't be used or was exposed to the student's held-out cells, the
            folder holds another run, or the student is worse and is discarded.
    """
    started = time.perf_counter()
    run.refuse_finished(plan)
    fabric = processes.launch(devices.choose(plan.device))
    teacher = Teacher.load(request.teacher, fabric.device)
    data = plans.gather(plan, show=fabric.is_global_zero)
    pseudo_labels.check_teacher(teacher, data)
    pseudo = pseudo_labels.label_cells(
        teacher, data, request.unlabelled, plan.preprocessing, request.confidence
    )
    plan = _with_fixed_epoch_length(plan, data)
    _claim_folder(plan, _facts(teacher, pseudo, request))
    taught = SemiSupervisedData(**vars(data), pseudo=pseudo, limit=request.limit)
    student = run.fit_network(plan, taught, fabric)
    checks = _checks(plan, data, student, teacher, request, fabric)
    if any(compare_networks.hurt for compare_networks in checks):
        _discard(plan, checks, fabric)
    sure = _confident_validation(plan, data, teacher, request.confidence)
    sentence = _sentence(teacher, pseudo, request, sure, checks)
    if fabric.is_global_zero:
        seconds = time.perf_counter() - started
        result = run.result(plan, taught, student, fabric.device, seconds=seconds)
        facts = _facts(teacher, pseudo, request) | {
            "sentence": sentence,
            "sure_on_validation": sure,
            "checks": [asdict(compare_networks) for compare_networks in checks],
        }
        trained_model.write(_with_pseudo_labels(result, pseudo, facts))
        _remove_intermediate_files(plan)
    fabric.barrier()
    return sentence if fabric.is_global_zero else ""


def compare_networks(
    *,
    labels: NDArray[np.integer],
    groups: NDArray[np.str_],
    student: Floats,
    other: Floats,
    against: str,
) -> StudentCheck:
    """Compare a student with another network on the same validation cells.

    Args:
        labels: (N,) 1 for an ALL blast.
        groups: (N,) the independent subject of each cell.
        student: (N,) its log-odds.
        other: (N,) those of the other network.
        against: name of the other network.
    """
    a, b = (_balanced(labels, groups, logits) for logits in (student, other))
    difference = paired.paired_difference(a, b, "auroc")
    return StudentCheck(against, a.value["auroc"], b.value["auroc"], difference)


def _balanced(
    labels: NDArray[np.integer], groups: NDArray[np.str_], logits: Floats
) -> paired.ResampledMetrics:
    """AUROC with subjects weighted equally within their class, in resamples of whole subjects."""
    cells = estimates.make_sample(labels=labels, probabilities=expit(logits), subjects=groups)
    table = binned_counts.bin_counts(
        labels=labels, probabilities=cells.probabilities, groups=cells.groups
    )
    of_class = np.hsplit(table.by_subject, 2)
    alike = [metrics.ratio(counts, counts.sum(axis=1, keepdims=True)) for counts in of_class]
    by_subject = np.nan_to_num(np.hstack(alike))  # subjects without cells of a class have no weight
    value = binned_counts.resampled_metrics(table, by_subject.sum(axis=0, keepdims=True))["auroc"]
    draws = binned_counts.resampled_metrics(table, cells.weights @ by_subject)["auroc"]
    return paired.ResampledMetrics(
        {"auroc": float(value[0])}, {"auroc": draws}, cells.degrees("auroc")
    )


def _with_fixed_epoch_length(plan: TrainingPlan, data: TrainingData) -> TrainingPlan:
    """Plan with the epoch length of the labelled cells alone."""
    labelled = int(data.split.mask(data.manifest, "train").sum())
    return replace(plan, recipe=replace(plan.recipe, samples=plan.recipe.samples or labelled))


def _facts(
    teacher: Teacher, pseudo: PseudoLabels, request: SemiSupervisedRequest
) -> dict[str, Any]:
    """Inputs for ``model.json``; a checkpoint with other inputs is not resumed."""
    return {
        "teacher": teacher.info.name,
        "teacher_sha256": teacher.info.weights_sha256,
        "unlabelled": {"name": pseudo.data, "digest": pseudo.digest},
        "confidence": request.confidence,
        "limit": request.limit,
        "offered": pseudo.offered,
        "accepted": pseudo.accepted(),
        "left_out": {
            "same_as_held_out": pseudo.same,
            "subject_held_out": pseudo.relatives,
            "already_labelled": pseudo.known,
        },
    }


def _claim_folder(plan: TrainingPlan, facts: dict[str, Any]) -> None:
    """Write the facts beside the checkpoint, or compare them with those of the run to resume.

    Raises:
        ModelError: the folder holds a run with other facts, or one without any.
    """
    path, text = plan.out / _FACTS, json.dumps(facts, indent=2)
    if path.exists() or (plan.out / checkpoint.FILE_NAME).exists():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            raise ModelError(
                f"{plan.out} belongs to a run with another teacher or other cells: repeat these, "
                "remove the folder, or choose another --out."
            )
        return
    plan.out.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _checks(
    plan: TrainingPlan,
    data: TrainingData,
    student: FittedNetwork,
    teacher: Teacher,
    request: SemiSupervisedRequest,
    fabric: Fabric,
) -> list[StudentCheck]:
    """Compare the student with its teacher and, as a control, with one without pseudo-labels."""
    chosen = data.split.mask(data.manifest, "validation")
    pixels = data.cells.pixels[chosen]
    inputs: dict[str, Any] = {
        "labels": data.targets[chosen].astype(int),
        "groups": data.manifest.table["group"][chosen].to_numpy(dtype=str),
        "student": _logits(student, pixels, plan, fabric.device),
    }
    others = {"its teacher": teacher.logits(_teacher_pixels(plan, data, teacher, chosen))}
    if request.control:
        alone = replace(plan, out=plan.out / _CONTROL)
        alone.out.mkdir(exist_ok=True)
        control = run.fit_network(alone, data, fabric)
        others["the same network without pseudo-labels"] = _logits(
            control, pixels, plan, fabric.device
        )
    return [
        compare_networks(**inputs, other=logits, against=name) for name, logits in others.items()
    ]


def _logits(
    fitted: FittedNetwork, pixels: NDArray[np.uint8], plan: TrainingPlan, device: torch.device
) -> Floats:
    cells = torch.from_numpy(pixels)
    logits = fit.predict(fitted.network, cells, plan.preprocessing, device=device)
    return np.asarray(logits.double().numpy())


def _teacher_pixels(
    plan: TrainingPlan, data: TrainingData, teacher: Teacher, chosen: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Labelled cells, cropped by the teacher's preprocessing."""
    if teacher.info.preprocessing == plan.preprocessing:
        return np.asarray(data.cells.pixels[chosen])
    paths = [p for p, wanted in zip(data.manifest.paths(), chosen, strict=True) if wanted]
    return decoded_cells.decode(paths, teacher.info.preprocessing).pixels


def _confident_validation(
    plan: TrainingPlan, data: TrainingData, teacher: Teacher, confidence: float
) -> dict[str, int]:
    """Numbers of validation cells with confident, and with correct confident, predictions."""
    chosen = data.split.mask(data.manifest, "validation")
    probability = teacher.probability(_teacher_pixels(plan, data, teacher, chosen))
    sure = np.maximum(probability, 1 - probability) >= confidence
    right = (probability >= 0.5) == (data.targets[chosen] > 0.5)
    return {"cells": int(sure.sum()), "right": int((sure & right).sum())}


def _sentence(
    teacher: Teacher,
    pseudo: PseudoLabels,
    request: SemiSupervisedRequest,
    sure: dict[str, int],
    checks: list[StudentCheck],
) -> str:
    accepted = pseudo.accepted()
    left_out = pseudo.same + pseudo.relatives + pseudo.known
    used = (
        f"Learned from {sum(accepted.values()):,} of {pseudo.offered:,} unlabelled cells of "
        f"{pseudo.data} besides ({accepted['all']:,} ALL blasts, {accepted['hem']:,} normal), "
        f"those that {teacher.info.name} gives a calibrated probability of "
        f"{request.confidence:g} or more; {left_out:,} others were left out as held-out cells, "
        f"their subjects, or training cells already. Of {sure['cells']:,} validation cells that "
        f"the teacher is as sure of, it calls {sure['right']:,} rightly."
    )
    return " ".join([used, *(check.sentence() for check in checks)])


def _discard(plan: TrainingPlan, checks: list[StudentCheck], fabric: Fabric) -> None:
    """Remove the run's files and report the worst check.

    Raises:
        ModelError: always.
    """
    if fabric.is_global_zero:
        _remove_intermediate_files(plan)
        (plan.out / checkpoint.FILE_NAME).unlink(missing_ok=True)
        if not any(plan.out.iterdir()):
            plan.out.rmdir()
    worst = min(checks, key=lambda check: check.difference.value)
    raise ModelError(
        f"The unlabelled cells hurt, so nothing was kept: on validation cells the student's AUROC "
        f"is {worst.student:.3f} against {worst.other:.3f} of {worst.against} (difference "
        f"{formats.estimate(worst.difference)} over subjects); raise --confidence or train without."
    )


def _remove_intermediate_files(plan: TrainingPlan) -> None:
    (plan.out / _FACTS).unlink(missing_ok=True)
    shutil.rmtree(plan.out / _CONTROL, ignore_errors=True)


def _with_pseudo_labels(
    result: TrainingResult, pseudo: PseudoLabels, facts: dict[str, Any]
) -> TrainingResult:
    """Add pseudo-labelled cells and their subjects to the training set of the result."""
    split = dict(result.training["split"])
    split["train"] = sorted({*split["train"], *pseudo.table["subject"].dropna()})
    leaks, unknown = split["leaks"], int(pseudo.table["subject"].isna().sum())
    split["leaks"] = leaks | {"unknown_subjects": leaks["unknown_subjects"] + unknown}
    training = result.training | {"split": split, KEY: _json_values(facts)}
    parts = pd.Series("train", index=pseudo.table["image_id"], name="split")
    parts = pd.concat([result.data.split.parts, parts])
    data = replace(result.data, split=replace(result.data.split, parts=parts))
    return replace(result, training=training, data=data)


def _json_values(value: Any) -> Any:
    """Convert to JSON's types: null for NaN."""
    if isinstance(value, dict):
        return {key: _json_values(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_json_values(part) for part in value]
    return None if isinstance(value, float) and value != value else value
