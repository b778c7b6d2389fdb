"""The offer to cut a cell out of a picture whose background is not black."""

import hashlib
import html
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageFont
from skimage import measure

from allcore.data.cells import Rgb
from allcore.errors import AllScopeError, BadImage
from allcore.inference import nuclei, segmentation
from allcore.inference.segmentation import Candidate, Cut, CutOut
from allcore.model_folder import InstalledModel
from allcore.web import frame, guard
from allcore.web.components import cell_pictures

Point = tuple[float, float]
"""x and y in the picture as it is shown."""
SHOWN = 20
"""Cells that are numbered and can be chosen; a whole field may have many."""

_SIDE = 960  # longest side of the picture that is drawn on, in pixels
_BADGE = 17  # radius of a number in it
_DARK, _LIGHT = "#181522", "#FFFFFF"
_COLUMNS = (3, 2)
_AS_IT_IS, _USUAL = "as it is", "usual"
_ACCEPTED = "cut accepted"
_LIMIT = (
    "The model learned from the cells of one laboratory; how well it answers for pictures of "
    "others, cut out here, was not measured."
)
_STYLE = """<style>
.cut-picture { margin: 0; }
.cut-picture .field { display: grid; place-items: center; overflow: hidden; border-radius: 6px;
  border: 1px solid rgba(128, 128, 128, 0.45); background: #000; }
.cut-picture img { width: 100%; height: 100%; object-fit: contain; display: block; }
.cut-picture .field p { color: #fff; padding: 1rem; margin: 0; text-align: center; }
.cut-picture figcaption { font-size: 0.85rem; line-height: 1.4; padding-top: 0.35rem; }
.cut-picture.noted figcaption { min-height: 4.55em; }
</style>"""


def show_segmentation(rgb: Rgb, model: InstalledModel) -> tuple[Rgb, dict[str, Any]] | None:
    """Offer to cut a cell out of a picture (H, W, 3) whose background is not black.

    The cut stays in the session until another picture comes.

    Returns:
        The cell on black (450, 450, 3) and how it was cut, ``CutOut.facts``; None as long as no cut
        is accepted.
    """
    digest = hashlib.sha256(rgb.tobytes() + repr(rgb.shape).encode()).hexdigest()
    cut = _accepted_cut(digest)
    if cut is None:
        _show_offer(rgb, model, digest)
        return None
    st.markdown(f":material/content_cut: {frame.plain(_sentence(cut))}", width=frame.TEXT_WIDTH)
    st.button("Cut again", icon=":material/undo:", key="cut again", on_click=_undo)
    return cut.rgb, cut.facts


@guard.fragment
def _show_offer(rgb: Rgb, model: InstalledModel, digest: str) -> None:
    """Show the candidate cells and let one be chosen, adjusted and accepted."""
    if _accepted_cut(digest):
        st.rerun()  # the rest of the page has something to answer now
    st.markdown("**The cell is not cut out. Cut it out here?**")
    candidates = _candidates(rgb, digest, nuclei.TOLERANCE)
    if not candidates:
        st.markdown(nuclei.NOTHING, width=frame.TEXT_WIDTH)
        return
    _set_controls(digest, Cut(), anew=False)
    left, adjusted = st.columns(_COLUMNS, gap="large")
    with left:
        picture = st.empty()
        number = _choose_cell(len(candidates), digest)
    with adjusted:
        place = st.empty()
        cut = _adjust(candidates[number], number, model, digest)
        candidates = _candidates(rgb, digest, cut.tolerance)
        try:
            cut_out: CutOut | str = cut.applied(rgb, cells=candidates)
        except BadImage as error:
            cut_out = str(error)
        st.button(
            "Use this cut",
            type="primary",
            icon=":material/content_cut:",
            disabled=isinstance(cut_out, str),
            key="cut use",
            on_click=_accept,
            args=(digest, cut_out),
        )
        st.caption(_LIMIT)
    outlined = _outlined(_small(rgb, digest), candidates[:SHOWN], number)
    count = len(candidates)
    picture.html(_figure(outlined, alt=_alt_text(count, number), caption=_count_text(count)))
    if isinstance(cut_out, str):
        place.html(_figure(cut_out, caption="There is no cut to use.", kind="noted"))
    else:
        cell, alt = Image.fromarray(cut_out.rgb), "The cell, cut out, on black"
        place.html(_figure(cell, alt=alt, caption=_sentence(cut_out), kind="noted"))


def _choose_cell(count: int, digest: str) -> int:
    """Draw the numbers of the cells; give the index of the chosen one."""
    if count == 1:
        return 0
    numbers = list(range(1, min(count, SHOWN) + 1))
    number = st.pills("Which cell", numbers, required=True, key=_key("cell", digest), wrap=True)
    return (number or 1) - 1


def _adjust(cell: Candidate, number: int, model: InstalledModel, digest: str) -> Cut:
    grow = st.slider(
        "Move the outline out or in", *segmentation.GROW, format="%d px", key=_key("grow", digest)
    )
    tolerance = st.slider(
        "Cytoplasm taken in",
        0.0,
        0.95,
        step=0.05,
        key=_key("tolerance", digest),
        help="0 is the nucleus alone; the higher, the paler the cytoplasm that still counts.",
    )
    return Cut(number, int(grow), round(float(tolerance), 2), _choose_scale(cell, model, digest))


def _choose_scale(cell: Candidate, model: InstalledModel, digest: str) -> float:
    """Draw the choice of a size where it is known which one is usual."""
    area = _usual_area(model, f"{model.folder} {model.revision}")
    if area is None:
        return 1.0
    usual = segmentation.usual_scale(cell, area)
    names = {_AS_IT_IS: "As in the picture", _USUAL: f"Usual size ({usual:.3g} times)"}
    chosen = st.segmented_control(
        "Size",
        list(names),
        required=True,
        format_func=names.__getitem__,
        key=_key("size", digest),
        help="The usual size is the median of the cells that the model was tested on, for pictures "
        "of another magnification. It takes away what the cell's size tells: blasts are larger "
        "than normal cells.",
    )
    return usual if chosen == _USUAL else 1.0


def _accepted_cut(digest: str) -> CutOut | None:
    accepted = st.session_state.get(_ACCEPTED)
    return accepted[1] if accepted and accepted[0] == digest else None


def _accept(digest: str, cut_out: CutOut | str) -> None:
    st.session_state[_ACCEPTED] = (digest, cut_out)


def _undo() -> None:
    """Take the cut back; the controls go on from where they were."""
    digest, cut = st.session_state.pop(_ACCEPTED)
    _set_controls(digest, Cut.from_dict(cut.facts))


def _set_controls(digest: str, cut: Cut, *, anew: bool = True) -> None:
    """Bring the controls to a cut; where they are new only, unless ``anew``."""
    values = {
        "cell": cut.candidate + 1,
        "grow": cut.grow,
        "tolerance": cut.tolerance,
        "size": _AS_IT_IS if cut.scale == 1 else _USUAL,
    }
    for name, value in values.items():
        if anew or _key(name, digest) not in st.session_state:
            st.session_state[_key(name, digest)] = value


def _key(name: str, digest: str) -> str:
    """Key of a control; another picture has others, so that it starts from the usual cut."""
    return f"cut {name} {digest[:12]}"


@st.cache_data(max_entries=12, show_spinner=False)
def _candidates(_rgb: Rgb, digest: str, tolerance: float) -> tuple[Candidate, ...]:
    """The cells of a picture, the best first; none where there is nothing like a nucleus."""
    try:
        return segmentation.candidates(_rgb, tolerance=tolerance)
    except BadImage:
        return ()


@st.cache_data(max_entries=4, show_spinner=False)
def _small(_rgb: Rgb, digest: str) -> Image.Image:
    """The picture as it is shown, at most ``_SIDE`` pixels long, small ones enlarged."""
    share = _SIDE / max(_rgb.shape[:2])
    size = (max(1, round(_rgb.shape[1] * share)), max(1, round(_rgb.shape[0] * share)))
    return Image.fromarray(_rgb).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


@st.cache_data(max_entries=4, show_spinner=False)
def _usual_area(_model: InstalledModel, key: str) -> float | None:
    try:
        return segmentation.usual_area(_model.folder)
    except AllScopeError:
        return None


def _outlined(picture: Image.Image, candidates: tuple[Candidate, ...], chosen: int) -> Image.Image:
    """The picture with numbered outlines; the chosen one is drawn last and thickest."""
    canvas = picture.copy()
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(20)
    outlines = [_contour(cell, picture.width / cell.shape[1]) for cell in candidates]
    order = sorted(range(len(candidates)), key=lambda index: index == chosen)
    for index in order:
        wide = 4 if index == chosen else 2
        pen.line(outlines[index], fill=_LIGHT, width=wide + 3, joint="curve")
        pen.line(outlines[index], fill=_DARK, width=wide, joint="curve")
    for index in order if len(candidates) > 1 else ():
        # The number stands on the outline, at the upper right, inside the picture.
        x, y = max(outlines[index], key=lambda point: point[0] - point[1])
        x = min(max(x, _BADGE), canvas.width - _BADGE)
        y = min(max(y, _BADGE), canvas.height - _BADGE)
        fill, ink = (_DARK, _LIGHT) if index == chosen else (_LIGHT, _DARK)
        pen.circle((x, y), _BADGE - 1, fill=fill, outline=ink, width=2)
        pen.text((x, y), str(index + 1), fill=ink, anchor="mm", font=font)
    return canvas


def _contour(cell: Candidate, share: float) -> list[Point]:
    """Points around a cell, at this scale."""
    lines = measure.find_contours(np.pad(cell.patch, 1).astype(np.float32), 0.5)  # type: ignore[no-untyped-call]
    longest = max(lines, key=len)
    top, left = cell.frame[:2]
    every = max(1, len(longest) // 400)
    points = [(float((x + left - 0.5) * share), float((y + top - 0.5) * share)) for y, x in longest]
    return [*points[::every], points[0]]


def _figure(content: Image.Image | str, *, alt: str = "", caption: str, kind: str = "") -> str:
    """A picture, or words, in a frame that has its height before the picture is there, as HTML.

    A frame of the kind ``noted`` has as much room for its caption as the longest one needs.
    """
    if isinstance(content, str):
        inside, (width, height) = f"<p>{html.escape(content)}</p>", (1, 1)
    else:
        address = cell_pictures.data_address(content, "WEBP", quality=90, method=2)
        inside, (width, height) = f'<img alt="{html.escape(alt)}" src="{address}">', content.size
    return (
        f'{_STYLE}<figure class="cut-picture {kind}">'
        f'<div class="field" style="aspect-ratio: {width} / {height}">{inside}</div>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _alt_text(count: int, chosen: int) -> str:
    if count == 1:
        return "The picture with the outline of the one white cell found in it"
    return f"The picture with the outlines of {count} white cells; cell {chosen + 1} is chosen"


def _count_text(count: int) -> str:
    if count > SHOWN:
        return f"{count} possible white cells were found; the {SHOWN} best are numbered."
    return f"{count} possible white cells were found." if count > 1 else "One white cell was found."


def _sentence(cut: CutOut) -> str:
    return f"{cut.note[0].upper()}{cut.note[1:]}."
