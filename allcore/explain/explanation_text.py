"""The evidence for an answer in sentences, the same on a page, in a file and in a report."""

from typing import TYPE_CHECKING

from allcore import formats
from allcore.evaluation.conformal import PredictionSets
from allcore.explain.neighbours import Nearby, Neighbour
from allcore.explain.views import Learned, Views
from allcore.labels import CLASS_NAMES, Label

if TYPE_CHECKING:
    from allcore.explain.gradcam import Heat  # brings torch, which no sentence needs

_TRUSTED_SHARE = 0.5


def holds_for(sets: PredictionSets) -> str:
    """For which cells a set keeps its promise."""
    if sets.new_subjects:
        return "cells of unseen subjects"
    return "new images of the subjects that the model was trained on"


def of_set(sets: PredictionSets, probability: float) -> str:
    """The classes that can't be ruled out at 95 %."""
    classes = sets.of(probability)
    if len(classes) == 1:
        return f"At 95 % the answer is: {CLASS_NAMES[classes[0]]}."
    return (
        "At 95 % the answer is: can't tell. Both remain possible where the probability is between "
        f"{sets.all_from:.2f} and {sets.hem_up_to:.2f}."
    )


def caution(learned: Learned) -> str:
    """Why a set may not keep its promise for this very cell; empty where nothing is known."""
    if learned == "cell":
        return (
            "The network was trained on this very picture, so it is surer of it than it would be "
            "of a new one: the 95 % do not hold for it."
        )
    if learned == "subject":
        return "The network was trained on cells of this subject: the 95 % do not hold for it."
    return ""


def of_views(found: Views, threshold: float) -> str:
    """Whether turning and mirroring changes the answer."""
    span = (
        f"from {found.probabilities.min():.2f} to {found.probabilities.max():.2f}, "
        f"mean {found.mean:.2f}"
    )
    if found.agree(threshold):
        called: Label = "all" if found.blasts(threshold) else "hem"
        return f"All {len(found.names)} are called {CLASS_NAMES[called]}: {span}."
    return (
        f"{found.blasts(threshold)} of {len(found.names)} are called {CLASS_NAMES['all']}, so the "
        f"answer hangs on how the cell lies: {span} (threshold {threshold:.2f})."
    )


def of_heat(heat: "Heat") -> str:
    """What the share of heat inside the cell says."""
    if not heat.values.any():
        return f"No place in the picture speaks for {CLASS_NAMES[heat.towards]} by itself."
    said = f"{100 * heat.share_in_cell:.0f} % of the heat lies inside the cell."
    if heat.share_in_cell < _TRUSTED_SHARE:
        said += " Most of it lies outside, so the answer rests on something other than the cell."
    return said


def of_neighbours(
    found: tuple[Neighbour, ...], nearby: Nearby | None, *, own_known: bool = True
) -> str:
    """How many neighbours are of the cell's own subject, and how often the model is right there.

    `own_known` tells whether the subject of the cell is known at all.
    """
    own = sum(each.same_subject for each in found)
    said = f"{own} of these {len(found)} are of the cell's own subject."
    if not own_known:
        blasts = sum(each.label == "all" for each in found)
        said = f"{blasts} of these {len(found)} are labelled {CLASS_NAMES['all']}."
    if nearby is None:
        return said
    shares = formats.share(nearby.accuracy.over_cells, nearby.cells)
    whose = ""
    if nearby.subjects is not None:
        of = formats.count(nearby.subjects, "independent subject")
        themselves = f" ({nearby.same_subject} cells of its own)" if own_known else ""
        whose = f", of {of}{themselves}"
    over = nearby.accuracy.over_subjects
    span = f"{100 * over.low:.0f} to {100 * over.high:.0f} %" if over.known else "no interval"
    return (
        f"{said} Among the {nearby.cells} nearest cells with a held-out answer{whose}, {shares} "
        f"are called rightly at this threshold; over subjects: {span}."
    )
