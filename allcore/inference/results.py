"""What a prediction says, as one frozen object and as one row of a table."""

from dataclasses import astuple, dataclass, fields
from typing import Literal

from allcore.labels import VERDICT_TITLES, Verdict

Rung = Literal["readable", "cell", "whole", "exposed", "focused", "known"]
"""The gate's rungs in their order; a picture is refused by the first one that it does not pass."""
REFUSED: dict[Rung, str] = {
    "readable": "not readable",
    "cell": "not one cell on black",
    "whole": "not a whole cell at its scale",
    "exposed": "badly exposed",
    "focused": "out of focus",
    "known": "unlike what the model knows",
}
"""What each rung says of what it refuses."""


@dataclass(frozen=True)
class Reading:
    """What a pass through the network gives for one cell: log-odds, and how strange it looks.

    ``strangeness`` is that of `Prediction`; None where the model has no gate.
    """

    logit: float
    strangeness: float | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a picture is not answered: the rung that it did not pass, and one sentence."""

    rung: Rung
    reason: str


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture.

    Attributes:
        verdict: ``all`` (ALL blast), ``hem`` (normal) or ``refused``.
        p_all: calibrated probability of an ALL blast; None where refused.
        logit: log-odds before calibration; None where refused.
        threshold: probability from which the verdict is ``all``.
        reason: why it was refused, one sentence; empty where it was answered.
        rung: which rung of the gate refused it; None where it was answered.
        withheld: probability of an ALL blast of a refused picture that shows something the network
            can be run on; to be shown only to who asks for it, and marked.
        strangeness: distance to what the model knows over the largest that is let through, so that
            more than 1 is refused; None where it was not measured.
    """

    verdict: Verdict
    p_all: float | None
    logit: float | None
    threshold: float
    reason: str = ""
    rung: Rung | None = None
    withheld: float | None = None
    strangeness: float | None = None

    @property
    def words(self) -> str:
        """The verdict as people read it; of a refusal also the rung that refused."""
        said = VERDICT_TITLES[self.verdict]
        return f"{said}: {REFUSED[self.rung]}" if self.rung else said


@dataclass(frozen=True)
class Row:
    """One line of a table of predictions; the fields are its columns, in this order.

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
        """The cells of the line in the order of COLUMNS."""
        return astuple(self)


COLUMNS = tuple(field.name for field in fields(Row))
