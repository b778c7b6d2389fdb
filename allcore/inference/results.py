"""What a prediction says, as one frozen object and as one row of a table."""

from dataclasses import astuple, dataclass, fields
from typing import Literal

Verdict = Literal["all", "hem", "refused"]


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture.

    Attributes:
        verdict: ``all`` (ALL blast), ``hem`` (normal) or ``refused``.
        p_all: calibrated probability of an ALL blast; None where refused.
        logit: log-odds before calibration; None where refused.
        threshold: probability from which the verdict is ``all``.
        reason: why it was refused, one sentence; empty where it was answered.
    """

    verdict: Verdict
    p_all: float | None
    logit: float | None
    threshold: float
    reason: str = ""


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
