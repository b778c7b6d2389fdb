"""White cells of whole smear fields, brought to the appearance of a model's training cells.

The fields of one folder, taken for one laboratory's, share a stain map and a magnification, so that
the differences between their cells stay: blasts are larger than normal cells and stain differently.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

import numpy as np

from allcore.data import stain
from allcore.data.cells import Rgb
from allcore.data.images import formats
from allcore.data.stain import Appearance
from allcore.errors import BadImage
from allcore.formats import count
from allcore.inference import field_checks, large_fields, segmentation, upload, white_cells
from allcore.inference.image_sources import Source
from allcore.inference.large_fields import Watch, unwatched
from allcore.inference.segmentation import Cut
from allcore.inference.upload import CellPicture
from allcore.inference.white_cells import Candidate, Point
from allcore.site_profile import SiteProfile

MAX_CELLS = 200
"""Most cells that are answered, best first, of a field or of 25 million pixels of a large one."""
MEASURED = 30
"""Most fields of a folder whose cells are measured."""
LEAST_MONONUCLEAR = 8
"""Mononuclear cells from which stain and size are measured on these alone."""
UNVALIDATED = "other laboratory, not validated"
TRAINING_DIAMETER = 12.0
"""Assumed diameter of the median training cell in micrometres: C-NMC 2019 states no scale."""

Mode = Literal["auto", "always"]
"""Pictures that are read as fields: those whose background is not black, or all."""
Size = Literal["usual", "picture"]
"""Median cell brought to the median area of the training cells, or magnification left."""


def validation_mark(profile: SiteProfile | None) -> str:
    """Mark of what the answer for a cell of a field is worth.

    Every answer takes its mark here when it is made: pages, files and the history store it. Only a
    site profile that was measured on cells of fields says more than that nothing is known.
    """
    return UNVALIDATED if profile is None or not profile.fields else profile.mark


@dataclass(frozen=True)
class Normalisation:
    """Choice of what is normalised in the cells of fields."""

    stain: bool = True
    size: Size = "usual"
    micrometres: float | None = None  # a pixel of the fields; takes the place of ``size``


@dataclass(frozen=True)
class Normaliser:
    """How cells of one folder are brought to the appearance of the training cells."""

    cut: Cut  # stain map and magnification of every cell
    cells: int  # number of cells measured
    fields: int  # number of their fields
    choice: Normalisation = Normalisation()
    mononuclear: bool = False  # whether these cells have one undivided nucleus

    @property
    def sentence(self) -> str:
        """What the stain map and the magnification are measured on, without a full stop."""
        noun = "mononuclear cell" if self.mononuclear else "cell"
        measured = f"by {count(self.cells, noun)} of {count(self.fields, 'field')}"
        has_stain = self.cut.stain is not None
        if self.choice.micrometres:
            size = f"size by {self.choice.micrometres:.4g} micrometres a pixel"
        elif not self.cells or self.choice.size == "picture":
            size = "size as in the picture"
        elif has_stain:
            return f"stain and size {measured}"
        else:
            size = f"size {measured}"
        if has_stain:
            return f"stain {measured}; {size}"
        return f"stain as in the picture; {size}".replace("picture; size as", "picture, size as")

    def chosen(self, choice: Normalisation, target: Appearance | None) -> "Normaliser":
        """Restrict it to a choice; ``target`` is the appearance of the training cells."""
        scale = self.cut.scale if choice.size == "usual" else 1.0
        if choice.micrometres and target:
            pixels = 2 * np.sqrt(target.area / np.pi)
            scale = _scale(choice.micrometres / (TRAINING_DIAMETER / pixels))
        cut = replace(self.cut, scale=scale, stain=self.cut.stain if choice.stain else None)
        return replace(self, cut=cut, choice=choice)


UNCHANGED = Normaliser(Cut(), 0, 0)


@dataclass(frozen=True)
class Fields:
    """How the pictures of a prediction are read as fields."""

    mode: Mode
    normalisers: Mapping[str, Normaliser]  # by folder, see ``folder_of``
    mark: str = UNVALIDATED  # of ``validation_mark``

    def reads(self, picture: CellPicture) -> bool:
        """Whether a picture is read as a field."""
        return self.mode == "always" or picture.is_field

    def normaliser(self, name: str) -> Normaliser:
        """Normaliser of the field of a source."""
        return self.normalisers.get(folder_of(name), UNCHANGED)

    def cells(self, rgb: Rgb, name: str, watch: Watch = unwatched) -> "Iterator[FieldCell]":
        """Cells of the field of a source, see ``cut_cells``."""
        return cut_cells(rgb, self.normaliser(name), self.mark, watch)


@dataclass(frozen=True)
class CellPlace:
    """A white cell in its field, and what was done to it."""

    number: int  # from 1, best first; cells that a person adds come last
    box: tuple[int, int, int, int]  # left, top, right, bottom in pixels of the field
    outline: tuple[Point, ...]
    at_border: bool  # whether a part of the cell may be missing
    cut: dict[str, Any]  # facts of its cut, from which ``Cut.from_dict`` repeats it
    processing: str  # how it was cut out, normalised and marked, without a full stop
    mark: str  # of ``validation_mark``


@dataclass(frozen=True)
class FieldCell:
    """A white cell of a field: its place, and the cell on black."""

    place: CellPlace
    picture: CellPicture | None  # None where it can't be cut out
    refusal: str = ""  # why it can't

    @property
    def number(self) -> int:
        """Number of the cell in its field."""
        return self.place.number


def cells_of_field(
    rgb: Rgb, normaliser: Normaliser = UNCHANGED, mark: str = UNVALIDATED
) -> list[FieldCell]:
    """Cut every white cell out of a field (H, W, 3) uint8, see ``cut_cells``."""
    return list(cut_cells(rgb, normaliser, mark))


def cut_cells(
    rgb: Rgb,
    normaliser: Normaliser = UNCHANGED,
    mark: str = UNVALIDATED,
    watch: Watch = unwatched,
) -> Iterator[FieldCell]:
    """Cut every white cell out of a field (H, W, 3) uint8, one after another.

    ``watch`` is called after each tile of a large field.

    Raises:
        BadImage: the picture shows no smear, or no white cell.
    """
    # Each cell with the candidates that it is one of.
    found: list[tuple[Cut, Sequence[Candidate]]] = []
    with contextlib.suppress(BadImage):
        if is_large(rgb):
            most = MAX_CELLS * -(-rgb.shape[0] * rgb.shape[1] // formats.MAX_PIXELS)
            tiled = large_fields.find(rgb, watch)[:most]
            found = [(Cut(cell.index, tile=cell.tile), cell.found) for cell in tiled]
        else:
            candidates = white_cells.candidates(rgb)[:MAX_CELLS]
            found = [(Cut(index), candidates) for index in range(len(candidates))]
    field_checks.require_smear(rgb, [cells[cut.candidate] for cut, cells in found])
    for number, (cut, cells) in enumerate(found, start=1):
        own = replace(normaliser.cut, candidate=cut.candidate, tile=cut.tile)
        yield cut_cell(rgb, number, own, normaliser, cells, mark)


def is_large(rgb: Rgb) -> bool:
    """Whether a field (H, W, 3) is read in tiles."""
    return formats.is_large(rgb.shape[1], rgb.shape[0])


def cut_cell(
    rgb: Rgb,
    number: int,
    cut: Cut,
    normaliser: Normaliser,
    found: Sequence[Candidate],
    mark: str = UNVALIDATED,
) -> FieldCell:
    """Cut one cell out of a field.

    Args:
        rgb: the field (H, W, 3) uint8.
        number: of the cell.
        cut: its parameters.
        normaliser: that gave the stain map and the magnification of ``cut``.
        found: candidates of the field, or of the tile of ``cut``, with the tolerance of ``cut``;
            unused for a marked cell.
        mark: of ``validation_mark``.

    Raises:
        BadImage: a marked point is outside of the field.
    """
    if cut.point is not None:
        found = (white_cells.candidate_at(rgb, cut.point, tolerance=cut.tolerance),)
    candidate = found[0 if cut.point else cut.candidate]
    done = (normaliser.sentence, mark)
    try:
        result = cut.applied(rgb, cells=found)
    except BadImage as error:  # no pixel left, or larger than a picture of one cell
        outline = white_cells.outline_of(candidate.patch, *candidate.frame[:2])
        place = _place(number, candidate, outline, cut.to_dict(), "", *done)
        return FieldCell(place, None, str(error))
    place = _place(number, candidate, result.outline, result.facts, result.note, *done)
    return FieldCell(place, CellPicture(result.rgb, enlarged=cut.scale))


def _place(
    number: int,
    candidate: Candidate,
    outline: tuple[Point, ...],
    facts: dict[str, Any],
    note: str,
    normalisation: str,
    mark: str,
) -> CellPlace:
    top, left, bottom, right = facts.get("frame", candidate.frame)
    more = {"number": number, "normalisation": normalisation, "mark": mark}
    return CellPlace(
        number=number,
        box=(left, top, right, bottom),
        outline=outline,
        at_border=candidate.at_border,
        cut=facts | more,
        processing="; ".join(part for part in (note, normalisation, mark) if part),
        mark=mark,
    )


@dataclass(frozen=True, eq=False)
class FolderNormalisers(Mapping[str, Normaliser]):
    """Normalisers of the folders of sources, each fitted when it is first needed; thread-safe.

    Attributes:
        sources: pictures of fields or of single cells.
        mode: which of them are read as fields.
        target: appearance of the model's training cells; None leaves stain and size.
        choice: what is normalised.
    """

    sources: Sequence[Source]
    mode: Mode
    target: Appearance | None
    choice: Normalisation = Normalisation()
    _fitted: dict[str, Normaliser] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __getitem__(self, folder: str) -> Normaliser:
        with self._lock:
            if folder not in self._fitted:
                own = [source for source in self.sources if folder_of(source.name) == folder]
                if not own or self.target is None:
                    raise KeyError(folder)
                fitted = fit_normaliser(_fields(_spread(own), self.mode), self.target)
                self._fitted[folder] = fitted.chosen(self.choice, self.target)
            return self._fitted[folder]

    def __iter__(self) -> Iterator[str]:
        folders = dict.fromkeys(folder_of(source.name) for source in self.sources)
        return iter(folders if self.target is not None else ())

    def __len__(self) -> int:
        return len(list(iter(self)))


def measure_fields(
    sources: Iterable[Source],
    mode: Mode,
    target: Appearance | None,
    choice: Normalisation = Normalisation(),
    profile: SiteProfile | None = None,
) -> Fields:
    """Read a few pictures of each folder, and fit how their cells are normalised.

    Args:
        sources: pictures of fields or of single cells.
        mode: which of them are read as fields.
        target: appearance of the model's training cells; None leaves stain and size.
        choice: what is normalised.
        profile: site profile of the answers, which gives their mark.
    """
    normalisers = dict(FolderNormalisers(tuple(sources), mode, target, choice))
    return Fields(mode, normalisers, validation_mark(profile))


def fit_normaliser(fields: Iterable[Rgb], target: Appearance) -> Normaliser:
    """Fit the stain map and the magnification that bring cells of fields to ``target``.

    They are measured on mononuclear cells where there are enough: the training cells have one
    nucleus that fills them, and granulocytes are larger and paler whatever the stain. Cells at the
    border are left out of fields that have others.
    """
    cells = [
        (number, _own_pixels(rgb, cell), cell)
        for number, rgb in enumerate(fields)
        for cell in whole_cells(rgb)
    ]
    if not cells:
        return UNCHANGED
    alike = [found for found in cells if found[2].is_mononuclear]
    mononuclear = len(alike) >= LEAST_MONONUCLEAR
    used = alike if mononuclear else cells
    source = stain.measure_appearance((rgb, cell.patch) for _, rgb, cell in used)
    cut = Cut(
        scale=_scale(float(np.sqrt(target.area / source.area))),
        stain=stain.fit_map(source, target),
    )
    number = len({number for number, _, _ in used})
    return Normaliser(cut, len(used), number, mononuclear=mononuclear)


def folder_of(name: str) -> str:
    """Folder of a source's name, in an archive or outside of one."""
    return str(PurePath(name).parent)


def cell_name(path: str, place: CellPlace | None) -> str:
    """Name of a cell in front of people: the file's, with the number in a field."""
    return path if place is None else f"{path}, cell {place.number}"


def _scale(scale: float) -> float:
    """A magnification to three digits, within the offered range."""
    return float(np.clip(float(f"{scale:.3g}"), *segmentation.SCALES))


def _spread(sources: Sequence[Source]) -> list[Source]:
    """At most ``MEASURED`` sources, evenly spread."""
    places = np.linspace(0, len(sources) - 1, min(MEASURED, len(sources)))
    return [sources[place] for place in places.round().astype(int)]


def _fields(sources: Iterable[Source], mode: Mode) -> Iterator[Rgb]:
    for source in sources:
        try:
            rgb = upload.decode_field(source.read())
        except BadImage:  # its row says so
            continue
        if mode == "always" or CellPicture(rgb).is_field:
            yield rgb


def whole_cells(rgb: Rgb) -> list[Candidate]:
    """White cells of a field, those away from the border where there are any.

    Of a large field they are those of a sample of its parts.
    """
    try:
        if is_large(rgb):
            return list(large_fields.sample_cells(rgb))[:MAX_CELLS]
        found = white_cells.candidates(rgb)[:MAX_CELLS]
    except BadImage:
        return []
    return [cell for cell in found if not cell.at_border] or list(found)


def _own_pixels(rgb: Rgb, cell: Candidate) -> Rgb:
    top, left, bottom, right = cell.frame
    return rgb[top:bottom, left:right].copy()  # keeps no field in memory
