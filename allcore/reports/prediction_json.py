"""Report of one prediction as JSON: all inputs needed to reproduce it, including the image.

Reports may come from untrusted sources: sizes are checked before decompression, and unknown fields
are refused, because nothing would validate them.
"""

import base64
import binascii
import json
import zlib
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import pydantic_core
from pydantic import AwareDatetime, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from allcore import notice
from allcore.data.images import formats
from allcore.errors import AllScopeError
from allcore.inference import provenance
from allcore.inference.provenance import ModelProvenance, to_json_value
from allcore.inference.results import STORED_NAMES, Precision, Prediction

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor

SCHEMA = "allscope-report"
VERSION = 1  # incremented when the meaning of the fields changes
MAX_BYTES = 96 * 2**20
"""Maximum size of a report: the largest accepted image as text, and its evidence."""

_KNOWN_ONLY = ConfigDict(extra="forbid")
_BROKEN = "The report is damaged or no report of ALLScope ({}); export it again."


class BadReport(AllScopeError):
    """A report that can't be read."""


@dataclass(frozen=True)
class PictureFile:
    """The original file of the image; in JSON its content is deflated and base64-encoded."""

    name: str  # given by the user
    sha256: str
    media_type: str  # by content, not by name
    content: Annotated[bytes, BeforeValidator(lambda packed: _unpacked(packed))]

    __pydantic_config__ = _KNOWN_ONLY


@dataclass(frozen=True)
class PredictionReport:
    """One prediction with its provenance."""

    schema: str  # always ``SCHEMA``
    version: int
    notice: str
    made_at: AwareDatetime
    prediction: Annotated[Prediction, BeforeValidator(lambda values: _checked_fields(values))]
    model: ModelProvenance
    versions: dict[str, str]  # of ALLScope, Python and the packages used in the computation
    device: str
    # of the network's convolutions; the first reports, of float32, do not have it
    precision: Precision = field(default="fp32", kw_only=True)
    cut: dict[str, Any] | None  # segmentation of the cell; None where it came cut out
    evidence: dict[str, Any] | None  # from ``Explanation.to_dict``
    file: PictureFile  # last, because its bytes are long

    __pydantic_config__ = _KNOWN_ONLY

    def to_json(self) -> bytes:
        """The report in UTF-8; equal reports give equal bytes."""
        record = _json_record(self)
        record["file"]["content"] = base64.b64encode(zlib.compress(self.file.content, 6)).decode()
        return json.dumps(record, indent=1, allow_nan=False).encode() + b"\n"


def make_report(
    predictor: "Predictor",
    prediction: Prediction,
    content: bytes,
    *,
    name: str,
    cut: dict[str, Any] | None = None,
    evidence: dict[str, Any] | None = None,
    made_at: datetime | None = None,
) -> PredictionReport:
    """Create the report of a prediction."""
    return PredictionReport(
        schema=SCHEMA,
        version=VERSION,
        notice=notice.RESEARCH_USE,
        made_at=(made_at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0),
        prediction=prediction,
        model=provenance.model_provenance(predictor),
        versions=provenance.versions(),
        device=str(predictor.device),
        precision=predictor.precision,
        cut=None if cut is None else to_json_value(cut),
        evidence=None if evidence is None else to_json_value(evidence),
        file=PictureFile(
            to_json_value(name),
            provenance.sha256_of(content),
            provenance.media_type(content),
            content,
        ),
    )


def read_report(data: bytes) -> PredictionReport:
    """Read a report from an untrusted source.

    Raises:
        BadReport: too large, damaged, of another version, or no report.
    """
    if len(data) > MAX_BYTES:
        raise BadReport(
            f"The file has {len(data) / 2**20:.0f} MB, more than the {MAX_BYTES // 2**20} MB that "
            "a report may have; choose a report that ALLScope wrote."
        )
    try:
        _check_version(pydantic_core.from_json(data, allow_inf_nan=False))
        report = _reader().validate_json(data, strict=True)
        _check_numbers([report.cut, report.evidence])
        json.dumps(_json_record(report), allow_nan=False)  # numbers out of range parse as infinite
    except ValidationError as error:
        raise BadReport(_BROKEN.format(_first(error))) from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise BadReport(_BROKEN.format("it is not the JSON of one")) from error
    return report


def _json_record(report: PredictionReport) -> dict[str, Any]:
    """The report as JSON values without the image's bytes, with sorted dictionaries."""
    record = {field.name: getattr(report, field.name) for field in fields(PredictionReport)}
    file = {name: getattr(report.file, name) for name in ("name", "sha256", "media_type")}
    model = asdict(report.model)
    if model["profile"] is None:  # as reports were before there were profiles
        del model["profile"]
    record |= {
        "made_at": report.made_at.astimezone(UTC).isoformat(),
        "prediction": report.prediction.to_stored(),
        "model": model,
        "file": file,
    }
    return {name: _ordered(value) for name, value in record.items()}


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(part) for part in value] if isinstance(value, list | tuple) else value


@cache
def _reader() -> TypeAdapter[PredictionReport]:
    return TypeAdapter(PredictionReport)


def _check_version(record: Any) -> None:
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise BadReport(_BROKEN.format("it does not say that it is one"))
    if record.get("version") != VERSION:
        raise BadReport(
            f"The report has another form than the one that this ALLScope reads (version "
            f"{VERSION}); use the release of ALLScope that wrote it."
        )


def _check_numbers(value: Any) -> None:
    """Raise OverflowError for an integer that is too large for a float."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            _check_numbers(part)
    elif isinstance(value, int):
        float(value)


def _checked_fields(values: Any) -> Any:
    """Attributes of a prediction, checked for completeness and consistency."""
    names = {STORED_NAMES.get(field.name, field.name): field.name for field in fields(Prediction)}
    if not isinstance(values, dict) or set(values) != set(names):
        raise ValueError("its prediction has other fields")
    if len({values["verdict"] == "refused", values["logit"] is None, values["p_all"] is None}) > 1:
        raise ValueError("its prediction contradicts itself")
    return {names[stored]: value for stored, value in values.items()}


def _unpacked(packed: Any) -> bytes:
    """Decode deflated base64, up to the maximum size of an image."""
    if not isinstance(packed, str):
        raise ValueError("its picture is no text")
    try:
        unpacker = zlib.decompressobj()
        data = base64.b64decode(packed, validate=True)
        content = unpacker.decompress(data, formats.MAX_BYTES + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise ValueError("its picture can't be unpacked") from error
    if len(content) > formats.MAX_BYTES:
        raise ValueError("its picture unpacks to more than any that is read")
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("its picture is cut short")
    return content


def _first(error: ValidationError) -> str:
    """Short description of the first error."""
    problem = error.errors(include_url=False, include_input=False)[0]
    location = ".".join(str(part) for part in problem["loc"])[:80]
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"it has the unknown field '{location}'"
    return (
        f"its field '{location}' is missing or wrong" if location else "it is not the JSON of one"
    )
