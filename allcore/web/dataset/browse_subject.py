"""One subject's heading above its cells: what it has, and how it lies among the others."""

import streamlit as st

from allcore import formats
from allcore.audit.index import subject_profile as subjects
from allcore.audit.index.subject_profile import Subject
from allcore.labels import CLASS_NAMES
from allcore.web import frame
from allcore.web.dataset import browse_state
from allcore.web.dataset.context import Context

_LINKED = 5


def show(context: Context, name: str) -> None:
    """Draw it."""
    found = subjects.of(context.catalogue.shelf, name)
    if not found.cells:
        return
    with st.container(border=True):
        st.subheader(f"Subject {frame.plain(name)}", anchor=False)
        st.markdown(frame.plain(sentence(found)), width=frame.TEXT_WIDTH)
        for beside in found.beside:
            st.markdown(f"- {frame.plain(subjects.in_words(beside))}", width=frame.TEXT_WIDTH)
        _shared(context, found)


def sentence(subject: Subject) -> str:
    """Its cells by class and split, and what of them stands out."""
    labels = _listed({CLASS_NAMES.get(key, key): n for key, n in subject.labels.items()})
    parts = [f"{formats.count(subject.cells, 'cell')}: {labels}", _listed(subject.splits)]
    if subject.copied:
        parts.append(f"{subject.copied:,} with copies")
    if subject.unusable:
        parts.append(f"{subject.unusable:,} can't be used")
    return f"{'; '.join(parts)}."


def _listed(counts: dict[str, int]) -> str:
    if len(counts) == 1:
        return f"all {next(iter(counts))}"
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _shared(context: Context, subject: Subject) -> None:
    """The subjects that it shares cells with, which may be the same person."""
    for other in subjects.linked(subject)[:_LINKED]:
        ids = subject.shared[other]
        count = f"{formats.count(len(ids), 'cell')} also filed under subject {other}"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/warning: {frame.plain(count)}: the two may be one person.",
                width="content",
            )
            st.button(
                "Show these",
                key=f"shared_{other}",
                on_click=browse_state.ask,
                kwargs={
                    "only": subjects.with_copies(context.catalogue.shelf, ids),
                    "said": f"of {subject.name}, also filed under {other}",
                },
            )
