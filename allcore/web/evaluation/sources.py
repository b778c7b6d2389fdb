"""The source of predictions on the Evaluation page: an installed model, or a user's file."""

import hashlib
from collections.abc import Iterable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from allcore import formats, model_folder
from allcore.data import label_choice, prediction_import, table_reader
from allcore.data.prediction_import import ImportChoices
from allcore.data.score_columns import MEANINGS
from allcore.errors import AllScopeError
from allcore.inference import synthetic_predictions
from allcore.web import accounts, evaluations, frame, resources
from allcore.web.cell_images import CellImages
from allcore.web.evaluation import synthetic_cells
from allcore.web.evaluations import PredictionSource

MODEL, SPLIT = "model", "split"
"""Keys of the controls, and of the address."""
CELL = "cell"
"""Key of the open cell in the address."""
_FILES, _OPENED, _NEXT = "prediction_files", "prediction_file_id", "prediction_file_next"
_COLUMNS, _IMPORTED = "prediction_file_columns", "prediction_file_imported"
_PROBLEM, _PREFIX = "prediction_file_problem", "file-"
_LEADS = {
    "shared": "{name} was trained on other cells of these subjects, so its lead says nothing about "
    "new subjects.",
    "unknown": "Whether {name} was trained on other cells of these subjects is unknown, so its "
    "lead says nothing about new subjects.",
}
_RULE = "Fixed: a file brings no threshold of its own."


def choose_source(place: DeltaGenerator) -> PredictionSource | None:
    """The source as chosen; files can be opened beside it.

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
        frame.warning(
            f"This address shows {frame.plain(requested)}, which is no installed model: if it is a "
            "file, open it here to see the same view."
        )
    key = resources.choose_key(titles, key=MODEL, place=place)
    _open_file()
    return None if key is None else source_of(key)


def choose_split(source: PredictionSource, images: CellImages) -> str:
    """The part of the cells as chosen: one of `formats.SPLITS`, or the synthetic cells.

    The synthetic cells come first once they are scored while no picture of the held-out ones is on
    this machine, unless the address names one of these.

    Raises:
        ModelError: the predictions are missing or damaged.
        DataError: there is no labelled held-out cell.
    """
    known = evaluations.splits(source)
    titles = {name: formats.SPLITS[name] for name in known}
    first = known[0]
    if source.model is not None and synthetic_predictions.can_score(source.model):
        titles[synthetic_cells.SPLIT] = synthetic_cells.TITLE
        ids = evaluations.predictions(source)["image_id"].astype(str)
        seen = bool(images.places) and any(image_id in images for image_id in ids)
        cell = st.query_params.get(CELL)
        scored = synthetic_predictions.is_scored(source.model)
        if scored and not seen and (cell is None or cell not in set(ids)):
            first = synthetic_cells.SPLIT
    return st.selectbox(
        "Cells", list(titles), index=list(titles).index(first), format_func=titles.__getitem__,
        key=SPLIT, bind="query-params", width=130,
        help="Held-out cells of the model's own split, or synthetic cells drawn by ALLScope.",
    )  # fmt: skip


def source_of(key: str) -> PredictionSource:
    """The source of a key: an opened file, or the model of that name.

    Raises:
        ModelError: the model's folder is missing or damaged.
    """
    return _files().get(key) or PredictionSource.of_model(model_folder.resolve(key))


def counterpart(of: PredictionSource, name: str) -> PredictionSource:
    """The source of a model for the same kind of cells as another source's.

    Raises:
        AllScopeError: the model's folder is damaged, or it has not scored the synthetic cells.
    """
    source = source_of(name)
    if of.synthetic and source.model is not None:
        return synthetic_cells.source_of(source.model)
    return source


def leakage_warnings(sources: Iterable[PredictionSource]) -> tuple[str, ...]:
    """A sentence for each source whose held-out cells are not of unseen subjects."""
    states = {
        source.name: evaluations.separate_subjects(source).state
        for source in sources
        if not source.synthetic
    }
    return tuple(
        _LEADS[state].format(name=frame.plain(name))
        for name, state in states.items()
        if state in _LEADS
    )


def _files() -> dict[str, PredictionSource]:
    """The files that were opened in this session, by their keys."""
    files: dict[str, PredictionSource] = st.session_state.setdefault(_FILES, {})
    return files


def _open_file() -> None:
    """Draw the button that unfolds the upload of predictions, for people who may check images."""
    if not accounts.visitor().may("check"):
        return
    icon = ":material/error:" if _PROBLEM in st.session_state else ":material/upload_file:"
    with st.popover("Open file", icon=icon, help="Predictions of your own"):
        st.caption(
            "CSV or Parquet with an image id, a label (all or hem), a probability of an ALL blast "
            "and, so that intervals over subjects can be given, a subject."
        )
        file = st.file_uploader(
            "Predictions", type=["csv", "tsv", "txt", "parquet"], key="prediction_upload",
            label_visibility="collapsed", max_upload_size=50,
        )  # fmt: skip
        if file is None:
            st.session_state.pop(_PROBLEM, None)
            return
        _read_file(file)
        if _PROBLEM in st.session_state:
            frame.problem(st.session_state[_PROBLEM])


def _read_file(file: UploadedFile) -> None:
    """Import a new file, and import it again when its columns or labels are chosen anew."""
    state = st.session_state
    if state.get(_OPENED, ("",))[0] != file.file_id:
        state.pop(_IMPORTED, None)
    try:
        choices = _choose_columns(file)
    except AllScopeError as error:
        state[_OPENED], state[_PROBLEM] = (file.file_id, None), error  # in sight until it is solved
        return
    if state.get(_OPENED) != (file.file_id, choices):
        state[_OPENED] = file.file_id, choices
        _import(file, choices)


def _choose_columns(file: UploadedFile) -> ImportChoices:
    """Controls with the columns, the meaning and the labels that were recognised.

    Raises:
        DataError: the file can't be read, or the labels are not clear.
    """
    if st.session_state.get(_COLUMNS, ("",))[0] != file.file_id:
        headings = table_reader.headings(file.getvalue(), prediction_import.SCHEMA, name=file.name)
        st.session_state[_COLUMNS] = file.file_id, headings
    headings = st.session_state[_COLUMNS][1]
    recognised = prediction_import.recognise(headings)
    columns: dict[str, str | None] = {}
    with st.expander("Columns", icon=":material/view_column:"):
        for column, title in prediction_import.COLUMN_TITLES.items():
            options = [None, *dict.fromkeys(headings)]
            heading = st.selectbox(
                title, options, index=options.index(recognised.get(column)),
                format_func=lambda heading: "None" if heading is None else heading,
                key=f"prediction_{column}_{file.file_id}",
            )  # fmt: skip
            if heading != recognised.get(column):
                columns[column] = heading
        meaning = st.selectbox(
            "Meaning", [None, *MEANINGS], format_func=lambda title: title or "As recognised",
            key=f"prediction_meaning_{file.file_id}",
        )  # fmt: skip
        labels = st.text_input(
            "Labels", placeholder="0=all, 1=hem", key=f"prediction_labels_{file.file_id}",
            help="What the labels of the file mean, where they are not C-NMC's codes (1 is ALL "
            "blast, 0 is normal) or contradict the names of the files; 'names' takes those in the "
            "names.",
        )  # fmt: skip
    return ImportChoices(columns, MEANINGS.get(meaning or ""), label_choice.parse(labels))


def _import(file: UploadedFile, choices: ImportChoices) -> None:
    """Open a file in place of its previous import."""
    data = file.getvalue()
    st.session_state.pop(_PROBLEM, None)
    try:
        imported = prediction_import.read(data, name=file.name, choices=choices)
    except AllScopeError as error:
        st.session_state[_PROBLEM] = error
        return
    _files().pop(st.session_state.get(_IMPORTED, ""), None)
    key = _PREFIX + hashlib.sha256(data + repr(choices).encode()).hexdigest()[:12]
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
        columns=imported.columns_text,
        imported=imported.table,
    )
    st.session_state[_IMPORTED] = st.session_state[_NEXT] = key
    st.rerun()
