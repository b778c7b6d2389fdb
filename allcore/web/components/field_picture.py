"""A smear field with numbered outlines: a click opens a cell, or marks one that was not found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import streamlit as st
from PIL import Image

from allcore.data import cells as cell_geometry
from allcore.data.cells import Rgb
from allcore.inference.white_cells import Point
from allcore.plots import style
from allcore.web.components import cell_pictures

SIDE = 1600
"""Longest side in pixels of the picture that is sent to the browser."""
_THINNED = 4 * SIDE
COLOURS = {"all": style.BLAST, "hem": style.NORMAL, "refused": "#8C8C8C", "dismissed": "#8C8C8C"}
_CODE = Path(__file__)
_MOUNT = st.components.v2.component(
    "allscope_field_picture",
    html='<div class="field-picture"><img alt="" /></div>',
    css=_CODE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_CODE.with_suffix(".js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class OutlinedCell:
    """A cell as it is drawn on its field."""

    number: int
    points: Sequence[Point]  # in pixels of the field
    kind: Literal["all", "hem", "refused", "dismissed"]
    words: str  # its answer, for the tooltip and for screen readers
    at_border: bool  # drawn with dashes


class FieldClick(NamedTuple):
    """What was just clicked: the number of a cell, or a point in pixels of the field."""

    opened: int | None
    point: Point | None


def show_field_picture(
    rgb: Rgb,
    cells: Sequence[OutlinedCell],
    *,
    key: str,
    alt: str,
    current: int | None,
    adding: bool,
) -> FieldClick:
    """Draw a field (H, W, 3) with the outlines of its cells; return what was just clicked.

    Args:
        rgb: the field.
        cells: that can be opened.
        key: unique on the page, and another one for another field.
        alt: text for screen readers.
        current: number of the opened cell.
        adding: whether a click beside the cells marks a new one.
    """
    numbers = {cell.number for cell in cells}
    clicked = (st.session_state.get(key) or {}).get("opened")  # already marked in this run
    data = {
        "picture": _address(rgb, key),
        "alt": alt,
        "size": [rgb.shape[1], rgb.shape[0]],
        "cells": [_record(cell) for cell in cells],
        "current": clicked if clicked in numbers else current,
        "adding": adding,
    }
    state: Any = _MOUNT(
        key=key, data=data, on_opened_change=lambda: None, on_marked_change=lambda: None
    )
    opened = state.opened if state.opened in numbers else None
    return FieldClick(opened, _point(state.marked, (rgb.shape[1], rgb.shape[0])))


def show_overview(
    picture: Image.Image, size: tuple[int, int], *, key: str, version: str, alt: str
) -> Point | None:
    """Draw a small picture of a field of a width and height; return the point just clicked.

    ``version`` changes with the picture.
    """
    data = {
        "picture": _encoded(picture, f"{key} {version}"),
        "alt": alt,
        "size": list(size),
        "cells": [],
        "current": None,
        "adding": True,
    }
    state: Any = _MOUNT(
        key=key, data=data, on_opened_change=lambda: None, on_marked_change=lambda: None
    )
    return _point(state.marked, size)


def _record(cell: OutlinedCell) -> dict[str, Any]:
    border = ", cut off by the border of the picture" if cell.at_border else ""
    return {
        "number": cell.number,
        "points": " ".join(f"{x},{y}" for x, y in cell.points),
        "corner": max(cell.points, key=lambda point: point[0] - point[1]),
        "kind": cell.kind,
        "colour": COLOURS[cell.kind],
        "border": cell.at_border,
        "words": f"Cell {cell.number}: {cell.words}{border}",
    }


def _point(marked: Any, size: tuple[int, int]) -> Point | None:
    """A point that the browser sent, where it is in a field of a width and height."""
    if not isinstance(marked, list) or len(marked) != 2:
        return None
    x, y = (int(value) if isinstance(value, int | float) else -1 for value in marked)
    return (x, y) if 0 <= x < size[0] and 0 <= y < size[1] else None


@st.cache_data(max_entries=8, show_spinner=False)
def _address(_rgb: Rgb, key: str) -> str:
    picture = Image.fromarray(cell_geometry.thinned(_rgb, _THINNED))
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return cell_pictures.data_address(picture, "WEBP", quality=88, method=2)


@st.cache_data(max_entries=8, show_spinner=False)
def _encoded(_picture: Image.Image, key: str) -> str:
    return cell_pictures.data_address(_picture, "WEBP", quality=80, method=2)
