"""Text of findings: titles, summaries and sentences on their numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from allcore import formats
from allcore.audit.findings import checks, label_folds
from allcore.audit.findings.finding import SEVERITIES, Finding, Severity
from allcore.labels import CLASS_NAMES

TITLES = {check.kind: check.title for check in checks.CHECKS}
CUES = {
    "area": "Area",
    "brightness": "Brightness",
    "redness": "Colour (red over blue)",
    "area and brightness": "Area with brightness",
}
MAX_SUBJECTS = 8


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one kind, at least one."""

    kind: str
    findings: tuple[Finding, ...]

    @property
    def title(self) -> str:
        """Title of the kind on pages."""
        return TITLES.get(self.kind, self.kind.replace("_", " "))

    @property
    def severity(self) -> Severity:
        """Severity of the worst finding."""
        return min((finding.severity for finding in self.findings), key=SEVERITIES.index)

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Affected images, without repetition."""
        return tuple(dict.fromkeys(name for finding in self.findings for name in finding.image_ids))

    @property
    def groups(self) -> list[list[str]]:
        """Groups of image ids that show one cell; empty for other kinds."""
        return [names for finding in self.findings for names in finding.detail.get("groups", [])]


def group_by_kind(findings: Sequence[Finding]) -> list[FindingGroup]:
    """Group findings by kind, in the order of the first of each."""
    by_kind: dict[str, list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    return [FindingGroup(kind, tuple(of_kind)) for kind, of_kind in by_kind.items()]


def headline(groups: Sequence[FindingGroup], images: int) -> str:
    """Return the most severe finding and the number of findings of high severity."""
    if not groups:
        return (
            f"Nothing was found in {formats.count(images, 'image')}: no copies, no leaks, no "
            "shortcuts, no bad pictures."
        )
    rest = "None of them spoils a study by itself."
    high = sum(group.severity == "high" for group in groups)
    if high:
        rest = f"{high} of {formats.count(len(groups), 'kind')} of findings can spoil a study."
    return f"{summary(groups[0], images)} {rest}"


def summary(group: FindingGroup, images: int) -> str:
    """Return one sentence on a group of findings, with its size."""
    first = group.findings[0]
    if group.kind == "shortcut":
        best = max(group.findings, key=lambda finding: float(finding.detail["auroc"]))
        return (
            f"{cue_title(best)} alone tells the classes apart on {judged_on(best.detail)}: "
            f"{_auroc(best.detail)}."
        )
    if group.kind == "subject_across_split":
        total = formats.count(first.detail["of"], "subject")
        return (
            f"{len(first.detail['subjects']):,} of {total} stand in two parts of the split shown."
        )
    if not group.image_ids:
        return first.why
    return f"{group.title}: {image_share(group, images)}."


def image_share(group: FindingGroup, images: int) -> str:
    """Return the number of affected images and their share."""
    if not (count := len(group.image_ids)):
        return "the whole set"
    return f"{formats.count(count, 'image')} ({100 * count / max(images, 1):.1f} %)"


def cue_title(finding: Finding) -> str:
    """Return the title of the measure behind a shortcut."""
    return CUES.get(str(finding.detail["cue"]), str(finding.detail["cue"]))


def judged_on(detail: dict[str, Any]) -> str:
    """Return what the AUROC of a finding is for: unseen subjects, where subjects are known."""
    return str(detail.get("judged_on", label_folds.UNSEEN))


def unit(detail: dict[str, Any]) -> str:
    """Return the unit of the interval of a finding's AUROC."""
    return "subjects" if judged_on(detail) == label_folds.UNSEEN else "images"


def detail_sentences(finding: Finding) -> list[str]:
    """Return one sentence for each number of a finding."""
    return [
        sentence
        for name, sentence_of in _SENTENCES.items()
        if name in finding.detail and (sentence := sentence_of(finding.detail))
    ]


def _auroc(detail: dict[str, Any]) -> str:
    if detail.get("low") is None:
        return f"AUROC {detail['auroc']:.2f}, no interval"
    return (
        f"AUROC {detail['auroc']:.2f} (95 % interval over {unit(detail)} {detail['low']:.2f} to "
        f"{detail['high']:.2f})"
    )


def _subjects(detail: dict[str, Any]) -> str:
    """Sentences on pairs of subjects, listed subjects, or subjects of each class."""
    subjects = detail["subjects"]
    if not subjects:
        return ""
    if isinstance(subjects, dict) and "images" in detail:
        return f"Independent subjects: {_by_class(subjects)}."
    if isinstance(subjects, dict):
        listed = list(subjects.items())[:MAX_SUBJECTS]
        more = detail["pairs_of_subjects"] - len(listed)
        named = "; ".join(f"{pair}: {count:,}" for pair, count in listed)
        return f"Pairs of cells by subjects: {named}{f'; and {more:,} more' if more else ''}."
    names = ", ".join(map(str, subjects[:MAX_SUBJECTS]))
    if (more := len(subjects) - MAX_SUBJECTS) > 0:
        names += f" and {more:,} more"
    start = "More than half of the cells are named of" if "source" in detail else "Subjects"
    return f"{start}: {names}."


def _apart(detail: dict[str, Any]) -> str:
    number = detail["not_kept_together"]
    if not number:
        return "All of these subjects are kept together in splits by subject."
    return (
        f"{formats.count(number, 'pair')} of cells are of subjects that splits by subject do not "
        "keep together: look at these first."
    )


def _by_class(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {CLASS_NAMES.get(name, name)}" for name, count in counts.items())


_JUDGED_BY = {
    label_folds.HELD_OUT: "the installed model's predictions of cells that it had not seen",
    label_folds.REGRESSION: "a regression on measures of the pictures",
}
_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "pairs": lambda detail: (
        f"{formats.count(detail['pairs'], 'pair')} in "
        f"{formats.count(len(detail.get('groups', [])), 'group')}."
    ),
    "two_labels": lambda detail: (
        f"{formats.count(detail['two_labels'], 'pair')} carry two labels."
        if detail["two_labels"]
        else ""
    ),
    "images": lambda detail: f"Images: {_by_class(detail['images'])}.",
    "subjects": _subjects,
    "not_kept_together": _apart,
    "ratio": lambda detail: f"The larger class has {detail['ratio']:g} times the smaller one's.",
    "auroc": lambda detail: f"{_auroc(detail)}.",
    "model": lambda detail: (
        f"The installed model {detail['model']['name']} on these cells: "
        f"{_auroc(detail | detail['model'])}."
    ),
    "source": lambda detail: f"Judged by {_JUDGED_BY[detail['source']]}, on {judged_on(detail)}.",
    "reasons": lambda detail: " ".join(
        f"{count:,} times: {text}" for text, count in detail["reasons"].items()
    ),
    "beyond": lambda detail: (
        f"The set's median is {detail['median']:,g}; named is what lies beyond "
        f"{detail['beyond']:,g} and far from the others."
    ),
    "median_distance": lambda detail: (
        f"The median cosine distance to the nearest cells is {detail['median_distance']:g}."
    ),
}
