"""What the map of a data set can be coloured by: all that is recorded, measured or answered."""

from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from allcore import model_folder, settings
from allcore.audit.index import queries
from allcore.audit.index.catalogue import Catalogue
from allcore.errors import AllScopeError
from allcore.labels import CLASS_NAMES
from allcore.plots import style
from allcore.plots.dataset_map import MOST_CATEGORIES, Colour

RECORDED = {"label": "Class", "subject": "Subject", "split": "Split", "fold": "Fold"}
COPIES = {
    "one": "In one image", "copied": "In several images", "across": "Under several subjects",
}  # fmt: skip
BORDER = {"True": "Touches the border", "False": "Lies inside"}
RIGHT = {"right": "Called rightly", "wrong": "Called wrongly"}
_RIGHT_STYLES = {
    "right": (style.REFUSED, "circle", 4, 0.35), "wrong": (style.BLAST, "x", 7, 0.9),
}  # fmt: skip


class Answers(NamedTuple):
    """What a model said of the images while it did not know them.

    Attributes:
        model: its name.
        probability: (N,) of ALL blast in the catalogue's order, NaN where it said nothing.
        threshold: from which it calls a blast.
    """

    model: str
    probability: "pd.Series[float]"
    threshold: float


def choices(catalogue: Catalogue, answers: Answers | None) -> dict[str, str]:
    """Title of each thing that differs between images, by its key."""
    table = catalogue.table
    found = {key: title for key, title in RECORDED.items() if key in table and _varies(table[key])}
    if bool((table["copies"] > 1).any()):
        found["copies"] = "Copies"
    if answers is not None:
        found |= {"probability": "Probability of ALL blast", "right": "Right or wrong"}
    if "border" in table and _varies(table["border"]):
        found["border"] = "Touches the border"
    measures = catalogue.shelf.measures
    found |= {key: fact.title for key, fact in measures.items() if _varies(table[key])}
    return found or {"label": RECORDED["label"]}


def colour(catalogue: Catalogue, answers: Answers | None, key: str) -> Colour:
    """One of `choices`."""
    table = catalogue.table
    if key in queries.MEASURES:
        fact = queries.MEASURES[key]
        return Colour(fact.title.split(" (")[0], "number", table[key].astype(float), unit=fact.unit)
    if key == "copies":
        return Colour("Copies", "category", _copies(catalogue), COPIES)
    if key == "border":
        return Colour("Touching the border", "category", _words(table["border"]), BORDER)
    if answers is not None and key == "probability":
        return Colour("Probability of ALL blast", "number", answers.probability)
    if answers is not None and key == "right":
        return Colour("Right or wrong", "category", _right(table, answers), RIGHT,
                      styles=_RIGHT_STYLES)  # fmt: skip
    return _recorded(table, key)


def answers(catalogue: Catalogue, split: str) -> Answers | None:
    """Held-out answers of the model of the split shown, else of the shipped one.

    None where there is no such model, or where it knows no image of the data set.
    """
    name = split if split in model_folder.names() else settings.load().model
    try:
        model = model_folder.resolve(name)
        key = f"{model.folder} {model.revision} {id(catalogue)}"
        probability = _probabilities(catalogue, model.folder, key)[1]
    except AllScopeError:
        return None  # a data set can be looked at without any model
    if probability.isna().all():
        return None
    return Answers(name, probability, model.info.threshold)


def by_name(image_ids: "pd.Series[str]", table: pd.DataFrame) -> "pd.Series[float]":
    """(N,) the probability of each image by its id, else by its name without folder and suffix.

    Args:
        image_ids: (N,) in the data set.
        table: columns image_id and probability.
    """
    known = dict(zip(table["image_id"].astype(str), table["probability"], strict=True))
    found = image_ids.map(known).astype(float)
    missing = found.isna()
    if missing.any():
        stems = {_stem(name): value for name, value in known.items()}
        found[missing] = image_ids[missing].map(_stem).map(stems).astype(float)
    return found


# The result holds the catalogue, so no other object can come to have its id while it is kept.
@st.cache_resource(max_entries=4, show_spinner=False)
def _probabilities(
    _catalogue: Catalogue, _folder: Path, key: str
) -> tuple[Catalogue, "pd.Series[float]"]:
    table = model_folder.read_predictions(_folder)
    return _catalogue, by_name(_catalogue.table["image_id"], table)


def _recorded(table: pd.DataFrame, key: str) -> Colour:
    title, values = RECORDED[key], table[key]
    if key == "label":
        return Colour(title, "label", values, CLASS_NAMES)
    many = values.nunique() > MOST_CATEGORIES
    return Colour(title, "subject" if key == "subject" or many else "category", values)


def _copies(catalogue: Catalogue) -> "pd.Series[str]":
    kinds = np.where(catalogue.table["copies"] > 1, "copied", "one").astype(object)
    kinds[catalogue.shelf.shared] = "across"
    return pd.Series(kinds, index=catalogue.table.index)


def _right(table: pd.DataFrame, answers: Answers) -> "pd.Series[str]":
    known = table["label"].isin(CLASS_NAMES) & answers.probability.notna()
    called = np.where(answers.probability >= answers.threshold, "all", "hem")
    said = np.where(called == table["label"], "right", "wrong").astype(object)
    said[~known.to_numpy()] = None
    return pd.Series(said, index=table.index)


def _words(flags: "pd.Series[bool]") -> "pd.Series[str]":
    return flags.map({True: "True", False: "False"})


def _varies(values: "pd.Series[Any]") -> bool:
    return values.nunique() > 1


def _stem(name: str) -> str:
    return PurePosixPath(str(name)).stem
