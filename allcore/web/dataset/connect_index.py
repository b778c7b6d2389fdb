"""The data set shown: where it lies, what was read, and how it stands with its index."""

from datetime import datetime
from pathlib import Path

import streamlit as st

from allcore.audit.index import files, jobs, store
from allcore.audit.index import progress as running
from allcore.audit.index.files import ChangesSinceIndex
from allcore.data import dataset_inspection
from allcore.data.dataset_inspection import DatasetSummary
from allcore.errors import AllScopeError
from allcore.labels import CLASS_PLURALS
from allcore.web import accounts, datasets, frame, guard
from allcore.web.dataset.context import Context

STEPS = {
    running.STARTING: "Starting: the model is loaded",
    running.CHECKING: "Comparing files with the index",
    running.READING: "Reading pictures",
    running.ASSEMBLING: "Finding twins and drawing the map",
}
NEVER = "**Not indexed yet.** Quality, health and the map need an index; pictures are only read."
STOPPED = "**Stopped.** What was read is kept, and the next run goes on from there."
METHOD = """
An index keeps what is asked of pictures again and again: SHA-256, size, brightness, colour, focus,
a fingerprint by which twins are found, an embedding by the installed model, and thumbnails. It lies
in ALLScope's own folder; nothing is written into the data set. A later run reads only files that
are new or have another size or time. It goes on when the browser is closed.
"""
_PROBLEM = "index problem"


def show_index(context: Context) -> None:
    """Draw the part of the view."""
    st.subheader("This data set", anchor=False)
    with st.container(border=True, width=frame.TEXT_WIDTH):
        _facts(context)
        if jobs.status(context.path) == "running":
            show_index_progress(context.path)
        else:
            _standing(context)
    with st.expander("What indexing does", width=frame.TEXT_WIDTH):
        st.markdown(METHOD)


def layout_sentence(found: DatasetSummary) -> str:
    """Layout, images, subjects and classes, in a sentence or two."""
    total = len(found.manifest)
    subjects = f" of {count(found.subjects, 'subject')}" if found.subjects else ""
    words = [*CLASS_PLURALS.items(), (None, "without a label")]
    classes = ", ".join(
        f"{found.labels[label]:,} {word}" for label, word in words if label in found.labels
    )
    return f"Read as {found.layout}: {count(total, 'image')}{subjects} ({classes})."


def count(number: int, thing: str) -> str:
    """A number with its thing, in the plural unless it is one."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def changes_sentence(since: ChangesSinceIndex) -> str:
    """What changed since the index was made, in one sentence."""
    parts = [(since.new, "new"), (since.changed, "changed"), (since.gone, "gone")]
    said = ", ".join(f"{number:,} {word}" for number, word in parts if number)
    tried = f" {count(since.again, 'file')} that couldn't be read will be tried again."
    first = f"Files since then: {said}." if said else "Nothing has changed since."
    return first + (tried if since.again else "")


def index_changes(context: Context) -> ChangesSinceIndex | None:
    """What changed since the data set was indexed; None where there is no index."""
    if not context.catalogue.is_indexed:
        return None
    stamp = (store.folder(context.path) / store.ABOUT).stat().st_mtime_ns
    try:
        return _since(context, context.path, datasets.change_stamp(context.path), stamp)
    except AllScopeError:  # the index went, or is written anew, this very moment
        return None


@guard.every(1.0)
def show_index_progress(path: Path) -> None:
    """How far indexing is, with a button to cancel; draws the page anew at the end."""
    now = jobs.progress(path)
    if now is None:
        st.rerun()
    share = min(1.0, now.done / now.total) if now.total else 0.0
    count = f": {now.done:,} of {now.total:,}" if now.total else ""
    st.progress(share, text=f"{STEPS.get(now.step, now.step)}{count}{time_left(now.seconds_left)}")
    if jobs.is_stopping(path):
        st.caption("It stops after the pictures under way; what was read is kept.")
    else:
        st.button(
            "Cancel",
            icon=":material/close:",
            key="cancel index",
            on_click=_cancel,
            args=(path,),
        )


def time_left(seconds: float | None) -> str:
    """How long it still takes, to be put behind a count; empty where that is not known."""
    if seconds is None:
        return ""
    return (
        f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"
    )


def _facts(context: Context) -> None:
    st.markdown(f":material/folder: {frame.plain(str(context.path))}")
    found = _look(context, context.path, datasets.change_stamp(context.path))
    st.markdown(frame.plain(layout_sentence(found)))
    for sentence in found.warnings:
        st.warning(frame.plain(sentence), icon=":material/warning:")


def _standing(context: Context) -> None:
    """The state of the index, and the button that fits it."""
    status, since = jobs.status(context.path), index_changes(context)
    if status == "never":
        st.markdown(NEVER)
    elif status == "stopped":
        st.markdown(STOPPED)
    elif status == "failed":
        st.error(frame.plain(jobs.failure(context.path) or ""), icon=":material/error:")
    if since is not None:
        _done(context, since)
    changed = since is not None and not since.nothing
    labels = {
        "never": "Index", "stopped": "Go on indexing", "failed": "Try to index again",
        "done": "Index what changed" if changed else "Index again",
    }  # fmt: skip
    with st.container(horizontal=True):
        st.button(
            labels.get(status, "Index"),
            icon=":material/database:",
            type="secondary" if status == "done" and not changed else "primary",
            on_click=_start,
            args=(context.path,),
        )
        st.button("Look for changes", icon=":material/refresh:", on_click=_forget)
    if sentence := st.session_state.pop(_PROBLEM, None):
        st.error(frame.plain(sentence), icon=":material/error:")


def _done(context: Context, since: ChangesSinceIndex) -> None:
    about, table = context.catalogue.about, context.table
    if about is None:
        return
    model = f", embeddings by {about.model}" if about.model else ", without embeddings"
    st.markdown(
        f"**Indexed** {_when(about.finished)}{frame.plain(model)}. {changes_sentence(since)}"
    )
    unreadable = table.loc[table["error"] != "", "error"]
    if len(unreadable):
        common = str(unreadable.value_counts().index[0])
        st.warning(
            frame.plain(
                f"{count(len(unreadable), 'picture')} can't be used; most often: {common} "
                "The Health view lists them."
            ),
            icon=":material/broken_image:",
        )


def _start(path: Path) -> None:
    try:
        accounts.visitor().require("connect")
        datasets.check_allowed(path)  # it may have been forbidden since it was drawn
        jobs.start(path)
    except AllScopeError as error:
        st.session_state[_PROBLEM] = str(error)


def _cancel(path: Path) -> None:
    if accounts.visitor().may("connect"):
        jobs.cancel(path)


def _forget() -> None:
    _look.clear()
    _since.clear()


def _when(finished: str) -> str:
    try:
        return f"on {datetime.fromisoformat(finished):%Y-%m-%d at %H:%M} UTC"
    except ValueError:
        return "at an unknown time"


@st.cache_resource(max_entries=8, ttl=120, show_spinner="Looking at the files")
def _look(_context: Context, path: Path, state: tuple[float, ...]) -> DatasetSummary:
    return dataset_inspection.summarize(_context.manifest)


@st.cache_data(max_entries=8, ttl=120, show_spinner="Comparing files with the index")
def _since(
    _context: Context, path: Path, state: tuple[float, ...], stamp: int
) -> ChangesSinceIndex:
    return files.compare_with_index(_context.manifest, store.read_rows(path)[1])
