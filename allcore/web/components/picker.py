"""Grids of cells at one scale: a gallery to look at, and a picker.

In a picker a click or Enter opens a cell; a checkbox, Space, Shift or Ctrl+A select several. Size
and brightness are the browser's own: they change the view without a run of the page.
"""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from allcore import formats
from allcore.data.thumbnails import FIELD, ImageSource, Thumbnails
from allcore.labels import VERDICT_NAMES
from allcore.plots import style

TINY, SMALL, MEDIUM, LARGE = 84, 104, 132, 220
"""Least width of a cell's picture, in pixels of the screen."""
PAGES_WIDTH = 320
"""Width of a control of pages in pixels: in a row it would shrink to the current page alone."""
MARKS = {"all": ("●", style.BLAST), "hem": ("◆", style.NORMAL)}
"""Shape and colour of a class; the shapes can be told apart without colour."""
_SIZES = {"Small": SMALL, "Medium": MEDIUM, "Large": LARGE}
_FEW = 12  # cells that need no choice of the size
_SCALE_BAR = 100  # pixels of the original
_BAR_SHARE = 100 * _SCALE_BAR / FIELD
_CSS = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_MOUNT = st.components.v2.component(
    "allscope_picker",
    html='<div class="head"><div class="said" role="status"></div><div class="tools"></div></div>'
    '<div class="cells"></div>\n',
    css=_CSS,
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Card:
    """Caption of a thumbnail."""

    image_id: str  # the image's id, returned when it is opened
    label: str  # ``all``, ``hem`` or anything else for none; sets mark and colour
    title: str  # a few words, such as the probability
    detail: str  # a few more, smaller, such as subject and file
    synthetic: bool = False  # whether the image was drawn by ALLScope
    kind: str = "labelled"  # what the class is: labelled or predicted; empty for cards without one


class PickerChoice(NamedTuple):
    """Ids of the cell just opened, and of the cells selected on all pages, in that order."""

    opened: str | None
    chosen: tuple[str, ...]


def show_gallery(cards: Sequence[Card], sources: Sequence[ImageSource]) -> None:
    """Draw the frames of cells at once, and the thumbnails in them as soon as they are made."""
    slot = st.empty()
    if not thumbnail_store().has(sources):
        slot.html(gallery_html(cards, [b""] * len(cards)))
    slot.html(gallery_html(cards, thumbnail_store().get(sources)))


def choose_page(total: int, size: int, *, key: str, noun: str = "cell") -> slice:
    """Draw the control of pages, if there are several; return the range of the chosen one.

    There are `size` of `total` items on a page; `noun` names one.
    """
    pages = -(-total // size)
    with st.container(horizontal=True, vertical_alignment="center"):
        number = 1
        if pages > 1:
            number = st.pagination(pages, key=f"{key}_page_{pages}", width=PAGES_WIDTH)
        first, last = (number - 1) * size, min(number * size, total)
        st.caption(f"{first + 1:,} to {last:,} of {formats.count(total, noun)}", width="content")
    return slice(first, last)


def show_picker(
    cards: Sequence[Card], sources: Sequence[ImageSource], *, key: str, size: int = MEDIUM
) -> str | None:
    """Draw the cells; return the id of the one that was just opened.

    Captions and sources of thumbnails are in the same order; the key is unique on the page.
    """
    opened = _mount(cards, sources, key, size=size).opened
    return opened if opened in {card.image_id for card in cards} else None


def show_pictures(
    cards: Sequence[Card],
    pictures: Sequence[str],
    *,
    key: str,
    current: str | None,
    size: int = MEDIUM,
) -> str | None:
    """Draw cells whose pictures are data addresses, the current one marked; return the opened id.

    An empty address is of no picture. The key is unique on the page; a cell is at least so many
    pixels wide.
    """
    records = [_card_record(card, picture) for card, picture in zip(cards, pictures, strict=True)]
    ids = {card.image_id for card in cards}
    clicked = (st.session_state.get(key) or {}).get("opened")  # already marked in this run
    current = clicked if clicked in ids else current
    data = {"cards": records, "current": current, "size": size} | {
        "sizes": _SIZES, "tools": len(cards) > _FEW,
    }  # fmt: skip
    opened = _MOUNT(key=key, data=data, on_opened_change=lambda: None).opened
    return opened if opened in ids else None


def show_selectable(
    cards: Sequence[Card],
    sources: Sequence[ImageSource],
    *,
    key: str,
    chosen: Sequence[str],
    limit: int,
) -> PickerChoice:
    """Draw cells that can be opened and selected, at most `limit` of them.

    `chosen` are the ids selected now, of these cells or others; the caller stores them. All else is
    as for `show_picker`.
    """
    # The browser compares the count to tell replies to its last selection from older ones.
    count = st.session_state.get(f"{key}_count", 0)
    state = _mount(cards, sources, key, chosen=list(chosen), limit=limit, count=count)
    ids = {card.image_id for card in cards}
    # A click may land on the previous cards while the browser still shows them.
    previous = st.session_state.get(f"{key}_ids", frozenset())
    st.session_state[f"{key}_ids"] = ids
    opened = state.opened if state.opened in ids else None
    selection = state.chosen
    if not isinstance(selection, dict) or selection["count"] == count:  # none, or one read before
        return PickerChoice(opened, tuple(chosen))
    st.session_state[f"{key}_count"] = selection["count"]
    known = ids | previous | set(chosen)
    selected = dict.fromkeys(image_id for image_id in selection["ids"] if image_id in known)
    return PickerChoice(opened, tuple(selected)[:limit])


@st.cache_resource
def thumbnail_store() -> Thumbnails:
    """The thumbnails that all sessions share."""
    return Thumbnails()


def thumbnail_address(webp: bytes) -> str:
    """A thumbnail as a data address."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"


def class_mark(label: object) -> tuple[str, str]:
    """Shape and colour of a label; those of no class for any other value."""
    return MARKS.get(str(label), ("○", style.REFUSED))


def gallery_html(cards: Sequence[Card], thumbnails: Sequence[bytes | None]) -> str:
    """Cells as HTML; an empty thumbnail is still to come, None is one of no file."""
    figures = (_figure(card, webp) for card, webp in zip(cards, thumbnails, strict=True))
    return (
        f'<style>.cell-gallery {{{_CSS}}}</style><div class="cell-gallery"><div class="cells">'
        f"{''.join(figures)}</div></div>"
    )


def _figure(card: Card, webp: bytes | None) -> str:
    mark, colour = class_mark(card.label)
    title, drawn = html.escape(card.title), ""
    picture = f'<span class="bar" style="width: {_BAR_SHARE:.2f}%">{_SCALE_BAR} px</span>'
    if webp is None:
        picture = '<span class="none">picture not on this machine</span>'
    elif webp:
        kind = "Synthetic picture" if card.synthetic else "Picture"
        alt = f"{kind} of a cell labelled {title}"
        picture = f'<img alt="{alt}" src="{thumbnail_address(webp)}">{picture}'
    if card.synthetic:
        drawn = '<span class="drawn">SYNTHETIC</span>'
    return (
        f'<div><div class="field">{picture}{drawn}</div><div class="caption">'
        f'<span style="color: {colour}">{mark}</span> {title}'
        f'<div class="id">{html.escape(card.detail)}</div></div></div>'
    )


def _mount(cards: Sequence[Card], sources: Sequence[ImageSource], key: str, **options: Any) -> Any:
    thumbnails = thumbnail_store().get(sources)
    records = [
        _card_record(card, thumbnail_address(webp) if webp else "")
        for card, webp in zip(cards, thumbnails, strict=True)
    ]
    data = {
        "cards": records, "bar": _SCALE_BAR, "barShare": _BAR_SHARE, "sizes": _SIZES,
        "tools": len(cards) > _FEW, **options,
    }  # fmt: skip
    return _MOUNT(key=key, data=data, on_opened_change=lambda: None, on_chosen_change=lambda: None)


def _card_record(card: Card, picture: str) -> dict[str, Any]:
    mark, colour = class_mark(card.label) if card.kind else ("", "")
    name = VERDICT_NAMES.get(card.label, "no label")
    return {
        "id": card.image_id,
        "mark": mark,
        "colour": colour,
        "title": card.title,
        "detail": card.detail,
        "drawn": card.synthetic,
        "words": f"Open the cell {card.kind} {name}: {card.title}, {card.detail}"
        if card.kind
        else card.title,
        "picture": picture,
    }
