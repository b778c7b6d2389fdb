"""What is asked about: pictures that were dropped, or an example."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from allcore.data import demo
from allcore.inference import archive
from allcore.inference.archive import Source

FILES, FOLDER = "Pictures or zip", "A folder"
_ROUND, _EXAMPLE = "predict_round", "predict_example"


@dataclass(frozen=True)
class Given:
    """Pictures to answer.

    Attributes:
        key: the same as long as the same is given.
        sources: the pictures.
    """

    key: tuple[str, ...]
    sources: tuple[Source, ...]


def show(*, uploads: bool) -> Given | None:
    """Draw the drop zone and the examples; None while nothing is given.

    Args:
        uploads: whether own pictures may be brought.
    """
    if not uploads:
        return _of_example(_examples(st.container()))
    drop, try_out = st.columns([3, 2], gap="large")
    files = _dropped(drop)
    example = _examples(try_out)
    if files:
        sources = tuple(_sources(files))
        return Given(tuple(file.file_id for file in files), sources) if sources else None
    return _of_example(example)


def clear() -> None:
    """Take back what was given; to be called where a control calls back."""
    _forget_example()
    _forget_files()


def _dropped(place: DeltaGenerator) -> list[UploadedFile]:
    with place:
        kind = st.segmented_control(
            "What to bring", [FILES, FOLDER], default=FILES, required=True, key="predict_kind",
            label_visibility="collapsed",
        )  # fmt: skip
        return st.file_uploader(
            "Pictures of single cells on black, or zip archives of them"
            if kind == FILES
            else "A folder of pictures of single cells on black",
            accept_multiple_files=True if kind == FILES else "directory",
            key=f"predict_files_{kind}_{st.session_state.get(_ROUND, 0)}",
            on_change=_forget_example,
            help="BMP, PNG, JPEG, TIFF or WebP. What can't be answered is refused, with a reason.",
        )


def _sources(files: list[UploadedFile]) -> Iterator[Source]:
    for file in files:
        if file.name.lower().endswith(".zip"):
            yield from archive.members(file, name=file.name)
        elif not archive.is_junk(file.name):
            yield Source(name=file.name, read=file.getvalue)


def _examples(place: DeltaGenerator) -> str | None:
    with place:
        if demo.is_drawn() or st.button("Draw synthetic cells to try", icon=":material/draw:"):
            chosen: str | None = st.pills(
                "Or try a synthetic cell, drawn by this program",
                list(_drawn()),
                key=_EXAMPLE,
                wrap=True,
                on_change=_forget_files,
            )
            return chosen
    return None


def _of_example(example: str | None) -> Given | None:
    if example is None:
        return None
    source = Source(name=f"{example} (synthetic)", read=_drawn()[example].read_bytes)
    return Given((example,), (source,))


@st.cache_data(max_entries=1, show_spinner="Drawing synthetic cells")
def _drawn() -> dict[str, Path]:
    return {each.name: each.path for each in demo.examples()}


def _forget_example() -> None:
    st.session_state[_EXAMPLE] = None


def _forget_files() -> None:
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
