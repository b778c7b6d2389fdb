"""Verification of a copy of C-NMC 2019 against the SHA-256 list of the public release."""

from pathlib import Path

import pandas as pd
import streamlit as st

from allcore.cnmc import release
from allcore.cnmc.verification import Verification, VerificationJob
from allcore.data.manifest import Manifest
from allcore.formats import count
from allcore.web import accounts, frame, guard
from allcore.web.components.charts import show_csv_download
from allcore.web.dataset.connect_index import index_changes, time_left
from allcore.web.dataset.context import DatasetContext

ABOUT = (
    "Compares every file of the folder with the SHA-256 of the files that were published. Nothing "
    "is changed, and nothing leaves this machine."
)
KINDS = {
    "in_place": ("in place", "the published bytes under the published path"),
    "moved": ("under another name or folder", "the published bytes, elsewhere in the folder"),
    "altered": ("altered", "a published name over other bytes"),
    "missing": ("missing", "published and not found"),
    "foreign": ("not of the release", "a picture that was not published"),
    "converted": (
        "converted", "named as published, in another format, so that bytes can't be compared",
    ),
    "copies": ("further copies", "a second file with published bytes"),
    "refused": (
        "could not be read", "no right to read it, or a link that leads out of the folder",
    ),
}  # fmt: skip
"""Title and meaning of a kind of files."""
_TITLES = {kind: title for kind, (title, _) in KINDS.items()}
_MB = 1_000_000


def show_verification(context: DatasetContext) -> None:
    """Draw the button that starts a verification, its progress and its result."""
    key = f"check {context.manifest.root.resolve()}"
    check: VerificationJob | None = st.session_state.get(key)
    name = frame.plain(release.NAME)
    with st.expander(f"Verify as a copy of {name}", expanded=check is not None):
        frame.markdown(ABOUT)
        if check is not None and check.is_alive():
            _show_progress(check)
            return
        _show_start(context, key, again=check is not None)
        if check is not None:
            _show_result(check, context.manifest)


def file_table(verification: Verification) -> pd.DataFrame:
    """One row a file: ``state`` in words, ``published`` path, ``found`` path, ``reason``."""
    rows, refused = verification.rows, verification.refused
    published = rows[["state", "path", "found"]].rename(columns={"path": "published"})
    unpublished = [
        {"state": kind, "found": path}
        for kind in ("foreign", "converted", "copies")
        for path in getattr(verification, kind)
    ]
    unread = [{"state": "refused", "found": file.path, "reason": file.reason} for file in refused]
    table = pd.concat([published, pd.DataFrame(unpublished + unread)], ignore_index=True)
    table = table.reindex(columns=["state", "published", "found", "reason"])
    # Names whose bytes are no valid text get escapes.
    printable = table.assign(state=table["state"].map(_TITLES)).fillna("").astype(str)
    return printable.map(lambda text: text.encode("utf-8", "backslashreplace").decode())


@guard.periodic_fragment(0.7)
def _show_progress(check: VerificationJob) -> None:
    """Draw the progress, with a button to cancel; at the end draw the page anew."""
    if not check.is_alive():
        st.rerun()
    share, text = 0.0, "Listing files"
    if check.total:
        share = min(1.0, check.done / check.total)
        text = f"{check.done / _MB:,.0f} of {check.total / _MB:,.0f} MB read"
    st.progress(share, text=f"{text}{time_left(check.seconds_left)}")
    if check.cancelled:
        st.caption("It stops after the file under way.")
    else:
        st.button("Cancel", icon=":material/close:", key="cancel check", on_click=check.cancel)


def _show_start(context: DatasetContext, key: str, *, again: bool) -> None:
    read_all = st.checkbox(
        "Read every file again",
        help="Otherwise the index is trusted for files whose size and time are as they were.",
        key=f"whole {key}",
    )
    if st.button(
        "Verify again" if again else "Verify", icon=":material/verified:", key=f"start {key}"
    ):
        accounts.visitor().require("connect")
        changes = None if read_all else index_changes(context)
        digests = {} if changes is None else changes.unchanged
        st.session_state[key] = VerificationJob(Path(context.manifest.root), digests)
        st.rerun()


def _show_result(check: VerificationJob, manifest: Manifest) -> None:
    if check.problem:
        st.warning(frame.plain(check.problem), icon=":material/info:")
    verification = check.result
    if verification is None:
        return
    if verification.problem is None:
        st.success(
            f"Complete: all {len(verification.rows):,} published files are there.",
            icon=":material/verified:",
        )
    else:
        st.warning(frame.plain(verification.problem.replace("`", "")), icon=":material/rule:")
        _show_converted(verification, manifest)
    files = file_table(verification)
    counts = files["state"].value_counts()
    numbers = [
        {"Files": title, "Number": counts[title], "Means": meaning}
        for title, meaning in KINDS.values()
        if title in counts
    ]
    st.dataframe(pd.DataFrame(numbers), hide_index=True, alt="Number of files of each kind")
    with st.expander("By part of the release"):
        names = {"split": "Part", "fold": "Fold", "files": "Files"} | _TITLES
        parts = verification.counts().rename(columns=names)
        st.dataframe(parts, hide_index=True, alt="Files of each split and fold")
    with st.expander(f"File by file ({len(files):,} rows)"):
        st.dataframe(files, hide_index=True, alt="State, published and found path of each file")
    show_csv_download(files, "verification", label="Download file by file as CSV")


def _show_converted(verification: Verification, manifest: Manifest) -> None:
    """Draw what can be said of a copy whose images have another format."""
    if not verification.conversion:
        return
    if len(verification.paths("missing")) < len(verification.rows):
        st.markdown(frame.plain(f"{verification.conversion}."))
    recorded = manifest.table["sha256"].dropna().str.lower()
    if len(recorded):
        published = recorded.isin(set(release.read_release()["sha256"])).sum()
        st.markdown(
            f"The data set's own table names the SHA-256 of {count(len(recorded), 'original')}: "
            f"{published:,} of them were published. So the pictures say of themselves that they "
            "are of the release; their bytes can't prove it."
        )
