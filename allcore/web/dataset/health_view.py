"""Findings of a data set, the most severe first, with their images and what to do about them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.audit.findings import finding, finding_text, findings_cache
from allcore.audit.findings.finding import Finding
from allcore.audit.findings.finding_text import FindingGroup
from allcore.audit.index import store
from allcore.audit.index.store import About
from allcore.data import dataset_counts
from allcore.data.manifest import Manifest
from allcore.plots import dataset as dataset_plots
from allcore.web import frame
from allcore.web.components import picker, views
from allcore.web.components.charts import show_chart, show_csv_download
from allcore.web.dataset import cell_window, health_exclusion, image_cards
from allcore.web.dataset.context import DatasetContext

NOT_INDEXED = (
    "This data set is not indexed yet, so nothing is known of its health: index it under Connect "
    "data."
)
MARKS = {
    "high": (":material/dangerous:", "can spoil a study"),
    "medium": (":material/warning:", "may matter"),
    "low": (":material/info:", "worth a look"),
}
"""Icon and meaning of a severity, distinguishable without colour."""
METHOD = """
Copies are found by the texture inside the cell, whatever the picture around it and however it is
turned. Shortcuts are judged on subjects that were held out, by trees on one or two plain facts.
Labels are judged by a model that saw neither cell nor subject: named is a cell whose other class is
likelier and whose log-odds lie far beyond what is usual for cells of its label. A picture is
blurred, dark or bright where it is far from the set's median both in robust deviations and by
share. What is found is a reason to look, no verdict on a cell. Leaks are those of the split chosen
in the sidebar.
"""


SHORTCUT = (
    "A plain fact of the picture tells blasts from normal cells of subjects that were never seen, "
    "so a model may score well without looking at the cell."
)
SEARCHING = "Looking for what is wrong, once for this data set: up to some minutes"
NO_FILES = ":material/hide_image: None of these pictures is on this machine."
_IMAGES_A_PAGE = 48
_GROUPS_A_PAGE, _IMAGES_A_GROUP, _COLUMNS = 8, 6, 2
_GROUPED_KINDS = (
    "twin_across_split", "cell_under_two_subjects", "exact_duplicate", "near_duplicate",
)  # fmt: skip


def show_health(context: DatasetContext) -> None:
    """Draw the view."""
    if not context.catalogue.is_indexed:
        st.info(
            frame.plain(context.catalogue.problem or NOT_INDEXED),
            icon=":material/search:", width=frame.TEXT_WIDTH,
        )  # fmt: skip
        st.button(
            "Go to Connect data", icon=":material/add_link:", on_click=views.turn_to,
            args=("connect",),
        )  # fmt: skip
        return
    findings = load_findings(context)
    images = int(context.table["indexed"].sum())
    entries = finding_text.group_by_kind(findings)
    st.markdown(
        f"**{frame.plain(finding_text.headline(entries, images))}**", width=frame.TEXT_WIDTH
    )
    if images < len(context.table):
        new = len(context.table) - images
        st.caption(f"{new:,} images came since it was indexed and are not looked at here.")
    for entry in entries:
        icon, _ = MARKS[entry.severity]
        expander = st.expander(
            finding_label(entry, images), icon=icon, key=f"show_{entry.kind}", on_change="rerun",
            bind="query-params",
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
    health_exclusion.show_exclusion(context, entries, findings)
    with st.expander("Method"):
        st.markdown(METHOD, width=frame.TEXT_WIDTH)


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
    made_of = json.dumps(findings_cache.cache_key(context.manifest, about), sort_keys=True)
    split = context.table[["image_id", "split"]]
    split_digest = findings_cache.table_digest(split, ("split",))
    leaks = _find_leaks(context.path, made_of, split_digest, context.manifest, split)
    others = _read_findings(context.path, made_of, context.manifest, about)
    return finding.sort_by_severity([*leaks, *others])


@st.cache_resource(max_entries=8, show_spinner=False)
def _read_findings(path: Path, made_of: str, _manifest: Manifest, _about: About) -> list[Finding]:
    """The findings stored beside the index; searched first where there are none."""
    findings = findings_cache.read_cached(path, _manifest, _about)
    if findings is not None:
        return findings
    with st.spinner(SEARCHING):
        return findings_cache.refresh(path)


@st.cache_resource(max_entries=8, show_spinner=False)
def _find_leaks(
    path: Path, made_of: str, split_digest: str, _manifest: Manifest, _split: pd.DataFrame
) -> list[Finding]:
    parts = _split.set_index("image_id")["split"]
    known = parts.where(parts != dataset_counts.UNKNOWN, None)
    return findings_cache.find_leaks(_manifest, store.read(path, arrays=False), known)


def _show_finding(context: DatasetContext, entry: FindingGroup) -> None:
    first = entry.findings[0]
    why = first.why
    if entry.kind == "shortcut":
        show_chart(dataset_plots.shortcut_bars(entry.findings), name="shortcuts")
        why = SHORTCUT
    st.markdown(f"**Why it matters.** {frame.plain(why)}", width=frame.TEXT_WIDTH)
    st.markdown(f"**What to do.** {frame.plain(first.do)}", width=frame.TEXT_WIDTH)
    sentences = _number_sentences(entry.findings)
    if sentences:
        lines = "\n".join(f"- {frame.plain(sentence)}" for sentence in sentences)
        st.markdown(lines, width=frame.TEXT_WIDTH)
    _show_images(context, entry)
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


def _show_images(context: DatasetContext, entry: FindingGroup) -> None:
    """A page of a finding's images; copies of one cell stand side by side."""
    ids = entry.image_ids
    if not ids:
        return
    if entry.kind in _GROUPED_KINDS and entry.groups:
        _show_groups(context, entry)
        return
    first, last = _choose_page(entry.kind, len(ids), _IMAGES_A_PAGE, "image")
    rows = _rows(context, ids[first:last])
    _show_grid(context, rows, ids, key=f"health_{entry.kind}")


def _show_groups(context: DatasetContext, entry: FindingGroup) -> None:
    groups = entry.groups
    first, last = _choose_page(entry.kind, len(groups), _GROUPS_A_PAGE, "group")
    ids = [image_id for group in groups for image_id in group]
    numbered = list(enumerate(groups[first:last], first + 1))
    for start in range(0, len(numbered), _COLUMNS):
        pairs = zip(st.columns(_COLUMNS), numbered[start : start + _COLUMNS], strict=False)
        for column, (number, group) in pairs:
            rows = _rows(context, group[:_IMAGES_A_GROUP])
            with column.container(border=True):
                caption = _group_caption(rows, len(group))
                st.caption(f"**Group {number:,}**: {frame.plain(caption)}")
                key = f"health_{entry.kind}_{number - first}"
                _show_grid(context, rows, ids, key=key, say_missing=False)


def _group_caption(rows: pd.DataFrame, total: int) -> str:
    subjects = ", ".join(rows["subject"].astype(str).unique())
    more = f", {_IMAGES_A_GROUP} of them shown" if total > _IMAGES_A_GROUP else ""
    return f"{formats.count(total, 'picture')} of subject {subjects}{more}"


def _choose_page(kind: str, total: int, size: int, noun: str) -> tuple[int, int]:
    """Draw the control of pages; return where its page begins and ends."""
    pages = -(-total // size)
    number = 1
    with st.container(horizontal=True, vertical_alignment="center"):
        if pages > 1:
            number = st.pagination(pages, key=f"health_{kind}_page_{pages}")
        first, last = (number - 1) * size, min(number * size, total)
        of = formats.count(total, noun)
        st.caption(f"{first + 1:,} to {last:,} of {of}", width="content")
    return first, last


def _rows(context: DatasetContext, image_ids: Sequence[str]) -> pd.DataFrame:
    return context.table.iloc[context.catalogue.shelf.places(image_ids)]


def _show_grid(
    context: DatasetContext,
    rows: pd.DataFrame,
    image_ids: Sequence[str],
    *,
    key: str,
    say_missing: bool = True,
) -> None:
    """Images of some rows; one that is clicked opens within the list of ids."""
    sources = image_cards.thumbnail_sources(context, rows)
    if say_missing and not any(source.key for source in sources):
        st.caption(NO_FILES)
    cards = image_cards.make_cards(rows, synthetic=context.synthetic)
    opened = picker.show_picker(cards, sources, key=key)
    if opened is not None:
        cell_window.open_cell(context, opened, image_ids)
