"""The data set shown: its path, its layout, and the state of its index."""

from datetime import datetime
from pathlib import Path

import streamlit as st

from allcore.audit.index import files, jobs, store
from allcore.audit.index.files import ChangesSinceIndex
from allcore.data import dataset_inspection, label_choice
from allcore.data.dataset_inspection import DatasetSummary
from allcore.data.file_digests import LeftOutFiles
from allcore.data.label_choice import LabelConflict
from allcore.errors import AllScopeError
from allcore.formats import count
from allcore.web import accounts, datasets, frame, guard
from allcore.web.dataset.context import DatasetContext

STEPS = {
    jobs.STARTING: "Starting: the model is loaded",
    jobs.CHECKING: "Comparing files with the index",
    jobs.READING: "Reading images",
    jobs.ASSEMBLING: "Finding duplicates and computing the map",
}
STATES = {
    "never": "**Not indexed yet.**",
    "stopped": "**Stopped.** What was read is kept, and the next run goes on from there.",
}
METHOD = """
An index holds SHA-256, size, brightness, colour and focus of each image, a texture by which
duplicates are found, an embedding by the installed model, and thumbnails. It lies in ALLScope's own
folder; nothing is written into the data set. A later run reads only files that are new or changed.
It continues when the browser is closed.
"""
_PROBLEM = "index problem"


def show_index(context: DatasetContext) -> None:
    """Draw path, layout and index of the data set, with buttons to start and stop indexing."""
    st.subheader(frame.plain(context.name), anchor=False)
    with st.container(border=True):
        if jobs.status(context.path) == "running":
            _show_progress(context.path)
        else:
            _show_state(context)
        st.markdown(f":material/folder: {frame.plain(str(context.path))}")
        summary = _summarize(context, context.path, datasets.change_stamp(context.path))
        show_reading(context.path, summary, key=f"shown {context.path}")
        with st.expander("What indexing does"):
            st.markdown(METHOD)


def show_missing(context: DatasetContext, what: str) -> None:
    """Draw why a part of a view is missing, with the progress of the index or its start.

    Args:
        context: of the page.
        what: is missing, as the beginning of a sentence.
    """
    running = jobs.status(context.path) == "running"
    until = "when the index is ready" if running else "once this data set is indexed"
    with st.container(border=True, width=frame.TEXT_WIDTH):
        st.markdown(f"{what} will be here {until}.")
        if running:
            _show_progress(context.path)
        elif context.user.may("connect"):
            st.button(
                "Index now", icon=":material/database:", type="primary", on_click=start,
                args=(context.path,),
            )  # fmt: skip
            _show_problem()


def show_reading(path: Path, summary: DatasetSummary, *, key: str) -> None:
    """Draw layout, counts and warnings of a data set, with the choice of labels that conflict.

    The keys of its controls begin with ``key``.
    """
    st.markdown(frame.plain(summary.sentence))
    if conflict := summary.manifest.conflict:
        _show_conflict(path, conflict, key=key)
    for warning in summary.notes:
        st.warning(frame.plain(warning), icon=":material/warning:")
    if kinds := summary.manifest.left_out:
        total = sum(kind.count for kind in kinds)
        with st.expander(f"{count(total, 'file')} left out"):
            st.markdown("".join(f"- {frame.plain(_left_out(kind))}\n" for kind in kinds))


def _left_out(kind: LeftOutFiles) -> str:
    return (
        f"{kind.count:,} {kind.suffix or 'without suffix'}: {kind.reason}, such as {kind.example}"
    )


def _show_conflict(path: Path, conflict: LabelConflict, *, key: str) -> None:
    st.warning(frame.plain(f"{conflict.reason}."), icon=":material/compare_arrows:")
    if conflict.decided:
        st.button("Decide the labels again", key=f"{key} reset", on_click=_decide, args=(path, ""))
        return
    meanings = dict(conflict.choices)
    value = st.radio(
        "No label counts until this is decided", list(meanings), key=f"{key} labels",
        format_func=lambda value: f"{meanings[value].capitalize()} ({frame.plain(value)})",
    )  # fmt: skip
    st.button(
        "Use these labels", key=f"{key} decide", type="primary", on_click=_decide,
        args=(path, value),
    )  # fmt: skip


def _decide(path: Path, value: str) -> None:
    """Keep a decision on the labels of a data set; an empty one removes it."""
    try:
        accounts.visitor().require("connect")
        datasets.check_allowed(path)
        label_choice.save(path, label_choice.parse(value))
    except AllScopeError as error:
        st.session_state[_PROBLEM] = str(error)


def changes_sentence(since: ChangesSinceIndex) -> str:
    """Number of files that are new, changed or gone since the index was made."""
    kinds = [(since.new, "new"), (since.changed, "changed"), (since.gone, "gone")]
    counts = ", ".join(f"{number:,} {kind}" for number, kind in kinds if number)
    sentence = f"Files since then: {counts}." if counts else "Nothing has changed since."
    if since.again:
        sentence += f" {count(since.again, 'file')} that couldn't be read will be tried again."
    return sentence


def index_changes(context: DatasetContext) -> ChangesSinceIndex | None:
    """File changes since the data set was indexed; None without an index."""
    if not context.catalogue.is_indexed:
        return None
    written = (store.folder(context.path) / store.ABOUT).stat().st_mtime_ns
    try:
        return _compare(context, context.path, datasets.change_stamp(context.path), written)
    except AllScopeError:  # the index is being deleted or written anew at this moment
        return None


def time_left(seconds: float | None) -> str:
    """Remaining time as the end of a sentence; empty where it is unknown."""
    if seconds is None:
        return ""
    time = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    return f", about {time} left"


@guard.periodic_fragment(1.0)
def _show_progress(path: Path) -> None:
    """Draw the progress, with a button to cancel; at the end draw the page anew."""
    progress = jobs.progress(path)
    if progress is None:
        st.rerun()
    share, done = 0.0, ""
    if progress.total:
        share = min(1.0, progress.done / progress.total)
        done = f": {progress.done:,} of {progress.total:,}"
    step, left = STEPS.get(progress.step, progress.step), time_left(progress.seconds_left)
    st.progress(share, text=f"{step}{done}{left}")
    if jobs.is_stopping(path):
        st.caption("It stops after the images under way; what was read is kept.")
    else:
        st.button(
            "Cancel", icon=":material/close:", key="cancel index", on_click=_cancel, args=(path,)
        )


def _show_state(context: DatasetContext) -> None:
    """Draw the state of the index, and the button that starts indexing."""
    status = jobs.status(context.path)
    since = index_changes(context)
    if status in STATES:
        st.markdown(STATES[status])
    elif status == "failed":
        st.error(frame.plain(jobs.failure(context.path) or ""), icon=":material/error:")
    if since is not None:
        _show_last_run(context, since)
    changed = since is not None and not since.nothing
    labels = {
        "stopped": "Continue indexing", "failed": "Index again",
        "done": "Index what changed" if changed else "Index again",
    }  # fmt: skip
    with st.container(horizontal=True):
        st.button(
            labels.get(status, "Index"), icon=":material/database:",
            type="secondary" if status == "done" and not changed else "primary",
            on_click=start, args=(context.path,),
        )  # fmt: skip
        st.button("Check for changes", icon=":material/refresh:", on_click=_clear_caches)
    _show_problem()


def _show_problem() -> None:
    if sentence := st.session_state.pop(_PROBLEM, None):
        st.error(frame.plain(sentence), icon=":material/error:")


def _show_last_run(context: DatasetContext, since: ChangesSinceIndex) -> None:
    about, table = context.catalogue.about, context.table
    if about is None:
        return
    model = f", embeddings by {about.model}" if about.model else ", without embeddings"
    try:
        when = f"on {datetime.fromisoformat(about.finished):%Y-%m-%d at %H:%M} UTC"
    except ValueError:
        when = "at an unknown time"
    st.markdown(f"**Indexed** {when}{frame.plain(model)}. {changes_sentence(since)}")
    errors = table.loc[table["error"] != "", "error"]
    if len(errors):
        text = f"{count(len(errors), 'picture')} can't be used; most often: {errors.mode()[0]} "
        st.warning(
            frame.plain(f"{text}The Health view lists them."), icon=":material/broken_image:"
        )


def start(path: Path) -> None:
    """Start an index run; a problem is shown in the next run of the page."""
    try:
        accounts.visitor().require("connect")
        datasets.check_allowed(path)  # it may have been forbidden since it was drawn
        jobs.start(path)
    except AllScopeError as error:
        st.session_state[_PROBLEM] = str(error)


def _cancel(path: Path) -> None:
    if accounts.visitor().may("connect"):
        jobs.cancel(path)


def _clear_caches() -> None:
    _summarize.clear()
    _compare.clear()


@st.cache_resource(max_entries=8, ttl=120, show_spinner="Reading the files")
def _summarize(_context: DatasetContext, path: Path, stamp: tuple[float, ...]) -> DatasetSummary:
    return dataset_inspection.summarize(_context.manifest)


@st.cache_data(max_entries=8, ttl=120, show_spinner="Comparing files with the index")
def _compare(
    _context: DatasetContext, path: Path, stamp: tuple[float, ...], written: int
) -> ChangesSinceIndex:
    return files.compare_with_index(_context.manifest, store.read_rows(path)[1])
