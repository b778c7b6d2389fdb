"""What stands under the pictures of a data set, and where the pictures are."""

from pathlib import Path
from typing import Any

import pandas as pd

from allcore import settings
from allcore.audit.index import images, queries
from allcore.data import dataset_counts, thumbnails
from allcore.data.safe_paths import Within
from allcore.data.thumbnails import Source
from allcore.labels import CLASS_NAMES
from allcore.web.components import cell_details
from allcore.web.components.picker import Card
from allcore.web.dataset.context import Context


def cards(rows: pd.DataFrame, *, synthetic: bool, measure: str = "") -> list[Card]:
    """A card an image: class and subject, the measure asked for, split and name."""
    return [
        _card(row, synthetic=synthetic, measure=measure) for row in rows.to_dict(orient="records")
    ]


def sources(context: Context, rows: pd.DataFrame) -> list[Source]:
    """The small pictures of some rows of the catalogue's table."""
    return images.sources(context.catalogue, rows, home=settings.load().home)


def file(context: Context, row: "pd.Series[Any]") -> Path | None:
    """An image's file; None where it is not there, or lies outside of the data set."""
    path, found = thumbnails.stat(Within(context.manifest.root), str(row["path"]))
    return None if found is None else path


def said(row: "pd.Series[Any] | dict[Any, Any]") -> str:
    """Class, subject and split of an image in a few words."""
    label = str(row["label"])
    parts = [CLASS_NAMES.get(label, label), f"subject {row['subject']}"]
    if row["split"] != dataset_counts.UNKNOWN:
        parts.append(str(row["split"]))
    return ", ".join(parts)


def _card(row: dict[Any, Any], *, synthetic: bool, measure: str) -> Card:
    fact = queries.MEASURES.get(measure)
    label = str(row["label"])
    detail = [str(row["image_id"])]
    if row["split"] != dataset_counts.UNKNOWN:
        detail.insert(0, str(row["split"]))
    if row["copies"] > 1:
        detail.insert(0, f"in {row['copies']} images")
    if row["error"]:
        detail.insert(0, "can't be used")
    elif fact is not None and measure in row:
        named = fact.title.split(" (")[0].lower()
        detail.insert(0, f"{named} {cell_details.in_words(float(row[measure]), fact.unit)}")
    return Card(
        image_id=str(row["image_id"]),
        label=label,
        title=f"{CLASS_NAMES.get(label, label)}, {row['subject']}",
        detail=", ".join(detail),
        synthetic=synthetic,
    )
