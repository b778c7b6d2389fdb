"""Pictures of one cell in frames of their own: never stretched, on the black they come with."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from PIL import Image

from allcore.data.cells import Rgb

ZOOMS = {1: "Whole", 2: "2 times", 4: "4 times"}
_SMALL = 112  # side, in pixels, of a view in the strip
_STYLE = """<style>
.cell-name { font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; line-height: 1.3; }
.cell-window { width: 100%; max-width: 560px; aspect-ratio: 1; overflow: auto; background: #000;
  border: 1px solid rgba(128, 128, 128, 0.45); border-radius: 6px; }
.cell-window .whole { position: relative; aspect-ratio: 1; display: grid; place-items: center; }
.cell-window img { width: 100%; height: 100%; object-fit: contain; display: block; }
.cell-window .middle { position: absolute; pointer-events: none; scroll-initial-target: nearest; }
.cell-frames { display: grid; gap: 0.75rem; }
.cell-frames figure { margin: 0; min-width: 0; }
.cell-frames .field { aspect-ratio: 1; background: #000; border-radius: 6px; overflow: hidden;
  border: 1px solid rgba(128, 128, 128, 0.45); }
.cell-frames img { width: 100%; height: 100%; display: block; }
.cell-frames figcaption { font-size: 0.8rem; line-height: 1.35; padding-top: 0.25rem; }
</style>"""


@dataclass(frozen=True)
class Frame:
    """A framed picture (S, S, 3); None is still to come. The caption is its alt text too."""

    rgb: Rgb | None
    caption: str


def heading(name: str, *, mark: str, colour: str) -> str:
    """The cell's name after the mark of its class, as HTML."""
    return (
        f'{_STYLE}<div class="cell-name"><span style="color:{colour}">{mark}</span> '
        f"{html.escape(name)}</div>"
    )


def zoomable(rgb: Rgb, *, alt: str) -> None:
    """A picture (H, W, 3) in a window; enlarged, it is moved by scrolling or by finger."""
    window = st.empty()
    zoom = st.segmented_control(
        "Enlarge", list(ZOOMS), default=1, required=True, key="cell_zoom",
        format_func=ZOOMS.__getitem__,
    )  # fmt: skip
    height, width = rgb.shape[:2]
    # The browser scrolls at first to what is marked as the middle, where it knows how.
    part = 100 / zoom
    middle = f"inset: {50 - part / 2}%; width: {part}%; height: {part}%"
    pixels = "" if zoom == 1 else "image-rendering: pixelated"
    address = data_address(Image.fromarray(rgb), "PNG", compress_level=3)
    window.html(
        f'{_STYLE}<div class="cell-window" tabindex="0">'
        f'<div class="whole" style="width: {100 * zoom}%">'
        f'<img alt="{html.escape(alt, quote=True)}" src="{address}" style="{pixels}">'
        f'<span class="middle" style="{middle}"></span></div></div>'
    )
    st.caption(f"{width} × {height} pixels")


def frames(pictures: Sequence[Frame], *, least: int) -> str:
    """Frames side by side, each at least so many pixels wide, as HTML."""
    figures = "".join(
        f'<figure><div class="field">{_image_html(frame, small=least < _SMALL)}</div>'
        f"<figcaption>{html.escape(frame.caption)}</figcaption></figure>"
        for frame in pictures
    )
    columns = f"grid-template-columns: repeat(auto-fit, minmax({least}px, 1fr))"
    return f'{_STYLE}<div class="cell-frames" style="{columns}">{figures}</div>'


def data_address(image: Image.Image, kind: str, **options: int) -> str:
    """An image as a data address; `kind` is PNG, JPEG or WEBP, with options of Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _image_html(frame: Frame, *, small: bool) -> str:
    if frame.rgb is None:
        return ""
    image = Image.fromarray(frame.rgb)
    if small:
        image = image.resize((_SMALL, _SMALL), Image.Resampling.BICUBIC)
        address = data_address(image, "WEBP", quality=85, method=2)
    else:
        address = data_address(image, "PNG", compress_level=3)
    return f'<img alt="{html.escape(frame.caption)}" src="{address}">'
