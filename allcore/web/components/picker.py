"""A grid of cells: a click or Enter opens one; where several can be chosen, a box or Space does."""

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
    """What stands under a picture.

    Attributes:
        image_id: the image's id, given back when it is opened.
        label: ``all``, ``hem`` or anything else for none: mark and colour.
        title: a few words, such as the probability.
        detail: a few more, smaller, such as subject and file.
        synthetic: whether the picture is drawn.
    """

    image_id: str
    label: str
    title: str
    detail: str
    synthetic: bool = False


@dataclass(frozen=True)
class Choice:
    """What was done with a grid in which cells can be chosen.

    Attributes:
        opened: id of the cell that was just opened; None where none was.
        chosen: ids of the cells that are chosen, here and elsewhere, the first one first.
    """

    opened: str | None
    chosen: tuple[str, ...]


def show(cards: Sequence[Card], sources: Sequence[ImageSource], *, key: str) -> str | None:
    """Draw the cells; give the id of the one that was just opened.

    Args:
        cards: what stands under each picture.
        sources: of the pictures, in the same order.
        key: of the component; one per place on a page.
    """
    opened = _mounted(cards, sources, key).opened
    return opened if opened in {card.image_id for card in cards} else None


def choose(
    cards: Sequence[Card],
    sources: Sequence[ImageSource],
    *,
    key: str,
    chosen: Sequence[str],
    limit: int,
) -> Choice:
    """Draw the cells so that some of them can be chosen as well.

    Args:
        cards: what stands under each picture.
        sources: of the pictures, in the same order.
        key: of the component; one per place on a page.
        chosen: ids that are chosen now, of these cells or others; the caller keeps them.
        limit: how many can be.
    """
    # The count tells the browser an answer to its last choice from one to a choice before it.
    count = st.session_state.get(f"{key}_count", 0)
    found = _mounted(cards, sources, key, chosen=list(chosen), limit=limit, count=count)
    opened = found.opened if found.opened in {card.image_id for card in cards} else None
    told = found.chosen
    if not isinstance(told, dict):
        return Choice(opened, tuple(chosen))
    st.session_state[f"{key}_count"] = told["count"]
    known = {card.image_id for card in cards} | set(chosen)
    taken = dict.fromkeys(image_id for image_id in told["ids"] if image_id in known)
    return Choice(opened, tuple(taken)[:limit])


def _mounted(cards: Sequence[Card], sources: Sequence[ImageSource], key: str, **more: Any) -> Any:
    pictures = gallery.store().get(sources)
    shown = [_card(card, each) for card, each in zip(cards, pictures, strict=True)]
    data = {"cards": shown, "bar": SCALE_BAR, "barShare": 100 * SCALE_BAR / FIELD, **more}
    return _MOUNT(key=key, data=data, on_opened_change=lambda: None, on_chosen_change=lambda: None)


def _card(card: Card, picture: bytes | None) -> dict[str, Any]:
    mark, colour = MARKS.get(card.label, ("○", style.REFUSED))
    name = CLASS_NAMES.get(card.label, "no label")
    data = base64.b64encode(picture).decode() if picture else ""
    return {
        "id": card.image_id,
        "mark": mark,
        "colour": colour,
        "title": card.title,
        "detail": card.detail,
        "drawn": card.synthetic,
        "words": f"Open the cell labelled {name}: {card.title}, {card.detail}",
        "picture": f"data:image/webp;base64,{data}" if picture else "",
    }
