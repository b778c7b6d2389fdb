"""The source of predictions on the Evaluation page: an installed model, or a user's file."""

import hashlib
from collections.abc import Iterable

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from allcore import model_folder
from allcore.data import prediction_import
from allcore.errors import AllScopeError
from allcore.evaluation import model_evaluation
from allcore.web import accounts, frame, resources
from allcore.web.evaluations import PredictionSource

MODEL, SPLIT = "model", "split"
"""Keys of the controls, and of the address."""
_FILES, _OPENED, _NEXT = "prediction_files", "prediction_file_id", "prediction_file_next"
_PROBLEM, _PREFIX = "prediction_file_problem", "file-"
_RULE = "Fixed: a file brings no threshold of its own."


def choose_source() -> PredictionSource | None:
    """The source chosen in the sidebar, where files can be opened too.

    None, with a sentence, where there is neither a model nor a file.

    Raises:
        ModelError: the folder of the chosen model is damaged.
    """
    opened = st.session_state.pop(_NEXT, None)
    if opened:
        st.session_state[MODEL] = opened
    files = _files()
    titles = {key: file.name for key, file in files.items()}
    requested = st.query_params.get(MODEL)
    if requested and requested not in (*model_folder.names(), *titles.values()):
        st.warning(
            f"This address shows {frame.plain(requested)}, which is no installed model: if it is a "
            "file, open it here, below Model, to see the same view.",
            width=frame.TEXT_WIDTH,
        )
    key = resources.choose_key(titles, key=MODEL)
    _open_file()
    return None if key is None else source_of(key)


def source_of(key: str) -> PredictionSource:
    """The source of a key: an opened file, or the model of that name.

    Raises:
        ModelError: the model's folder is missing or damaged.
    """
    return _files().get(key) or PredictionSource.of_model(model_folder.resolve(key))


def leakage_warnings(sources: Iterable[PredictionSource]) -> tuple[str, ...]:
    """A sentence for each model that was trained on other cells of its held-out subjects."""
    return tuple(
        f"{frame.plain(source.name)} was trained on other cells of these subjects, so its lead "
        "says nothing about new subjects."
        for source in sources
        if model_evaluation.trained_on_test_subjects(source.info)
    )


def _files() -> dict[str, PredictionSource]:
    """The files that were opened in this session, by their keys."""
    files: dict[str, PredictionSource] = st.session_state.setdefault(_FILES, {})
    return files


def _open_file() -> None:
    """Draw the upload of predictions in the sidebar, for people who may check images."""
    if not accounts.visitor().may("check"):
        return
    with st.sidebar.expander("Open predictions of your own", icon=":material/upload_file:"):
        st.caption(
            "CSV or Parquet with an image id, a label (all or hem), a probability and, so that "
            "intervals over subjects can be given, a subject."
        )
        file = st.file_uploader(
            "Predictions", type=["csv", "parquet"], key="prediction_upload",
            label_visibility="collapsed", max_upload_size=50,
        )  # fmt: skip
        if file is None:
            st.session_state.pop(_PROBLEM, None)
        elif st.session_state.get(_OPENED) != file.file_id:
            st.session_state[_OPENED] = file.file_id
            _import(file)
        if _PROBLEM in st.session_state:
            frame.problem(st.session_state[_PROBLEM])


def _import(file: UploadedFile) -> None:
    data = file.getvalue()
    st.session_state.pop(_PROBLEM, None)
    try:
        imported = prediction_import.read(data, name=file.name)
    except AllScopeError as error:
        st.session_state[_PROBLEM] = error  # stays in sight as long as the file
        return
    key = _PREFIX + hashlib.sha256(data).hexdigest()[:12]
    names = {source.name for name, source in _files().items() if name != key}
    # The control and the address tell sources apart by their names.
    duplicate = file.name in names | set(model_folder.names())
    _files()[key] = PredictionSource(
        key=key,
        name=f"{file.name} ({key[-4:]})" if duplicate else file.name,
        threshold=0.5,
        rule=_RULE,
        digest=key,
        problems=tuple(problem.sentence for problem in imported.problems),
        imported=imported.table,
    )
    st.session_state[_NEXT] = key
    st.rerun()
