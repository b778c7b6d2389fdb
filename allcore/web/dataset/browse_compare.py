"""A few images side by side at one scale, with their measures under them."""

import base64
import html
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from allcore.data.cell_measurements import Fact
from allcore.data.cells import Rgb
from allcore.data.thumbnails import FIELD
from allcore.errors import AllScopeError
from allcore.inference import upload
from allcore.plots import style
from allcore.web import frame
from allcore.web.components import cell_details, cell_pictures, gallery
from allcore.web.components.charts import table_csv
from allcore.web.dataset import browse_cards
from allcore.web.dataset.context import Context

FEWEST = 2
_BARS = {1: 100, 2: 50, 4: 25}
"""Length of the scale bar, in pixels of the original, by the enlargement."""
_STYLE = """<style>
.compared { display: grid; gap: 0.75rem;
  grid-template-columns: repeat(auto-fit, minmax(150px, 240px)); }
.compared figure { margin: 0; min-width: 0; }
.compared .field { position: relative; aspect-ratio: 1; background: #000; color: #fff;
  border: 1px solid rgba(128, 128, 128, 0.45); border-radius: 6px; overflow: hidden; }
.compared img { width: 100%; height: 100%; display: block; }
.compared .none { position: absolute; inset: 0; display: grid; place-content: center;
  padding: 0.8rem; text-align: center; font-size: 0.8rem; color: #bbb; }
.compared .bar { position: absolute; left: 6%; bottom: 6%; border-bottom: 2px solid #fff;
  font-size: 0.65rem; line-height: 1.3; text-align: center; }
.compared figcaption { font-size: 0.8rem; line-height: 1.35; padding-top: 0.25rem;
  overflow-wrap: anywhere; }
</style>"""
_METHOD = (
    "Shade and percentage tell where a value stands among all measured cells of the data set. "
    "Spread is the distance of the largest from the smallest value in standard deviations of all "
    "cells; the measures that differ most come first."
)


@dataclass(frozen=True)
class Shown:
    """A picture in the comparison: its middle (S, S, 3), or None where there is none."""

    rgb: Rgb | None
    number: int
    row: "pd.Series[Any]"


def show(context: Context, chosen: Sequence[str]) -> None:
    """Draw the images that were chosen."""
    if len(chosen) < FEWEST:
        already = "One is chosen: choose at least one more" if chosen else "Choose two to eight"
        st.info(
            f"{already} under Pictures, by the box on a picture or by Space.",
            icon=":material/compare:",
        )
        return
    zoom = st.segmented_control(
        "Enlarge", list(cell_pictures.ZOOMS), default=1, required=True, key="enlarge",
        format_func=cell_pictures.ZOOMS.__getitem__, bind="query-params",
    ) or 1  # fmt: skip
    rows = context.table.iloc[context.catalogue.shelf.places(chosen)]
    pictures = [
        Shown(_middle(context, row, zoom), number, row)
        for number, (_, row) in enumerate(rows.iterrows(), start=1)
    ]
    st.html(grid(pictures, zoom))
    _table(context, rows)


def grid(pictures: Sequence[Shown], zoom: int) -> str:
    """Pictures of one scale side by side, as HTML."""
    figures = "".join(_figure(each, zoom) for each in pictures)
    return f'{_STYLE}<div class="compared">{figures}</div>'


def measured(rows: pd.DataFrame, everyone: pd.DataFrame, facts: dict[str, Fact]) -> pd.DataFrame:
    """Measures of a few images beside those of all: the ones that differ most first.

    Columns ``measure``, one an image by its place from 1 and ``spread``, in standard deviations of
    ``everyone``; the index holds the measures' names.
    """
    values = rows[list(facts)].astype(float).T
    deviation = everyone[list(facts)].astype(float).std().replace(0, math.nan)
    values.columns = pd.Index([str(place) for place in range(1, len(rows) + 1)])
    spread = (values.max(axis=1) - values.min(axis=1)) / deviation
    found = values.assign(measure=[fact.title for fact in facts.values()], spread=spread)
    return found.sort_values("spread", ascending=False, kind="stable", na_position="last")


def _table(context: Context, rows: pd.DataFrame) -> None:
    facts = context.catalogue.shelf.measures
    if not facts:
        st.caption("There are no measures: this data set is not indexed yet, see Connect data.")
        return
    everyone = context.catalogue.measured
    found = measured(rows, everyone, facts)
    texts, shades = in_words(found, everyone, facts)
    st.dataframe(texts.style.apply(lambda _: shades, axis=None), hide_index=True)
    st.caption(_METHOD, width=frame.TEXT_WIDTH)
    named = {str(at): str(image) for at, image in enumerate(rows["image_id"], start=1)}
    table_csv(
        found.rename(columns=named).reset_index(names="column"),
        name=f"{context.manifest.name}-compared",
        key="compare_csv",
    )


def in_words(
    found: pd.DataFrame, everyone: pd.DataFrame, facts: dict[str, Fact]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What ``measured`` has found as people read it, and the style of each cell of that table."""
    texts, shades = pd.DataFrame({"Measure": found["measure"]}), pd.DataFrame(index=found.index)
    shades["Measure"] = ""
    for place in (name for name in found if name not in ("measure", "spread")):
        values = dict(zip(found.index, found[place].astype(float), strict=True))
        shares = {name: _share(everyone, name, value) for name, value in values.items()}
        texts[place] = [_text(values[name], shares[name], facts[name]) for name in values]
        shades[place] = [_shade(share) for share in shares.values()]
    texts["Spread"] = ["" if math.isnan(each) else f"{each:.1f} SD" for each in found["spread"]]
    return texts, shades.assign(Spread="")


def _share(everyone: pd.DataFrame, name: str, value: float) -> float:
    """Share of all values of a measure, 0 to 1, that are lower."""
    return math.nan if math.isnan(value) else float((everyone[name] < value).mean())


def _text(value: float, share: float, fact: Fact) -> str:
    said = cell_details.in_words(value, fact.unit)
    return said if math.isnan(share) else f"{said} ({100 * share:.0f} %)"


def _shade(share: float) -> str:
    """A ground that is readable below letters, light and dark."""
    return "" if math.isnan(share) else f"background-color: rgba(86, 180, 233, {0.45 * share:.2f})"


def _middle(context: Context, row: "pd.Series[Any]", zoom: int) -> Rgb | None:
    """The middle of a picture, as much of it as the enlargement shows, black beyond its border."""
    path = browse_cards.file(context, row)
    try:
        rgb = None if path is None else upload.decode(path.read_bytes())
    except (OSError, AllScopeError):
        return None
    if rgb is None:
        return None
    side = FIELD // zoom
    left, top = (rgb.shape[1] - side) // 2, (rgb.shape[0] - side) // 2
    part = Image.fromarray(rgb).crop((left, top, left + side, top + side))
    return np.asarray(part, dtype=np.uint8)


def _figure(each: Shown, zoom: int) -> str:
    label = str(each.row["label"])
    mark, colour = gallery.MARKS.get(label, ("○", style.REFUSED))
    said = html.escape(browse_cards.said(each.row))
    return (
        f'<figure><div class="field">{_inside(each, zoom)}</div><figcaption><b>{each.number}</b> '
        f'<span style="color:{colour}">{mark}</span> {said}<br>'
        f"{html.escape(str(each.row['image_id']))}</figcaption></figure>"
    )


def _inside(each: Shown, zoom: int) -> str:
    if each.rgb is None:
        return '<span class="none">no picture that can be shown</span>'
    buffer = io.BytesIO()
    Image.fromarray(each.rgb).save(buffer, "PNG", compress_level=3)
    data = base64.b64encode(buffer.getvalue()).decode()
    words = html.escape(f"Picture {each.number}: {browse_cards.said(each.row)}", quote=True)
    pixels = "" if zoom == 1 else ' style="image-rendering: pixelated"'
    bar = f"width: {100 * _BARS[zoom] * zoom / FIELD:.1f}%"
    return (
        f'<img alt="{words}" src="data:image/png;base64,{data}"{pixels}>'
        f'<span class="bar" style="{bar}">{_BARS[zoom]} px</span>'
    )
