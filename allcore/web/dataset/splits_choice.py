"""Choice of the split to inspect: built here, shown in the sidebar, saved or uploaded."""

from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from allcore import formats
from allcore.audit.findings import leaks
from allcore.data import dataset_counts, saved_splits, split_files, splits
from allcore.data.saved_splits import SavedSplit
from allcore.data.split_files import SplitFile
from allcore.data.splits import Split
from allcore.errors import DataError
from allcore.store import roles
from allcore.web import frame
from allcore.web.dataset.context import DatasetContext, storage_key

OF, PROTOCOL, FOLDS, FOLD, SEED, TWINS, SAVED = (
    "split_of", "split_by", "split_folds", "split_fold", "split_seed", "split_twins", "split_saved",
)  # fmt: skip
"""Keys of the controls, and of the address."""
UPLOAD = "split_file"
BUILD, CURRENT, STORED, IMPORT = "build", "shown", "saved", "import"
WAYS = {
    BUILD: "Build one", CURRENT: "The one shown", STORED: "A saved one", IMPORT: "Import a CSV",
}  # fmt: skip
PROTOCOLS = {"subject": "Unseen subjects", "image": "The paper's: images at random"}
MOST_FOLDS = 20


@dataclass(frozen=True)
class ChosenSplit:
    """A split of the data set shown, of N images.

    Attributes:
        split: as it would be saved.
        parts: (N,) part of each row of the catalogue's table; None for images in no part.
        name: proposed name.
        saved: its record if it is a saved one.
        refused: why nothing can be trained on it, one sentence; empty otherwise.
    """

    split: Split
    parts: NDArray[np.object_]
    name: str
    saved: SavedSplit | None = None
    refused: str = ""


def choose_split(context: DatasetContext) -> ChosenSplit | None:
    """Draw the controls; return the split, None where none is chosen yet.

    Raises:
        DataError: it can't be built or read, or is of other images.
    """
    way = st.segmented_control(
        "Split to look at", list(WAYS), default=BUILD, required=True, key=OF,
        format_func=WAYS.__getitem__, wrap=True, bind="query-params",
    )  # fmt: skip
    choices = {
        BUILD: _build_split, CURRENT: _shown_split, STORED: _saved_split, IMPORT: _imported_split,
    }  # fmt: skip
    return choices[str(way)](context)


def split_from_file(
    context: DatasetContext, file: SplitFile, saved: SavedSplit | None = None
) -> ChosenSplit:
    """The split in a file.

    Raises:
        DataError: it is not one of this data set, or can't be trained on.
    """
    split = split_files.fit_to_manifest(file, context.manifest)
    return ChosenSplit(split, _aligned(context, split.parts), PurePath(file.name).stem, saved)


def _build_split(context: DatasetContext) -> ChosenSplit:
    known = context.manifest.table["subject"].notna()
    protocols = list(PROTOCOLS) if known.any() else ["image"]
    controls = st.container(horizontal=True, vertical_alignment="bottom")
    protocol = controls.selectbox(
        "Protocol", protocols, format_func=PROTOCOLS.__getitem__, key=PROTOCOL, width=300,
        bind="query-params",
    )  # fmt: skip
    folds, fold = (10, 0) if protocol == "image" else _choose_folds(controls)
    seed = int(controls.number_input("Seed", 0, 10**6, 0, key=SEED, width=120, bind="query-params"))
    exclude_twins = _choose_twins(context)
    _show_unknown_subjects(known)
    manifest = context.manifest.labelled()
    if protocol == "image":
        split, name = splits.image_split(manifest, seed=seed), f"images-seed-{seed}"
    else:
        split = splits.subject_split(manifest, seed=seed, folds=folds, fold=fold)
        name = f"subjects-fold-{fold}-of-{folds}-seed-{seed}"
    if exclude_twins:
        split, name = _without_twins(context, split), f"{name}-no-twins"
    return ChosenSplit(split, _aligned(context, split.parts), name)


def _choose_folds(controls: DeltaGenerator) -> tuple[int, int]:
    """Number of folds and number of the tested one."""
    folds = int(
        controls.number_input("Folds", 3, MOST_FOLDS, 10, key=FOLDS, width=120, bind="query-params")
    )
    if st.session_state.get(FOLD, 0) >= folds:
        st.session_state[FOLD] = folds - 1
    fold = controls.number_input(
        "Tested fold", 0, folds - 1, 0, key=FOLD, width=140, bind="query-params"
    )
    return folds, int(fold)


def _show_unknown_subjects(known: "pd.Series[bool]") -> None:
    if not known.any():
        st.info(
            "No subject is known here, so images can only be split at random: put the subjects in "
            "a column of a manifest.csv to keep them apart.",
            icon=":material/person_off:", width=frame.TEXT_WIDTH,
        )  # fmt: skip
    elif not known.all():
        st.caption(f"{formats.count(int((~known).sum()), 'image')} without a subject count as one "
                   "subject each.")  # fmt: skip


def _choose_twins(context: DatasetContext) -> bool:
    where = "" if context.catalogue.is_indexed else (
        " Without an index only files that are equal are found: index the data set in Connect data."
    )  # fmt: skip
    return st.toggle(
        "Leave out twins of held-out cells",
        value=True,
        key=TWINS,
        bind="query-params",
        help="Pictures of a test cell are left out of training and validation, those of a "
        f"validation cell out of training.{where}",
    )


def _without_twins(context: DatasetContext, split: Split) -> Split:
    """The split without images of a test or validation cell in an earlier part."""
    rows = context.manifest.table["label"].notna().to_numpy()
    families = leaks.cell_families(context.catalogue)[rows]
    manifest = context.manifest.labelled()
    for part in ("test", "validation"):
        split = splits.without_duplicates(split, manifest, families, of=part)
    return split


def _shown_split(context: DatasetContext) -> ChosenSplit | None:
    column = context.table["split"]
    known = (column != dataset_counts.UNKNOWN) & (
        context.table["label"] != dataset_counts.UNLABELLED
    )
    if not known.any():
        st.info(
            "No split is shown: choose another in the sidebar.",
            icon=":material/call_split:", width=frame.TEXT_WIDTH,
        )  # fmt: skip
        return None
    st.caption(f"Shown is the split of: {frame.plain(context.split)}. Choose another in the "
               "sidebar.")  # fmt: skip
    parts = column[known].set_axis(context.table["image_id"][known].to_numpy())
    file = SplitFile(context.split, "", parts, {})
    try:
        return replace(split_from_file(context, file), name="split-shown")
    except DataError as error:
        split = Split(kind=split_files.KIND, seed=0, parts=parts, folds=1)
        return ChosenSplit(split, _aligned(context, parts), "", refused=str(error))


def _saved_split(context: DatasetContext) -> ChosenSplit | None:
    records = {split.name: split for split in saved_splits.list_splits(storage_key(context.name))}
    if not records:
        st.info(
            "No split of this data set is saved yet: build or import one and give it a name.",
            icon=":material/bookmark:", width=frame.TEXT_WIDTH,
        )  # fmt: skip
        return None
    name = st.selectbox("Saved split", list(records), key=SAVED, bind="query-params", width=440)
    saved = records[str(name)]
    by = f" by {frame.plain(saved.by)}" if saved.by and context.user.signed_in else ""
    st.caption(f"Saved{by}{f' on {saved.made[:10]}' if saved.made else ''}.")
    return split_from_file(context, split_files.read_split(saved.path), saved)


def _imported_split(context: DatasetContext) -> ChosenSplit | None:
    if not context.user.may("check"):
        st.info(
            roles.refusal(context.user.role, "check"),
            icon=":material/lock:", width=frame.TEXT_WIDTH,
        )  # fmt: skip
        return None
    file = st.file_uploader(
        "Split as CSV",
        type=["csv"],
        key=UPLOAD,
        width=frame.TEXT_WIDTH,
        help="Columns image_id and split; parts are train, validation (or val, valid, dev), test "
        "and excluded. Every labelled image has one row. A model's split.csv is one as well.",
    )
    if file is None:
        return None
    if file.size > split_files.MAX_BYTES:
        raise split_files.too_large_error(file.name, file.size)
    return split_from_file(context, split_files.parse_split(file.getvalue(), name=file.name))


def _aligned(context: DatasetContext, parts: "pd.Series[str]") -> NDArray[np.object_]:
    aligned = parts.reindex(context.table["image_id"].to_numpy())
    return aligned.where(aligned.notna(), None).to_numpy(dtype=object)
