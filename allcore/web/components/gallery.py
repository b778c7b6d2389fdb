"""A grid of cells at one scale, each with its caption; nothing in it can be clicked."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from allcore.data.thumbnails import FIELD, ImageSource, Thumbnails
from allcore.labels import CLASS_NAMES
from allcore.plots import style

SCALE_BAR = 100
"""Length of the scale bar in pixels of the original."""
MARKS = {"all": ("●", style.BLAST), "hem": ("◆", style.NORMAL)}
"""Shape and colour of a class; the shapes can be told apart without colour."""
STYLE = f"""<style>
.cells {{display: grid; gap: 0.75rem;
  grid-template-columns: repeat(auto-fill, minmax(138px, 1fr));}}
.cells figure {{margin: 0; min-width: 0;}}
.cells .field {{position: relative; aspect-ratio: 1; background: #000; color: #fff;
  border: 1px solid rgba(128, 128, 128, 0.45); border-radius: 6px; overflow: hidden;}}
.cells img {{width: 100%; height: 100%; display: block;}}
.cells .none {{position: absolute; inset: 0; display: grid; place-content: center; padding: 0.8rem;
  text-align: center; font-size: 0.8rem; color: #bbb;}}
.cells .bar {{position: absolute; left: 6%; bottom: 6%; width: {100 * SCALE_BAR / FIELD:.2f}%;
  border-bottom: 2px solid #fff; font-size: 0.65rem; line-height: 1.3; text-align: center;}}
.cells .drawn {{position: absolute; right: 5%; top: 4%; font-size: 0.6rem; letter-spacing: 0.06em;
  color: #ddd;}}
.cells figcaption {{font-size: 0.8rem; line-height: 1.35; padding-top: 0.25rem;}}
.cells .id {{opacity: 0.75; overflow-wrap: anywhere; font-size: 0.72rem;}}
</style>"""


@dataclass(frozen=True)
class GalleryCard:
    """Caption of a thumbnail.

    Attributes:
        image_id: the image's id.
        label: ``all``, ``hem`` or anything else for none.
        detail: a few words, such as subject and split.
        synthetic: whether the image was drawn by ALLScope.
    """

    image_id: str
    label: str
    detail: str
    synthetic: bool


def show_gallery(cards: Sequence[GalleryCard], sources: Sequence[ImageSource]) -> None:
    """Draw the frames at once, and the thumbnails in them as soon as they are made."""
    slot = st.empty()
    if not thumbnail_store().has(sources):
        slot.html(_grid(cards, [b""] * len(cards)))
    slot.html(_grid(cards, thumbnail_store().get(sources)))


@st.cache_resource
def thumbnail_store() -> Thumbnails:
    """The thumbnails that all sessions share."""
    return Thumbnails()


def _grid(cards: Sequence[GalleryCard], thumbnails: Sequence[bytes | None]) -> str:
    figures = (_figure(card, webp) for card, webp in zip(cards, thumbnails, strict=True))
    return f'{STYLE}<div class="cells">{"".join(figures)}</div>'


def _figure(card: GalleryCard, webp: bytes | None) -> str:
    """One cell; empty bytes are a thumbnail still to come, None one of no file."""
    name = CLASS_NAMES.get(card.label, "no label")
    mark, colour = MARKS.get(card.label, ("○", style.REFUSED))
    drawn = '<span class="drawn">SYNTHETIC</span>' if card.synthetic else ""
    return (
        f'<figure><div class="field">{_inside(card, webp, name)}{drawn}</div>'
        f'<figcaption><span style="color:{colour}">{mark}</span> {html.escape(name)}, '
        f'{html.escape(card.detail)}<div class="id">{html.escape(card.image_id)}</div>'
        "</figcaption></figure>"
    )


def _inside(card: GalleryCard, webp: bytes | None, name: str) -> str:
    bar = f'<span class="bar">{SCALE_BAR} px</span>'
    if webp is None:
        return '<span class="none">picture not on this machine</span>'
    if not webp:
        return bar
    kind = "Synthetic picture" if card.synthetic else "Picture"
    alt = html.escape(f"{kind} of a cell labelled {name}, {card.detail}", quote=True)
    data = base64.b64encode(webp).decode()
    return f'<img alt="{alt}" src="data:image/webp;base64,{data}">{bar}'
