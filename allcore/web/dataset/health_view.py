"""Findings of a data set, the most severe first, with their images and what to do about them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.audit.findings import exclusion, finding, finding_text, findings_cache
from allcore.audit.findings.finding import Finding
from allcore.audit.findings.finding_text import FindingGroup
from allcore.audit.index import store
from allcore.audit.index.store import About
from allcore.data import dataset_counts
from allcore.data.manifest import Manifest
from allcore.errors import AllScopeError
from allcore.labels import CLASS_NAMES
from allcore.plots import dataset as dataset_plots
from allcore.web import frame
from allcore.web.components import picker
from allcore.web.components.charts import show_chart, show_csv_download, show_download
from allcore.web.dataset import cell_window, connect_index, image_cards
from allcore.web.dataset.context import DatasetContext

MARKS = {
    "high": (":material/dangerous:", "can spoil a study"),
    "medium": (":material/warning:", "may matter"),
    "low": (":material/info:", "worth a look"),
}
"""Icon and meaning of a severity, distinguishable without colour."""
METHOD = """
Copies are found by the texture inside the cell, whatever the picture around it and however it is
turned. Shortcuts are judged on held-out subjects, by trees on one or two plain facts. Labels are
judged by a model that saw neither cell nor subject; where subjects are unknown, it may have seen
other cells of a subject. Named is a cell whose other class is
likelier and whose log-odds lie far beyond what is usual for cells of its label. A picture is
blurred, dark or bright where it is far from the set's median both in robust deviations and by
share. A finding is a reason to look, no verdict on a cell. Leaks are those of the split chosen
above.
"""
SHORTCUT = (
    "A plain fact of the picture tells blasts from normal cells on {judged_on}, so a model may "
    "score well without looking at the cell."
)
SEARCHING = "Looking for what is wrong, once for this data set: up to some minutes"
NO_FILES = ":material/hide_image: None of these pictures is on this machine."
EXPLANATION = (
    "Choose what to leave out. You get a table of the images that stay, for training or to pass "
    "on; no picture is moved, changed or deleted. Of copies one stays."
)
KINDS, NAME = "leave", "health_manifest_name"
"""Keys of the controls of what to leave out."""
_SAVED = "health_manifest_said"
_IMAGES_A_PAGE = 48
_GROUPS_A_PAGE, _IMAGES_A_GROUP, _COLUMNS = 8, 6, 2
_GROUPED_KINDS = (
    "twin_across_split", "cell_under_two_subjects", "exact_duplicate", "near_duplicate",
)  # fmt: skip


def show_health(context: DatasetContext) -> None:
    """Draw the view."""
    if not context.catalogue.is_indexed:
        connect_index.show_missing(context, "What could spoil a study")
        return
    findings = load_findings(context)
    images = int(context.table["indexed"].sum())
    entries = finding_text.group_by_kind(findings)
    frame.markdown(f"**{frame.plain(finding_text.headline(entries, images))}**")
    if images < len(context.table):
        new = len(context.table) - images
        st.caption(f"{new:,} images came since it was indexed and are not looked at here.")
    for entry in entries:
        expander = st.expander(
            finding_label(entry, images), icon=MARKS[entry.severity][0], key=f"show_{entry.kind}",
            on_change="rerun", bind="query-params",
        )  # fmt: skip
        if expander.open:
            with expander:
                _show_finding(context, entry)
    if findings:
        show_csv_download(
            lambda: finding.as_table(findings),
            name=f"{context.manifest.name}-findings",
            label="Download all findings as CSV",
            key="health_csv",
        )
    _show_exclusion(context, entries, findings)
    with st.expander("Method"):
        frame.markdown(METHOD)


def finding_label(entry: FindingGroup, images: int) -> str:
    """Title, size and severity of a finding in a data set of so many images."""
    _, meaning = MARKS[entry.severity]
    return f"**{frame.plain(entry.title)}** · {finding_text.image_share(entry, images)} · {meaning}"


def load_findings(context: DatasetContext) -> list[Finding]:
    """All findings of an indexed data set, with the leaks of the split shown.

    Raises:
        DataError: the index can't be read, or findings can't be written beside it.
    """
    about = context.catalogue.about
    if about is None:
        return []
    key = json.dumps(findings_cache.cache_key(context.manifest, about), sort_keys=True)
    split = context.table[["image_id", "split"]]
    split_digest = findings_cache.table_digest(split, ("split",))
    leaks = _find_leaks(context.path, key, split_digest, context.manifest, split)
    stored = _read_findings(context.path, key, context.manifest, about)
    return finding.sort_by_severity([*leaks, *stored])


@st.cache_resource(max_entries=8, show_spinner=False)
def _read_findings(path: Path, key: str, _manifest: Manifest, _about: About) -> list[Finding]:
    """The findings stored beside the index; searched first where there are none."""
    findings = findings_cache.read_cached(path, _manifest, _about)
    if findings is not None:
        return findings
    with st.spinner(SEARCHING):
        return findings_cache.refresh(path)


@st.cache_resource(max_entries=8, show_spinner=False)
def _find_leaks(
    path: Path, key: str, split_digest: str, _manifest: Manifest, _split: pd.DataFrame
) -> list[Finding]:
    parts = _split.set_index("image_id")["split"]
    known = parts.where(parts != dataset_counts.UNKNOWN, None)
    return findings_cache.find_leaks(_manifest, store.read(path, arrays=False), known)


def _show_finding(context: DatasetContext, entry: FindingGroup) -> None:
    why = entry.findings[0].why
    if entry.kind == "shortcut":
        show_chart(dataset_plots.shortcut_bars(entry.findings), name="shortcuts")
        why = SHORTCUT.format(judged_on=finding_text.judged_on(entry.findings[0].detail))
    frame.markdown(f"**Why it matters.** {frame.plain(why)}")
    frame.markdown(f"**What to do.** {frame.plain(entry.findings[0].do)}")
    sentences = (f"- {frame.plain(sentence)}" for sentence in _number_sentences(entry.findings))
    if lines := "\n".join(sentences):
        frame.markdown(lines)
    if entry.kind in _GROUPED_KINDS and entry.groups:
        _show_groups(context, entry)
    elif entry.image_ids:
        ids, key = entry.image_ids, f"health_{entry.kind}"
        with st.container(horizontal=True, vertical_alignment="center"):
            page = picker.choose_page(len(ids), _IMAGES_A_PAGE, key=key, noun="image")
        rows = _rows(context, ids[page])
        if not image_cards.any_file(context, rows):
            st.caption(NO_FILES)
        _show_grid(context, rows, ids, key=key)
    show_csv_download(
        lambda: finding.as_table(entry.findings),
        name=f"{context.manifest.name}-{entry.kind}",
        label="Download this finding as CSV",
        key=f"health_csv_{entry.kind}",
    )


def _number_sentences(findings: Sequence[Finding]) -> list[str]:
    """Sentences of all findings without repeats; those of several cues begin with the cue."""
    sentences = []
    for one in findings:
        for sentence in finding_text.detail_sentences(one):
            with_cue = "cue" in one.detail and sentence.startswith("AUROC")
            sentences.append(f"{finding_text.cue_title(one)}: {sentence}" if with_cue else sentence)
    return list(dict.fromkeys(sentences))


def _show_groups(context: DatasetContext, entry: FindingGroup) -> None:
    """Draw copies of one cell side by side."""
    groups, key = entry.groups, f"health_{entry.kind}"
    with st.container(horizontal=True, vertical_alignment="center"):
        page = picker.choose_page(len(groups), _GROUPS_A_PAGE, key=key, noun="group")
    ids = [image_id for group in groups for image_id in group]
    for place, group in enumerate(groups[page]):
        if place % _COLUMNS == 0:
            columns = st.columns(_COLUMNS)
        rows = _rows(context, group[:_IMAGES_A_GROUP])
        subjects = ", ".join(rows["subject"].astype(str).unique())
        caption = f"{formats.count(len(group), 'picture')} of subject {subjects}"
        if len(group) > _IMAGES_A_GROUP:
            caption += f", {_IMAGES_A_GROUP} of them shown"
        with columns[place % _COLUMNS].container(border=True):
            st.caption(f"**Group {page.start + place + 1:,}**: {frame.plain(caption)}")
            _show_grid(context, rows, ids, key=f"{key}_{place + 1}")


def _rows(context: DatasetContext, image_ids: Sequence[str]) -> pd.DataFrame:
    return context.table.iloc[context.catalogue.shelf.places(image_ids)]


def _show_grid(
    context: DatasetContext, rows: pd.DataFrame, image_ids: Sequence[str], *, key: str
) -> None:
    opened = image_cards.show_images(context, rows, key=key)
    if opened is not None:
        cell_window.open_cell(context, opened, image_ids)


def _show_exclusion(
    context: DatasetContext, entries: Sequence[FindingGroup], findings: Sequence[Finding]
) -> None:
    """Draw the choice of what to leave out, and the manifest that remains."""
    titles = {
        entry.kind: entry.title for entry in entries if finding.left_out_ids(findings, [entry.kind])
    }
    if not titles:
        return
    st.subheader("Leave images out", anchor=False)
    frame.markdown(EXPLANATION)
    kinds = st.pills(
        "What to leave out", list(titles), selection_mode="multi", format_func=titles.__getitem__,
        key=KINDS, bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    if not kinds:
        return
    try:
        _show_remaining(context, findings, list(kinds))
    except AllScopeError as error:
        frame.problem(error)


def _show_remaining(context: DatasetContext, findings: Sequence[Finding], kinds: list[str]) -> None:
    excluded = finding.left_out_ids(findings, kinds)
    counts = exclusion.count_exclusions(context.table, excluded)
    going, images, lost = (int(counts[name].sum()) for name in ("going", "images", "losing_all"))
    subjects = f", and with them {formats.count(lost, 'subject')} whole" if lost else ""
    frame.markdown(
        f"**{going:,} of {formats.count(images, 'image')} go "
        f"({100 * going / max(images, 1):.1f} %){subjects}; {images - going:,} stay.**"
    )
    by_class = pd.DataFrame({
        "Class": counts["label"].map(lambda label: CLASS_NAMES.get(label, label)),
        "Images": counts["images"],
        "Go": counts["going"],
        "Stay": counts["images"] - counts["going"],
        "Subjects": counts["subjects"],
        "Subjects of whom none stays": counts["losing_all"],
    })  # fmt: skip
    st.dataframe(by_class, hide_index=True, width="content")
    with st.expander("By subject"):
        marked = context.table.assign(Go=context.table["image_id"].isin(excluded))
        by_subject = marked.groupby("subject")["Go"].agg(Images="size", Go="sum")
        by_subject["Stay"] = by_subject["Images"] - by_subject["Go"]
        affected = by_subject[by_subject["Go"] > 0].rename_axis("Subject").reset_index()
        ordered = affected.sort_values("Go", ascending=False, kind="stable")
        st.dataframe(ordered, hide_index=True, width="content")
    clean = finding.clean_manifest(context.manifest, findings, kinds)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        help_text = "Paths are relative to the data set's folder: use it from there."
        show_download(
            "Download the table", lambda: exclusion.csv(clean), "manifest.csv", help=help_text
        )
        name = st.text_input("Name", key=NAME, max_chars=60, placeholder="cnmc without copies")
        if st.button("Save on this server", icon=":material/save:", disabled=not name.strip()):
            st.session_state[_SAVED] = str(exclusion.save(clean, name.strip()))
    if path := st.session_state.get(_SAVED):
        frame.success("Saved. Train on it with:", icon=":material/check:")
        command = f'python -m allcore train --data "{path}" --arch qcresnet --out models/NAME'
        st.code(command, language=None)
