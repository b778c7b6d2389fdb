"""The comparison of networks in the models folder, read once a process and content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import settings
from allcore.evaluation import comparison as comparison_results
from allcore.evaluation import comparison_tables
from allcore.evaluation.comparison import Comparison

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
    return (folder() / comparison_results.RESULTS).is_file()


def load() -> Compared:
    """The comparison that is kept.

    Raises:
        ModelError: there is none, or a file of it is missing or damaged.
    """
    return _load(folder(), _digest(folder()))


@st.cache_resource(max_entries=2, show_spinner="Reading the comparison")
def _load(_folder: Path, digest: str) -> Compared:
    comparison = comparison_results.read(_folder)
    text = comparison_tables.export(comparison).to_csv(index=False)
    return Compared(comparison, comparison_tables.by_subject(comparison.predictions), text)


def _digest(path: Path) -> str:
    """Of every file that is read; a missing one is said by whoever reads it."""
    names = (
        comparison_results.RESULTS,
        comparison_results.COSTS,
        comparison_results.GAPS,
        comparison_results.TESTS,
        comparison_results.HISTORY,
        comparison_results.PREDICTIONS,
    )
    files = (path / name for name in names)
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.is_file())).hexdigest()
