"""Columns by which the map of a data set can be coloured: recorded, measured or predicted."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from allcore.audit.index import queries
from allcore.audit.index.catalogue import Catalogue
from allcore.labels import CLASS_NAMES
from allcore.plots import style
from allcore.plots.dataset_map import MOST_CATEGORIES, Colour
from allcore.web.dataset import held_out_answers

RECORDED = {"label": "Class", "subject": "Subject", "split": "Split", "fold": "Fold"}
COPIES = {
    "one": "In one image", "copied": "In several images", "across": "Under several subjects",
}  # fmt: skip
BORDER = {"True": "Touches the border", "False": "Lies inside"}
RIGHT = {"right": "Called rightly", "wrong": "Called wrongly"}
_RIGHT_STYLES = {
    "right": (style.REFUSED, "circle", 4, 0.35), "wrong": (style.BLAST, "x", 7, 0.9),
}  # fmt: skip


class MapPredictions(NamedTuple):
    """Held-out predictions for the images of a catalogue.

    Attributes:
        probability: (N,) of ALL blast in the catalogue's order, NaN without a prediction.
        threshold: probability from which the model calls an ALL blast.
    """

    probability: "pd.Series[float]"
    threshold: float


def load_predictions(catalogue: Catalogue, split: str) -> MapPredictions | None:
    """Held-out predictions of the model whose split is shown, else of the default model.

    None without such a model, or where it knows no image of the data set.
    """
    answers = held_out_answers.load_answers(split)
    if answers is None:
        return None
    probability = answers.probabilities(catalogue.table["image_id"])
    if probability.isna().all():
        return None
    return MapPredictions(probability, answers.model.info.threshold)


def colour_choices(catalogue: Catalogue, predictions: MapPredictions | None) -> dict[str, str]:
    """Titles of the columns that differ between images, by key."""
    table = catalogue.table
    choices = {
        key: title for key, title in RECORDED.items() if key in table and _varies(table[key])
    }
    if bool((table["copies"] > 1).any()):
        choices["copies"] = "Copies"
    if predictions is not None:
        choices |= {"probability": "Probability of ALL blast", "right": "Right or wrong"}
    if "border" in table and _varies(table["border"]):
        choices["border"] = "Touches the border"
    measures = catalogue.shelf.measures
    choices |= {key: fact.title for key, fact in measures.items() if _varies(table[key])}
    return choices or {"label": RECORDED["label"]}


def map_colour(catalogue: Catalogue, predictions: MapPredictions | None, key: str) -> Colour:
    """The values of one of `colour_choices`, with how to draw them."""
    table = catalogue.table
    if key in queries.MEASURES:
        fact = queries.MEASURES[key]
        return Colour(fact.title.split(" (")[0], "number", table[key].astype(float), unit=fact.unit)
    if key == "copies":
        return Colour("Copies", "category", _copies(catalogue), COPIES)
    if key == "border":
        values = table["border"].map({True: "True", False: "False"})
        return Colour("Touching the border", "category", values, BORDER)
    if predictions is not None and key == "probability":
        return Colour("Probability of ALL blast", "number", predictions.probability)
    if predictions is not None and key == "right":
        return Colour("Right or wrong", "category", _right(table, predictions), RIGHT,
                      styles=_RIGHT_STYLES)  # fmt: skip
    title, values = RECORDED[key], table[key]
    if key == "label":
        return Colour(title, "label", values, CLASS_NAMES)
    many = values.nunique() > MOST_CATEGORIES
    return Colour(title, "subject" if key == "subject" or many else "category", values)


def _copies(catalogue: Catalogue) -> "pd.Series[str]":
    kinds = np.where(catalogue.table["copies"] > 1, "copied", "one").astype(object)
    kinds[catalogue.shelf.shared] = "across"
    return pd.Series(kinds, index=catalogue.table.index)


def _right(table: pd.DataFrame, predictions: MapPredictions) -> "pd.Series[str]":
    """``right`` or ``wrong`` for labelled images with a prediction; None for others."""
    known = table["label"].isin(CLASS_NAMES) & predictions.probability.notna()
    called = np.where(predictions.probability >= predictions.threshold, "all", "hem")
    values = np.where(called == table["label"], "right", "wrong").astype(object)
    values[~known.to_numpy()] = None
    return pd.Series(values, index=table.index)


def _varies(values: "pd.Series[Any]") -> bool:
    return values.nunique() > 1
