"""The pictures of a finding: one after the other, or the copies of one cell side by side."""

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.audit.findings.finding_text import FindingGroup
from allcore.web import frame
from allcore.web.components import picker
from allcore.web.dataset import cell_window, image_cards
from allcore.web.dataset.context import Context

PER_PAGE = 48
GROUPS, OF_GROUP, ABREAST = 8, 6, 2
"""Groups at once, pictures of each, groups side by side."""
_ACROSS = ("twin_across_split", "cell_under_two_subjects", "exact_duplicate", "near_duplicate")
NONE_HERE = ":material/hide_image: None of these pictures is on this machine."


def show_finding_images(context: Context, entry: FindingGroup) -> None:
    """Draw a page of them; one that is clicked opens."""
    ids = entry.image_ids
    if not ids:
        return
    if entry.kind in _ACROSS and entry.groups:
        _groups(context, entry)
        return
    first, last = _turned(entry.kind, len(ids), PER_PAGE, "image")
    rows = _rows(context, ids[first:last])
    _grid(context, rows, ids, key=f"health_{entry.kind}")


def _groups(context: Context, entry: FindingGroup) -> None:
    groups = entry.groups
    first, last = _turned(entry.kind, len(groups), GROUPS, "group")
    order = [name for names in groups for name in names]
    shown = list(enumerate(groups[first:last], first + 1))
    for start in range(0, len(shown), ABREAST):
        columns = st.columns(ABREAST)
        for column, (number, names) in zip(columns, shown[start : start + ABREAST], strict=False):
            rows = _rows(context, names[:OF_GROUP])
            with column.container(border=True):
                st.caption(f"**Group {number:,}**: {frame.plain(_of(rows, len(names)))}")
                key = f"health_{entry.kind}_{number - first}"
                _grid(context, rows, order, key=key, complain=False)


def _of(rows: pd.DataFrame, total: int) -> str:
    """Whose pictures a group holds."""
    people = ", ".join(rows["subject"].astype(str).unique())
    more = f", {OF_GROUP} of them shown" if total > OF_GROUP else ""
    return f"{formats.count(total, 'picture')} of subject {people}{more}"


def _turned(kind: str, total: int, size: int, noun: str) -> tuple[int, int]:
    """Draw the control of pages; give the first and the last place of the one turned to."""
    pages = -(-total // size)
    number = 1
    with st.container(horizontal=True, vertical_alignment="center"):
        if pages > 1:
            number = st.pagination(pages, key=f"health_{kind}_page_{pages}")
        first, last = (number - 1) * size, min(number * size, total)
        of = formats.count(total, noun)
        st.caption(f"{first + 1:,} to {last:,} of {of}", width="content")
    return first, last


def _rows(context: Context, ids: "tuple[str, ...] | list[str]") -> pd.DataFrame:
    return context.table.iloc[context.catalogue.shelf.places(ids)]


def _grid(
    context: Context,
    rows: pd.DataFrame,
    order: "tuple[str, ...] | list[str]",
    *,
    key: str,
    complain: bool = True,
) -> None:
    sources = image_cards.thumbnail_sources(context, rows)
    if complain and not any(source.key for source in sources):
        st.caption(NONE_HERE)
    opened = picker.show(
        image_cards.make_cards(rows, synthetic=context.synthetic), sources, key=key
    )
    if opened is not None:
        cell_window.open_cell(context, opened, order)
