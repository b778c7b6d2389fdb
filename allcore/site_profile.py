"""Site profiles: a model's calibration and threshold for one laboratory, and the figures there.

A profile is a JSON file in the folder ``profiles`` of ``ALLSCOPE_HOME``, which ``validate`` writes.
It is applied by choice and leaves the model folder as it is. A file never changes: a new validation
under the same name is the next version.
"""

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import pydantic_core
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from scipy.special import expit, logit

from allcore import settings
from allcore.errors import DataError, ModelError

SCHEMA = "allscope-site-profile"
VERSION = 1  # incremented when the meaning of the fields changes
MAX_BYTES = 2**20
NAME_RULE = (
    "The name of a site has 1 to 60 letters, digits, blanks and the signs . , - _ + ( ), and "
    "begins with a letter or a digit."
)
_NAME = re.compile(r"[^\W_][\w .,+()-]{0,59}")
_ROUNDING = 1e-15  # largest distance of a probability from 0 and 1 that has no finite log-odds
_KNOWN_ONLY = ConfigDict(extra="forbid")
Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Value = TypeVar("Value", float, NDArray[np.float64])


@dataclass(frozen=True)
class ProfileFigure:
    """A figure with its 95 % interval over subjects; the bounds are None where there is none."""

    value: Number
    low: Number | None
    high: Number | None

    __pydantic_config__ = _KNOWN_ONLY

    @property
    def words(self) -> str:
        """The figure with its interval: "0.94 (0.91 to 0.96)"."""
        if self.low is None or self.high is None:
            return f"{self.value:.2f} (no interval)"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class SiteProfile:
    """A model's calibration and threshold for one laboratory."""

    schema: Literal["allscope-site-profile"]
    version: Literal[1]
    name: Annotated[str, Field(pattern=rf"^{_NAME.pattern}$")]  # of the laboratory
    number: Annotated[int, Field(ge=1)]  # version of the profile of this name
    created: str  # ISO 8601 with the time zone
    model: str
    model_digest: str  # SHA-256 of model.json
    model_sha256: str  # SHA-256 of the weights
    data: str  # name of the data set
    data_digest: str
    fields: bool  # whether the cells were cut out of smear fields
    cells: int  # number of cells that the gate accepted
    subjects: int  # number of their independent subjects
    # calibrated log-odds here are the model's calibrated log-odds / temperature + bias
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    bias: Number
    threshold: Share  # probability from which a cell is called an ALL blast
    threshold_rule: str
    figures: dict[str, ProfileFigure]  # by name: a key of ``metrics.TITLES``, or "accepted"
    command: str

    __pydantic_config__ = _KNOWN_ONLY

    @property
    def key(self) -> str:
        """Name and version, such as "Lab A@2"; unique."""
        return f"{self.name}@{self.number}"

    @property
    def title(self) -> str:
        """Name and version in front of people."""
        return f"{self.name}, version {self.number}"

    @property
    def mark(self) -> str:
        """What is known of answers with the profile, without a full stop."""
        figures = ", ".join(
            f"{name} {self.figures[name].words}"
            for name in ("sensitivity", "specificity")
            if name in self.figures
        )
        return f"validated at {self.name}: {figures}"

    @property
    def sentence(self) -> str:
        """Name, version, rule of the threshold, and figures."""
        mark = f"{self.mark[0].upper()}{self.mark[1:]}"
        return f"Site profile {self.key}. {self.threshold_rule} {mark}."

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def shipped_threshold(self) -> float:
        """The threshold on the model's own calibrated probabilities."""
        inside = min(max(self.threshold, _ROUNDING), 1 - _ROUNDING)
        return float(expit((logit(inside) - self.bias) * self.temperature))

    def log_odds(self, shipped: Value) -> Value:
        """Calibrated log-odds at the site from the model's calibrated log-odds."""
        return shipped / self.temperature + self.bias

    def probability(self, shipped: float) -> float:
        """Calibrated probability at the site from the model's calibrated probability."""
        inside = min(max(shipped, _ROUNDING), 1 - _ROUNDING)
        return float(expit(self.log_odds(float(logit(inside)))))

    def require_model(self, name: str, *, digest: str | None = None, weights: str) -> None:
        """Refuse a model that the profile was not measured on.

        Args:
            name: of the model.
            digest: SHA-256 of its model.json; None where it is not at hand.
            weights: SHA-256 of its weights.

        Raises:
            ModelError: it is another model, or was trained or calibrated anew since.
        """
        if self.model_sha256 != weights or digest not in (None, self.model_digest):
            raise ModelError(
                f"The site profile {self.key} was measured on {self.model} "
                f"{self.model_digest[:12]} and can't be applied to {name} "
                f"{(digest or weights)[:12]}: validate that model on the laboratory's cells."
            )

    def to_json(self) -> bytes:
        """The profile in UTF-8; equal profiles give equal bytes."""
        return pydantic_core.to_json(asdict(self), indent=2) + b"\n"


def folder() -> Path:
    """Folder of the profiles."""
    return settings.load().home / "profiles"


def checked_name(name: str) -> str:
    """Name of a site without outer blanks.

    Raises:
        DataError: it breaks ``NAME_RULE``.
    """
    name = " ".join(name.split())
    if not _NAME.fullmatch(name):
        raise DataError(NAME_RULE)
    return name


def suggested_name(text: str) -> str:
    """The name of a data set as the name of a site."""
    name = re.sub(r"[^\w .,+()-]+", " ", text).strip(" _.,+()-")[:60].strip()
    return name if _NAME.fullmatch(name) else "site"


def parse(value: bytes | Mapping[str, Any]) -> SiteProfile:
    """Read a profile from JSON, or from the values of JSON.

    Raises:
        DataError: damaged, of another version, or no profile.
    """
    try:
        if isinstance(value, bytes):
            return _reader().validate_json(value[: MAX_BYTES + 1], strict=True)
        return _reader().validate_python(value)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])[:80] or "JSON"
        raise DataError(
            f"This is no site profile of version {VERSION} ({place} is missing or wrong): "
            "validate the model again."
        ) from error


def list_profiles() -> tuple[list[SiteProfile], list[str]]:
    """The profiles by name, the newest version first, and the names of damaged files."""
    profiles, damaged = [], []
    for path in sorted(folder().glob("*.json")):
        try:
            profiles.append(parse(path.read_bytes()))
        except (OSError, DataError):
            damaged.append(path.name)
    return sorted(profiles, key=lambda one: (one.name.casefold(), -one.number)), damaged


def find(text: str) -> SiteProfile:
    """A profile by its name, for the newest version, or by ``NAME@VERSION``.

    Raises:
        DataError: there is none; the sentence lists the existing ones.
    """
    profiles, _ = list_profiles()
    wanted = text.strip().casefold()
    for profile in profiles:
        if wanted in (profile.name.casefold(), profile.key.casefold()):
            return profile
    known = ", ".join(profile.key for profile in profiles) or "none is saved"
    raise DataError(f"There is no site profile '{text}': choose one of these ({known}).")


def save(profile: SiteProfile) -> SiteProfile:
    """Save a profile as the next version of its name; an equal one is saved once.

    Returns:
        The saved profile, with its version.

    Raises:
        DataError: the name can't be used, or the folder can't be written.
    """
    profile = replace(profile, name=checked_name(profile.name))
    profiles, _ = list_profiles()
    versions = [one for one in profiles if _stem(one.name) == _stem(profile.name)]
    for one in versions:
        if replace(profile, number=one.number, created=one.created, command=one.command) == one:
            return one
    profile = replace(profile, number=1 + max([one.number for one in versions], default=0))
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with _path(profile).open("xb") as file:
            file.write(profile.to_json())
    except OSError as error:
        raise DataError(
            f"{_path(profile)} can't be written ({error.strerror}): free the folder and try again."
        ) from error
    return profile


def delete(profile: SiteProfile) -> None:
    """Delete a profile.

    Raises:
        DataError: its file can't be deleted.
    """
    try:
        _path(profile).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{_path(profile)} can't be deleted ({error.strerror}).") from error


def _path(profile: SiteProfile) -> Path:
    return folder() / f"{_stem(profile.name)}-{profile.number}.json"


def _stem(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name.casefold())


@functools.cache
def _reader() -> TypeAdapter[SiteProfile]:
    return TypeAdapter(SiteProfile)
