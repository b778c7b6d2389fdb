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

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore.audit.findings import checks
from allcore.audit.findings.audit_inputs import AuditInputs
from allcore.audit.findings.finding import Finding, sort_by_severity
from allcore.audit.index import store
from allcore.audit.index.store import About, Index
from allcore.data import readers, split_files
from allcore.data.manifest import Manifest
from allcore.errors import DataError

FILE = "findings.json"
VERSION = 2
"""Raised whenever the result of a check changes, which invalidates older caches."""


@dataclass(frozen=True)
class HealthReport:
    """All findings of a data set.

    Attributes:
        images: number of checked images.
        findings: the most severe first.
    """

    images: int
    findings: tuple[Finding, ...]


def refresh(data: Path, home: Path | None = None, *, model: str | None = None) -> list[Finding]:
    """Compute the findings that depend on the data set alone, and cache them beside the index.

    Args:
        data: folder or CSV file of an indexed data set.
        home: state folder; None takes the settings'.
        model: installed model whose held-out predictions serve to check labels; None takes the
            settings'.

    Raises:
        DataError: the data set can't be read, there is no index, or the file can't be written.
    """
    manifest, index, judge = readers.read(data), store.read(data, home), checks.find_judge(model)
    inputs = AuditInputs.of(manifest, index, predictions=judge.predictions, judge_name=judge.name)
    findings = checks.run_checks(inputs, checks.DATA_CHECKS)
    record = {
        "made_of": cache_key(manifest, index.about, model=model),
        "findings": [finding.as_dict() for finding in findings],
    }
    text = json.dumps(record, ensure_ascii=False)
    store.replace(store.folder(data, home) / FILE, text.encode())
    return findings


def read_cached(
    data: Path,
    manifest: Manifest,
    about: About,
    *,
    home: Path | None = None,
    model: str | None = None,
) -> list[Finding] | None:
    """Return the cached findings; None where there are none or they are outdated.

    Args:
        data: folder or CSV file of the data set.
        manifest: its current manifest.
        about: of its index.
        home: state folder; None takes the settings'.
        model: as for ``refresh``.
    """
    try:
        record = json.loads((store.folder(data, home) / FILE).read_text(encoding="utf-8"))
        if record["made_of"] != cache_key(manifest, about, model=model):
            return None
        return [Finding.from_dict(fields) for fields in record["findings"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_leaks(
    manifest: Manifest, duplicates: "DuplicatePairs", parts: "pd.Series[str]"
) -> list[Finding]:
    """Return the leaks of a split: cells and subjects in two of its parts.

    Args:
        manifest: the current data set.
        duplicates: of its index.
        parts: part of the split by image id, missing where in none.
    """
    inputs = AuditInputs.of(manifest, duplicates.as_index(), split=parts)
    return checks.run_checks(inputs, checks.SPLIT_CHECKS)


def all_findings(
    data: Path, *, split: Path | None = None, home: Path | None = None, model: str | None = None
) -> HealthReport:
    """Return all findings of an indexed data set, from the cache where it is valid.

    Args:
        data: folder or CSV file of the data set.
        split: a ``split.csv`` to check for leaks; None takes the manifest's own.
        home: state folder; None takes the settings'.
        model: as for ``refresh``.

    Raises:
        DataError: the data set or the split can't be read, or there is no index.
    """
    manifest = readers.read(data)
    duplicates = DuplicatePairs.read(data, home)
    parts = manifest.table.set_index("image_id")["split"]
    leaks = find_leaks(
        manifest, duplicates, parts if split is None else split_files.read_split(split).parts
    )
    findings = read_cached(data, manifest, duplicates.about, home=home, model=model)
    if findings is None:
        findings = refresh(data, home, model=model)
    checked = manifest.table["image_id"].isin(duplicates.table["image_id"])
    return HealthReport(int(checked.sum()), tuple(sort_by_severity([*leaks, *findings])))


def cache_key(manifest: Manifest, about: About, *, model: str | None = None) -> dict[str, object]:
    """Return the values that the findings depend on; a change invalidates the cache."""
    judge = checks.find_judge(model, named_only=True)
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


@dataclass(frozen=True)
class DuplicatePairs:
    """The digests and near duplicates of an index, without its large arrays.

    Attributes:
        about: of the index.
        table: its rows.
        pairs: (P, 2) row numbers of near duplicates.
    """

    about: About
    table: pd.DataFrame
    pairs: NDArray[np.intp]

    @classmethod
    def read(cls, data: Path, home: Path | None = None) -> "DuplicatePairs":
        """Read the index of a data set.

        Raises:
            DataError: there is no index, or it is damaged.
        """
        about, rows = store.read_rows(data, home)
        try:
            pairs = pd.read_parquet(store.folder(data, home) / store.TWINS)[["one", "other"]]
        except Exception as error:  # Parquet readers raise many errors on damaged files
            raise DataError(
                f"The index of {data} is damaged: delete {store.folder(data, home)} and index the "
                "data set again."
            ) from error
        columns = ["image_id", "sha256", "error"]
        return cls(about, rows[columns], pairs.to_numpy(dtype=np.intp))

    def as_index(self) -> Index:
        """Return an index with empty arrays."""
        nothing = np.zeros((len(self.table), 0, 0), dtype=np.uint8)
        vectors = np.zeros((len(self.table), 0), dtype=np.float16)
        return Index(self.about, self.table, nothing, nothing, vectors, self.pairs)
