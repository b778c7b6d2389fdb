"""Cache of the findings of an indexed data set, beside its index.

Findings that depend on the data set alone take seconds to minutes and are written to
``findings.json`` in the index's folder. They are valid while the index, the labels and subjects of
the manifest, the model that checks labels and the checks stay the same. Leaks depend on the split;
they take milliseconds and are not cached.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from allcore.audit.findings import checks
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Finding, sort_by_severity
from allcore.audit.index import store
from allcore.audit.index.store import About, Index
from allcore.data import readers, split_files
from allcore.data.manifest import Manifest

FILE = "findings.json"
VERSION = 3
"""Raised whenever the result of a check changes, which invalidates older caches."""


@dataclass(frozen=True)
class HealthReport:
    """All findings of a data set."""

    images: int  # number of checked images
    findings: tuple[Finding, ...]  # the most severe first


def refresh(data: Path, home: Path | None = None) -> list[Finding]:
    """Compute the findings that depend on the data set alone, and cache them beside the index.

    Raises:
        DataError: the data set can't be read, there is no index, or the file can't be written.
    """
    manifest, index, judge = readers.read(data), store.read(data, home), checks.find_judge()
    inputs = AuditInputs.of(manifest, index, predictions=judge.predictions, judge_name=judge.name)
    findings = checks.run_checks(inputs, checks.DATA_CHECKS)
    record = {
        "made_of": cache_key(manifest, index.about),
        "findings": [finding.as_dict() for finding in findings],
    }
    text = json.dumps(record, ensure_ascii=False)
    store.replace(store.folder(data, home) / FILE, text.encode())
    return findings


def read_cached(
    data: Path, manifest: Manifest, about: About, *, home: Path | None = None
) -> list[Finding] | None:
    """Return the cached findings; None where there are none or they are outdated."""
    try:
        record = json.loads((store.folder(data, home) / FILE).read_text(encoding="utf-8"))
        if record["made_of"] != cache_key(manifest, about):
            return None
        return [Finding.from_dict(fields) for fields in record["findings"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_leaks(manifest: Manifest, index: Index, parts: "pd.Series[str]") -> list[Finding]:
    """Return the leaks of a split: cells and subjects in two of its parts."""
    inputs = AuditInputs.of(manifest, index, split=parts)
    return checks.run_checks(inputs, checks.SPLIT_CHECKS)


def all_findings(
    data: Path, *, split: Path | None = None, home: Path | None = None
) -> HealthReport:
    """Return all findings of an indexed data set, from the cache where it is valid.

    Args:
        data: the data set.
        split: a ``split.csv`` to check for leaks; None takes the manifest's own.
        home: state folder; None takes the settings'.

    Raises:
        DataError: the data set or the split can't be read, or there is no index.
    """
    manifest = readers.read(data)
    index = store.read(data, home, arrays=False)
    own_parts = manifest.table.set_index("image_id")["split"]
    leaks = find_leaks(
        manifest, index, own_parts if split is None else split_files.read_split(split).parts
    )
    findings = read_cached(data, manifest, index.about, home=home)
    if findings is None:
        findings = refresh(data, home)
    checked = manifest.table["image_id"].isin(index.table["image_id"])
    return HealthReport(int(checked.sum()), tuple(sort_by_severity([*leaks, *findings])))


def cache_key(manifest: Manifest, about: About) -> dict[str, object]:
    """Return the values that the findings depend on; a change invalidates the cache."""
    judge = checks.find_judge(named_only=True)
    return {
        "version": VERSION,
        "index": about.finished,
        "manifest": table_digest(
            manifest.table, ("image_id", "label", "subject", "group", "sha256")
        ),
        "judge": judge.sha256,
    }


def table_digest(table: pd.DataFrame, columns: tuple[str, ...]) -> str:
    """Return the SHA-256 over text columns of a table, by column, which is ten times faster."""
    digest = hashlib.sha256()
    for name in columns:
        digest.update("\x1f".join(table[name].fillna("").astype(str)).encode())
        digest.update(b"\x1e")
    return digest.hexdigest()
