"""A few images side by side at one scale, with their measures below."""

import html
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from allcore.data.cell_measurements import Measure
from allcore.data.cells import Rgb
from allcore.data.images import decoding
from allcore.data.thumbnails import FIELD
from allcore.errors import AllScopeError
from allcore.web import frame
from allcore.web.components import cell_details, cell_pictures, picker
from allcore.web.components.charts import show_csv_download
from allcore.web.dataset import image_cards
from allcore.web.dataset.context import DatasetContext
from allcore.web.dataset.selection import MAX_COMPARED, MIN_COMPARED

_BARS = {1: 100, 2: 50, 4: 25}
"""Length of the scale bar in pixels of the original, by zoom."""
_STYLE = frame.styles(__file__)
_METHOD = (
    "Shade and percentage tell where a value stands among all measured cells of the data set. "
    "Spread is the distance of the largest from the smallest value in standard deviations of all "
    "cells; the measures that differ most come first."
)


class ComparedImage(NamedTuple):
    """An image of the comparison: the middle of its picture, its number and its table row."""

    rgb: Rgb | None  # (S, S, 3); None where there is no file that can be read
    number: int  # from 1
    row: "pd.Series[Any]"


def show_comparison(context: DatasetContext, chosen: Sequence[str]) -> None:
    """Draw the images with these ids side by side, and the table of their measures."""
    if not MIN_COMPARED <= len(chosen) <= MAX_COMPARED:
        st.info(
            f"Select {MIN_COMPARED} to {MAX_COMPARED} cells in the gallery, by the box on a "
            "picture or by Space.",
            icon=":material/compare:",
        )
        return
    zoom = st.segmented_control(
        "Enlarge", list(cell_pictures.ZOOMS), default=1, required=True, key="enlarge",
        format_func=cell_pictures.ZOOMS.__getitem__, bind="query-params",
    ) or 1  # fmt: skip
    rows = context.table.iloc[context.catalogue.shelf.places(chosen)]
    images = [
        ComparedImage(_read_middle(context, row, zoom), number, row)
        for number, (_, row) in enumerate(rows.iterrows(), start=1)
    ]
    st.html(comparison_html(images, zoom))
    _show_measures(context, rows)


def comparison_html(images: Sequence[ComparedImage], zoom: int) -> str:
    """Images of one scale side by side, as HTML."""
    figures = "".join(_figure_html(image, zoom) for image in images)
    return f'{_STYLE}<div class="compared">{figures}</div>'


def compare_measures(
    rows: pd.DataFrame, everyone: pd.DataFrame, facts: dict[str, Measure]
) -> pd.DataFrame:
    """Measures of a few images, those that differ most first.

    Args:
        rows: of the images.
        everyone: rows of all measured images.
        facts: the measures by column name.

    Returns:
        One row a measure, indexed by column name: ``measure``, a column an image named by its
        number from 1, and ``spread``, the range in standard deviations of ``everyone``.
    """
    values = rows[list(facts)].astype(float).T
    deviation = everyone[list(facts)].astype(float).std().replace(0, math.nan)
    values.columns = pd.Index([str(number) for number in range(1, len(rows) + 1)])
    spread = (values.max(axis=1) - values.min(axis=1)) / deviation
    table = values.assign(measure=[fact.title for fact in facts.values()], spread=spread)
    return table.sort_values("spread", ascending=False, kind="stable", na_position="last")


def measure_texts(
    measures: pd.DataFrame, everyone: pd.DataFrame, facts: dict[str, Measure]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of ``compare_measures`` as text, and the CSS of each of its cells."""
    texts = pd.DataFrame({"Measure": measures["measure"]})
    shades = pd.DataFrame({"Measure": ""}, index=measures.index)
    for number in measures.columns.drop(["measure", "spread"]):
        for name, value in measures[number].astype(float).items():
            text, shade = cell_details.in_words(value, facts[str(name)].unit), ""
            if not math.isnan(value):
                share = float((everyone[str(name)] < value).mean())
                text += f" ({100 * share:.0f} %)"
                # Text is readable on it in the light and in the dark theme.
                shade = f"background-color: rgba(86, 180, 233, {0.45 * share:.2f})"
            texts.loc[name, number], shades.loc[name, number] = text, shade
    texts["Spread"] = ["" if math.isnan(sd) else f"{sd:.1f} SD" for sd in measures["spread"]]
    return texts, shades.assign(Spread="")


def _show_measures(context: DatasetContext, rows: pd.DataFrame) -> None:
    facts = context.catalogue.shelf.measures
    if not facts:
        st.caption("Measures need the index: see Connect data.")
        return
    everyone = context.catalogue.measured
    measures = compare_measures(rows, everyone, facts)
    texts, shades = measure_texts(measures, everyone, facts)
    st.dataframe(texts.style.apply(lambda _: shades, axis=None), hide_index=True)
    frame.caption(_METHOD)
    ids = {str(number): str(name) for number, name in enumerate(rows["image_id"], start=1)}
    show_csv_download(
        measures.rename(columns=ids).reset_index(names="column"),
        name=f"{context.manifest.name}-compared",
        key="compare_csv",
    )


def _read_middle(context: DatasetContext, row: "pd.Series[Any]", zoom: int) -> Rgb | None:
    """(S, S, 3) the part of an image that is visible at a zoom, black beyond its border."""
    path = image_cards.image_file(context, row)
    if path is None:
        return None
    try:
        rgb = decoding.decode(path.read_bytes())
    except (OSError, AllScopeError):
        return None
    side = FIELD // zoom
    left, top = (rgb.shape[1] - side) // 2, (rgb.shape[0] - side) // 2
    middle = Image.fromarray(rgb).crop((left, top, left + side, top + side))
    return np.asarray(middle, dtype=np.uint8)


def _figure_html(image: ComparedImage, zoom: int) -> str:
    mark, colour = picker.class_mark(image.row["label"])
    description = html.escape(image_cards.describe_image(image.row), quote=True)
    picture = '<span class="none">no picture that can be shown</span>'
    if image.rgb is not None:
        source = cell_pictures.data_address(Image.fromarray(image.rgb), "PNG", compress_level=3)
        pixels = "" if zoom == 1 else ' style="image-rendering: pixelated"'
        bar = f"width: {100 * _BARS[zoom] * zoom / FIELD:.1f}%"
        picture = (
            f'<img alt="Picture {image.number}: {description}" src="{source}"{pixels}>'
            f'<span class="bar" style="{bar}">{_BARS[zoom]} px</span>'
        )
    return (
        f'<figure><div class="field">{picture}</div><figcaption><b>{image.number}</b> '
        f'<span style="color:{colour}">{mark}</span> {description}<br>'
        f"{html.escape(str(image.row['image_id']))}</figcaption></figure>"
    )
