"""What a model said of an image of the data set while it did not know it."""

from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd
import streamlit as st

from allcore import formats, model_folder, settings
from allcore.errors import AllScopeError
from allcore.web import frame
from allcore.web.components import cell_details


class Answer(NamedTuple):
    """A held-out answer: the image's id, label, probability and split in the model's table."""

    image_id: str
    label: str | None
    probability: float
    split: str


def show(image_id: str, shown: str) -> None:
    """Draw the held-out answer of a model, with the way to all that is known of it.

    Args:
        image_id: in the data set.
        shown: model of the split shown; where it is none, the shipped model is asked.
    """
    name = shown if shown in model_folder.names() else settings.load().model
    try:
        model = model_folder.resolve(name)
        found = answer(_answers(model.folder, f"{model.folder} {model.revision}"), image_id)
    except AllScopeError:
        return  # a data set can be looked at without any model
    if found is None:
        return
    said = cell_details.outcome(found.label, found.probability, model.info.threshold)
    st.markdown(
        f"**Held-out answer of {frame.plain(name)}:** probability of ALL blast "
        f"{found.probability:.2f} at a threshold of {model.info.threshold:.2f}; {said}.",
        width=frame.TEXT_WIDTH,
    )
    if found.split in formats.SPLITS and found.label is not None:
        st.page_link(
            "pages/evaluation.py",
            label="Why, on the Evaluation page",
            icon=":material/query_stats:",
            query_params={
                "model": name, "split": formats.SPLITS[found.split], "cell": found.image_id,
            },
        )  # fmt: skip


def answer(known: dict[str, Answer], image_id: str) -> Answer | None:
    """The answer for an image by its id, with or without folder and suffix."""
    return known.get(image_id) or known.get(PurePosixPath(image_id).stem)


def by_name(table: pd.DataFrame) -> dict[str, Answer]:
    """The answers of a model's table by id and by name without folder and suffix."""
    columns = ["image_id", "label", "probability", "split"]
    rows = [
        Answer(str(name), None if pd.isna(label) else str(label), float(probability), str(split))
        for name, label, probability, split in table[columns].itertuples(index=False)
        if pd.notna(probability)
    ]
    stems = {PurePosixPath(row.image_id).stem: row for row in rows}
    return stems | {row.image_id: row for row in rows}


@st.cache_resource(max_entries=4, show_spinner=False)
def _answers(_folder: Path, revision: str) -> dict[str, Answer]:
    return by_name(model_folder.read_predictions(_folder))
