"""A smear field on a page: its outlines at the left, the chosen cell and all cuts at the right."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import formats
from allcore.data.cells import Rgb
from allcore.explain.answer_summary import AnswerSummary
from allcore.inference import segmentation, smear
from allcore.inference.jobs import PredictedPicture
from allcore.inference.smear import TRAINING_DIAMETER, CellPlace, Normalisation
from allcore.web import frame
from allcore.web.components import field_picture, picker, verdict_block
from allcore.web.components.field_picture import OutlinedCell
from allcore.web.components.picker import Card
from allcore.web.predict import batch, field_edits, field_window
from allcore.web.predict.field_edits import Outline
from allcore.web.predict.field_window import FieldWindow

_COLUMNS = (1, 1)
_TALL = 420  # pixels of the gallery
_SIZES = {
    "usual": "Usual size",
    "picture": "As in the picture",
    "micrometres": "Micrometres a pixel",
}
_SIZE_HELP = (
    "Usual size brings the median white cell to the median area of the training cells; that hides "
    "whether all cells of a subject are large. Micrometres a pixel takes the median training cell "
    f"as {TRAINING_DIAMETER:.0f} µm wide, an assumption: C-NMC 2019 states no scale."
)
_STAIN_HELP = (
    "One map for all fields of a folder brings the mean and the covariance of the cells' optical "
    "densities to those of the training cells."
)
_MICROMETRES = 0.1  # a pixel; where the control starts


class FieldAnswers(NamedTuple):
    """A field and the answers for its cells."""

    rgb: Rgb  # (H, W, 3)
    sha256: str  # of its file
    items: Sequence[PredictedPicture]  # cells in the results
    summaries: Sequence[AnswerSummary]  # of ``items``
    dismissed: Sequence[PredictedPicture]


class FieldPlaces(NamedTuple):
    """The chosen cell of a field, and the places of what belongs to it."""

    chosen: int | None  # place among the cells in the results
    detail: DeltaGenerator
    evidence: DeltaGenerator
    exports: DeltaGenerator


def show_field(field: FieldAnswers, *, exported: bool = True) -> FieldPlaces:
    """Draw a field with its cells; the caller draws the chosen one into its place.

    The exports of a field of a batch stand with those of the batch, so it is not ``exported``.
    """
    marks = sorted({place.mark for place in _places(field.items) if place.mark})
    exports: DeltaGenerator = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(headline(field.summaries), anchor=False, width="content")
        if marks:
            with st.container(key="smear_mark", width="content"):
                st.html(verdict_block.mark_html(", ".join(marks)), width="content")
        if exported:
            exports = st.popover("Export", icon=":material/download:")
    _show_facts(field)
    left, right = st.columns(_COLUMNS, gap="large")
    number = _chosen(field)
    with left:
        _show_picture(field, number)
        _show_tools(field)
    with right:
        # The keys are of places whose size the page's head reserves.
        detail = st.container(key=None if number is None else "smear_detail")
        if number is not None:
            _show_corrections(field, number)
        _show_gallery(field, number)
    numbers = [place.number for place in _places(field.items)]
    chosen = numbers.index(number) if number in numbers else None
    return FieldPlaces(chosen, detail, st.container(), exports)


def headline(summaries: Sequence[AnswerSummary]) -> str:
    """How many white cells got which answer."""
    return batch.counts(summaries, noun="white cell") if summaries else "No white cell"


def normalisation_sentence(items: Sequence[PredictedPicture]) -> str:
    """How the cells of fields were normalised and corrected, for exports; empty without cells."""
    places = _places(items)
    done = sorted({str(place.cut["normalisation"]) for place in places})
    digests = dict.fromkeys(item.row.sha256 for item in items if item.place)
    changes = [text for sha256 in digests if (text := field_edits.edits_of(sha256).sentence)]
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in (*done, *changes))


def _places(items: Sequence[PredictedPicture]) -> list[CellPlace]:
    return [item.place for item in items if item.place is not None]


def _show_facts(field: FieldAnswers) -> None:
    places = _places(field.items)
    facts = [normalisation_sentence(field.items)]
    if border := sum(place.at_border for place in places):
        text = formats.count(border, "cell")
        facts.append(f"{text} at the border of the picture may be cut off, drawn with dashes.")
    checks = {one.check for one in field.summaries}
    if checks == {"focused"}:
        facts.append("Every cell of the field is out of focus: photograph the field again.")
    if any(facts):
        st.caption(frame.plain(" ".join(facts)), width=frame.TEXT_WIDTH)


def _chosen(field: FieldAnswers) -> int | None:
    """Number of the chosen cell, by default the first with an answer; None without cells."""
    numbers = [place.number for place in _places((*field.items, *field.dismissed))]
    key = _key("chosen", field.sha256)
    if st.session_state.get(key) in numbers:
        return cast(int, st.session_state[key])
    answered = [
        place.number
        for place, one in zip(_places(field.items), field.summaries, strict=True)
        if not one.refused
    ]
    st.session_state[key] = next(iter([*answered, *numbers]), None)
    return cast(int | None, st.session_state[key])


def _choose(field: FieldAnswers, number: int) -> None:
    st.session_state[_key("chosen", field.sha256)] = number
    st.rerun()


def _key(name: str, sha256: str) -> str:
    return f"field {name} {sha256[:12]}"


def _show_picture(field: FieldAnswers, number: int | None) -> None:
    adding = bool(st.session_state.get(_key("adding", field.sha256)))
    answers = zip(field.items, field.summaries, strict=True)
    cells = [
        _outlined(item.place, "refused" if one.refused else one.verdict, _words(one))
        for item, one in answers
        if item.place
    ]
    cells += [_outlined(place, "dismissed", "dismissed") for place in _places(field.dismissed)]
    places = [*_places(field.items), *_places(field.dismissed)]
    window = _window(field, number)
    key = _key("picture", field.sha256)
    shown = cells
    if smear.is_large(field.rgb):
        shown = [cell for cell, own in zip(cells, places, strict=True) if window.holds(own)]
        near = field_window.show_overview(field.rgb, cells, places, window, key=f"{key} overview")
        if near is not None and near != number:
            _choose(field, near)
        key += f" {window.left} {window.top}"
    clicked = field_picture.show_field_picture(
        window.cut(field.rgb),
        [window.inside(cell) for cell in sorted(shown, key=lambda cell: cell.number)],
        key=key,
        alt=f"The field with the outlines of {formats.count(len(shown), 'white cell')}",
        current=number,
        adding=adding,
    )
    point = clicked.point and window.outside(clicked.point)
    if point and point not in field_edits.edits_of(field.sha256).added:
        field_edits.add(field.sha256, point)
        _choose(field, len(cells) + 1)
    if clicked.opened is not None and clicked.opened != number:
        _choose(field, clicked.opened)


def _window(field: FieldAnswers, number: int | None) -> FieldWindow:
    """The part of the field that is shown, around the cell of a number."""
    places = (*_places(field.items), *_places(field.dismissed))
    chosen = next((place for place in places if place.number == number), None)
    return field_window.window_of(field.rgb, chosen, key=_key("window", field.sha256))


def _outlined(
    place: CellPlace, kind: Literal["all", "hem", "refused", "dismissed"], words: str
) -> OutlinedCell:
    return OutlinedCell(place.number, place.outline, kind, words, place.at_border)


def _words(one: AnswerSummary) -> str:
    return one.words if one.probability is None else f"{one.words}, {one.probability:.2f}"


def _show_tools(field: FieldAnswers) -> None:
    sha256 = field.sha256
    edits = field_edits.edits_of(sha256)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(
            "Add a cell by a click", key=_key("adding", sha256),
            help="A click into the picture marks a white cell that was not found.",
        )  # fmt: skip
        with st.popover("Normalisation", icon=":material/tune:"):
            _choose_normalisation()
        if edits.sentence:
            st.button(
                "Undo all corrections", type="tertiary", icon=":material/undo:",
                key=_key("reset", sha256), on_click=_reset, args=(sha256,),
            )  # fmt: skip


def _reset(sha256: str) -> None:
    field_edits.reset(sha256)
    prefix = _key("slider", sha256)
    for key in [key for key in st.session_state if str(key).startswith(prefix)]:
        del st.session_state[key]


def _choose_normalisation() -> None:
    """Draw what is normalised; another choice answers all fields again."""
    now = field_edits.choice()
    stain = st.toggle("Stain map", value=now.stain, help=_STAIN_HELP, key="field stain")
    size = st.segmented_control(
        "Magnification",
        list(_SIZES),
        default="micrometres" if now.micrometres else now.size,
        required=True,
        format_func=_SIZES.__getitem__,
        help=_SIZE_HELP,
        key="field size",
    )
    micrometres = None
    if size == "micrometres":
        value = now.micrometres or _MICROMETRES
        micrometres = st.number_input(
            "Micrometres a pixel of the field", 0.01, 2.0, value, 0.01, format="%.3f",
            key="field micrometres",
        )  # fmt: skip
    wanted = Normalisation(bool(stain), "picture" if size == "picture" else "usual", micrometres)
    if wanted != now and st.button("Answer again", type="primary", key="field again"):
        field_edits.choose(wanted)
        st.rerun()


def _show_corrections(field: FieldAnswers, number: int) -> None:
    """Draw the controls of the chosen cell's outline."""
    sha256, edits = field.sha256, field_edits.edits_of(field.sha256)
    if number in edits.dismissed:
        st.markdown(f"Cell {number} is dismissed: it is in no count and no export.")
        st.button(
            "Restore", icon=":material/undo:", key=_key("restore", sha256),
            on_click=field_edits.restore, args=(sha256, number),
        )  # fmt: skip
        return
    own = edits.outlines.get(number, Outline())
    keys = [f"{_key('slider', sha256)} {number} {name}" for name in ("grow", "tolerance")]
    for key, value in zip(keys, (own.grow, own.tolerance), strict=True):
        st.session_state.setdefault(key, value)
    change = (sha256, number, *keys)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider(
            "Move the outline out or in", *segmentation.GROW, format="%d px", key=keys[0],
            width=200, on_change=_correct, args=change,
        )  # fmt: skip
        st.slider(
            "Cytoplasm taken in", 0.0, 0.95, step=0.05, key=keys[1], width=200,
            on_change=_correct, args=change,
            help="0 is the nucleus alone; the higher, the paler the cytoplasm that still counts.",
        )  # fmt: skip
        st.button(
            "Dismiss", icon=":material/close:", key=_key("dismiss", sha256),
            on_click=field_edits.dismiss, args=(sha256, number),
            help="It is no white cell, or not one to count. It can be restored.",
        )  # fmt: skip


def _correct(sha256: str, number: int, grow: str, tolerance: str) -> None:
    state = st.session_state
    outline = Outline(int(state[grow]), round(float(state[tolerance]), 2))
    field_edits.set_outline(sha256, number, outline)


def _show_gallery(field: FieldAnswers, number: int | None) -> None:
    window = _window(field, number)
    shown = [
        (item, item.place, one)
        for item, one in zip(field.items, field.summaries, strict=True)
        if item.place and window.holds(item.place)
    ]
    if not shown:
        return
    cards = [
        Card(
            str(place.number),
            "" if one.refused else one.verdict,
            title=f"{place.number}. {batch.card_title(one)}",
            detail="at the border" if place.at_border else "",
            kind="predicted",
        )
        for _, place, one in shown
    ]
    with st.container(height=_TALL if len(cards) > 8 else "content", border=False):
        opened = picker.show_pictures(
            cards,
            [batch.picture_address(item) for item, _, _ in shown],
            key=_key("gallery", field.sha256),
            current=None if number is None else str(number),
            size=picker.SMALL,
        )
    if opened is not None and int(opened) != number:
        _choose(field, int(opened))


def with_session(cut: dict[str, Any], sha256: str) -> dict[str, Any]:
    """Facts of a cut with the session's choices for its field, for a report."""
    return cut | {
        "field": {
            "normalised": vars(field_edits.choice()),
            "edits": field_edits.edits_of(sha256).to_dict(),
        }
    }
