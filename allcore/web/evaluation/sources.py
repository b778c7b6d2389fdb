"""What can be evaluated: installed models, and predictions that a user has brought."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from allcore import model_folder, settings
from allcore.data import prediction_import
from allcore.data.prediction_import import ImportedPredictions
from allcore.errors import AllScopeError, DataError
from allcore.evaluation import estimates, model_evaluation
from allcore.evaluation import label_errors as suspicion
from allcore.evaluation.estimates import Estimate, Sample
from allcore.evaluation.label_errors import LabelErrors
from allcore.evaluation.model_evaluation import SplitEvaluation
from allcore.model_folder import InstalledModel, ModelInfo
from allcore.web import accounts, frame

MODEL, SPLIT = "model", "split"
"""Keys of the controls, and of the address."""
_FILES, _PREFIX, _PROBLEM = "brought_files", "file-", "brought_problem"
_OWN_THRESHOLD = 0.5


@dataclass(frozen=True)
class Origin:
    """Where predictions come from.

    Attributes:
        key: the model's name, or ``file-`` and a digest.
        name: as people read it, and as it stands in the address.
        model: the installed model; None for a file.
        threshold: the model's own, 0.5 for a file.
        rule: sentence that says how it was chosen.
        problems: what is wrong with a file.
        digest: of the content.
    """

    key: str
    name: str
    model: InstalledModel | None
    threshold: float
    rule: str
    problems: tuple[str, ...]
    digest: str

    @property
    def folder(self) -> Path | None:
        """Of the model; None for a file."""
        return self.model.folder if self.model else None

    @property
    def info(self) -> ModelInfo | None:
        """Of the model; None for a file."""
        return self.model.info if self.model else None


@dataclass(frozen=True)
class Part:
    """The held-out, labelled cells of one split, with what no threshold moves; only to read.

    Attributes:
        table: predictions, numbered from 0.
        sample: the same, ready for `figures`.
        report: the evaluation at the model's own threshold.
        free: figures that no threshold moves.
        suspicion: of the labels; None where a class is missing.
    """

    table: pd.DataFrame
    sample: Sample
    report: SplitEvaluation
    free: tuple[Estimate, ...]
    suspicion: LabelErrors | None


class _File(NamedTuple):
    name: str
    found: ImportedPredictions


def choose() -> str | None:
    """The key of what to look at, chosen in the sidebar; None, with a sentence, without any."""
    files: dict[str, _File] = st.session_state.setdefault(_FILES, {})
    keys = [*model_folder.names(), *files]
    shown = {key: files[key].name if key in files else key for key in keys}
    asked = st.query_params.get(MODEL)
    if asked and asked not in shown.values():
        st.warning(
            f"This address shows {frame.plain(asked)}, which is no installed model: if it is a "
            "file, open it here, below Model, to see the same view.",
            width=frame.TEXT_WIDTH,
        )
    if not keys:
        st.info(
            "No model is installed yet: train one with `python -m allcore train`, point "
            "`ALLSCOPE_MODELS` at a folder that holds some, or open predictions of your own.",
            icon=":material/deployed_code:",
        )
        return None
    preferred = settings.load().model
    return st.sidebar.selectbox(
        "Model",
        keys,
        index=keys.index(preferred) if preferred in keys else 0,
        format_func=shown.__getitem__,
        key=MODEL,
        bind="query-params",
    )


def open_file() -> None:
    """A place in the sidebar to bring predictions of one's own, for who may."""
    if not accounts.visitor().may("check"):
        return
    with st.sidebar.expander("Open predictions of your own", icon=":material/upload_file:"):
        st.caption(
            "CSV or Parquet with an image id, a label (all or hem), a probability and, so that "
            "intervals over subjects can be given, a subject."
        )
        file = st.file_uploader(
            "Predictions", type=["csv", "parquet"], key="brought_upload",
            label_visibility="collapsed", max_upload_size=50,
        )  # fmt: skip
        if file is None:
            st.session_state.pop(_PROBLEM, None)
        elif st.session_state.get("brought_seen") != file.file_id:
            st.session_state["brought_seen"] = file.file_id
            _take(file)
        if _PROBLEM in st.session_state:
            frame.problem(st.session_state[_PROBLEM])


def _take(file: UploadedFile) -> None:
    data = file.getvalue()
    st.session_state.pop(_PROBLEM, None)
    try:
        found = prediction_import.read(data, name=file.name)
    except AllScopeError as error:
        st.session_state[_PROBLEM] = error  # stays in sight as long as the file
        return
    files: dict[str, _File] = st.session_state[_FILES]
    key = _PREFIX + hashlib.sha256(data).hexdigest()[:12]
    taken = {*model_folder.names(), *(each.name for other, each in files.items() if other != key)}
    # The control and the address tell sources apart by what they are called.
    name = f"{file.name} ({key[-4:]})" if file.name in taken else file.name
    files[key] = _File(name, found)
    st.session_state["brought_next"] = key
    st.rerun()


def take_next() -> None:
    """Turn to the file that was just opened; before the control of `choose` is drawn."""
    key = st.session_state.pop("brought_next", None)
    if key:
        st.session_state[MODEL] = key


def origin(key: str) -> Origin:
    """What a key of `choose` stands for.

    Raises:
        ModelError: the model's folder is missing or damaged.
    """
    files: dict[str, _File] = st.session_state.get(_FILES, {})
    if key in files:
        said = tuple(problem.sentence for problem in files[key].found.problems)
        rule = "Fixed: a file brings no threshold of its own."
        return Origin(key, files[key].name, None, _OWN_THRESHOLD, rule, said, key)
    model = model_folder.resolve(key)
    digest = f"{model.digest} {model.revision}"
    return Origin(key, key, model, model.info.threshold, model.info.threshold_rule, (), digest)


def splits(source: Origin) -> list[str]:
    """The splits that hold labelled cells, test first.

    Raises:
        ModelError: the predictions are missing or damaged.
        DataError: there is no labelled held-out cell.
    """
    table = _table(source)
    labelled = table[table["label"].notna()]
    found = [name for name in model_evaluation.SPLITS if (labelled["split"] == name).any()]
    if not found:
        raise DataError(
            "There is no labelled held-out prediction: run 'python -m allcore evaluate' on a data "
            "set with labels."
        )
    return found


def part(source: Origin, split: str) -> Part:
    """The cells of one split, prepared once a process and content.

    Raises:
        ModelError: the predictions are missing or damaged.
        DataError: they can't be evaluated.
    """
    return _part(source, source.digest, split)


def threshold_cells(source: Origin) -> pd.DataFrame:
    """Validation cells, on which a rule may choose a threshold; empty where there are none."""
    table = _table(source)
    return table[(table["split"] == "validation") & table["label"].notna()]


def leaks(beside: Iterable[Origin]) -> tuple[str, ...]:
    """A sentence for each model that knew the subjects of its held-out cells."""
    return tuple(
        f"{frame.plain(each.name)} was trained on other cells of these subjects, so its lead says "
        "nothing about new subjects."
        for each in beside
        if model_evaluation.trained_on_test_subjects(each.info)
    )


def _table(source: Origin) -> pd.DataFrame:
    if source.folder is None:
        table: pd.DataFrame = st.session_state[_FILES][source.key].found.table
        return table
    return _read(source.folder, source.digest)


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(_folder: Path, digest: str) -> pd.DataFrame:
    return model_folder.read_predictions(_folder)


@st.cache_resource(max_entries=8, show_spinner="Computing figures and intervals")
def _part(_source: Origin, digest: str, split: str) -> Part:
    whole = _table(_source)
    table = whole[(whole["split"] == split) & whole["label"].notna()].reset_index(drop=True)
    sample = model_evaluation.sample_of_predictions(table)
    found = model_evaluation.evaluate_split(
        table,
        split,
        threshold=_source.threshold,
        baseline_threshold=model_evaluation.baseline_threshold(
            whole[whole["split"] == "validation"]
        ),
    )
    named = {figure.name for figure in estimates.at_threshold(sample, _source.threshold)}
    return Part(
        table=table,
        sample=sample,
        report=found,
        free=tuple(figure for figure in found.estimates if figure.name not in named),
        suspicion=_suspicion(sample, table),
    )


def _suspicion(sample: Sample, table: pd.DataFrame) -> LabelErrors | None:
    if sample.labels.min() == sample.labels.max():
        return None
    known = table["subject"].to_numpy(dtype=str) if sample.groups is not None else None
    return suspicion.find_label_errors(
        labels=sample.labels, probabilities=sample.probabilities, subjects=known
    )
