"""Results of a prediction: for Python as frozen objects, for files as rows of a table."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from allcore.labels import VERDICT_TITLES, Verdict

Precision = Literal["bf16", "fp32"]
"""Precision of a network's convolutions; all else is computed in float32."""
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
    def probability(self) -> float | None:
        """Probability of an ALL blast, withheld or not; None where the network did not run."""
        return self.withheld if self.p_all is None else self.p_all

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
    the weights; ``precision`` is that of the network's convolutions.
    """

    path: str
    sha256: str
    verdict: Verdict
    p_all: float | None
    threshold: float
    reason: str
    model: str
    model_sha256: str
    precision: Precision
    profile: str = ""  # name and version of the site profile; a column only where there is one

    def to_dict(self) -> dict[str, str | float | None]:
        """The columns and their values; without ``profile`` where none was applied."""
        values = asdict(self)
        return values if self.profile else {k: v for k, v in values.items() if k != PROFILE}

    def values(self) -> tuple[str | float | None, ...]:
        """Values of the row, in the order of ``to_dict``."""
        return tuple(self.to_dict().values())


@dataclass(frozen=True)
class PredictedCell(PredictedRow):
    """Row of a table in which smear fields have one row a cell.

    The added columns are empty for a picture of one cell and for a field without cells.
    """

    cell: str = ""  # number of the cell in its field, from 1
    box: str = ""  # left, top, right and bottom in pixels of the field
    processing: str = ""  # how the cell was cut out and normalised
    mark: str = ""  # what the answer is worth, see ``smear.validation_mark``


def plain_row(row: PredictedRow) -> PredictedRow:
    """Row without the columns of fields."""
    names = [field.name for field in fields(PredictedRow)]
    return PredictedRow(**{name: getattr(row, name) for name in names})


PROFILE = "profile"
"""Column of the site profile, in tables of answers that one was applied to."""
COLUMNS = tuple(field.name for field in fields(PredictedRow) if field.name != PROFILE)
