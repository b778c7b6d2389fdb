"""Cards, thumbnails and files of a data set's images."""

from pathlib import Path
from typing import Any

import pandas as pd

from allcore.audit.index import catalogue, queries
from allcore.data import dataset_counts, thumbnails
from allcore.data.safe_paths import PathResolver
from allcore.data.thumbnails import ImageSource
from allcore.labels import CLASS_NAMES
from allcore.web.components import cell_details, picker
from allcore.web.components.picker import Card
from allcore.web.dataset.context import DatasetContext


def make_cards(
    rows: pd.DataFrame,
    *,
    synthetic: bool,
    measure: str = "",
    notes: "pd.Series[str] | None" = None,
) -> list[Card]:
    """One card an image: class and subject, the value of a measure, split and image id.

    Args:
        rows: of the catalogue's table.
        synthetic: whether the images were drawn by ALLScope.
        measure: name of a measure whose value is stated.
        notes: further words by row of the table.
    """
    fact, cards = queries.MEASURES.get(measure), []
    for place, row in zip(rows.index, rows.to_dict(orient="records"), strict=True):
        label = str(row["label"])
        details = [str(row["image_id"])]
        if row["split"] != dataset_counts.UNKNOWN:
            details.insert(0, str(row["split"]))
        if row["copies"] > 1:
            details.insert(0, f"in {row['copies']} images")
        if row["error"]:
            details.insert(0, "can't be used")
        elif fact is not None and measure in row:
            title = fact.title.split(" (")[0].lower()
            details.insert(0, f"{title} {cell_details.in_words(float(row[measure]), fact.unit)}")
        if notes is not None:
            details.insert(0, notes[place])
        title, detail = f"{CLASS_NAMES.get(label, label)}, {row['subject']}", ", ".join(details)
        cards.append(Card(str(row["image_id"]), label, title, detail, synthetic))
    return cards


def show_images(
    context: DatasetContext,
    rows: pd.DataFrame,
    *,
    key: str,
    measure: str = "",
    size: int = picker.MEDIUM,
) -> str | None:
    """Draw the images of rows of the catalogue's table; return the id of the one just opened."""
    cards = make_cards(rows, synthetic=context.synthetic, measure=measure)
    return picker.show_picker(cards, thumbnail_sources(context, rows), key=key, size=size)


def thumbnail_sources(context: DatasetContext, rows: pd.DataFrame) -> list[ImageSource]:
    """Thumbnail sources of rows of the catalogue's table."""
    return catalogue.image_sources(context.catalogue, rows)


def any_file(context: DatasetContext, rows: pd.DataFrame) -> bool:
    """Whether the picture of any of these rows is on this machine."""
    return any(source.key for source in thumbnail_sources(context, rows))


def image_file(context: DatasetContext, row: "pd.Series[Any]") -> Path | None:
    """File of an image; None where it is missing, or lies outside the data set."""
    path, state = thumbnails.stat(PathResolver(context.manifest.root), str(row["path"]))
    return None if state is None else path


def describe_image(row: "pd.Series[Any] | dict[Any, Any]") -> str:
    """Class, subject and split of an image, separated by commas."""
    label = str(row["label"])
    parts = [CLASS_NAMES.get(label, label), f"subject {row['subject']}"]
    if row["split"] != dataset_counts.UNKNOWN:
        parts.append(str(row["split"]))
    return ", ".join(parts)
