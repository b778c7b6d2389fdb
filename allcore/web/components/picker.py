"""A grid of cells: a click or Enter opens one, and a checkbox or Space selects several."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from allcore.data.thumbnails import FIELD, ImageSource
from allcore.labels import CLASS_NAMES
from allcore.plots import style
from allcore.web.components import gallery
from allcore.web.components.gallery import MARKS, SCALE_BAR

_HERE = Path(__file__)
_MOUNT = st.components.v2.component(
    "allscope_picker",
    html='<div class="said" role="status"></div><div class="cells"></div>\n',
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Card:
    """Caption of a thumbnail.

    Attributes:
        image_id: the image's id, returned when it is opened.
        label: ``all``, ``hem`` or anything else for none; sets mark and colour.
        title: a few words, such as the probability.
        detail: a few more, smaller, such as subject and file.
        synthetic: whether the image was drawn by ALLScope.
    """

    image_id: str
    label: str
    title: str
    detail: str
    synthetic: bool = False


@dataclass(frozen=True)
class PickerChoice:
    """State of a grid in which cells can be selected.

    Attributes:
        opened: id of the cell that was just opened; None without one.
        chosen: ids of the selected cells, here and on other pages, in order of selection.
    """

    opened: str | None
    chosen: tuple[str, ...]


def show_picker(cards: Sequence[Card], sources: Sequence[ImageSource], *, key: str) -> str | None:
    """Draw the cells; return the id of the one that was just opened.

    Args:
        cards: captions of the thumbnails.
        sources: of the thumbnails, in the same order.
        key: of the component, unique on the page.
    """
    opened = _mount(cards, sources, key).opened
    return opened if opened in {card.image_id for card in cards} else None


def show_selectable(
    cards: Sequence[Card],
    sources: Sequence[ImageSource],
    *,
    key: str,
    chosen: Sequence[str],
    limit: int,
) -> PickerChoice:
    """Draw cells that can be opened and selected.

    Args:
        cards: captions of the thumbnails.
        sources: of the thumbnails, in the same order.
        key: of the component, unique on the page.
        chosen: ids selected now, of these cells or others; the caller stores them.
        limit: most ids that can be selected.
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
    if not isinstance(selection, dict):
        return PickerChoice(opened, tuple(chosen))
    st.session_state[f"{key}_count"] = selection["count"]
    known = ids | previous | set(chosen)
    selected = dict.fromkeys(image_id for image_id in selection["ids"] if image_id in known)
    return PickerChoice(opened, tuple(selected)[:limit])


def _mount(cards: Sequence[Card], sources: Sequence[ImageSource], key: str, **options: Any) -> Any:
    thumbnails = gallery.thumbnail_store().get(sources)
    records = [_card_record(card, webp) for card, webp in zip(cards, thumbnails, strict=True)]
    data = {"cards": records, "bar": SCALE_BAR, "barShare": 100 * SCALE_BAR / FIELD, **options}
    return _MOUNT(key=key, data=data, on_opened_change=lambda: None, on_chosen_change=lambda: None)


def _card_record(card: Card, webp: bytes | None) -> dict[str, Any]:
    mark, colour = MARKS.get(card.label, ("○", style.REFUSED))
    name = CLASS_NAMES.get(card.label, "no label")
    data = base64.b64encode(webp).decode() if webp else ""
    return {
        "id": card.image_id,
        "mark": mark,
        "colour": colour,
        "title": card.title,
        "detail": card.detail,
        "drawn": card.synthetic,
        "words": f"Open the cell labelled {name}: {card.title}, {card.detail}",
        "picture": f"data:image/webp;base64,{data}" if webp else "",
    }
