"""Provenance of a prediction: model, gate, versions, and digest of the file."""

import hashlib
import json
import math
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict

import allcore
from allcore.data.images import decoding
from allcore.site_profile import SiteProfile

if TYPE_CHECKING:
    from allcore.inference.gate import Gate
    from allcore.inference.predictor import Predictor

UNKNOWN_TYPE = "application/octet-stream"
PACKAGES = ("torch", "torchvision", "numpy", "pillow")


@dataclass(frozen=True)
class ModelProvenance:
    """Provenance of a model; the fields of ``ModelInfo`` that a prediction depends on."""

    name: str  # of its folder
    weights_sha256: str  # of its weights
    architecture: str  # in the registry of networks
    config: dict[str, Any]  # of the architecture
    preprocessing: dict[str, Any]  # all its fields, its version among them
    temperature: float  # divisor of the log-odds
    threshold: float  # probability from which a cell is called an ALL blast
    threshold_rule: str  # rule that selected the threshold
    data_digest: str | None  # of the training data; None where not recorded
    gate_sha256: str | None  # of the gate; None where it has none
    # the applied site profile, whose threshold and rule then stand above; None without one
    profile: SiteProfile | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")


def model_provenance(predictor: "Predictor") -> ModelProvenance:
    """Return the provenance of a predictor's model."""
    info = predictor.info
    trained_on = info.training.get("data")
    data_digest = trained_on.get("digest") if isinstance(trained_on, dict) else None
    return ModelProvenance(
        name=info.name,
        weights_sha256=info.weights_sha256,
        architecture=info.architecture,
        config=to_json_value(info.config),
        preprocessing=to_json_value(info.preprocessing.to_dict()),
        temperature=info.temperature,
        threshold=info.threshold,
        threshold_rule=info.threshold_rule,
        data_digest=None if data_digest is None else str(data_digest),
        gate_sha256=None if predictor.gate is None else gate_digest(predictor.gate),
        profile=predictor.profile,
    )


def gate_digest(gate: "Gate") -> str:
    """SHA-256 of all parameters of a gate, as hexadecimal text."""
    limits = json.dumps([asdict(gate.limits), gate.max_distance], sort_keys=True)
    numbers = (gate.centre.tobytes(), gate.whiten.tobytes())
    return hashlib.sha256(b"".join((limits.encode(), *numbers))).hexdigest()


def sha256_of(content: bytes) -> str:
    """SHA-256, as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()


def versions() -> dict[str, str]:
    """Versions of the libraries that compute a prediction, by name."""
    own = {"allscope": allcore.__version__, "python": platform.python_version()}
    return own | {package: package_version(package) for package in PACKAGES}


def media_type(content: bytes) -> str:
    """Media type of an image's content; ``UNKNOWN_TYPE`` where it is not supported."""
    return decoding.media_type(content) or UNKNOWN_TYPE


def to_json_value(value: Any) -> Any:
    """Convert a value for JSON: lists for tuples, no NaN, valid Unicode."""
    if isinstance(value, dict):
        return {to_json_value(str(name)): to_json_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    # File names may contain bytes that are not text; Python represents them as lone surrogates.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def package_version(package: str) -> str:
    """Version of an installed package, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
