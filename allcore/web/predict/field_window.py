"""The part of a large field that is shown, and the overview from which another is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st
from PIL import Image, ImageDraw

from allcore.data import cells as cell_geometry
from allcore.data.cells import Rgb
from allcore.inference import smear
from allcore.inference.smear import CellPlace
from allcore.inference.white_cells import Point
from allcore.web.components import field_picture
from allcore.web.components.field_picture import COLOURS, OutlinedCell

SIDES = (1600, 1200)
"""Least width and height of the part, in pixels of the field."""
_CELLS = 12  # least width of the part in widths of its chosen cell
_OVERVIEW = 600  # pixels of the overview's longer side
_WIDTH = 300  # of the overview on the page
_DOT = 4  # pixels


@dataclass(frozen=True)
class FieldWindow:
    """A part of a field, in pixels of the field."""

    left: int
    top: int
    right: int  # exclusive
    bottom: int  # exclusive

    def holds(self, place: CellPlace) -> bool:
        """Whether the middle of a cell is in it."""
        x, y = _middle(place)
        return self.left <= x < self.right and self.top <= y < self.bottom

    def cut(self, rgb: Rgb) -> Rgb:
        """Its pixels of the field (H, W, 3)."""
        return rgb[self.top : self.bottom, self.left : self.right]

    def inside(self, cell: OutlinedCell) -> OutlinedCell:
        """A cell of the field in pixels of the part."""
        return replace(cell, points=[(x - self.left, y - self.top) for x, y in cell.points])

    def outside(self, point: Point) -> Point:
        """A point of the part in pixels of the field."""
        return point[0] + self.left, point[1] + self.top


def window_of(rgb: Rgb, chosen: CellPlace | None, *, key: str) -> FieldWindow:
    """The part of a field (H, W, 3) to show; all of it unless it is large.

    It stays where it is as long as the chosen cell is in it; ``key`` is that of the field.
    """
    height, width = rgb.shape[:2]
    if not smear.is_large(rgb):
        return FieldWindow(0, 0, width, height)
    known: FieldWindow | None = st.session_state.get(key)
    if known is not None and (chosen is None or known.holds(chosen)):
        return known
    x, y, times = width // 2, height // 2, 1.0
    if chosen is not None:
        (x, y), (left, _, right, _) = _middle(chosen), chosen.box
        times = max(1.0, _CELLS * (right - left) / SIDES[0])
    across, down = (min(round(times * SIDES[0]), width), min(round(times * SIDES[1]), height))
    left = min(max(0, x - across // 2), width - across)
    top = min(max(0, y - down // 2), height - down)
    window = FieldWindow(left, top, left + across, top + down)
    st.session_state[key] = window
    return window


def show_overview(
    rgb: Rgb,
    cells: Sequence[OutlinedCell],
    places: Sequence[CellPlace],
    window: FieldWindow,
    *,
    key: str,
) -> int | None:
    """Draw a large field with a dot a cell and the shown part; return the cell next to a click.

    ``places`` are those of ``cells``.
    """
    picture, scale = _overview(rgb, key)
    drawn = picture.copy()
    pen = ImageDraw.Draw(drawn)
    for cell, place in zip(cells, places, strict=True):
        x, y = (round(value * scale) for value in _middle(place))
        pen.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), fill=COLOURS[cell.kind])
    frame = (window.left, window.top, window.right - 1, window.bottom - 1)
    pen.rectangle(tuple(round(value * scale) for value in frame), outline="black", width=3)
    kinds = hash(tuple((cell.number, cell.kind) for cell in cells))
    with st.container(width=_WIDTH):
        clicked = field_picture.show_overview(
            drawn, (rgb.shape[1], rgb.shape[0]), key=key, version=f"{kinds} {window}",
            alt="Overview of the field: a dot for each white cell, a frame around the part below",
        )  # fmt: skip
    if clicked is None or not places:
        return None
    near = min(places, key=lambda place: _distance(_middle(place), clicked))
    return near.number


@st.cache_resource(max_entries=4, show_spinner=False)
def _overview(_rgb: Rgb, key: str) -> tuple[Image.Image, float]:
    picture = Image.fromarray(cell_geometry.thinned(_rgb, 4 * _OVERVIEW))
    picture.thumbnail((_OVERVIEW, _OVERVIEW), Image.Resampling.BILINEAR)
    return picture, picture.width / _rgb.shape[1]


def _middle(place: CellPlace) -> Point:
    left, top, right, bottom = place.box
    return (left + right) // 2, (top + bottom) // 2


def _distance(one: Point, other: Point) -> int:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2
