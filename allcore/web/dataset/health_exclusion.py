"""Leaving out what was found: which images would go, and the table without them."""

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
from allcore.web.dataset.context import Context

KINDS, NAME = "leave", "health_manifest_name"
_SAID = "health_manifest_said"
WHAT = (
    "Choose what to leave out. You get a table of the images that stay, for training or to pass "
    "on; no picture is moved, changed or deleted. Of copies one stays."
)


def show_exclusion(
    context: Context, entries: Sequence[FindingGroup], found: Sequence[Finding]
) -> None:
    """Draw the choice and what follows from it."""
    out = {each.kind: finding.left_out_ids(found, [each.kind]) for each in entries}
    titles = {each.kind: each.title for each in entries if out[each.kind]}
    if not titles:
        return
    st.subheader("Leave images out", anchor=False)
    st.markdown(WHAT, width=frame.TEXT_WIDTH)
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
        _chosen(context, found, list(kinds))
    except AllScopeError as error:
        frame.problem(error)


def exclusion_sentence(table: pd.DataFrame) -> str:
    """What a table of `cleaning.leaving` says in one sentence."""
    going, images = int(table["going"].sum()), int(table["images"].sum())
    lost = int(table["losing_all"].sum())
    subjects = f", and with them {formats.count(lost, 'subject')} whole" if lost else ""
    return (
        f"**{going:,} of {formats.count(images, 'image')} go "
        f"({100 * going / max(images, 1):.1f} %){subjects}; {images - going:,} stay.**"
    )


def _chosen(context: Context, found: Sequence[Finding], kinds: list[str]) -> None:
    out = finding.left_out_ids(found, kinds)
    table = exclusion.leaving(context.table, out)
    st.markdown(exclusion_sentence(table), width=frame.TEXT_WIDTH)
    st.dataframe(_shown(table), hide_index=True, width="content")
    with st.expander("By subject"):
        st.dataframe(_by_subject(context.table, out), hide_index=True, width="content")
    clean = finding.clean_manifest(context.manifest, found, kinds)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "Download the table", lambda: exclusion.csv(clean),
            file_name="manifest.csv", mime="text/csv",
            icon=":material/download:", on_click="ignore", key="health_manifest",
            help="Paths are relative to the data set's folder: use it from there.",
        )  # fmt: skip
        name = st.text_input("Name", key=NAME, max_chars=60, placeholder="cnmc without copies")
        if st.button("Save on this server", icon=":material/save:", disabled=not name.strip()):
            st.session_state[_SAID] = str(exclusion.save(clean, name.strip()))
    if path := st.session_state.get(_SAID):
        st.success("Saved. Train on it with:", icon=":material/check:", width=frame.TEXT_WIDTH)
        command = f'python -m allcore train --data "{path}" --arch qcresnet --out models/NAME'
        st.code(command, language=None)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Class": [CLASS_NAMES.get(label, label) for label in table["label"]],
            "Images": table["images"],
            "Go": table["going"],
            "Stay": table["images"] - table["going"],
            "Subjects": table["subjects"],
            "Subjects of whom none stays": table["losing_all"],
        }
    )


def _by_subject(table: pd.DataFrame, out: set[str]) -> pd.DataFrame:
    marked = table.assign(Go=table["image_id"].isin(out))
    counts = marked.groupby("subject")["Go"].agg(Images="size", Go="sum")
    counts["Stay"] = counts["Images"] - counts["Go"]
    touched = counts[counts["Go"] > 0].sort_values("Go", ascending=False, kind="stable")
    return pd.DataFrame(touched.rename_axis("Subject").reset_index())
