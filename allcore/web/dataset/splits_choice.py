"""The split to inspect: built here, the current one, saved or uploaded; and its saving."""

import shlex
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from allcore import formats
from allcore.audit.findings import leaks
from allcore.audit.index.catalogue import Catalogue
from allcore.data import dataset_counts, saved_splits, split_files, splits
from allcore.data.manifest import Manifest
from allcore.data.saved_splits import SavedSplit
from allcore.data.split_files import SplitFile
from allcore.data.splits import Split
from allcore.errors import AllScopeError, DataError
from allcore.plots import style
from allcore.store import roles
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.components import charts
from allcore.web.dataset.context import DatasetContext, computed, storage_key

OF, PROTOCOL, FOLDS, FOLD, SEED, TWINS, SAVED = (
    "split_of", "split_by", "split_folds", "split_fold", "split_seed", "split_twins", "split_saved",
)  # fmt: skip
"""Keys of the controls, and of the address."""
UPLOAD = "split_file"
BUILD, CURRENT, STORED, IMPORT = "build", "shown", "saved", "import"
WAYS = {
    BUILD: "New", CURRENT: "Current", STORED: "Saved", IMPORT: "Import CSV",
}  # fmt: skip
PROTOCOLS = {"subject": "Unseen subjects", "image": "Random images (the paper's)"}
MOST_FOLDS = 20
_NOTICE = "split_said"


@dataclass(frozen=True)
class ChosenSplit:
    """A split of the data set shown, of N images."""

    split: Split
    parts: NDArray[np.object_]  # (N,) part of each row of the table; None for images in no part
    name: str  # proposed for saving
    saved: SavedSplit | None = None  # its record if it is a saved one
    refused: str = ""  # why nothing can be trained on it, one sentence


def choose_split(context: DatasetContext) -> ChosenSplit | None:
    """Draw the controls; return the split, None where none is chosen yet.

    Raises:
        DataError: it can't be built or read, or is of other images.
    """
    way = st.segmented_control(
        "Inspect", list(WAYS), default=BUILD, required=True, key=OF,
        format_func=WAYS.__getitem__, wrap=True, bind="query-params",
    )  # fmt: skip
    choices = {
        BUILD: _build_split, CURRENT: _shown_split, STORED: _saved_split, IMPORT: _imported_split,
    }  # fmt: skip
    return choices[str(way)](context)


def show_saved_notice() -> None:
    """Show once what was just saved or deleted."""
    if notice := st.session_state.pop(_NOTICE, None):
        frame.success(notice, icon=":material/bookmark_added:")


def show_save(context: DatasetContext, chosen: ChosenSplit) -> None:
    """Draw the buttons that save, download or delete the split, and its training command."""
    if chosen.refused:
        frame.info(
            f"Nothing can be trained on this split: {frame.plain(chosen.refused)}",
            icon=":material/block:",
        )
        return
    if chosen.saved is None and context.user.may("keep"):
        _show_save_form(context, chosen)
    with st.container(horizontal=True):
        charts.show_download(
            "Download the split as CSV",
            lambda: charts.csv_bytes(split_files.split_table(chosen.split, context.manifest)),
            f"{chosen.name}.csv",
            key="download split",
        )
        if chosen.saved is not None and may_delete(context.user, chosen.saved):
            _show_delete(context, chosen.saved)
    if chosen.saved is None:
        file = f"{chosen.name}.csv"
        where = "save the split, or download it and give the file's place after `--split`."
    else:
        file = str(chosen.saved.path)
        where = "the network is trained on exactly this split, and its card says which it was."
    frame.markdown(f"To train on it where the data is: {where}")
    command = shlex.join([
        "python", "-m", "allcore", "train", "--data", str(context.path), "--split", file,
        "--arch", "qcresnet", "--out", f"models/{style.file_name(chosen.name)}",
    ])  # fmt: skip
    st.code(command, language="bash", wrap_lines=True)


def may_delete(user: Visitor, saved: SavedSplit) -> bool:
    """Whether a user made a split, or is an administrator."""
    own = saved.by != "" and saved.by == user.name
    return user.may("administer") or (own and user.may("keep"))


def _build_split(context: DatasetContext) -> ChosenSplit | None:
    """Draw the controls of a new split; without one, a sentence, where nothing can be split."""
    most, known = computed(_extent, context.catalogue)
    apart = known.any() and most >= splits.FEWEST_FOLDS
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    protocol = controls.selectbox(
        "Protocol", list(PROTOCOLS) if apart else ["image"], format_func=PROTOCOLS.__getitem__,
        key=PROTOCOL, width=300, bind="query-params",
    )  # fmt: skip
    folds, fold = (splits.FOLDS, 0) if protocol == "image" else _choose_folds(controls, most)
    seed = int(controls.number_input("Seed", 0, 10**6, 0, key=SEED, width=120, bind="query-params"))
    where = "" if context.catalogue.is_indexed else (
        " Without an index only files that are equal are found: index the data set in Connect data."
    )  # fmt: skip
    exclude_twins = controls.toggle(
        "Leave out duplicates of held-out cells",
        value=True,
        key=TWINS,
        bind="query-params",
        help="Images of a test cell are left out of training and validation, those of a "
        f"validation cell out of training.{where}",
    )
    _show_subject_note(known, apart=bool(apart))
    try:
        return computed(
            _build, context.catalogue, str(protocol), seed, folds, fold, bool(exclude_twins)
        )
    except DataError as error:  # of the data set, not of what was chosen
        frame.info(frame.plain(str(error)), icon=":material/call_split:")
        return None


def _extent(catalogue: Catalogue) -> tuple[int, "pd.Series[bool]"]:
    """The most folds of a data set, and which of its labelled images have a known subject."""
    manifest = catalogue.manifest.labelled()
    return min(MOST_FOLDS, splits.most_folds(manifest)), manifest.table["subject"].notna()


def _build(
    catalogue: Catalogue, protocol: str, seed: int, folds: int, fold: int, exclude_twins: bool
) -> ChosenSplit:
    manifest = catalogue.manifest.labelled()
    if protocol == "image":
        split, name = splits.image_split(manifest, seed=seed), f"images-seed-{seed}"
    else:
        split = splits.subject_split(manifest, seed=seed, folds=folds, fold=fold)
        name = f"subjects-fold-{fold}-of-{folds}-seed-{seed}"
    if exclude_twins:
        split, name = _without_twins(catalogue, manifest, split), f"{name}-no-twins"
    return ChosenSplit(split, _aligned(catalogue, split.parts), name)


def _show_subject_note(known: "pd.Series[bool]", *, apart: bool) -> None:
    """Draw what limits a split by subjects."""
    note = ""
    if not known.any():
        note = (
            "No subject is known here, so images can only be split at random: put the subjects in "
            "a column of a manifest.csv to keep them apart."
        )
    elif not apart:
        note = (
            f"A class has fewer than {splits.FEWEST_FOLDS} subjects, too few to keep subjects "
            "apart, so images are split at random."
        )
    elif unknown := int((~known).sum()):
        st.caption(f"{formats.count(unknown, 'image')} without a subject count as one subject "
                   "each.")  # fmt: skip
    if note:
        frame.info(note, icon=":material/person_off:")


def _choose_folds(controls: DeltaGenerator, most: int) -> tuple[int, int]:
    """Draw the controls of the number of folds, at most that many, and of the tested one."""
    if st.session_state.get(FOLDS, 0) > most:  # of another data set
        st.session_state[FOLDS] = most
    folds = controls.number_input(
        "Folds", splits.FEWEST_FOLDS, most, min(splits.FOLDS, most), key=FOLDS, width=120,
        bind="query-params",
    )  # fmt: skip
    if st.session_state.get(FOLD, 0) >= folds:
        st.session_state[FOLD] = folds - 1
    fold = controls.number_input(
        "Test fold", 0, folds - 1, 0, key=FOLD, width=120, bind="query-params"
    )
    return int(folds), int(fold)


def _without_twins(catalogue: Catalogue, manifest: Manifest, split: Split) -> Split:
    """The split without images of a test or validation cell in an earlier part."""
    rows = catalogue.manifest.table["label"].notna().to_numpy()
    families = leaks.cell_families(catalogue)[rows]
    for part in ("test", "validation"):
        split = splits.without_duplicates(split, manifest, families, of=part)
    return split


def _shown_split(context: DatasetContext) -> ChosenSplit | None:
    column = context.table["split"]
    known = (column != dataset_counts.UNKNOWN) & (
        context.table["label"] != dataset_counts.UNLABELLED
    )
    if not known.any():
        missing = "No split is chosen: choose one above."
        frame.info(missing, icon=":material/call_split:")
        return None
    name = frame.plain(context.split)
    st.caption(f"The split of {name}, which is chosen above.")
    parts = column[known].set_axis(context.table["image_id"][known].to_numpy())
    file = SplitFile(context.split, "", parts, {})
    try:
        return replace(_split_from_file(context, file), name="split-shown")
    except DataError as error:
        split = Split(kind=split_files.KIND, seed=0, parts=parts, folds=1)
        return ChosenSplit(split, _aligned(context.catalogue, parts), "", refused=str(error))


def _saved_split(context: DatasetContext) -> ChosenSplit | None:
    records = {split.name: split for split in saved_splits.list_splits(storage_key(context.name))}
    if not records:
        missing = "No split of this data set is saved yet: build or import one and give it a name."
        frame.info(missing, icon=":material/bookmark:")
        return None
    name = st.selectbox("Saved split", list(records), key=SAVED, bind="query-params", width=440)
    saved = records[str(name)]
    by = f" by {frame.plain(saved.by)}" if saved.by and context.user.signed_in else ""
    st.caption(f"Saved{by}{f' on {saved.created[:10]}' if saved.created else ''}.")
    return _split_from_file(context, split_files.read_split(saved.path), saved)


def _imported_split(context: DatasetContext) -> ChosenSplit | None:
    if not context.user.may("check"):
        refusal = roles.refusal(context.user.role, "check")
        frame.info(refusal, icon=":material/lock:")
        return None
    file = st.file_uploader(
        "Split as CSV",
        type=["csv", "tsv", "txt", "parquet"],
        key=UPLOAD,
        width=frame.TEXT_WIDTH,
        help="Columns image_id and split; parts are train, validation (or val, valid, dev), test "
        "and excluded. Every labelled image has one row. A model's split.csv is one as well.",
    )
    if file is None:
        return None
    if file.size > split_files.MAX_BYTES:
        raise split_files.too_large_error(file.name, file.size)
    return _split_from_file(context, split_files.parse_split(file.getvalue(), name=file.name))


def _split_from_file(
    context: DatasetContext, file: SplitFile, saved: SavedSplit | None = None
) -> ChosenSplit:
    split = split_files.fit_to_manifest(file, context.manifest)
    return ChosenSplit(
        split, _aligned(context.catalogue, split.parts), PurePath(file.name).stem, saved
    )


def _aligned(catalogue: Catalogue, parts: "pd.Series[str]") -> NDArray[np.object_]:
    aligned = parts.reindex(catalogue.table["image_id"].to_numpy())
    return aligned.where(aligned.notna(), None).to_numpy(dtype=object)


def _show_save_form(context: DatasetContext, chosen: ChosenSplit) -> None:
    with st.form("keep_split", width=frame.FORM_WIDTH):
        name = st.text_input("Save this split as", chosen.name, max_chars=saved_splits.MAX_NAME)
        submitted = st.form_submit_button("Save", icon=":material/bookmark_add:")
    if not submitted:
        return
    try:
        accounts.visitor().require("keep")
        saved = saved_splits.save(
            chosen.split, context.manifest, key=storage_key(context.name), name=name,
            by=context.user.name,
        )  # fmt: skip
    except AllScopeError as error:
        frame.problem(error)
        return
    st.session_state[_NOTICE] = (
        f"Saved as {frame.plain(saved.name)}: everybody here finds it under Saved and above."
    )
    st.rerun()


def _show_delete(context: DatasetContext, saved: SavedSplit) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("Models that were trained on it keep their own copy.")
        if not st.button(f"Delete {frame.plain(saved.name)}", key="delete_split"):
            return
    try:
        accounts.visitor().require("keep")
        saved_splits.delete(storage_key(context.name), saved.name)
    except AllScopeError as error:
        frame.problem(error)
        return
    st.session_state[_NOTICE] = f"{frame.plain(saved.name)} was deleted."
    st.rerun()
