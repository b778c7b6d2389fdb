"""Findings in words: what they are called, how bad they are, and what their numbers say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from allcore import formats
from allcore.audit.findings import label_folds
from allcore.audit.findings.finding import SEVERITIES, Finding, Severity
from allcore.labels import CLASS_NAMES

TITLES = {
    "twin_across_split": "Cells in two parts of the split",
    "subject_across_split": "Subjects in two parts of the split",
    "cell_under_two_subjects": "The same cell under two subjects",
    "exact_duplicate": "Identical files",
    "near_duplicate": "Near duplicates",
    "class_imbalance": "Class imbalance",
    "shortcut": "Shortcuts",
    "probable_label_error": "Labels that may be wrong",
    "unreadable": "Pictures that can't be used",
    "touches_border": "Cells that touch the picture's border",
    "over_cropped": "Cells with a part cut away",
    "blurred": "Blurred cells",
    "dark": "Dark cells",
    "bright": "Bright cells",
    "several_objects": "Several objects in one picture",
    "outlier": "Cells unlike all others",
}
CUES = {
    "area": "Area",
    "brightness": "Brightness",
    "redness": "Colour (red over blue)",
    "area and brightness": "Area with brightness",
}
NAMED = 8


@dataclass(frozen=True)
class Entry:
    """The findings of one kind, as they are shown together.

    Attributes:
        kind: of all of them.
        findings: at least one.
    """

    kind: str
    findings: tuple[Finding, ...]

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES.get(self.kind, self.kind.replace("_", " "))

    @property
    def severity(self) -> Severity:
        """Of the worst."""
        return min((each.severity for each in self.findings), key=SEVERITIES.index)

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Images it is about, each once."""
        return tuple(dict.fromkeys(name for each in self.findings for name in each.image_ids))

    @property
    def groups(self) -> list[list[str]]:
        """Image ids that belong together; empty where none do."""
        return [names for each in self.findings for names in each.detail.get("groups", [])]


def entries(findings: Sequence[Finding]) -> list[Entry]:
    """The findings by kind, in the order of the first of each."""
    kinds = dict.fromkeys(each.kind for each in findings)
    return [Entry(kind, tuple(f for f in findings if f.kind == kind)) for kind in kinds]


def headline(found: Sequence[Entry], images: int) -> str:
    """What matters most, in a sentence or two."""
    if not found:
        return (
            f"Nothing was found in {formats.count(images, 'image')}: no copies, no leaks, no "
            "shortcuts, no bad pictures."
        )
    worst = found[0]
    high = [each for each in found if each.severity == "high"]
    rest = (
        "None of them spoils a study by itself."
        if not high
        else f"{len(high)} of {formats.count(len(found), 'kind')} of findings can spoil a study."
    )
    return f"{summary(worst, images)} {rest}"


def summary(entry: Entry, images: int) -> str:
    """A finding in one sentence, with its size."""
    first = entry.findings[0]
    if entry.kind == "shortcut":
        best = max(entry.findings, key=lambda each: float(each.detail["auroc"]))
        return (
            f"{cue(best)} alone tells the classes of unseen subjects apart: {_auroc(best.detail)}."
        )
    if entry.kind == "subject_across_split":
        number, of = len(first.detail["subjects"]), first.detail["of"]
        return (
            f"{number:,} of {formats.count(of, 'subject')} stand in two parts of the split shown."
        )
    if not entry.image_ids:
        return first.why
    return f"{entry.title}: {size(entry, images)}."


def size(entry: Entry, images: int) -> str:
    """How many images a finding is about, and their share."""
    count = len(entry.image_ids)
    if not count:
        return "the whole set"
    share = 100 * count / max(images, 1)
    return f"{formats.count(count, 'image')} ({share:.1f} %)"


def cue(finding: Finding) -> str:
    """The plain fact of a shortcut, as people call it."""
    return CUES.get(str(finding.detail["cue"]), str(finding.detail["cue"]))


def numbers(finding: Finding) -> list[str]:
    """A finding's numbers, a sentence each."""
    return [
        sentence
        for name, say in _SENTENCES.items()
        if name in finding.detail and (sentence := say(finding.detail))
    ]


def _auroc(detail: dict[str, Any]) -> str:
    if detail.get("low") is None:
        return f"AUROC {detail['auroc']:.2f}, no interval"
    return (
        f"AUROC {detail['auroc']:.2f} (95 % interval over subjects {detail['low']:.2f} to "
        f"{detail['high']:.2f})"
    )


def _pairs(detail: dict[str, Any]) -> str:
    groups = detail.get("groups", [])
    return f"{formats.count(detail['pairs'], 'pair')} in {formats.count(len(groups), 'group')}."


def _two_labels(detail: dict[str, Any]) -> str:
    number = detail["two_labels"]
    return f"{formats.count(number, 'pair')} carry two labels." if number else ""


def _subjects(detail: dict[str, Any]) -> str:
    """Pairs of subjects with their cells, subjects that are named, or subjects of each class."""
    found = detail["subjects"]
    if not found:
        return ""
    if isinstance(found, dict) and "images" in detail:
        return f"Independent subjects: {_by_class(found)}."
    if isinstance(found, dict):
        more = detail["pairs_of_subjects"] - min(NAMED, len(found))
        named = "; ".join(f"{names}: {count:,}" for names, count in list(found.items())[:NAMED])
        return f"Pairs of cells by subjects: {named}{f'; and {more:,} more' if more else ''}."
    more = len(found) - NAMED
    told = ", ".join(map(str, found[:NAMED])) + (f" and {more:,} more" if more > 0 else "")
    if "source" in detail:
        return f"More than half of the cells are named of: {told}."
    return f"Subjects: {told}."


def _apart(detail: dict[str, Any]) -> str:
    number = detail["not_kept_together"]
    if not number:
        return "All of these subjects are kept together in splits by subject."
    return (
        f"{formats.count(number, 'pair')} of cells are of subjects that splits by subject do not "
        "keep together: look at these first."
    )


def _model(detail: dict[str, Any]) -> str:
    return (
        f"The installed model {detail['model']['name']} on these cells: {_auroc(detail['model'])}."
    )


def _source(detail: dict[str, Any]) -> str:
    if detail["source"] == label_folds.HELD_OUT:
        return "Judged by the installed model's predictions of cells that it had not seen."
    return "Judged by a regression on measures of the pictures, on subjects that it had not seen."


def _by_class(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {CLASS_NAMES.get(name, name)}" for name, count in counts.items())


def _reasons(detail: dict[str, Any]) -> str:
    return " ".join(f"{count:,} times: {text}" for text, count in detail["reasons"].items())


_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "pairs": _pairs,
    "two_labels": _two_labels,
    "images": lambda detail: f"Images: {_by_class(detail['images'])}.",
    "subjects": _subjects,
    "not_kept_together": _apart,
    "ratio": lambda detail: f"The larger class has {detail['ratio']:g} times the smaller one's.",
    "auroc": lambda detail: f"{_auroc(detail)}.",
    "model": _model,
    "source": _source,
    "reasons": _reasons,
    "beyond": lambda detail: (
        f"The set's median is {detail['median']:,g}; named is what lies beyond "
        f"{detail['beyond']:,g} and far from the others."
    ),
    "median_distance": lambda detail: (
        f"The median cosine distance to the nearest cells is {detail['median_distance']:g}."
    ),
}
