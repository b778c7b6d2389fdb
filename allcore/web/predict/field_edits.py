"""Corrections of the cells of smear fields, kept in the session, and the answers that follow."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import streamlit as st

from allcore import formats
from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.inference import jobs, smear, upload, white_cells
from allcore.inference.image_sources import Source
from allcore.inference.jobs import PredictedPicture, PredictionJob
from allcore.inference.nuclei import TOLERANCE
from allcore.inference.predictor import Predictor
from allcore.inference.segmentation import Cut
from allcore.inference.smear import FieldCell, Fields, Normalisation, Normaliser
from allcore.inference.upload import CellPicture
from allcore.inference.white_cells import Candidate, Point, Tile

_EDITS, _CHOICE = "field edits", "field choice"


@dataclass(frozen=True)
class Outline:
    """A corrected outline of a cell."""

    grow: int = 0  # pixels of the field
    tolerance: float = TOLERANCE  # for cytoplasm, 0 to 1


@dataclass(frozen=True)
class FieldEdits:
    """What a person changed in the cells of a field."""

    outlines: Mapping[int, Outline] = field(default_factory=dict)  # by number of the cell
    dismissed: frozenset[int] = frozenset()
    added: tuple[Point, ...] = ()  # their numbers follow those of the cells that were found

    @property
    def sentence(self) -> str:
        """What was changed, without a full stop; empty for nothing."""
        changed = sum(outline != Outline() for outline in self.outlines.values())
        parts = (
            (changed, "outline", "corrected"),
            (len(self.dismissed), "cell", "dismissed"),
            (len(self.added), "cell", "added by hand"),
        )
        return ", ".join(f"{formats.count(n, noun)} {word}" for n, noun, word in parts if n)

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as JSON types."""
        outlines = {str(number): asdict(outline) for number, outline in self.outlines.items()}
        added = [list(point) for point in self.added]
        return {"outlines": outlines, "dismissed": sorted(self.dismissed), "added": added}


def choice(default: Normalisation | None = None) -> Normalisation:
    """What is normalised in the fields of this session; a new session takes the default."""
    chosen: Normalisation = st.session_state.setdefault(_CHOICE, default or Normalisation())
    return chosen


def choose(chosen: Normalisation) -> None:
    """Normalise other things from the next run on."""
    st.session_state[_CHOICE] = chosen


def edits_of(sha256: str) -> FieldEdits:
    """The corrections of the field with this digest."""
    edits: FieldEdits = st.session_state.get(_EDITS, {}).get(sha256, FieldEdits())
    return edits


def set_outline(sha256: str, number: int, outline: Outline) -> None:
    """Correct the outline of a cell."""
    edits = edits_of(sha256)
    _store(sha256, replace(edits, outlines={**edits.outlines, number: outline}))


def dismiss(sha256: str, number: int) -> None:
    """Leave a cell out of the results."""
    edits = edits_of(sha256)
    _store(sha256, replace(edits, dismissed=edits.dismissed | {number}))


def restore(sha256: str, number: int) -> None:
    """Take a dismissed cell back into the results."""
    edits = edits_of(sha256)
    _store(sha256, replace(edits, dismissed=edits.dismissed - {number}))


def add(sha256: str, point: Point) -> None:
    """Mark a cell that was not found."""
    edits = edits_of(sha256)
    if point not in edits.added:
        _store(sha256, replace(edits, added=(*edits.added, point)))


def reset(sha256: str) -> None:
    """Undo all corrections of a field."""
    _store(sha256, FieldEdits())


def is_dismissed(item: PredictedPicture) -> bool:
    """Whether a cell is left out of the results."""
    return item.place is not None and item.place.number in edits_of(item.row.sha256).dismissed


def edited(job: PredictionJob, predictor: Predictor) -> list[PredictedPicture]:
    """Predictions of a job with the session's corrections, dismissed cells included."""
    items = job.items
    if not st.session_state.get(_EDITS):
        return items
    counts = Counter(item.row.sha256 for item in items if item.place)
    result: list[PredictedPicture] = []
    for at, item in enumerate(items):
        sha256 = item.row.sha256
        edits = edits_of(sha256)
        own = None if item.place is None else edits.outlines.get(item.place.number)
        if own is not None and own != Outline() and item.place:
            cut = Cut.from_dict(item.place.cut)
            result.append(_predicted(job, predictor, item, item.place.number, cut, own))
        elif item.place or not edits.added:
            result.append(item)
        is_last = at + 1 == len(items) or items[at + 1].source is not item.source
        for place, point in enumerate(edits.added if is_last else ()):
            number = counts[sha256] + place + 1
            outline = edits.outlines.get(number, Outline())
            result.append(_predicted(job, predictor, item, number, Cut(point=point), outline))
    return result


def decoded(item: PredictedPicture) -> Rgb | None:
    """The picture of an item (H, W, 3), of a cell its field; None where it can't be decoded."""
    try:
        read = item.source.read
        return upload.PICTURES.get(item.row.sha256, lambda: upload.decode_field(read())).rgb
    except BadImage:
        return None


def cell_of(item: PredictedPicture, rgb: Rgb) -> CellPicture | None:
    """The cell of an item on black, cut out of its field (H, W, 3); None where it can't be cut."""
    if item.place is None:
        return None
    try:
        cut = Cut.from_dict(item.place.cut)
        found = () if cut.point else candidates(rgb, item.row.sha256, cut.tolerance, cut.tile)
        return upload.PICTURES.get(
            item.digest, lambda: cut.applied(rgb, cells=found).rgb, enlarged=cut.scale
        )
    except BadImage:
        return None


@st.cache_data(max_entries=12, show_spinner=False)
def candidates(
    _rgb: Rgb, sha256: str, tolerance: float, tile: Tile | None
) -> tuple[Candidate, ...]:
    """The white cells of a field or a tile of it; none where there is nothing like a nucleus."""
    try:
        return white_cells.candidates(_rgb, tolerance=tolerance, tile=tile)
    except BadImage:
        return ()


def _store(sha256: str, edits: FieldEdits) -> None:
    st.session_state[_EDITS] = {**st.session_state.get(_EDITS, {}), sha256: edits}


def _predicted(
    job: PredictionJob,
    predictor: Predictor,
    item: PredictedPicture,
    number: int,
    cut: Cut,
    outline: Outline,
) -> PredictedPicture:
    """The answer for a cell of an item's field, with a corrected outline."""
    fields = job.fields or Fields("auto", {})
    normaliser = fields.normaliser(item.row.path)
    cut = replace(
        cut,
        grow=outline.grow,
        tolerance=outline.tolerance,
        scale=normaliser.cut.scale,
        stain=normaliser.cut.stain,
    )
    made_by = f"{predictor.info.weights_sha256} {predictor.profile and predictor.profile.digest}"
    key = f"{made_by} {item.row.sha256} {number} {cut} {normaliser.sentence}"
    return _answer(
        predictor, item.source, item.row.sha256, number, cut, normaliser, fields.mark, key
    )


@st.cache_resource(max_entries=500, show_spinner=False)
def _answer(
    _predictor: Predictor,
    _source: Source,
    _sha256: str,
    _number: int,
    _cut: Cut,
    _normaliser: Normaliser,
    _mark: str,
    key: str,
) -> PredictedPicture:
    rgb = upload.PICTURES.get(_sha256, lambda: upload.decode_field(_source.read())).rgb
    found: Sequence[Candidate] = ()
    if _cut.point is None:
        found = candidates(rgb, _sha256, _cut.tolerance, _cut.tile)
    cell: FieldCell = smear.cut_cell(rgb, _number, _cut, _normaliser, found, _mark)
    return jobs.predict_cell(_predictor, cell, _source, _sha256)
