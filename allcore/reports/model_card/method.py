"""Chapters of a card on training and reproduction."""

from typing import Any

from allcore import formats
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import background
from allcore.reports.model_card.text import Chapter, Paragraph, Table

PREPROCESSING, NETWORK = "Preprocessing", "Network and recipe"
POINT, REPRODUCE = "Calibration and threshold", "How to reproduce"

_NORMALISATION = {
    "imagenet": "Channels are normalised by ImageNet's fixed mean and deviation.",
    "cell": "Each channel is normalised by its own mean and deviation inside the cell, the "
    "background at 0.",
}


def preprocessing(info: ModelInfo) -> Chapter:
    """Steps from an image to the network's input."""
    steps = info.preprocessing
    side = f"{steps.window} native pixels" if steps.window else "the cell's longer side"
    text = (
        "The cell is the largest object on the black background. A square around it, of "
        f"{side} and at least {steps.margin:g} times the cell's longer side, is cut out and "
        f"resized to {steps.size} x {steps.size} pixels. {_NORMALISATION[steps.normalisation]} "
        "The same steps are kept with the weights and apply to every picture. The picture is the "
        "only input; no human reads or measures anything in it."
    )
    return Chapter(PREPROCESSING, (Paragraph(text),))


def network(info: ModelInfo) -> Chapter:
    """Architecture and training recipe."""
    training = info.training
    recipe, seconds = training.get("recipe", {}), training.get("seconds")
    minutes = seconds and formats.count(max(1, round(seconds / 60)), "minute")
    rows = (
        ("Architecture", info.architecture),
        *((f"Architecture: {key}", value) for key, value in info.config.items()),
        ("Initial weights", training.get("init")),
        ("Initial weights SHA-256", (training.get("origin") or {}).get("weights_sha256")),
        *sorted(recipe.items()),
        ("Device", training.get("device")),
        ("Duration", minutes),
    )
    sentences = (_sampling(info), _epoch_choice(training))
    texts = tuple(map(Paragraph, filter(None, sentences)))
    return Chapter(NETWORK, (*texts, _table(rows)))


def point(info: ModelInfo) -> Chapter:
    """Calibration of the log-odds, and the threshold."""
    text = (
        "A cell is predicted to be an ALL blast where its calibrated probability, the sigmoid of "
        f"log-odds over temperature, is {info.threshold:.3f} or more. Rule: {info.threshold_rule}"
    )
    return Chapter(POINT, (Paragraph(text), Paragraph(_calibration(info))))


def reproduce(info: ModelInfo, evaluation: ModelEvaluation) -> Chapter:
    """Commands, seed, versions and digests."""
    training = info.training
    versions = training.get("versions", {})
    evaluated = evaluation.weights_sha256
    other_weights = "" if evaluated == info.weights_sha256 else evaluated
    rows = (
        ("Seed", training.get("seed")),
        *((f"Version of {name}", version) for name, version in versions.items()),
        ("Data digest", training.get("data", {}).get("digest")),
        ("Weights SHA-256", info.weights_sha256),
        ("Fold networks SHA-256", info.folds_sha256),
        ("Evaluated weights SHA-256", other_weights),
    )
    text = (
        "ALLScope, with its networks, preprocessing and evaluation, is free software "
        "(Apache-2.0). The weights lie beside this card; every figure follows from "
        "predictions.parquet there."
    )
    commands = background.commands(info)
    code = (commands,) if commands.lines else ()
    return Chapter(REPRODUCE, (Paragraph(text), *code, _table(rows)))


def _table(rows: tuple[tuple[str, Any], ...]) -> Table:
    settings = tuple(
        (name, background.setting_text(value))
        for name, value in rows
        if value not in (None, "", [], ())
    )
    return Table(("Setting", "Value"), settings)


def _sampling(info: ModelInfo) -> str:
    recipe = info.training.get("recipe", {})
    if "subject_strength" not in recipe:
        return ""
    if not recipe["subject_strength"] or not info.separation.groups:
        return "Training cells were drawn so that both classes were equally likely."
    if recipe["subject_strength"] == 1:
        return (
            "Training cells were drawn so that both classes, and all subjects of a class, were "
            "equally likely."
        )
    return (
        "Training cells were drawn so that both classes were equally likely; a subject of n cells "
        f"was drawn n to the power of {1 - float(recipe['subject_strength']):g} as often as one of "
        "a single cell."
    )


def _epoch_choice(training: dict[str, Any]) -> str:
    if training.get("best_epoch") is None:
        return ""
    if training.get("out_of_fold"):
        return "Every network is the moving average of its weights at the end of the schedule."
    return (
        f"Kept: the epoch that did best on validation cells, number {training['best_epoch'] + 1}."
    )


def _calibration(info: ModelInfo) -> str:
    if info.training.get("out_of_fold"):
        return (
            "The predictions of each fold were calibrated by Platt scaling on those of the other "
            "folds, with equal weight of all cells; the network that ships on those of all folds. "
            "The calibration is part of the weights."
        )
    return (
        f"Temperature {info.temperature:.3f}, fitted on the validation cells. Neither saw a test "
        "cell."
    )
