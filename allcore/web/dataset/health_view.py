"""What may spoil a study with this data set, the worst first, and what to do about it."""

from collections.abc import Sequence

import streamlit as st

from allcore.audit.findings import finding, finding_text
from allcore.audit.findings.finding import Finding
from allcore.audit.findings.finding_text import FindingGroup
from allcore.plots import dataset_health
from allcore.web import frame
from allcore.web.components import views
from allcore.web.components.charts import chart, table_csv
from allcore.web.dataset import health_exclusion, health_findings, health_pictures
from allcore.web.dataset.context import Context

NOT_INDEXED = (
    "This data set is not indexed yet, so nothing is known of its health: index it under Connect "
    "data."
)
MARKS = {
    "high": (":material/dangerous:", "can spoil a study"),
    "medium": (":material/warning:", "may matter"),
    "low": (":material/info:", "worth a look"),
}
"""Shape and words of a severity: told apart without colour."""
METHOD = """
Copies are found by the texture inside the cell, whatever the picture around it and however it is
turned. Shortcuts are judged on subjects that were held out, by trees on one or two plain facts.
Labels are judged by a model that saw neither cell nor subject: named is a cell whose other class is
likelier and whose log-odds lie far beyond what is usual for cells of its label. A picture is
blurred, dark or bright where it is far from the set's median both in robust deviations and by
share. What is found is a reason to look, no verdict on a cell. Leaks are those of the split chosen
in the sidebar.
"""


def show_health(context: Context) -> None:
    """Draw the view."""
    if not context.catalogue.is_indexed:
        _not_indexed(context)
        return
    found = health_findings.load_findings(context)
    images = int(context.table["indexed"].sum())
    entries = finding_text.group_by_kind(found)
    st.markdown(
        f"**{frame.plain(finding_text.headline(entries, images))}**", width=frame.TEXT_WIDTH
    )
    left = len(context.table) - images
    if left:
        st.caption(f"{left:,} images came since it was indexed and are not looked at here.")
    for entry in entries:
        _entry(context, entry, images)
    if found:
        table_csv(
            lambda: finding.as_table(found),
            name=f"{context.manifest.name}-findings",
            label="Download all findings as CSV",
            key="health_csv",
        )
    health_exclusion.show_exclusion(context, entries, found)
    with st.expander("Method"):
        st.markdown(METHOD, width=frame.TEXT_WIDTH)


def finding_label(entry: FindingGroup, images: int) -> str:
    """What stands on a finding that is closed."""
    _, meaning = MARKS[entry.severity]
    return f"**{frame.plain(entry.title)}** · {finding_text.image_share(entry, images)} · {meaning}"


def _entry(context: Context, entry: FindingGroup, images: int) -> None:
    icon, _ = MARKS[entry.severity]
    place = st.expander(
        finding_label(entry, images),
        icon=icon,
        key=f"show_{entry.kind}",
        on_change="rerun",
        bind="query-params",
    )
    if place.open:
        with place:
            _opened(context, entry)


def _opened(context: Context, entry: FindingGroup) -> None:
    first = entry.findings[0]
    if entry.kind != "shortcut":
        st.markdown(f"**Why it matters.** {frame.plain(first.why)}", width=frame.TEXT_WIDTH)
    else:
        chart(dataset_health.shortcuts(entry.findings), name="shortcuts")
        st.markdown(f"**Why it matters.** {frame.plain(SHORTCUT)}", width=frame.TEXT_WIDTH)
    st.markdown(f"**What to do.** {frame.plain(first.do)}", width=frame.TEXT_WIDTH)
    lines = _numbers(entry.findings)
    if lines:
        st.markdown("\n".join(f"- {frame.plain(line)}" for line in lines), width=frame.TEXT_WIDTH)
    health_pictures.show_finding_images(context, entry)
    table_csv(
        lambda: finding.as_table(entry.findings),
        name=f"{context.manifest.name}-{entry.kind}",
        label="Download this finding as CSV",
        key=f"health_csv_{entry.kind}",
    )


SHORTCUT = (
    "A plain fact of the picture tells blasts from normal cells of subjects that were never seen, "
    "so a model may score well without looking at the cell."
)


def _numbers(found: Sequence[Finding]) -> list[str]:
    """The sentences of all, each once; those of several cues begin with the cue."""
    lines = []
    for each in found:
        for line in finding_text.detail_sentences(each):
            own = "cue" in each.detail and line.startswith("AUROC")
            lines.append(f"{finding_text.cue_title(each)}: {line}" if own else line)
    return list(dict.fromkeys(lines))


def _not_indexed(context: Context) -> None:
    problem = context.catalogue.problem
    said = f"{problem} " if problem else NOT_INDEXED
    st.info(frame.plain(said), icon=":material/search:", width=frame.TEXT_WIDTH)
    st.button(
        "Go to Connect data", icon=":material/add_link:", on_click=views.turn_to, args=("connect",)
    )
