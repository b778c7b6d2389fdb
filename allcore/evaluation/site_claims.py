"""What may be claimed of a model at a laboratory, in sentences, and what not, with the reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from allcore import formats
from allcore.evaluation import metrics
from allcore.evaluation.estimates import Estimate
from allcore.evaluation.intervals import Interval
from allcore.evaluation.model_evaluation import FEW_SUBJECTS, ClassCount
from allcore.evaluation.sample_size import MOST, NeededSize

_CHANCE = 0.5
_CELLS = {"sensitivity": "ALL blasts", "specificity": "normal cells"}
_SUBJECTS = {"sensitivity": "ALL", "specificity": "normal"}
_FIELDS = (
    "A field's label counts for all of its white cells, though a field of a patient with ALL shows "
    "normal cells too: sensitivity is of cells of such fields, not of blasts alone."
)
_OWN = (
    "These cells are of the model's own data set, each answered by a network that was not trained "
    "on its subject: the figures say nothing about another laboratory."
)
_ALWAYS = (
    "Nothing is claimed about the diagnosis of a person, about cells that are stained, "
    "photographed or cut out otherwise, or about predictive values where the share of blasts is "
    "another."
)


@dataclass(frozen=True)
class SiteFacts:
    """What the sentences are derived from."""

    cells: int
    accepted: Interval  # share that the gate accepts
    unknown_subjects: int  # number of cells of unknown subject
    blast: ClassCount  # of the accepted cells
    normal: ClassCount
    shipped: Mapping[str, Estimate]  # by name, as the model ships
    site: Mapping[str, Estimate]  # cross-fitted for this laboratory
    needed: tuple[NeededSize, ...]
    own: bool  # whether the cells are of the model's own data set
    new_subjects: bool  # whether no network was trained on a subject that it answers
    fields: bool  # whether the cells were cut out of smear fields
    left_out: int  # images without a network that never saw them


@dataclass(frozen=True)
class SiteVerdict:
    """Sentences of a validation."""

    nothing: str  # why nothing can be claimed; empty where something can
    claims: tuple[str, ...]  # empty where nothing can be claimed
    limits: tuple[str, ...]  # what can't be claimed

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        return self.nothing or self.claims[0]


def judge(facts: SiteFacts) -> SiteVerdict:
    """Derive the sentences of a validation."""
    nothing = _why_nothing(facts)
    claims = () if nothing else tuple(_claims(facts))
    return SiteVerdict(nothing, claims, tuple(_limits(facts, claimed=not nothing)))


def _why_nothing(facts: SiteFacts) -> str:
    blast, normal = facts.blast, facts.normal
    if not blast.cells + normal.cells:
        cells = formats.count(facts.cells, "cell")
        return f"Nothing can be claimed: the gate refuses all of the {cells}."
    if not blast.cells or not normal.cells:
        only = "normal cells" if normal.cells else "ALL blasts"
        return f"Nothing can be claimed: the accepted cells are {only} only; add the other class."
    if blast.subjects is None or normal.subjects is None:
        return (
            f"Nothing can be claimed of new subjects: the subject of {facts.unknown_subjects:,} of "
            f"{formats.count(facts.cells, 'cell')} is unknown; name the subjects in a manifest.csv "
            "with the columns path, label and subject."
        )
    if min(blast.subjects, normal.subjects) < FEW_SUBJECTS:
        return (
            f"Nothing can be claimed: {formats.count(blast.subjects + normal.subjects, 'subject')} "
            f"({blast.subjects} with ALL blasts, {normal.subjects} with normal cells), where "
            f"{FEW_SUBJECTS} of each class are the least."
        )
    if not facts.new_subjects:
        return (
            "Nothing can be claimed of new subjects: the model was trained on other cells of these "
            "subjects, or theirs are unknown."
        )
    area = facts.shipped["auroc"].over_subjects
    if not area.known or area.low <= _CHANCE:
        return (
            "Nothing can be claimed: it is not shown that the model tells ALL blasts from normal "
            f"cells here, since its AUROC of {formats.estimate(area)} may be that of chance, 0.5."
        )
    return ""


def _claims(facts: SiteFacts) -> Iterator[str]:
    subjects = (facts.blast.subjects or 0) + (facts.normal.subjects or 0)
    site = facts.site
    yield (
        "Of cells of new subjects, stained, photographed and cut out as here, the model with this "
        f"laboratory's threshold finds {_percent(site['sensitivity'])} of the ALL blasts and "
        f"{_percent(site['specificity'])} of the normal cells (95 % intervals over "
        f"{formats.count(subjects, 'subject')})."
    )
    yield (
        f"It ranks a blast above a normal cell in {_percent(facts.shipped['auroc'])} of the pairs "
        "(AUROC)."
    )
    yield f"The gate accepts {_share(facts.accepted)} of the cells."
    before, after = facts.shipped["ece"].value, site["ece"].value
    yield (
        f"Its probabilities are off by {100 * after:.1f} percentage points on average with this "
        f"laboratory's calibration, by {100 * before:.1f} without."
    )


def _limits(facts: SiteFacts, *, claimed: bool) -> Iterator[str]:
    refused = facts.cells - facts.blast.cells - facts.normal.cells
    if refused:
        verb = "is" if refused == 1 else "are"
        yield f"{formats.count(refused, 'cell')} {verb} refused: the figures say nothing of these."
    for size in facts.needed:
        estimate = (facts.site or facts.shipped)[size.figure].over_subjects
        if not estimate.known or estimate.high - estimate.low > size.width:
            yield _too_wide(size, estimate)
    if facts.own:
        yield _OWN
    if facts.left_out:
        images = formats.count(facts.left_out, "image")
        yield f"{images} that every network was trained on, or that may be: left out."
    if facts.fields:
        yield _FIELDS
    if claimed:
        yield _ALWAYS


def _too_wide(size: NeededSize, interval: Interval) -> str:
    title = metrics.TITLES[size.figure]
    start = f"{title} has no interval"
    if interval.known:
        start = f"{title} is only known to lie in {formats.bounds(interval)}"
    if size.subjects >= MOST:
        return f"{start}: an interval {size.width:g} wide takes more than {MOST:,} subjects."
    effect = "" if size.design_effect is None else f", design effect {size.design_effect:.0f}"
    return (
        f"{start}: an interval {size.width:g} wide takes about {size.subjects:,} "
        f"{_SUBJECTS[size.figure]} subjects with {size.cells:,} {_CELLS[size.figure]}, as many a "
        f"subject as here{effect}."
    )


def _percent(estimate: Estimate) -> str:
    return _share(estimate.over_subjects)


def _share(interval: Interval) -> str:
    bounds = "no interval"
    if interval.known:
        bounds = f"{100 * interval.low:.0f} to {100 * interval.high:.0f}"
    return f"{100 * interval.value:.0f} % ({bounds})"
