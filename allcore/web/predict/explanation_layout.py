"""Where the evidence for an answer will stand: drawn at once, so that nothing jumps."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore.explain.views import NAMES as NAMES_OF_VIEWS
from allcore.labels import CLASS_NAMES
from allcore.web.components import cell_pictures
from allcore.web.components.cell_pictures import Frame

NEIGHBOURS = 8
METHODS = ("Grad-CAM", "Integrated gradients")
HEAT = 150
"""Least width, in pixels, of a map."""
VIEWS = 60
"""The same of one of the eight views."""
NEAR = 138
"""The same of a neighbour."""
_METHOD = (
    "The brighter a place, the more it speaks for the verdict; each map is scaled by itself. "
    "Grad-CAM is coarse. Integrated gradients compare the cell with itself in one even colour, so "
    "they tell of texture, and lie inside the cell by construction. Neither shows where disease is."
)
_STYLE = """<style>
.evidence-said { min-height: calc(var(--lines) * 1.6em); line-height: 1.6; }
@media (max-width: 640px) { .evidence-said { min-height: calc(var(--lines) * 2.6em); } }
</style>"""


@dataclass(frozen=True)
class Places:
    """One place a part of the evidence, in the order in which they stand."""

    certain: DeltaGenerator
    views: DeltaGenerator
    views_said: DeltaGenerator
    maps: DeltaGenerator
    maps_said: tuple[DeltaGenerator, ...]
    near: DeltaGenerator
    models: DeltaGenerator


def draw(verdict: str) -> Places:
    """Draw headings and empty frames; `verdict` is what is looked for evidence of."""
    left, right = st.columns(2, gap="large")
    with left:
        certain = st.empty()
        say(certain, "", lines=3)
        st.markdown("**Turned and mirrored**")
        views = st.empty()
        views.html(waiting([f"to come, {name}" for name in NAMES_OF_VIEWS], least=VIEWS))
        views_said = st.empty()
        say(views_said, "Asking the network", lines=2)
        st.markdown(f"**What speaks for {CLASS_NAMES[verdict]}, and what the network saw**")
        maps = st.empty()
        maps.html(waiting([f"{name}: to come" for name in (*METHODS, "Input")], least=HEAT))
        maps_said = tuple(st.empty() for _ in METHODS)
        for place in maps_said:
            say(place, "Looking for the evidence", lines=4)
        st.caption(_METHOD)
    with right:
        near = st.empty()
        with near.container():
            st.markdown("**Nearest cells, as the network sees them**")
            st.html(waiting(["to come"] * NEIGHBOURS, least=NEAR))
        models = st.container()
    return Places(certain, views, views_said, maps, maps_said, near, models)


def waiting(captions: Sequence[str], *, least: int) -> str:
    """Frames that are to be filled, as HTML."""
    return frames([Frame(None, caption) for caption in captions], least=least)


def frames(shown: Sequence[Frame], *, least: int) -> str:
    """Frames side by side, as HTML."""
    return cell_pictures.frames(shown, least=least)


def say(place: DeltaGenerator, text: str, *, lines: int, strong: str = "") -> None:
    """Write plain text into a place that keeps the height of so many lines, twice on a phone."""
    start = f"<strong>{html.escape(strong)}</strong> " if strong else ""
    place.html(
        f'{_STYLE}<div class="evidence-said" style="--lines: {lines}">{start}'
        f"{html.escape(text)}</div>"
    )
