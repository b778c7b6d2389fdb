"""The comparison of networks in the models folder, read once a process and content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import settings
from allcore.evaluation.comparison import Comparison
from allcore.reports import comparison_tables, json_files

FOLDER = "comparison"


@dataclass(frozen=True)
class Compared:
    """A comparison, and what follows from it; only to read."""

    comparison: Comparison
    subjects: pd.DataFrame  # from `tables.by_subject`
    export: str  # CSV


def folder() -> Path:
    """Where the comparison is kept."""
    return settings.load().models / FOLDER


def exists() -> bool:
    """Whether any comparison has been made."""
    return (folder() / json_files.RESULTS).is_file()


def load() -> Compared:
    """The comparison that is kept.

    Raises:
        ModelError: there is none, or a file of it is missing or damaged.
    """
    return _load(folder(), _digest(folder()))


@st.cache_resource(max_entries=2, show_spinner="Reading the comparison")
def _load(_folder: Path, digest: str) -> Compared:
    comparison = json_files.read_comparison(_folder)
    text = comparison_tables.export(comparison).to_csv(index=False)
    return Compared(comparison, comparison_tables.by_subject(comparison.predictions), text)


def _digest(path: Path) -> str:
    """Of every file that is read; a missing one is said by whoever reads it."""
    files = (path / name for name in json_files.COMPARISON_FILES)
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.is_file())).hexdigest()
