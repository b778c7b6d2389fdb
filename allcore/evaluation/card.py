"""CARD.md of a model folder, generated from model.json and the evaluation."""

from typing import Any

from allcore import notice
from allcore.evaluation import metrics, words
from allcore.evaluation.results import Report, SplitReport
from allcore.evaluation.subjects import SubjectRow
from allcore.modelfolder import ModelInfo

WORST = 5
_SPLIT_SENTENCES = {
    "subject": "No subject is in two of training, validation and test, so the test figures are "
    "for subjects that training never saw.",
    "image": "Images were split at random (the paper's protocol): a subject's cells are in "
    "training and in test alike, so these figures do not say how the model does on a new subject.",
}
_OUT_OF_FOLD = (
    "The figures are out of fold: subjects were dealt into {folds} folds, and each fold's cells "
    "were predicted by a network that was trained by the same recipe without them. The network "
    "that ships was then trained on all subjects; it resembles the ones that were tested, but no "
    "subject is left to test it on."
)
_LIMITS = (
    "Trained and tested on single, segmented cells on black from one data set ({data}). Anything "
    "else, such as whole smear fields, other stains or other microscopes, was not tested.",
    "It answers for a cell, not for a patient, and knows only ALL blasts and normal cells: every "
    "other cell gets one of these two answers or is refused.",
    "Subjects differ more than cells do. The intervals over subjects are the ones to go by, and "
    "they are wide because there are few subjects.",
    "Predictive values hold for the share of blasts in this data, which is not that of a clinic.",
)


def card(info: ModelInfo, report: Report) -> str:
    """The model card in Markdown.

    Args:
        info: the model's own description.
        report: its evaluation.
    """
    parts = [part for part in (report.test, report.validation) if part is not None]
    sections = [
        f"# {info.name}",
        f"**{notice.RESEARCH_USE}**",
        _what(info),
        _data(info, report),
        _unlabelled(info),
        _recipe(info),
        "## Figures\n\n" + _reading(report),
        *(_figures(part) for part in parts),
        _worst(parts[0]),
        _limits(info),
        _reproduce(info),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _what(info: ModelInfo) -> str:
    size = info.preprocessing.size
    return (
        "## What it is\n\n"
        "A classifier of single cells into ALL blast and normal: architecture "
        f"`{info.architecture}` ({_fields(info.config) or 'default settings'}), input {size} x "
        f"{size} pixels.\n\n"
        "A cell is called an ALL blast where its calibrated probability is "
        f"{info.threshold:.3f} or more. Rule: {info.threshold_rule} {_temperature(info)}"
    )


def _temperature(info: ModelInfo) -> str:
    if info.training.get("out_of_fold"):
        return "The calibration is part of the weights: the mean of those of the folds."
    return (
        f"Temperature {info.temperature:.3f}, fitted on the validation cells. Neither saw a test "
        "cell."
    )


def _split_sentence(info: ModelInfo, report: Report) -> str:
    folds = info.training.get("out_of_fold")
    return _OUT_OF_FOLD.format(folds=folds) if folds else _SPLIT_SENTENCES[report.split_kind]


def _data(info: ModelInfo, report: Report) -> str:
    data, split = info.training["data"], info.training["split"]
    lines = [
        "## Data and split",
        f"{data['name']}, {data['images']:,} images, digest `{data['digest'][:16]}`. Split by "
        f"{report.split_kind}, seed {split['seed']}. {_split_sentence(info, report)}",
    ]
    listed = [
        f"- {name.capitalize()}: {words.count(len(split[name]), 'subject')} "
        f"({', '.join(sorted(split[name], key=_natural))})"
        for name in ("train", "validation", "test")
        if split.get(name)
    ]
    held = [_cells(part) for part in (report.test, report.validation) if part is not None]
    return "\n\n".join([*lines, "\n".join([*listed, *held])])


def _unlabelled(info: ModelInfo) -> str:
    told = info.training.get("semi_supervised")
    return f"## Unlabelled cells\n\n{told['sentence']}" if told else ""


def _cells(part: SplitReport) -> str:
    return (
        f"- {words.SPLITS[part.split]} cells: {part.cells:,} ({part.blast.cells:,} ALL blasts, "
        f"{part.normal.cells:,} normal)"
    )


def _recipe(info: ModelInfo) -> str:
    training = info.training
    rows = [
        ("Initial weights", training.get("init")),
        ("Seed", training.get("seed")),
        *sorted(training.get("recipe", {}).items()),
        ("Device", training.get("device")),
        ("Duration", _duration(training.get("seconds"))),
        ("Versions", _fields(training.get("versions", {}))),
        ("Weights SHA-256", info.weights_sha256),
    ]
    table = [f"| {name} | {_plain(value)} |" for name, value in rows if value not in (None, "")]
    return "\n".join(["## Recipe", "", "| Setting | Value |", "| --- | --- |", *table])


def _reading(report: Report) -> str:
    return (
        "Each figure has two 95 % intervals: over cells (how well it is known for these very "
        "subjects) and over subjects (what to expect of other subjects; the one to go by). The "
        "baseline is a set of boosted trees that see only a cell's area and brightness, at "
        f"its own threshold of {report.baseline_threshold:.3f}."
    )


def _figures(part: SplitReport) -> str:
    baseline = {figure.name: figure for figure in part.baseline}
    rows = [
        f"| {metrics.TITLES[figure.name]} | {figure.value:.3f} | {words.bounds(figure.image)} | "
        f"{words.bounds(figure.subject)} | "
        f"{words.figure(baseline[figure.name].subject) if baseline else 'not measured'} |"
        for figure in part.figures
    ]
    counts = part.confusion
    return "\n".join(
        [
            f"### {words.SPLITS[part.split]}: {words.cells_of(part)}",
            "",
            "| Figure | Value | Interval over cells | Interval over subjects | Area and brightness "
            "only (over subjects) |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"Of {part.blast.cells:,} ALL blasts {int(counts.tp):,} were called blast; of "
            f"{part.normal.cells:,} normal cells {int(counts.tn):,} were called normal.",
            *(f"\n{note}" for note in part.notes),
        ]
    )


def _worst(part: SplitReport) -> str:
    if not part.subjects:
        return ""
    rows = [_subject_line(row) for row in part.subjects[:WORST]]
    return "\n".join(
        [
            f"## Worst subjects ({words.SPLITS[part.split].lower()})",
            "",
            "| Subject | Class | Called rightly |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def _subject_line(row: SubjectRow) -> str:
    name = "ALL blast" if row.label == "all" else "normal"
    return f"| {row.subject} | {name} | {words.share(row.accuracy, row.cells)} |"


def _limits(info: ModelInfo) -> str:
    name = info.training["data"]["name"]
    return "\n".join(["## Limits", "", *(f"- {limit.format(data=name)}" for limit in _LIMITS)])


def _reproduce(info: ModelInfo) -> str:
    lines = [info.training["command"]]
    if not info.training.get("out_of_fold"):  # else no cell of that data is left to evaluate on
        lines.append(f"python -m allcore evaluate --data DIR --model {info.name} --out evaluation")
    return "\n".join(["## How to reproduce", "", "```", *lines, "```"])


def _fields(fields: dict[str, Any]) -> str:
    return ", ".join(f"{key} {_plain(value)}" for key, value in fields.items())


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return _fields(value)
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    return str(value)


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 60:.0f} min"


def _natural(subject: str) -> tuple[str, int]:
    """Sort H2 before H10."""
    letters = subject.rstrip("0123456789")
    return letters, int(subject[len(letters) :] or 0)
