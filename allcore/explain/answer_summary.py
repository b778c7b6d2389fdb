"""Summary of a prediction: verdict in words, probability, and how sure it is.

For a cell that the network was trained on, the recorded held-out probability comes first: a network
mostly reproduces the labels that it was trained with.
"""

from dataclasses import asdict, dataclass
from typing import Any

from allcore import formats
from allcore.evaluation.conformal import PredictionSets
from allcore.explain.parts import AugmentedViews, KnownCell, Neighbourhood
from allcore.inference.held_out import TrainingExposure
from allcore.inference.results import REFUSAL_TITLES, GateCheck, Prediction
from allcore.labels import CLASS_NAMES, VERDICT_TITLES, Label, Verdict

_TRAINED_ON = {"cell": "this cell", "subject": "other cells of this subject"}


@dataclass(frozen=True)
class AnswerSummary:
    """The answer to show first, and what it is based on."""

    verdict: Verdict  # of ``probability`` at the threshold, or ``refused``
    probability: float | None  # calibrated, of an ALL blast; None where refused
    threshold: float  # probability from which the verdict is ``all``
    exposure: TrainingExposure = "unknown"  # exposure of the installed network to the cell
    held_out: bool = False  # whether ``probability`` is of a network not trained on the cell
    network: float | None = None  # probability by the installed network
    classes: tuple[Label, ...] = ()  # 95 % prediction set; empty where unknown or without coverage
    check: GateCheck | None = None  # the gate's failed check; None where not refused

    @property
    def refused(self) -> bool:
        """True if there is no answer."""
        return self.probability is None

    @property
    def uncertain(self) -> bool:
        """True if the 95 % prediction set is not the verdict alone."""
        return bool(self.classes) and self.classes != (self.verdict,)

    @property
    def words(self) -> str:
        """The verdict, for people."""
        if self.check:
            return f"{VERDICT_TITLES[self.verdict]}: {REFUSAL_TITLES[self.check]}"
        if self.refused:
            return "No answer"
        if self.uncertain:
            return f"Uncertain: leans {CLASS_NAMES[self.verdict]}"
        return VERDICT_TITLES[self.verdict]

    @property
    def scale_text(self) -> str:
        """The probability and its side of the threshold; empty where refused."""
        if self.probability is None:
            return ""
        side = "at or above" if self.probability >= self.threshold else "below"
        return f"{self.probability:.2f}, {side} the threshold {self.threshold:.2f}"

    @property
    def training_note(self) -> str:
        """What the network's training means for the answer; empty where it was not on the cell."""
        trained_on = _TRAINED_ON.get(self.exposure)
        if trained_on is None:
            return ""
        if not self.held_out:
            return (
                f"The network was trained on {trained_on} and no held-out answer is on record: "
                "take the probability for a memory, not for a test."
            )
        text = f"Held-out answer, by a network that was not trained on {trained_on}."
        if self.network is None:
            return text
        name = CLASS_NAMES["all" if self.network >= self.threshold else "hem"]
        return f"{text} The installed network was, and gives {self.network:.2f} ({name})."

    def certainty(
        self,
        views: AugmentedViews | None = None,
        neighbourhood: Neighbourhood | None = None,
    ) -> str:
        """How sure the answer is, in one line of what is known so far; empty where refused."""
        if self.probability is None:
            return ""
        facts = []
        if views is not None:
            count, blasts = len(views.probabilities), views.blasts(self.threshold)
            same = blasts if self.verdict == "all" else count - blasts
            word = "stable" if same == count else "same verdict"
            facts.append(f"{word} in {same} of {count} views")
        if self.classes:
            names = " or ".join(CLASS_NAMES[name] for name in self.classes)
            facts.append(f"95 % prediction set: {names}")
        near = neighbourhood.accuracy if neighbourhood else None
        if near is not None:
            correct = round(near.accuracy.value * near.cells)
            nearest = formats.count(near.cells, "nearest held-out cell")
            facts.append(f"{correct} of {nearest} correct")
        text = ", ".join(facts)
        return f"{text[0].upper()}{text[1:]}." if text else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes and sentences as JSON types."""
        sentences = {"words": self.words, "training_note": self.training_note}
        return asdict(self) | {"classes": [*self.classes]} | sentences


def summarise(
    prediction: Prediction, known: KnownCell, sets: PredictionSets | None
) -> AnswerSummary:
    """Summarise the prediction of a model.

    Args:
        prediction: by the installed network.
        known: the cell in a data set, and the network's exposure to it.
        sets: the model's thresholds of the prediction sets; None where its folder has too little.
    """
    threshold, network = prediction.threshold, prediction.p_all
    if network is None:
        return AnswerSummary("refused", None, threshold, known.exposure, check=prediction.check)
    held_out = known.trained_on and known.held_out is not None
    probability = known.held_out if held_out and known.held_out is not None else network
    covered = sets is not None and (held_out or not known.trained_on)
    return AnswerSummary(
        verdict="all" if probability >= threshold else "hem",
        probability=probability,
        threshold=threshold,
        exposure=known.exposure,
        held_out=held_out,
        network=network,
        classes=sets.of(probability) if sets is not None and covered else (),
    )
