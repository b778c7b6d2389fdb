"""Pictures of one cell in frames of their own: never stretched, on the black they come with."""

import base64
import hashlib
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from PIL import Image

from allcore.data.cells import Rgb
from allcore.web import frame

ZOOMS = {1: "Whole", 2: "2 times", 4: "4 times"}
_SMALL = 112  # side, in pixels, of a view in the strip
_STYLE = frame.styles(__file__)


@dataclass(frozen=True)
class Frame:
    """A framed picture (S, S, 3); None is still to come. The caption is its alt text too."""

    rgb: Rgb | None
    caption: str
    folded: str = ""  # why the picture is folded away; empty shows it


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
        f'{_STYLE}<div><div class="cell-window" tabindex="0">'
        f'<div class="whole" style="width: {100 * zoom}%">'
        f'<img alt="{html.escape(alt, quote=True)}" src="{address}" style="{pixels}">'
        f'<span class="middle" style="{middle}"></span></div></div>{_brightness(address)}</div>'
    )
    st.caption(f"{width} × {height} pixels")


def show_framed(rgb: Rgb | None, *, caption: str, alt: str) -> None:
    """A picture (H, W, 3) in a square frame, which can be brightened; None draws the caption."""
    inside, controls, below = f"<p>{html.escape(caption)}</p>", "", ""
    if rgb is not None:
        address = data_address(Image.fromarray(rgb), "PNG", compress_level=3)
        inside = f'<img alt="{html.escape(alt, quote=True)}" src="{address}">'
        controls, below = _brightness(address), html.escape(caption)
    st.html(
        f'{_STYLE}<figure class="cell-framed"><div class="field">{inside}</div>{controls}'
        f"<figcaption>{below}</figcaption></figure>"
    )


def frames(pictures: Sequence[Frame], *, least: int) -> str:
    """Frames side by side, each at least so many pixels wide, as HTML."""
    figures = "".join(
        f'<figure><div class="field">{_image_html(picture, small=least < _SMALL)}</div>'
        f"<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
        for picture in pictures
    )
    columns = f"grid-template-columns: repeat(auto-fit, minmax({least}px, 1fr))"
    return f'{_STYLE}<div class="cell-frames" style="{columns}">{figures}</div>'


def data_address(image: Image.Image, kind: str, **options: int) -> str:
    """An image as a data address; `kind` is PNG, JPEG or WEBP, with options of Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _image_html(picture: Frame, *, small: bool) -> str:
    if picture.rgb is None:
        return ""
    image = Image.fromarray(picture.rgb)
    if small:
        image = image.resize((_SMALL, _SMALL), Image.Resampling.BICUBIC)
        address = data_address(image, "WEBP", quality=85, method=2)
    else:
        address = data_address(image, "PNG", compress_level=3)
    shown = f'<img alt="{html.escape(picture.caption)}" src="{address}">'
    if not picture.folded:
        return shown
    return f"<details><summary>{html.escape(picture.folded)}</summary>{shown}</details>"


def _brightness(address: str) -> str:
    """Radio buttons that brighten the picture beside them, in the browser alone, as HTML."""
    name = f"brightness-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    options = "".join(
        f'<label><input type="radio" name="{name}" value="{times}"{" checked" * (times == 1)}> '
        f"{times} ×</label>"
        for times in (1, 2, 3)
    )
    label = "Brightness"
    return (
        f'<fieldset class="brightness" aria-label="{label}"><span>{label}</span>{options}'
        "</fieldset>"
    )
