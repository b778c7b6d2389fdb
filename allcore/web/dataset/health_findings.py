"""The findings of a data set, read from beside its index or found once for all sessions."""

import json
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore.audit.findings import findings_cache
from allcore.audit.findings.finding import Finding, sort_by_severity
from allcore.audit.findings.findings_cache import DuplicatePairs
from allcore.audit.index.store import About
from allcore.data import dataset_counts
from allcore.data.manifest import Manifest
from allcore.web.dataset.context import Context

SEARCHING = "Looking for what is wrong, once for this data set: up to some minutes"


def load_findings(context: Context) -> list[Finding]:
    """All findings of an indexed data set, leaks of the split shown among them.

    Raises:
        DataError: the index can't be read, or findings can't be kept.
    """
    about = context.catalogue.about
    if about is None:
        return []
    path, manifest = context.path, context.manifest
    made_of = json.dumps(findings_cache.cache_key(manifest, about), sort_keys=True)
    shown = context.table[["image_id", "split"]]
    parts = findings_cache.table_digest(shown, ("split",))
    torn = _leaks(path, made_of, parts, manifest, shown)
    return sort_by_severity([*torn, *_lasting(path, made_of, manifest, about)])


@st.cache_resource(max_entries=8, show_spinner=False)
def _lasting(path: Path, made_of: str, _manifest: Manifest, _about: About) -> list[Finding]:
    found = findings_cache.read_cached(path, _manifest, _about)
    if found is not None:
        return found
    with st.spinner(SEARCHING):
        return findings_cache.refresh(path)


@st.cache_resource(max_entries=8, show_spinner=False)
def _leaks(
    path: Path, made_of: str, parts: str, _manifest: Manifest, _shown: pd.DataFrame
) -> list[Finding]:
    split = _shown.set_index("image_id")["split"]
    return findings_cache.find_leaks(
        _manifest, DuplicatePairs.read(path), split.where(split != dataset_counts.UNKNOWN, None)
    )
