"""Verification of a report: a new prediction of the same image by the same installed model.

Results vary slightly between machines, so log-odds are compared with a tolerance. The evidence in a
report is a record and is not recomputed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allcore import formats, model_folder
from allcore.data.images import decoding
from allcore.errors import BadImage, ModelError
from allcore.inference import provenance
from allcore.inference.results import Precision, Prediction, Refusal
from allcore.labels import VERDICT_NAMES
from allcore.reports.prediction_json import PredictionReport

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor
    from allcore.model_folder import ModelInfo

TOLERANCE: dict[Precision, float] = {"fp32": 1e-3, "bf16": 0.05}
"""Tolerance in log-odds, for probabilities and OOD scores: variation between machines.

By the precision of the report, in which its image is predicted again.
"""
_OF_MODEL = (
    "architecture", "config", "preprocessing", "temperature", "threshold", "threshold_rule",
    "data_digest",
)  # fmt: skip
_SHORT = 12  # digest characters in a sentence


@dataclass(frozen=True)
class ReportCheck:
    """Comparison of one attribute."""

    name: str
    expected: str  # value in the report
    found: str  # value on this machine
    ok: bool


@dataclass(frozen=True)
class ReportVerification:
    """Result of the verification of a report."""

    checks: tuple[ReportCheck, ...]  # in order, up to the first one that prevents the others
    sentence: str
    other_versions: tuple[str, ...]  # packages that differ, as ``torch 2.8 (report: 2.7)``

    @property
    def ok(self) -> bool:
        """Whether every check agrees."""
        return all(check.ok for check in self.checks)


def verify_report(
    report: PredictionReport, root: Path, *, device: str = "auto", threads: int | None = None
) -> ReportVerification:
    """Predict a report's image again and compare.

    Args:
        root: folder of the installed models; the model is identified by its weights, not by its
            name.
        device: as for ``Predictor.load``.
        threads: CPU threads of a forward pass; None for all free cores.

    Raises:
        ModelError: the model is installed but damaged.
        AllScopeError: the device does not exist.
    """
    file = _same("file", report.file.sha256, provenance.sha256_of(report.file.content))
    folder = _installed(report, root)
    if folder is None:
        wanted = f"{report.model.weights_sha256} ({report.model.name})"
        weights = ReportCheck("weights", wanted, "no installed model has them", False)
        failed = (file, weights)
        return ReportVerification(failed, _sentence(report, failed), _other_versions(report))
    from allcore.inference.predictor import Predictor

    predictor = Predictor.load(folder, device, threads=threads, precision=report.precision)
    predictor = predictor.with_profile(report.model.profile)
    weights = _same("weights", report.model.weights_sha256, predictor.info.weights_sha256)
    checks = (file, weights, *_of_model(report, predictor), *_of_answer(report, predictor))
    return ReportVerification(checks, _sentence(report, checks), _other_versions(report))


def _installed(report: PredictionReport, root: Path) -> Path | None:
    """The folder with the report's weights; of several, the one with the most equal settings."""
    candidates = []
    for name in model_folder.names(root):
        try:
            info = model_folder.read_info(root / name)
        except ModelError:  # damage to another model is irrelevant here
            continue
        if info.weights_sha256 == report.model.weights_sha256:
            candidates.append((_equal_settings(report, info), name))
    return root / max(candidates)[1] if candidates else None


def _equal_settings(report: PredictionReport, info: "ModelInfo") -> int:
    names = ("threshold", "temperature", "name")
    equal = [getattr(info, name) == getattr(report.model, name) for name in names]
    return sum([*equal, info.preprocessing.to_dict() == report.model.preprocessing])


def _of_model(report: PredictionReport, predictor: "Predictor") -> Iterator[ReportCheck]:
    recorded, current = report.model, provenance.model_provenance(predictor)
    for field in _OF_MODEL:
        name = field.removesuffix("_digest").replace("_", " ")
        yield _same(name, getattr(recorded, field), getattr(current, field))
    yield _same("gate", recorded.gate_sha256 or "none", current.gate_sha256 or "none")


def _of_answer(report: PredictionReport, predictor: "Predictor") -> Iterator[ReportCheck]:
    """Checks of the predictions of the network and its gate."""
    recorded, tolerance = report.prediction, TOLERANCE[report.precision]
    try:
        current, facts = _again(report, predictor)
    except BadImage as error:  # the cut in the report is invalid
        yield ReportCheck("cut", "one that can be made again", str(error).rstrip("."), False)
        return
    if report.cut is not None and facts is not None:
        # Without the note, whose wording may differ between releases.
        names = [name for name in facts if name != "note"]
        expected, actual = ({name: cut.get(name) for name in names} for cut in (report.cut, facts))
        yield _same("cut", expected, actual)
    yield _same("verdict", _spoken(recorded), _spoken(current))
    yield _close("log-odds", recorded.logit, current.logit, tolerance)
    yield _close("probability", recorded.p_all, current.p_all, tolerance)
    yield _close("withheld probability", recorded.withheld, current.withheld, tolerance)
    yield _close("strangeness", recorded.ood_score, current.ood_score, tolerance)
    yield _same("threshold of the answer", recorded.threshold, current.threshold)


def _again(
    report: PredictionReport, predictor: "Predictor"
) -> tuple[Prediction, dict[str, Any] | None]:
    """Predict again; returns the prediction and the segmentation of the cell.

    Raises:
        BadImage: the report's cut can't be reproduced.
    """
    from allcore.inference import upload
    from allcore.inference.segmentation import Cut
    from allcore.inference.upload import CellPicture

    decode = decoding.decode if report.cut is None else upload.decode_field
    try:
        rgb = decode(report.file.content)
    except BadImage as error:
        return predictor.prediction(None, Refusal("readable", str(error))), report.cut
    if report.cut is None:
        return predictor.predict([rgb])[0], None

    cut = Cut.from_dict(report.cut)
    made = cut.applied(rgb)
    cell = CellPicture(made.rgb, enlarged=cut.scale)
    return predictor.predict([cell])[0], provenance.to_json_value(made.facts)


def _spoken(prediction: Prediction) -> str:
    word = VERDICT_NAMES[prediction.verdict]
    return f"{word} ({prediction.check})" if prediction.check else word


def _same(name: str, expected: Any, actual: Any) -> ReportCheck:
    recorded, computed = (
        json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value)
        for value in (expected, actual)
    )
    return ReportCheck(name, recorded, computed, expected == actual)


def _close(
    name: str, expected: float | None, actual: float | None, tolerance: float
) -> ReportCheck:
    recorded, computed = (
        "none" if value is None else f"{value:.6f}" for value in (expected, actual)
    )
    if expected is None or actual is None:
        return ReportCheck(name, recorded, computed, expected is actual)
    difference = abs(expected - actual)
    computed += f" (differs by {difference:.1e})"
    return ReportCheck(name, recorded, computed, difference <= tolerance)


def _sentence(report: PredictionReport, checks: tuple[ReportCheck, ...]) -> str:
    wrong = [check for check in checks if not check.ok]
    model = f"'{report.model.name}' with the weights {report.model.weights_sha256[:_SHORT]}"
    if not wrong:
        return f"Reproduced: {model} gives {_spoken(report.prediction)} again."
    if wrong[-1].name == "weights":
        return f"Not checked: install the model {model}, then verify again."
    first, *rest = wrong
    here, there = (
        text if len(text) <= 80 else f"{text[:79]}…" for text in (first.found, first.expected)
    )
    more = f", and {formats.count(len(rest), 'more check')} failed" if rest else ""
    return f"Not reproduced: {first.name} is {here} here, {there} in the report{more}."


def _other_versions(report: PredictionReport) -> tuple[str, ...]:
    now = provenance.versions()
    return tuple(
        f"{name} {now.get(name, 'not installed')} (report: {version})"
        for name, version in sorted(report.versions.items())
        if now.get(name) != version
    )
