"""Verification of a report: a new prediction of the same image by the same installed model.

Results vary slightly between machines, so log-odds are compared with a tolerance. The evidence in a
report is a record and is not recomputed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allcore import model_folder
from allcore.errors import BadImage, ModelError
from allcore.inference import provenance, upload
from allcore.inference.results import Prediction, Refusal
from allcore.labels import VERDICT_NAMES
from allcore.reports.prediction_json import PredictionReport

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor
    from allcore.model_folder import ModelInfo

TOLERANCE = 1e-3
"""Tolerance in log-odds, for probabilities and OOD scores: variation between machines."""
_OF_MODEL = (
    "architecture", "config", "preprocessing", "temperature", "threshold", "threshold_rule",
    "data_digest",
)  # fmt: skip
_SHORT = 12  # digest characters in a sentence


@dataclass(frozen=True)
class ReportCheck:
    """Comparison of one attribute.

    Attributes:
        expected: value in the report.
        found: value on this machine.
    """

    name: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True)
class ReportVerification:
    """Result of the verification of a report.

    Attributes:
        checks: checks in order, up to the first one that prevents the others.
        other_versions: packages that differ from the report's, as ``torch 2.8 (report: 2.7)``.
    """

    checks: tuple[ReportCheck, ...]
    sentence: str
    other_versions: tuple[str, ...]

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
        checks = (file, ReportCheck("weights", wanted, "no installed model has them", False))
        return _verified(report, checks)
    from allcore.inference.predictor import Predictor

    predictor = Predictor.load(folder, device, threads=threads)
    weights = _same("weights", report.model.weights_sha256, predictor.info.weights_sha256)
    same = (file, weights, *_of_model(report, predictor), *_of_answer(report, predictor))
    return _verified(report, same)


def _installed(report: PredictionReport, root: Path) -> Path | None:
    """The folder with the report's weights; of several, the one with the most equal settings."""
    candidates = []
    for name in model_folder.names(root):
        try:
            info = model_folder.read_info(root / name)
        except ModelError:  # damage to another model is irrelevant here
            continue
        if info.weights_sha256 == report.model.weights_sha256:
            candidates.append((_likeness(report, info), name))
    return root / max(candidates)[1] if candidates else None


def _likeness(report: PredictionReport, info: "ModelInfo") -> int:
    recorded = report.model
    return sum(
        (
            info.preprocessing.to_dict() == recorded.preprocessing,
            info.threshold == recorded.threshold,
            info.temperature == recorded.temperature,
            info.name == recorded.name,
        )
    )


def _of_model(report: PredictionReport, predictor: "Predictor") -> Iterator[ReportCheck]:
    recorded, current = report.model, provenance.model_provenance(predictor)
    for field in _OF_MODEL:
        name = field.removesuffix("_digest").replace("_", " ")
        yield _same(name, getattr(recorded, field), getattr(current, field))
    yield _same("gate", recorded.gate_sha256 or "none", current.gate_sha256 or "none")


def _of_answer(report: PredictionReport, predictor: "Predictor") -> Iterator[ReportCheck]:
    """Checks of the predictions of the network and its gate."""
    recorded = report.prediction
    try:
        current, facts = _again(report, predictor)
    except BadImage as error:  # the cut in the report is invalid
        yield ReportCheck("cut", "one that can be made again", str(error).rstrip("."), False)
        return
    if report.cut is not None and facts is not None:
        yield _same("cut", *(_numbers(cut, facts) for cut in (report.cut, facts)))
    yield _same("verdict", _spoken(recorded), _spoken(current))
    yield _close("log-odds", recorded.logit, current.logit)
    yield _close("probability", recorded.p_all, current.p_all)
    yield _close("withheld probability", recorded.withheld, current.withheld)
    yield _close("strangeness", recorded.ood_score, current.ood_score)
    yield _same("threshold of the answer", recorded.threshold, current.threshold)


def _again(
    report: PredictionReport, predictor: "Predictor"
) -> tuple[Prediction, dict[str, Any] | None]:
    """Predict again; returns the prediction and the segmentation of the cell.

    Raises:
        BadImage: the report's cut can't be reproduced.
    """
    try:
        rgb = upload.decode(report.file.content)
    except BadImage as error:
        return predictor.prediction(None, Refusal("readable", str(error))), report.cut
    if report.cut is None:
        return predictor.predict([rgb])[0], None
    from allcore.inference.segmentation import Cut

    cut = Cut.from_dict(report.cut).applied(rgb)
    return predictor.predict([cut.rgb])[0], provenance.to_json_value(cut.facts)


def _spoken(prediction: Prediction) -> str:
    word = VERDICT_NAMES[prediction.verdict]
    return f"{word} ({prediction.check})" if prediction.check else word


def _numbers(cut: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The cut without its note, whose wording may differ between releases."""
    return {name: cut.get(name) for name in facts if name != "note"}


def _same(name: str, expected: Any, actual: Any) -> ReportCheck:
    return ReportCheck(name, _shown(expected), _shown(actual), expected == actual)


def _shown(value: Any) -> str:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value)


def _close(name: str, expected: float | None, actual: float | None) -> ReportCheck:
    if expected is None or actual is None:
        recorded, computed = (
            "none" if value is None else f"{value:.6f}" for value in (expected, actual)
        )
        return ReportCheck(name, recorded, computed, expected is actual)
    apart = abs(expected - actual)
    return ReportCheck(
        name, f"{expected:.6f}", f"{actual:.6f} (differs by {apart:.1e})", apart <= TOLERANCE
    )


def _verified(report: PredictionReport, checks: tuple[ReportCheck, ...]) -> ReportVerification:
    wrong = [check for check in checks if not check.ok]
    return ReportVerification(checks, _sentence(report, wrong), _other_versions(report))


def _sentence(report: PredictionReport, wrong: list[ReportCheck]) -> str:
    model = f"'{report.model.name}' with the weights {report.model.weights_sha256[:_SHORT]}"
    if not wrong:
        return f"Reproduced: {model} gives {_spoken(report.prediction)} again."
    if wrong[-1].name == "weights":
        return f"Not checked: install the model {model}, then verify again."
    first = wrong[0]
    return (
        f"Not reproduced: {first.name} is {_cut(first.found)} here, {_cut(first.expected)} in the "
        f"report{_more(len(wrong) - 1)}."
    )


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _more(others: int) -> str:
    return f", and {others} more {'check' if others == 1 else 'checks'} failed" if others else ""


def _other_versions(report: PredictionReport) -> tuple[str, ...]:
    now = provenance.versions()
    return tuple(
        f"{name} {now.get(name, 'not installed')} (report: {version})"
        for name, version in sorted(report.versions.items())
        if now.get(name) != version
    )
