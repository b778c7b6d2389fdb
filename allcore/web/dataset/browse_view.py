"""The cells themselves, filtered and sorted."""

import pandas as pd

from allcore.data import overview, thumbnails
from allcore.web import gallery
from allcore.web.dataset.context import Context
from allcore.web.gallery import Card


def show(context: Context) -> None:
    """Draw the view."""
    page = overview.page(context.table, 1)
    cards = [card(row, synthetic=context.synthetic) for _, row in page.rows.iterrows()]
    gallery.show(cards, thumbnails.sources(context.manifest, page.rows))


def card(row: pd.Series, *, synthetic: bool) -> Card:
    """What stands under a cell's picture."""
    detail = f"subject {row['subject']}"
    if row["split"] != overview.UNKNOWN:
        detail += f", {row['split']}"
    return Card(str(row["image_id"]), row["label"], detail, synthetic)
