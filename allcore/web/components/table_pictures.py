"""Pictures in the cells of tables, as data addresses."""

import base64
from typing import Any

import streamlit as st

from allcore.labels import CLASS_COLOURS
from allcore.plots import style

WIDE = 160
"""Pixels of a drawn interval or probability."""
_HIGH = 40  # of a drawn probability: the height of a picture in a row


def answer_columns() -> dict[str, Any]:
    """How a table of answers draws Cell, Probability and 0 to 1 (a `probability_bar`)."""
    return {
        "Cell": st.column_config.ImageColumn(width=64),
        "Probability": st.column_config.NumberColumn(format="%.2f", width=90),
        "0 to 1": st.column_config.ImageColumn("ALL blast, 0 to 1", width=WIDE + 20),
    }


def probability_bar(probability: float | None, threshold: float) -> str:
    """A probability and the threshold on a bar from 0 to 1, in the colour of its side."""
    track = f'<rect y="14" width="{WIDE}" height="12" rx="2" fill="{style.REFUSED}" '
    bar = f'{track}fill-opacity="0.2"/>'
    if probability is None:
        return svg_address(bar, _HIGH)
    colour = CLASS_COLOURS["all" if probability >= threshold else "hem"]
    return svg_address(
        f'{bar}<rect y="14" width="{WIDE * probability:.1f}" height="12" rx="2" fill="{colour}"/>'
        f'<rect x="{WIDE * threshold - 1:.1f}" y="8" width="2" height="24" '
        f'fill="{style.REFUSED}"/>',
        _HIGH,
    )


def svg_address(shapes: str, high: int = 24) -> str:
    """Shapes as an SVG of the width `WIDE`."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{high}">{shapes}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
