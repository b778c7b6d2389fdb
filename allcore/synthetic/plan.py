"""Plan of a synthetic set: subjects, names, traits and planted faults of its cells."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from allcore.synthetic import faults
from allcore.synthetic import targets as synthetic_targets
from allcore.synthetic.cell import CellTraits
from allcore.synthetic.faults import Fault

BLAST_SUBJECTS = 47 / 73  # share of blast subjects among the training subjects of C-NMC 2019
FIRST_SUBJECT = 201  # first subject number; no real C-NMC subject has it
CELLS_SPREAD = 0.6  # deviation of the logarithm of the number of cells a subject
LARGEST_FRINGE = 0.6
LARGEST_DEPARTURE = 2.2
"""Largest deviation of a cell's traits from its subject's, in standard deviations."""
SMALLEST_AREA = 9000.0
CELLS_PER_IMAGE = 3
TEXTBOOK_AREA, TEXTBOOK_STAIN, TEXTBOOK_CLARITY = 3.6, 18.0, 4.0
"""Offsets of textbook cells from their class mean in area and stain, and their chromatin strength.

The area is larger (blast) or smaller (normal) by so many deviations. Red is lower and blue higher
(blast), or the reverse (normal), by so many grey levels. Wrong labels are planted on such cells
only: size and stain of the classes overlap as in real cells, so the wrong label of a typical cell
is not detectable.
"""
TEXTBOOK_SPREAD = 0.25  # share of a textbook cell's own deviation in area that is preserved


APART_AREA, APART_BRIGHTNESS = 0.35, 0.035
"""Offset of every cell from its class mean: blasts are larger by so many deviations, and darker by
this share; normal cells the reverse. Without it no classifier of real cells tells the classes of
drawn ones apart, and a demonstration has hardly a right answer."""


@dataclass(frozen=True)
class PlannedCell:
    """One cell of the set."""

    number: int  # its position in the set; it seeds the cell's random numbers, with the set's seed
    subject: str
    label: str  # recorded label, ``all`` or ``hem``
    traits: CellTraits  # target traits; ``traits.label`` is the true label
    name: str = ""  # ``UID_<subject>_<image>_<cell>_<label>``
    fault: Fault | None = None
    partner: int | None = None  # number of the original of a copy


@dataclass(frozen=True)
class _Subject:
    name: str
    label: str
    departure: np.ndarray
    fringe: tuple[float, float]


def plan(*, cells: int, subjects: int, random: np.random.Generator) -> list[PlannedCell]:
    """Return the entries of a set; copies follow their originals."""
    people = _people(subjects, random)
    counts = {fault: max(1, round(fault.share * cells)) for fault in faults.FAULTS}
    copies = sum(count for fault, count in counts.items() if fault.copies)
    entries = _originals(people, cells - copies, random)
    victims = iter(random.permutation(len(entries)))
    for fault, count in counts.items():
        for victim in (int(next(victims)) for _ in range(count)):
            if fault.copies:
                entries.append(_copy(entries[victim], len(entries), fault, people, random))
            else:
                entries[victim] = _spoiled(entries[victim], fault, people, random)
    return _named(entries, random)


def _people(subjects: int, random: np.random.Generator) -> list[_Subject]:
    """Subjects whose traits match the mean and deviation of real subjects exactly."""
    people: list[_Subject] = []
    blasts = round(BLAST_SUBJECTS * subjects)
    for label, count, prefix in (("all", blasts, ""), ("hem", subjects - blasts, "H")):
        drawn = random.standard_normal((count, len(synthetic_targets.TRAITS)))
        drawn = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0, ddof=1)
        departures = drawn @ _root(synthetic_targets.load().classes[label].between).T
        fringes = random.uniform(-LARGEST_FRINGE, LARGEST_FRINGE, (count, 2))
        people += [
            _Subject(f"{prefix}{FIRST_SUBJECT + n}", label, departures[n], tuple(fringes[n]))
            for n in range(count)
        ]
    return people


def _originals(
    people: list[_Subject], count: int, random: np.random.Generator
) -> list[PlannedCell]:
    weights = random.lognormal(0, CELLS_SPREAD, len(people))
    numbers = 1 + random.multinomial(count - len(people), weights / weights.sum())
    owners = [person for person, number in zip(people, numbers, strict=True) for _ in range(number)]
    return [
        PlannedCell(number, person.name, person.label, _draw_traits(person, person.label, random))
        for number, person in enumerate(owners)
    ]


def _draw_traits(person: _Subject, label: str, random: np.random.Generator) -> CellTraits:
    targets = synthetic_targets.load().classes[label]
    drawn = np.clip(
        random.standard_normal(len(targets.mean)), -LARGEST_DEPARTURE, LARGEST_DEPARTURE
    )
    traits = targets.mean + person.departure + _root(targets.within) @ drawn
    sign = 1 if label == "all" else -1
    place = synthetic_targets.TRAITS.index("area")
    variance = targets.between[place, place] + targets.within[place, place]
    traits[place] += sign * APART_AREA * np.sqrt(variance)
    values = synthetic_targets.values_of(traits)
    for name in ("red", "green", "blue"):
        values[name] *= 1 - sign * APART_BRIGHTNESS
    values["area"] = max(values["area"], SMALLEST_AREA)
    values["elongation"] = max(values["elongation"], 1.02)
    return CellTraits(label, values, person.fringe)


def _copy(
    original: PlannedCell,
    number: int,
    fault: Fault,
    people: list[_Subject],
    random: np.random.Generator,
) -> PlannedCell:
    subject = original.subject
    if fault.other_subject:
        names = [p.name for p in people if p.label == original.label and p.name != subject]
        subject = str(random.choice(names))
    return replace(original, number=number, subject=subject, fault=fault, partner=original.number)


def _spoiled(
    entry: PlannedCell, fault: Fault, people: list[_Subject], random: np.random.Generator
) -> PlannedCell:
    if fault is not faults.WRONG_LABEL:
        return replace(entry, fault=fault)
    truth = "hem" if entry.label == "all" else "all"
    person = next(person for person in people if person.name == entry.subject)
    return replace(entry, fault=fault, traits=_textbook(_draw_traits(person, truth, random)))


def _textbook(traits: CellTraits) -> CellTraits:
    """Traits of a cell with typical size, stain and chromatin of its class."""
    targets = synthetic_targets.load().classes[traits.label]
    place = synthetic_targets.TRAITS.index("area")
    mean = targets.mean[place]
    deviation = np.sqrt(targets.between[place, place] + targets.within[place, place])
    own = TEXTBOOK_SPREAD * (traits.values["area"] - mean) / deviation
    sign = 1 if traits.label == "all" else -1
    values = traits.values | {
        "area": max(float(mean + (sign * TEXTBOOK_AREA + own) * deviation), SMALLEST_AREA),
        "red": traits.values["red"] - sign * TEXTBOOK_STAIN,
        "blue": traits.values["blue"] + sign * TEXTBOOK_STAIN,
    }
    return replace(traits, values=values, clarity=TEXTBOOK_CLARITY)


def _named(entries: list[PlannedCell], random: np.random.Generator) -> list[PlannedCell]:
    """Number a subject's cells in random order, so that the name of a copy does not reveal it."""
    counts, named = Counter[str](), list(entries)
    for place in random.permutation(len(entries)):
        entry = entries[place]
        image, cell = divmod(counts[entry.subject], CELLS_PER_IMAGE)
        counts[entry.subject] += 1
        name = f"UID_{entry.subject}_{image + 1}_{cell + 1}_{entry.label}"
        named[place] = replace(entry, name=name)
    return named


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return a square root of a covariance matrix, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
