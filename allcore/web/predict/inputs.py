"""The pictures to predict: files that were dropped, or an example."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from allcore.inference import examples, image_sources
from allcore.inference.examples import ExamplePicture
from allcore.inference.image_sources import Source
from allcore.inference.predictor import Predictor
from allcore.web import frame

FILES, FOLDER = "Pictures or zip", "A folder"
EXAMPLE = "example"
"""Of the control, and of the address."""
_ROUND, _CHANGED = "predict_round", "predict_changed"


@dataclass(frozen=True)
class PredictionInputs:
    """Pictures to answer.

    Attributes:
        key: of these very pictures.
        sources: the pictures, at least one.
    """

    key: tuple[str, ...]
    sources: tuple[Source, ...]


def files() -> list[UploadedFile]:
    """Draw the drop zone; return its files."""
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
        on_change=_chose_files,
        help="BMP, PNG, JPEG, TIFF or WebP. What can't be answered is refused, with a reason.",
    )


def example(predictor: Predictor, place: DeltaGenerator) -> ExamplePicture | None:
    """Draw the examples that were chosen for a model; return the selected one."""
    with place:
        requested = EXAMPLE in st.query_params or st.session_state.get(EXAMPLE)
        ready = requested or examples.is_ready(predictor)
        if not (ready or st.button("Draw synthetic cells to try", icon=":material/draw:")):
            return None
        choices = {choice.name: choice for choice in _examples(predictor)}
        name = st.pills(
            "Try a picture made by this program", list(choices), key=EXAMPLE, wrap=True,
            on_change=_chose_example, bind="query-params",
        )  # fmt: skip
        if name is None:
            return None
        st.markdown(frame.plain(choices[name].sentence))
        return choices[name]


def of(files: Sequence[UploadedFile], example: ExamplePicture | None) -> PredictionInputs | None:
    """The pictures to predict; files before an example, None where there is neither."""
    if sources := tuple(_sources(files)):
        return PredictionInputs(tuple(file.file_id for file in files), sources)
    if example is None:
        return None
    source = Source(name=example.title, read=example.path.read_bytes)
    return PredictionInputs((example.name,), (source,))


def were_removed() -> bool:
    """Whether a control was changed since the last call.

    Empty controls then mean that somebody has removed the pictures; without a change, the page was
    left and opened again, which empties its controls too.
    """
    return bool(st.session_state.pop(_CHANGED, False))


def _sources(files: Sequence[UploadedFile]) -> Iterator[Source]:
    for file in files:
        if file.name.lower().endswith(".zip"):
            yield from image_sources.members(file, name=file.name)
        elif not image_sources.is_junk(file.name):
            yield Source(name=file.name, read=file.getvalue)


def _examples(predictor: Predictor) -> tuple[ExamplePicture, ...]:
    if examples.is_ready(predictor):
        return examples.examples(predictor)
    with st.spinner("Drawing synthetic cells"):
        return examples.examples(predictor)


def _chose_files() -> None:
    st.session_state[_CHANGED] = True
    st.session_state[EXAMPLE] = None


def _chose_example() -> None:
    st.session_state[_CHANGED] = True
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1  # another, empty drop zone
