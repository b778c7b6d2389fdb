"""A copy of C-NMC 2019 beside the public release, file by file."""

from pathlib import Path

import pandas as pd
import streamlit as st

from allcore.cnmc import release
from allcore.cnmc.verification import STATES, Verification
from allcore.cnmc.verification_job import Check
from allcore.data.manifest import Manifest
from allcore.web import accounts, frame, guard
from allcore.web.components.charts import table_csv
from allcore.web.dataset.connect_index import count, index_changes, time_left
from allcore.web.dataset.context import Context

ABOUT = (
    "Compares every file of the folder with the SHA-256 of the files that were published. Nothing "
    "is changed, and nothing leaves this machine."
)
KINDS = {
    "in_place": "in place", "moved": "under another name or folder", "altered": "altered",
    "missing": "missing", "foreign": "not of the release", "converted": "converted",
    "copies": "further copies", "refused": "could not be read",
}  # fmt: skip
MEANINGS = {
    "in place": "the published bytes under the published path",
    "under another name or folder": "the published bytes, elsewhere in the folder",
    "altered": "a published name over other bytes",
    "missing": "published and not found",
    "not of the release": "a picture that was not published",
    "converted": "named as published, in another format, so that bytes can't be compared",
    "further copies": "a second file with published bytes",
    "could not be read": "no right to read it, or a link that leads out of the folder",
}
BIG = 1_000_000


def show_verification(context: Context) -> None:
    """Draw the part of the view."""
    st.subheader("Verify against the public release", anchor=False)
    with st.container(border=True, width=frame.TEXT_WIDTH):
        st.markdown(f"{ABOUT} It is made for copies of {frame.plain(release.NAME)}.")
        key = f"check {context.manifest.root.resolve()}"
        check: Check | None = st.session_state.get(key)
        if check is not None and check.running:
            show_verification_progress(check)
            return
        _button(context, key, again=check is not None)
        if check is not None:
            _result(check, context.manifest)


@guard.every(0.7)
def show_verification_progress(check: Check) -> None:
    """How far a check is, with a button to cancel; draws the page anew at the end."""
    if not check.running:
        st.rerun()
    share = min(1.0, check.done / check.total) if check.total else 0.0
    said = "Listing files"
    if check.total:
        said = f"{check.done / BIG:,.0f} of {check.total / BIG:,.0f} MB read"
    st.progress(share, text=f"{said}{time_left(check.seconds_left)}")
    if check.cancelled:
        st.caption("It stops after the file under way.")
    else:
        st.button("Cancel", icon=":material/close:", key="cancel check", on_click=check.cancel)


def count_files(found: Verification) -> dict[str, int]:
    """Number of files of each of ``KINDS`` that there are."""
    numbers = {state: len(found.paths(state)) for state in STATES}
    numbers |= {
        "foreign": len(found.found.foreign),
        "converted": len(found.found.converted),
        "copies": len(found.found.copies),
        "refused": len(found.refused),
    }
    return {KINDS[kind]: number for kind, number in numbers.items()}


def file_table(found: Verification) -> pd.DataFrame:
    """One row a file: ``state`` in words, ``published`` path, ``found`` path, ``reason``."""
    rows = found.found.rows
    listed = pd.DataFrame(
        {"state": rows["state"].map(KINDS), "published": rows["path"], "found": rows["found"]}
    )
    others: list[tuple[str, str | None, str, str | None]] = [
        (KINDS[kind], None, path, None)
        for kind in ("foreign", "converted", "copies")
        for path in getattr(found.found, kind)
    ]
    others += [(KINDS["refused"], None, each.path, each.reason) for each in found.refused]
    columns = ["state", "published", "found", "reason"]
    table = pd.concat([listed, pd.DataFrame(others, columns=columns)], ignore_index=True)
    return table.reindex(columns=columns).fillna("").map(_spoken)


def count_recorded(manifest: Manifest) -> tuple[int, int]:
    """How many images bring the SHA-256 of their original, and how many of these were published."""
    recorded = manifest.table["sha256"].dropna()
    if recorded.empty:
        return 0, 0
    return len(recorded), int(recorded.str.lower().isin(set(release.read()["sha256"])).sum())


def _button(context: Context, key: str, *, again: bool) -> None:
    whole = st.checkbox(
        "Read every file again",
        help="Otherwise the index is trusted for files whose size and time are as they were.",
        key=f"whole {key}",
    )
    if st.button(
        "Verify again" if again else "Verify", icon=":material/verified:", key=f"start {key}"
    ):
        accounts.visitor().require("connect")
        since = None if whole else index_changes(context)
        known = {} if since is None else since.unchanged
        st.session_state[key] = Check(Path(context.manifest.root), known)
        st.rerun()


def _result(check: Check, manifest: Manifest) -> None:
    if check.problem:
        st.warning(frame.plain(check.problem), icon=":material/info:")
    if (found := check.result) is None:
        return
    if found.problem is None:
        st.success(
            f"Complete: all {len(found.found.rows):,} published files are there.",
            icon=":material/verified:",
        )
    else:
        st.warning(frame.plain(found.problem.replace("`", "")), icon=":material/rule:")
        _converted(found, manifest)
    numbers = count_files(found)
    table = [
        {"Files": kind, "Number": number, "Means": MEANINGS[kind]}
        for kind, number in numbers.items()
        if number
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="Number of files of each kind")
    with st.expander("By part of the release"):
        st.dataframe(_parts(found), hide_index=True, alt="Files of each split and fold")
    listed = file_table(found)
    with st.expander(f"File by file ({len(listed):,} rows)"):
        st.dataframe(listed, hide_index=True, alt="State, published and found path of each file")
    table_csv(listed, "verification", label="Download file by file as CSV")


def _converted(found: Verification, manifest: Manifest) -> None:
    """What a development copy in another format can still be said to hold."""
    if not found.conversion:
        return
    if len(found.paths("missing")) < len(found.found.rows):
        st.markdown(frame.plain(f"{found.conversion}."))
    recorded, published = count_recorded(manifest)
    if recorded:
        st.markdown(
            f"The data set's own table names the SHA-256 of {count(recorded, 'original')}: "
            f"{published:,} of them were published. So the pictures say of themselves that they "
            "are of the release; their bytes can't prove it."
        )


def _parts(found: Verification) -> pd.DataFrame:
    names = {"split": "Part", "fold": "Fold", "files": "Files"}
    return found.counts().rename(columns=names | {state: KINDS[state] for state in STATES})


def _spoken(text: str) -> str:
    """File names that are no valid text, with what can't be said as an escape."""
    return str(text).encode("utf-8", "backslashreplace").decode()
