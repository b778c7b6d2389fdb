"""Findings of an indexed data set that are kept beside its index, and those that can't be.

What hangs on the data set alone takes seconds to minutes and is written to ``findings.json`` in the
index's folder. It holds as long as the index, the labels and subjects of the manifest, the model
that judges labels and the checks are those it was made of. Leaks hang on the split that is looked
at; they take milliseconds and are never kept.
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
"""Raised whenever a check finds otherwise, so that what older checks found is not shown."""


@dataclass(frozen=True)
class HealthReport:
    """What is known of a data set's health.

    Attributes:
        images: number of images that were checked.
        findings: the most severe first.
    """

    images: int
    findings: tuple[Finding, ...]


def refresh(data: Path, home: Path | None = None, *, model: str | None = None) -> list[Finding]:
    """Find what hangs on the data set alone, keep it beside the index and give it back.

    Args:
        data: folder or CSV file of an indexed data set.
        home: state folder; None takes the settings'.
        model: installed model whose held-out predictions judge labels; None takes the settings'.

    Raises:
        DataError: the data set can't be read, there is no index, or the file can't be written.
    """
    manifest, index, judge = readers.read(data), store.read(data, home), checks.find_judge(model)
    inputs = AuditInputs.of(manifest, index, predictions=judge.predictions, judge_name=judge.name)
    found = checks.run_checks(inputs, checks.DATA_CHECKS)
    made = cache_key(manifest, index.about, model=model)
    told = {"made_of": made, "findings": [each.as_dict() for each in found]}
    text = json.dumps(told, ensure_ascii=False)
    store.replace(store.folder(data, home) / FILE, text.encode())
    return found


def read_cached(
    data: Path,
    manifest: Manifest,
    about: About,
    *,
    home: Path | None = None,
    model: str | None = None,
) -> list[Finding] | None:
    """The findings that are kept, where they are of what is there now; else None.

    Args:
        data: folder or CSV file of the data set.
        manifest: what it holds now.
        about: of its index.
        home: state folder; None takes the settings'.
        model: as for ``refresh``.
    """
    try:
        kept = json.loads((store.folder(data, home) / FILE).read_text(encoding="utf-8"))
        if kept["made_of"] != cache_key(manifest, about, model=model):
            return None
        return [Finding.from_dict(fields) for fields in kept["findings"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_leaks(
    manifest: Manifest, twins: "DuplicatePairs", parts: "pd.Series[str]"
) -> list[Finding]:
    """What leaks across a split: cells, and subjects, in two of its parts.

    Args:
        manifest: the data set as it is now.
        twins: of its index.
        parts: part of the split by image id, missing where in none.
    """
    inputs = AuditInputs.of(manifest, twins.as_index(), split=parts)
    return checks.run_checks(inputs, checks.SPLIT_CHECKS)


def all_findings(
    data: Path, *, split: Path | None = None, home: Path | None = None, model: str | None = None
) -> HealthReport:
    """All findings of an indexed data set; what is kept is taken from there, else found anew.

    Args:
        data: folder or CSV file of the data set.
        split: a ``split.csv`` to look for leaks in; None takes the manifest's own.
        home: state folder; None takes the settings'.
        model: as for ``refresh``.

    Raises:
        DataError: the data set or the split can't be read, or there is no index.
    """
    manifest = readers.read(data)
    twins = DuplicatePairs.read(data, home)
    parts = manifest.table.set_index("image_id")["split"]
    torn = find_leaks(
        manifest, twins, parts if split is None else split_files.read_split(split).parts
    )
    found = read_cached(data, manifest, twins.about, home=home, model=model)
    if found is None:
        found = refresh(data, home, model=model)
    checked = manifest.table["image_id"].isin(twins.table["image_id"])
    return HealthReport(int(checked.sum()), tuple(sort_by_severity([*torn, *found])))


def cache_key(manifest: Manifest, about: About, *, model: str | None = None) -> dict[str, object]:
    """What findings hang on: as long as this stays, so do they."""
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
    """SHA-256 over text columns of a table, by column since that takes a tenth of the time."""
    found = hashlib.sha256()
    for name in columns:
        found.update("\x1f".join(table[name].fillna("").astype(str)).encode())
        found.update(b"\x1e")
    return found.hexdigest()


@dataclass(frozen=True)
class DuplicatePairs:
    """What of an index leaks are found by: digests and twins, without its large arrays.

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
        """Of the index of a data set.

        Raises:
            DataError: there is none, or it is damaged.
        """
        about, rows = store.read_rows(data, home)
        try:
            pairs = pd.read_parquet(store.folder(data, home) / store.TWINS)[["one", "other"]]
        except Exception as error:  # Parquet readers raise many kinds on damaged files
            raise DataError(
                f"The index of {data} is damaged: delete {store.folder(data, home)} and index the "
                "data set again."
            ) from error
        columns = ["image_id", "sha256", "error"]
        return cls(about, rows[columns], pairs.to_numpy(dtype=np.intp))

    def as_index(self) -> Index:
        """An index whose arrays are empty."""
        nothing = np.zeros((len(self.table), 0, 0), dtype=np.uint8)
        vectors = np.zeros((len(self.table), 0), dtype=np.float16)
        return Index(self.about, self.table, nothing, nothing, vectors, self.pairs)
