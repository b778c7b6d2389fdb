"""Chapters of a card on intended use, data, split and limits."""

from dataclasses import dataclass
from typing import Any

from allcore import formats
from allcore.data import split_files
from allcore.evaluation.model_evaluation import ModelEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import results
from allcore.reports.model_card.text import Block, Bullets, Chapter, Code, Paragraph

WHAT, USE, DATA = "What it is", "Intended use", "Data"
SPLIT, UNLABELLED, LIMITS = "Split and leakage", "Unlabelled cells", "Limits"

_AT_RANDOM = "Images were split at random (the paper's protocol)."
_TWINS = "Training or validation also hold twins, pictures of the same cell, of {cells}."
_OUT_OF_FOLD = (
    "The figures are out of fold: {unit}s were dealt into {folds} folds, and each fold's cells "
    "were predicted by a network that was trained by the same recipe without them. The network "
    "that ships was then trained on all of them; it resembles the ones that were tested, but "
    "no {unit} is left to test it on."
)
_OTHER_DATA = (
    "The figures below are for cells that the model's split doesn't hold: they come from other "
    "data than it was trained on."
)
_USE = (
    "Meant for: research and teaching on classifiers of single blood cells; to see how often one "
    "is right, for which subjects it is wrong, and why. Its users know blood cells under the "
    "microscope or work beside someone who does; they choose the pictures, and need no "
    "training in machine learning.",
    "Not meant for: diagnosis, screening, treatment decisions, or any statement about a patient.",
    "A picture without one readable cell on black is refused with a reason, not answered.",
)
_LIMITS = (
    "It answers for a cell, not for a patient, and knows only ALL blasts and normal cells: every "
    "other cell gets one of these two answers or is refused.",
    "Predictive values hold for the share of blasts in this data, which is not that of a clinic.",
    "Age, sex, treatment, subtype, centre, microscope and staining protocol are not in the data "
    "that the run saw, so no figure can be given by them.",
    "What would tell most next: cells of other centres and stains, and more normal subjects.",
)
_OVER_SUBJECTS = (
    "Subjects differ more than cells do. The intervals over subjects are the ones to go by, and "
    "they are wide because there are few subjects."
)
_ONE_SET = (
    "Trained on single, segmented cells on black from one data set ({data}). Anything unlike its "
    "cells and the tested ones, such as whole smear fields, other stains or other microscopes, was "
    "not tested."
)
_TWO_SETS = (
    "Trained on single, segmented cells on black from one data set ({data}) and tested on another. "
    "Anything unlike both, such as whole smear fields, was not tested."
)


@dataclass(frozen=True)
class PublicDataset:
    """Published facts about a data set."""

    source: str
    cells: str  # content of the images and their processing before publication
    labels: str
    design: str


C_NMC = PublicDataset(
    source="Gupta A., Gupta R. (2019), ALL Challenge dataset of ISBI 2019 (C-NMC 2019), The Cancer "
    "Imaging Archive, doi 10.7937/tcia.2019.dc64i46r.",
    cells="Single cells of the ISBI 2019 challenge, blasts of B-lineage ALL and normal lymphoid "
    "cells. The makers of the data set cut them out of microscope images, normalised their stain "
    "and set them on black.",
    labels="By the data set's published description, an expert oncologist annotated the cells. How "
    "often a second reader would have agreed is not known here.",
    design="Retrospective use of published pictures: 10,661 cells of 73 subjects in the public "
    "training part, 1,867 of 28 subjects in the preliminary test part, 2,586 without public labels "
    "in the final one. Every subject carries cells of one class only, so whoever recognises the "
    "subject knows the label.",
)


def what(info: ModelInfo, evaluation: ModelEvaluation) -> Chapter:
    """Description of the model, with its headline estimates."""
    size, config = info.preprocessing.size, setting_text(info.config) or "default settings"
    text = (
        "A classifier of single cells into ALL blast and normal by machine learning: architecture "
        f"{info.architecture} ({config}), input {size} x {size} pixels. This card "
        "tells how it was trained and how well it does on cells that were held out."
    )
    parts = results.splits_of(evaluation)
    return Chapter(WHAT, (Paragraph(text), Paragraph(results.headline_text(parts[0]))))


def use() -> Chapter:
    """Intended use and exclusions."""
    return Chapter(USE, (Bullets(_USE),))


def data(info: ModelInfo, evaluation: ModelEvaluation) -> Chapter:
    """Data set, its reference standard, and the numbers of cells and subjects."""
    facts = public_dataset(info)
    lines = ["Nothing more is known of this data set here."]
    if facts is not None:
        lines = [facts.cells, f"Labels: {facts.labels}", facts.design, f"Source: {facts.source}"]
    texts = (Paragraph(text) for text in (_trained_on(info), *lines))
    counts = tuple(
        f"{formats.SPLITS[part.split]} cells: {part.cells:,} ({part.blast.cells:,} ALL blasts, "
        f"{part.normal.cells:,} normal)"
        for part in results.splits_of(evaluation)
    )
    return Chapter(DATA, (*texts, Bullets(counts)))


def split(info: ModelInfo, evaluation: ModelEvaluation) -> Chapter:
    """Assignment of cells to parts, and possible leakage."""
    record = info.training["split"]
    sentences = (*_protocol(info, evaluation), evaluation.separation.sentence)
    blocks: list[Block] = [
        Paragraph(" ".join((f"Split by {_split_name(record)}.", *sentences, *_twins(record)))),
        *(Paragraph(line) for line in _leakage(evaluation)),
    ]
    subjects = tuple(
        f"{name.capitalize()}: {formats.count(len(record[name]), 'subject')} "
        f"({', '.join(sorted(record[name], key=_natural))})"
        for name in ("train", "validation", "test")
        if record.get(name)
    )
    return Chapter(SPLIT, (*blocks, Bullets(subjects)) if subjects else tuple(blocks))


def unlabelled(info: ModelInfo) -> tuple[Chapter, ...]:
    """Unlabelled data used in training, if any."""
    record = info.training.get("semi_supervised")
    return (Chapter(UNLABELLED, (Paragraph(record["sentence"]),)),) if record else ()


def limits(info: ModelInfo, evaluation: ModelEvaluation) -> Chapter:
    """Limitations of the estimates."""
    first = _TWO_SETS if evaluation.external else _ONE_SET
    name = data_name(info) or "its name is not in model.json"
    separation = evaluation.separation
    subjects = () if separation.new_subjects else (separation.sentence,)
    intervals = (_OVER_SUBJECTS,) if separation.state != "unknown" else ()
    items = (first.format(data=name), *subjects, *intervals, *_LIMITS)
    return Chapter(LIMITS, (Bullets(items),))


def public_dataset(info: ModelInfo) -> PublicDataset | None:
    """Published facts about the model's data set; None where only its name is known."""
    return C_NMC if data_name(info).startswith("C-NMC") else None


def data_name(info: ModelInfo) -> str:
    """Name of the training data set; empty where model.json lacks it."""
    return str(info.training.get("data", {}).get("name", ""))


def setting_text(value: object) -> str:
    """A setting as text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {setting_text(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    return str(value)


def commands(info: ModelInfo) -> Code:
    """Commands that reproduce the model and its estimates, as far as known."""
    lines = list((info.training.get("origin") or {}).get("commands", []))
    lines += [info.training["command"]] if info.training.get("command") else []
    if not info.training.get("out_of_fold"):  # else no cell of that data is left to evaluate
        lines.append(f"python -m allcore evaluate --data DIR --model {info.name} --out evaluation")
    return Code(tuple(lines))


def _trained_on(info: ModelInfo) -> str:
    record = info.training.get("data")
    if not record:
        return "model.json doesn't say which data the model was trained on."
    return (
        f"Trained on {record['name']}, {record['images']:,} images, digest "
        f"{record['digest'][:16]}. Images without a label take no part in any figure."
    )


def _split_name(record: dict[str, Any]) -> str:
    """Unit of the split with its seed, or the split file."""
    if record["kind"] == split_files.KIND:
        return f"the file {record['file']}, SHA-256 {record['sha256'][:16]}"
    return f"{record['kind']}, seed {record['seed']}" if "seed" in record else str(record["kind"])


def _protocol(info: ModelInfo, evaluation: ModelEvaluation) -> tuple[str, ...]:
    """How the split was drawn, where that needs a sentence."""
    if folds := info.training.get("out_of_fold"):
        unit = "subject" if evaluation.separation.groups else "cell"
        return (_OUT_OF_FOLD.format(folds=folds, unit=unit),)
    return (_AT_RANDOM,) if info.training["split"]["kind"] == "image" else ()


def _twins(record: dict[str, Any]) -> tuple[str, ...]:
    twins = record.get("leaks", {}).get("twins_of_test_cells")
    return (_TWINS.format(cells=formats.count(twins, "test cell")),) if twins else ()


def _leakage(evaluation: ModelEvaluation) -> tuple[str, ...]:
    """Leakage through subjects with cells on both sides of the split."""
    if evaluation.external:
        return (_OTHER_DATA,)
    part = results.splits_of(evaluation)[0]
    subjects, groups = len(part.subjects), part.independent_subjects
    if not subjects or groups in (None, subjects):
        return ()
    return (
        f"The {subjects} subjects of the {part.split} cells count as {groups} independent ones: "
        "names of one group (in C-NMC 2019 those under which one and the same cell was found) are "
        "one subject to every interval.",
    )


def _natural(subject: str) -> tuple[str, int]:
    """Sort key for H2 before H10."""
    letters = subject.rstrip("0123456789")
    return letters, int(subject[len(letters) :] or 0)
