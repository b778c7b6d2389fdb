"""Exclusion of findings: the images that would go, and the manifest without them."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.audit.findings import exclusion, finding
from allcore.audit.findings.finding import Finding
from allcore.audit.findings.finding_text import FindingGroup
from allcore.errors import AllScopeError
from allcore.labels import CLASS_NAMES
from allcore.web import frame
from allcore.web.dataset.context import DatasetContext

KINDS, NAME = "leave", "health_manifest_name"
"""Keys of the controls."""
_SAVED = "health_manifest_said"
EXPLANATION = (
    "Choose what to leave out. You get a table of the images that stay, for training or to pass "
    "on; no picture is moved, changed or deleted. Of copies one stays."
)


def show_exclusion(
    context: DatasetContext, entries: Sequence[FindingGroup], findings: Sequence[Finding]
) -> None:
    """Draw the choice of findings and the manifest that remains."""
    excluded = {entry.kind: finding.left_out_ids(findings, [entry.kind]) for entry in entries}
    titles = {entry.kind: entry.title for entry in entries if excluded[entry.kind]}
    if not titles:
        return
    st.subheader("Leave images out", anchor=False)
    st.markdown(EXPLANATION, width=frame.TEXT_WIDTH)
    kinds = st.pills(
        "What to leave out",
        list(titles),
        selection_mode="multi",
        format_func=titles.__getitem__,
        key=KINDS,
        bind="query-params",
        label_visibility="collapsed",
    )
    if not kinds:
        return
    try:
        _show_remaining(context, findings, list(kinds))
    except AllScopeError as error:
        frame.problem(error)


def exclusion_sentence(counts: pd.DataFrame) -> str:
    """The totals of a table of `exclusion.leaving` in one sentence."""
    going, images = int(counts["going"].sum()), int(counts["images"].sum())
    lost = int(counts["losing_all"].sum())
    subjects = f", and with them {formats.count(lost, 'subject')} whole" if lost else ""
    return (
        f"**{going:,} of {formats.count(images, 'image')} go "
        f"({100 * going / max(images, 1):.1f} %){subjects}; {images - going:,} stay.**"
    )


def _show_remaining(context: DatasetContext, findings: Sequence[Finding], kinds: list[str]) -> None:
    excluded = finding.left_out_ids(findings, kinds)
    counts = exclusion.leaving(context.table, excluded)
    st.markdown(exclusion_sentence(counts), width=frame.TEXT_WIDTH)
    st.dataframe(_class_table(counts), hide_index=True, width="content")
    with st.expander("By subject"):
        st.dataframe(_subject_table(context.table, excluded), hide_index=True, width="content")
    clean = finding.clean_manifest(context.manifest, findings, kinds)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "Download the table", lambda: exclusion.csv(clean),
            file_name="manifest.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore", key="health_manifest",
            help="Paths are relative to the data set's folder: use it from there.",
        )  # fmt: skip
        name = st.text_input("Name", key=NAME, max_chars=60, placeholder="cnmc without copies")
        if st.button("Save on this server", icon=":material/save:", disabled=not name.strip()):
            st.session_state[_SAVED] = str(exclusion.save(clean, name.strip()))
    if path := st.session_state.get(_SAVED):
        st.success("Saved. Train on it with:", icon=":material/check:", width=frame.TEXT_WIDTH)
        command = f'python -m allcore train --data "{path}" --arch qcresnet --out models/NAME'
        st.code(command, language=None)


def _class_table(counts: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Class": [CLASS_NAMES.get(label, label) for label in counts["label"]],
            "Images": counts["images"],
            "Go": counts["going"],
            "Stay": counts["images"] - counts["going"],
            "Subjects": counts["subjects"],
            "Subjects of whom none stays": counts["losing_all"],
        }
    )


def _subject_table(table: pd.DataFrame, excluded: set[str]) -> pd.DataFrame:
    """Images, excluded and remaining ones of each subject that loses any."""
    marked = table.assign(Go=table["image_id"].isin(excluded))
    counts = marked.groupby("subject")["Go"].agg(Images="size", Go="sum")
    counts["Stay"] = counts["Images"] - counts["Go"]
    affected = counts[counts["Go"] > 0].sort_values("Go", ascending=False, kind="stable")
    return pd.DataFrame(affected.rename_axis("Subject").reset_index())
