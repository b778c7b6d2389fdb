"""Finding, the result of every check, and its conversion to JSON and tables."""

import dataclasses
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.data.manifest import Manifest
from allcore.errors import DataError
from allcore.notice import RESEARCH_USE

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


@dataclass(frozen=True)
class Finding:
    """A fault, or a possible fault, of a data set."""

    kind: str  # its name, a word or two with underscores
    severity: Severity  # ``high`` invalidates a study, ``medium`` may, ``low`` deserves a look
    # the affected images, worst first; empty where the whole set is affected
    image_ids: tuple[str, ...]
    why: str  # why it matters, one sentence
    do: str  # the remedy, one sentence
    # numbers, by name; ``groups`` holds the image ids of each group of duplicates
    detail: dict[str, Any] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()  # the images to exclude as a remedy; for duplicates all but one

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.image_ids)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Finding":
        """Build a finding from the fields of ``as_dict``.

        Raises:
            KeyError: a field is missing.
        """
        values = {field.name: fields[field.name] for field in dataclasses.fields(cls)}
        lists = {name: tuple(values[name]) for name in ("image_ids", "leave_out")}
        return cls(**values | lists)

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON fields."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "count": self.count,
            "image_ids": list(self.image_ids),
            "detail": self.detail,
            "why": self.why,
            "do": self.do,
            "leave_out": list(self.leave_out),
        }


@dataclass(frozen=True)
class Check:
    """A search for one kind of finding."""

    kind: str  # name of the kind, with underscores
    title: str  # title on pages
    # yields the findings of a data set; none without a fault
    find: Callable[[AuditInputs], Iterator[Finding]]


def as_json(findings: Iterable[Finding]) -> str:
    """Return findings as a JSON list."""
    return json.dumps([finding.as_dict() for finding in findings], indent=2, ensure_ascii=False)


def as_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return one row a finding and image; a finding of the whole set has one row without an image.

    The columns are kind, severity, image_id, leave_out (whether to exclude the image), group
    (number of the group of duplicates), detail (numbers as JSON), why and do.
    """
    rows = [row for finding in findings for row in _rows(finding)]
    columns = ["kind", "severity", "image_id", "leave_out", "group", "detail", "why", "do"]
    return pd.DataFrame(rows, columns=columns)


def as_csv(findings: Iterable[Finding]) -> str:
    """Return the table of ``as_table`` as CSV, with the notice as its last column."""
    table = as_table(findings).assign(notice=RESEARCH_USE)
    return table.to_csv(index=False, lineterminator="\n")


def clean_manifest(
    manifest: Manifest, findings: Sequence[Finding], kinds: Collection[str]
) -> Manifest:
    """Return the manifest without the images that findings of some kinds exclude.

    No file is changed. One image of each group of duplicates stays, whatever the other kinds
    exclude.

    Raises:
        DataError: there is no finding of a kind, no image would be left, or labels contradict each
            other.
    """
    manifest.require_decided()
    known = {finding.kind for finding in findings}
    unknown = sorted(set(kinds) - known)
    if unknown:
        raise DataError(
            f"Nothing of the kind '{unknown[0]}' was found: choose of "
            f"{', '.join(sorted(known)) or 'none'}."
        )
    left_out = left_out_ids(findings, kinds)
    table = manifest.table[~manifest.table["image_id"].isin(left_out)].reset_index(drop=True)
    if table.empty:
        raise DataError("No image would be left: leave fewer kinds out.")
    return Manifest(manifest.root, table, manifest.name)


def left_out_ids(findings: Iterable[Finding], kinds: Collection[str]) -> set[str]:
    """Return the image ids that findings of some kinds exclude."""
    return {
        image_id for finding in findings if finding.kind in kinds for image_id in finding.leave_out
    }


def sort_by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Sort the most severe first; the order is stable."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _rows(finding: Finding) -> list[tuple[object, ...]]:
    groups = finding.detail.get("groups", ())
    group = {name: number for number, names in enumerate(groups, 1) for name in names}
    numbers = {key: value for key, value in finding.detail.items() if key != "groups"}
    detail = json.dumps(numbers, ensure_ascii=False)
    leave_out = set(finding.leave_out)
    head, tail = (finding.kind, finding.severity), (detail, finding.why, finding.do)
    if not finding.image_ids:
        return [(*head, "", False, "", *tail)]
    return [
        (*head, name, name in leave_out, group.get(name, ""), *tail) for name in finding.image_ids
    ]
