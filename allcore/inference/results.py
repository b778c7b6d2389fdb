"""Results of a prediction: for Python as frozen objects, for files as rows of a table."""

from dataclasses import asdict, astuple, dataclass, fields
from typing import Any, Literal

from allcore.labels import VERDICT_TITLES, Verdict

GateCheck = Literal["readable", "cell", "whole", "exposed", "focused", "known"]
"""The gate's checks in order; the first failed check refuses an image."""
REFUSAL_TITLES: dict[GateCheck, str] = {
    "readable": "not readable",
    "cell": "not one cell on black",
    "whole": "not a whole cell at its scale",
    "exposed": "badly exposed",
    "focused": "out of focus",
    "known": "unlike what the model knows",
}
"""Title of a refusal by each check."""
STORED_NAMES = {"check": "rung", "ood_score": "strangeness"}
"""Names of attributes in reports, tables and databases, where they differ from those in Python."""


@dataclass(frozen=True)
class Reading:
    """Output of the network for one cell."""

    logit: float  # log-odds of an ALL blast before calibration
    ood_score: float | None = None  # as of `Prediction`; None where the model has no gate


@dataclass(frozen=True)
class Refusal:
    """Refusal of an image: the failed check, and one sentence."""

    check: GateCheck
    reason: str


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image."""

    verdict: Verdict  # ``all`` (ALL blast), ``hem`` (normal) or ``refused``
    p_all: float | None  # calibrated probability of an ALL blast; None where refused
    logit: float | None  # log-odds before calibration; None where refused
    threshold: float  # probability from which the verdict is ``all``
    reason: str = ""  # reason of a refusal, one sentence; empty where not refused
    check: GateCheck | None = None  # the gate's failed check; None where not refused
    # probability of an ALL blast of a refused image on which the network can run; to be shown only
    # on demand, and marked
    withheld: float | None = None
    # distance to the training cells over the largest accepted one; above 1 is refused; None where
    # it was not computed
    ood_score: float | None = None

    @property
    def words(self) -> str:
        """Verdict as display text, with the failed check of a refusal."""
        title = VERDICT_TITLES[self.verdict]
        return f"{title}: {REFUSAL_TITLES[self.check]}" if self.check else title

    def to_stored(self) -> dict[str, Any]:
        """Return the attributes by their names in reports and databases."""
        return {STORED_NAMES.get(name, name): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class PredictedRow:
    """One row of a table of predictions; the attributes are its columns, in order.

    ``sha256`` is of the file's bytes, empty where these could not be read; ``model_sha256`` is of
    the weights.
    """

    path: str
    sha256: str
    verdict: Verdict
    p_all: float | None
    threshold: float
    reason: str
    model: str
    model_sha256: str

    def values(self) -> tuple[str | float | None, ...]:
        """Values of the row in the order of COLUMNS."""
        return astuple(self)


COLUMNS = tuple(field.name for field in fields(PredictedRow))
