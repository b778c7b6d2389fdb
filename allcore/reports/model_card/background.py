"""The chapters of a card that tell what the model is and where it came from."""

from typing import Any

from allcore import formats
from allcore.data import split_files
from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
from allcore.model_folder import ModelInfo
from allcore.reports.model_card import results
from allcore.reports.model_card.public_datasets import known
from allcore.reports.model_card.text import Block, Bullets, Chapter, Code, Paragraph

WHAT, USE, DATA = "What it is", "Intended use", "Data"
SPLIT, UNLABELLED, LIMITS = "Split and leakage", "Unlabelled cells", "Limits"

_SPLIT_SENTENCES = {
    "subject": "No subject is in two of training, validation and test, so the test figures are "
    "for subjects that training never saw.",
    "image": "Images were split at random (the paper's protocol): a subject's cells are in "
    "training and in test alike, so these figures do not say how the model does on a new subject.",
}
_TORN = (
    "{torn} of {of} have cells in two of training, validation and test, so these figures do not "
    "say how the model does on a new subject."
)
_UNKNOWN = (
    "The subject of {images} is not known, so nobody can say that the test figures are for "
    "subjects that training never saw."
)
_TWINS = " Training or validation also hold twins, pictures of the same cell, of {cells}."
_OUT_OF_FOLD = (
    "The figures are out of fold: subjects were dealt into {folds} folds, and each fold's cells "
    "were predicted by a network that was trained by the same recipe without them. The network "
    "that ships was then trained on all subjects; it resembles the ones that were tested, but no "
    "subject is left to test it on."
)
_ELSEWHERE = (
    "The figures below are for cells of subjects that the model's split doesn't name: they come "
    "from other data than it was trained on."
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
    "Subjects differ more than cells do. The intervals over subjects are the ones to go by, and "
    "they are wide because there are few subjects.",
    "Predictive values hold for the share of blasts in this data, which is not that of a clinic.",
    "Age, sex, treatment, subtype, centre, microscope and staining protocol are not in the data "
    "that the run saw, so no figure can be given by them.",
    "What would tell most next: cells of other centres and stains, and more normal subjects.",
)
_ONE_SET = (
    "Trained and tested on single, segmented cells on black from one data set ({data}). Anything "
    "else, such as whole smear fields, other stains or other microscopes, was not tested."
)
_TWO_SETS = (
    "Trained on single, segmented cells on black from one data set ({data}) and tested on another. "
    "Anything unlike both, such as whole smear fields, was not tested."
)


def what(info: ModelInfo, report: ModelEvaluation) -> Chapter:
    """What the model is and its headline figures."""
    size = info.preprocessing.size
    text = (
        "A classifier of single cells into ALL blast and normal by machine learning: architecture "
        f"{info.architecture} ({plain(info.config) or 'default settings'}), input {size} x {size} "
        "pixels. This card tells how it was trained and how well it does on cells that were held "
        "out."
    )
    parts = results.parts_of(report)
    return Chapter(WHAT, (Paragraph(text), Paragraph(results.summary(parts[0]))))


def use() -> Chapter:
    """What the model is for, and what not."""
    return Chapter(USE, (Bullets(_USE),))


def data(info: ModelInfo, report: ModelEvaluation) -> Chapter:
    """The data set, its reference standard, and how many cells and subjects there are."""
    facts = known(data_name(info))
    lines = ["Nothing more is known of this data set here."]
    if facts is not None:
        lines = [facts.cells, f"Labels: {facts.labels}", facts.design, f"Source: {facts.source}"]
    texts = (Paragraph(text) for text in (_trained_on(info), *lines))
    return Chapter(DATA, (*texts, _counts(report)))


def split(info: ModelInfo, report: ModelEvaluation) -> Chapter:
    """How cells were assigned, and what could leak."""
    told = info.training["split"]
    folds = info.training.get("out_of_fold")
    sentence = _OUT_OF_FOLD.format(folds=folds) if folds else _split_sentence(told, report)
    blocks: list[Block] = [
        Paragraph(f"Split by {_split_name(told, report)}. {sentence}"),
        *(Paragraph(line) for line in _leakage(info, report)),
    ]
    listed = tuple(
        f"{name.capitalize()}: {formats.count(len(told[name]), 'subject')} "
        f"({', '.join(sorted(told[name], key=_natural))})"
        for name in ("train", "validation", "test")
        if told.get(name)
    )
    return Chapter(SPLIT, (*blocks, Bullets(listed)) if listed else tuple(blocks))


def unlabelled(info: ModelInfo) -> tuple[Chapter, ...]:
    """What else was learned from, where there was any."""
    told = info.training.get("semi_supervised")
    return (Chapter(UNLABELLED, (Paragraph(told["sentence"]),)),) if told else ()


def limits(info: ModelInfo, report: ModelEvaluation) -> Chapter:
    """What the figures do not say."""
    first = _TWO_SETS if elsewhere(info, report) else _ONE_SET
    name = data_name(info) or "its name is not in model.json"
    told = info.training["split"]
    own = (_split_sentence(told, report),) if report.split_kind == "image" else ()
    return Chapter(LIMITS, (Bullets((first.format(data=name), *own, *_LIMITS)),))


def elsewhere(info: ModelInfo, report: ModelEvaluation) -> bool:
    """Whether the evaluated subjects are none of those that the model's split names."""
    told = info.training["split"]
    names = {name for part in ("train", "validation", "test") for name in told.get(part, [])}
    rows = {row.subject for part in results.parts_of(report) for row in part.subjects}
    return bool(rows) and not rows & names


def data_name(info: ModelInfo) -> str:
    """The data set that the model was trained on, empty where model.json doesn't say."""
    return str(info.training.get("data", {}).get("name", ""))


def plain(value: object) -> str:
    """A setting as people read it."""
    if isinstance(value, dict):
        return _fields(value)
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    return str(value)


def commands(info: ModelInfo) -> Code:
    """What makes the model and its figures again, as far as it is known."""
    lines = [info.training["command"]] if info.training.get("command") else []
    if not info.training.get("out_of_fold"):  # else no cell of that data is left to evaluate on
        lines.append(f"python -m allcore evaluate --data DIR --model {info.name} --out evaluation")
    return Code(tuple(lines))


def _trained_on(info: ModelInfo) -> str:
    told = info.training.get("data")
    if not told:
        return "model.json doesn't say which data the model was trained on."
    return (
        f"Trained on {told['name']}, {told['images']:,} images, digest {told['digest'][:16]}. "
        "Images without a label take no part in any figure."
    )


def _split_name(told: dict[str, Any], report: ModelEvaluation) -> str:
    """What the split was drawn by, with its seed, or the file that told it."""
    if told["kind"] == split_files.KIND:
        return f"the file {told['file']}, SHA-256 {told['sha256'][:16]}"
    return f"{report.split_kind}, seed {told['seed']}" if "seed" in told else report.split_kind


def _split_sentence(told: dict[str, Any], report: ModelEvaluation) -> str:
    """What the split means for the figures; a file's is told by what it tears apart."""
    if told["kind"] != split_files.KIND:
        return _SPLIT_SENTENCES[report.split_kind]
    leaks = told["leaks"]
    torn, unknown, twins = (
        len(leaks["subjects"]), leaks["unknown_subjects"], leaks["twins_of_test_cells"],
    )  # fmt: skip
    sentence = _SPLIT_SENTENCES["subject"]
    if torn:
        sentence = _TORN.format(torn=torn, of=formats.count(leaks["of"], "independent subject"))
    elif unknown:
        sentence = _UNKNOWN.format(images=formats.count(unknown, "image"))
    return sentence + (_TWINS.format(cells=formats.count(twins, "test cell")) if twins else "")


def _leakage(info: ModelInfo, report: ModelEvaluation) -> tuple[str, ...]:
    """What is known of subjects that stand on both sides."""
    if elsewhere(info, report):
        return (_ELSEWHERE,)
    part = results.parts_of(report)[0]
    named, groups = len(part.subjects), _groups(part)
    if not named or groups is None or groups == named:
        return ()
    return (
        f"The {named} subjects of the {part.split} cells count as {groups} independent ones: names "
        "of one group (in C-NMC 2019 those under which one and the same cell was found) are one "
        "subject to every interval.",
    )


def _groups(part: SplitEvaluation) -> int | None:
    if part.blast.subjects is None or part.normal.subjects is None:
        return None
    return part.blast.subjects + part.normal.subjects


def _counts(report: ModelEvaluation) -> Bullets:
    return Bullets(
        tuple(
            f"{formats.SPLITS[part.split]} cells: {part.cells:,} ({part.blast.cells:,} ALL blasts, "
            f"{part.normal.cells:,} normal)"
            for part in results.parts_of(report)
        )
    )


def _fields(fields: dict[str, Any]) -> str:
    return ", ".join(f"{key} {plain(value)}" for key, value in fields.items())


def _natural(subject: str) -> tuple[str, int]:
    """Sort H2 before H10."""
    letters = subject.rstrip("0123456789")
    return letters, int(subject[len(letters) :] or 0)
