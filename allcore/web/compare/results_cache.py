"""The comparison of networks in the models folder, read once a process and content."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import settings
from allcore.evaluation.comparison import NetworkComparison
from allcore.reports import comparison_tables, json_files

FOLDER = "comparison"


@dataclass(frozen=True)
class StoredComparison:
    """A comparison with tables made from it; only to read."""

    comparison: NetworkComparison
    subjects: pd.DataFrame  # from `comparison_tables.accuracy_by_subject`
    export: str  # the comparison as CSV

    @cached_property
    def protocols(self) -> list[str]:
        """Protocols that were run, the one on unseen subjects first."""
        run = {row.protocol for row in self.comparison.rows}
        return [protocol for protocol in ("unseen", "paper") if protocol in run]

    @cached_property
    def networks(self) -> list[str]:
        """Names of the networks, the best first."""
        return comparison_tables.network_order(self.comparison)


def comparison_folder() -> Path:
    """Folder of the comparison."""
    return settings.load().models / FOLDER


def has_comparison() -> bool:
    """Whether a comparison has been made."""
    return (comparison_folder() / json_files.RESULTS).is_file()


def load_comparison() -> StoredComparison:
    """The stored comparison.

    Raises:
        ModelError: there is none, or a file of it is missing or damaged.
    """
    folder = comparison_folder()  # a missing file of it is reported where it is read
    files = (folder / name for name in json_files.COMPARISON_FILES)
    content = b"".join(file.read_bytes() for file in files if file.is_file())
    return _load(folder, hashlib.sha256(content).hexdigest())


@st.cache_resource(max_entries=2, show_spinner="Reading the comparison")
def _load(_folder: Path, digest: str) -> StoredComparison:
    comparison = json_files.read_comparison(_folder)
    export = comparison_tables.export_table(comparison).to_csv(index=False)
    subjects = comparison_tables.accuracy_by_subject(comparison.predictions)
    return StoredComparison(comparison, subjects, export)
