"""Realism of synthetic cells: target statistics, and a comparison with real cells."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from allcore import formats, model_folder
from allcore.data.images import decoding
from allcore.data.manifest import Manifest
from allcore.errors import DataError, ModelError
from allcore.evaluation import model_evaluation
from allcore.labels import CLASS_NAMES
from allcore.synthetic import appearance, dataset
from allcore.synthetic.appearance import MEASURES, AppearanceMeasure, Field
from allcore.synthetic.targets import LOGARITHMIC, TRAITS, ClassTargets, Matrix, Targets

PAGE = """# The synthetic demonstration set compared with real cells

Written by `{command}`.

- Real: {real}.
- Drawn: {drawn}, none of them with a planted fault.

Every subject has the same weight: the mean is the mean of the subjects' means, and the standard
deviation combines the variance between and within subjects. The shift is the synthetic minus the
real mean in standard deviations of the real cells. Colour is measured at least 2.5 px and texture
at least 6 px inside the outline, on grey levels from 0 to 255.

{table}

### The model on synthetic cells

{model}

Research use only. Synthetic cells demonstrate the program and say nothing about a model's quality.
"""


@dataclass(frozen=True)
class Spread:
    """Distribution of one measure over the cells of a class."""

    mean: float  # mean of subjects' means, so that every subject counts equally
    deviation: float  # root of the variance between subjects' means plus the mean variance within


@dataclass(frozen=True)
class MeasureComparison:
    """Comparison of one measure of one class in both sets."""

    label: str  # ``all`` or ``hem``
    measure: AppearanceMeasure  # name of the measure
    real: Spread  # its distribution on real cells
    drawn: Spread  # its distribution on synthetic cells

    @property
    def shift(self) -> float:
        """Synthetic minus real mean, in standard deviations of the real cells."""
        return (self.drawn.mean - self.real.mean) / self.real.deviation


def comparison_page(
    real: Manifest, drawn: Manifest, *, model: str, device: str, per_subject: int, command: str
) -> str:
    """Markdown page that compares real and synthetic cells by measures and by a model.

    Args:
        real: labelled cells.
        drawn: a synthetic set with its ground truth; cells with planted faults are left out.
        model: name of an installed model; the page says so where it can't be used.
        device: the model's device.
        per_subject: maximum number of measured cells of a subject.
        command: the command that writes the page.
    """
    truth = dataset.read_truth(drawn.root)
    clean = drawn.table["image_id"].isin(truth.loc[truth["fault"] == "", "image_id"])
    drawn = Manifest(drawn.root, drawn.table[clean].reset_index(drop=True), drawn.name)
    tables = [measure_set(manifest, per_subject)[0] for manifest in (real, drawn)]
    names = [
        f"{manifest.name}, {len(table):,} cells of {table['subject'].nunique()} subjects"
        for manifest, table in zip((real, drawn), tables, strict=True)
    ]
    return PAGE.format(
        command=command,
        real=names[0],
        drawn=names[1],
        table=as_markdown(compare_measures(*tables)),
        model=_model_sentence(drawn, model, device),
    )


def measure_set(manifest: Manifest, per_subject: int) -> tuple[pd.DataFrame, dict[str, Field]]:
    """Apply `measure_rows` to a sample of the labelled images, with a progress bar."""
    rows = sample_rows(manifest.labelled(), per_subject=per_subject)
    progress = tqdm(rows, unit="cell", desc=manifest.name, disable=not sys.stderr.isatty())
    return measure_rows(manifest.labelled(), progress)


def measure_rows(manifest: Manifest, rows: Iterable[int]) -> tuple[pd.DataFrame, dict[str, Field]]:
    """Measure the images in ``rows`` of a manifest.

    Returns:
        A table with label, subject and one column a measure, and the mean rim by label.

    Raises:
        DataError: none of the images is on this machine.
    """
    measured = []
    rims: dict[str, list[Field]] = {label: [] for label in set(manifest.table["label"].dropna())}
    for row in manifest.table.iloc[list(rows)].itertuples():
        path = manifest.root / str(row.path)
        if path.is_file():
            cell = appearance.measure(decoding.decode_file(path))
            measured.append({"label": row.label, "subject": row.subject, **cell.values})
            rims[str(row.label)].append(cell.rim)
    if not measured:
        raise DataError(f"No picture of {manifest.root} is on this machine: connect them first.")
    mean = {label: np.nanmean(np.stack(rim), axis=0) for label, rim in rims.items() if rim}
    return pd.DataFrame(measured), mean


def sample_rows(manifest: Manifest, *, per_subject: int, seed: int = 0) -> list[int]:
    """Row numbers of at most ``per_subject`` images a subject, sampled with ``seed``."""
    random = np.random.default_rng(seed)
    order = pd.Series(random.permutation(len(manifest)))
    subject = manifest.table["subject"].to_numpy()
    sample = order.groupby(subject[order], sort=True).head(per_subject)
    return sorted(int(row) for row in sample)


def derive_targets(
    measured: pd.DataFrame, rims: dict[str, Field], *, command: str, source: str
) -> Targets:
    """Derive target statistics of synthetic cells from real cells measured by `measure_rows`.

    Raises:
        DataError: a class has fewer than two subjects with two cells.
    """
    classes = {
        str(label): _class_targets(rows, rims[str(label)])
        for label, rows in measured.groupby("label")
    }
    return Targets(command, source, len(measured), measured["subject"].nunique(), classes)


def save_targets(targets: Targets, path: Path) -> None:
    """Write targets as JSON, rounded to five digits."""
    fields = asdict(targets)
    for values in fields["classes"].values():
        values.update({name: np.round(value, 5).tolist() for name, value in values.items()})
    path.write_text(json.dumps(fields, indent=None, separators=(",", ":")).replace("],", "],\n"))


def traits_of(measured: pd.DataFrame) -> Matrix:
    """Traits (N, K) of N measured cells."""
    columns = [
        np.log(measured[name].to_numpy().clip(min=1e-3)) if name in LOGARITHMIC else measured[name]
        for name in TRAITS
    ]
    return np.stack(columns, axis=1).astype(float)


def spread(values: "pd.Series[float]", subjects: "pd.Series[str]") -> Spread:
    """Distribution of a measure whose cells belong to ``subjects``; both (N)."""
    grouped = values.groupby(subjects)
    between = float(grouped.mean().var())
    within = float(grouped.var().mean())
    return Spread(float(grouped.mean().mean()), float(np.sqrt(between + within)))


def compare_measures(real: pd.DataFrame, drawn: pd.DataFrame) -> list[MeasureComparison]:
    """Compare every measure of both classes; tables as from `measure_rows`."""
    comparisons = []
    for label in CLASS_NAMES:
        tables = [table[table["label"] == label] for table in (real, drawn)]
        for measure in MEASURES:
            spreads = (spread(rows[measure.name], rows["subject"]) for rows in tables)
            comparisons.append(MeasureComparison(label, measure, *spreads))
    return comparisons


def as_markdown(comparisons: list[MeasureComparison]) -> str:
    """Format the comparisons as one Markdown table a class."""
    parts = []
    for label, name in CLASS_NAMES.items():
        lines = [
            f"### {name}",
            "",
            "| measure | unit | real, mean ± deviation | drawn, mean ± deviation | shift |",
            "| --- | --- | --- | --- | --- |",
        ]
        for row in comparisons:
            if row.label == label:
                real, drawn = (
                    f"{_number(spread.mean)} ± {_number(spread.deviation)}"
                    for spread in (row.real, row.drawn)
                )
                measure = f"{row.measure.title} | {row.measure.unit}"
                lines.append(f"| {measure} | {real} | {drawn} | {row.shift:+.2f} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"


def _class_targets(rows: pd.DataFrame, rim: Field) -> ClassTargets:
    traits = traits_of(rows)
    subject = rows["subject"].to_numpy()
    names = [name for name in np.unique(subject) if (subject == name).sum() > 1]
    if len(names) < 2:
        raise DataError("Each class needs two subjects with two cells: measure a larger data set.")
    means = np.stack([traits[subject == name].mean(axis=0) for name in names])
    within = np.stack([np.cov(traits[subject == name].T) for name in names]).mean(axis=0)
    return ClassTargets(means.mean(axis=0), np.cov(means.T), within, rim.astype(float))


def _model_sentence(drawn: Manifest, name: str, device: str) -> str:
    from allcore.inference import streaming
    from allcore.inference.predictor import Predictor

    try:
        predictor = Predictor.load(model_folder.folder(name), device, gated=False, precision="fp32")
    except ModelError:
        return f"Not computed: the model `{name}` was not installed or can't be used."
    table = drawn.table.assign(split="test", fold=0)
    paths = drawn.paths()
    rows = {Path(row.path).name: row.p_all for row in streaming.predict_files(predictor, paths)}
    table["probability"] = [rows.get(path.name) for path in paths]
    table = pd.DataFrame(table[table["probability"].notna()])
    table["probability"] = table["probability"].astype(float)
    table["logit"], table["baseline_probability"] = 0.0, float("nan")
    part = model_evaluation.evaluate_model(table, predictor.info).test
    auroc = formats.estimate(part.estimate("auroc").over_subjects) if part else "undefined"
    return (
        f"AUROC of `{name}` on the {len(table)} drawn cells without planted faults: {auroc}, "
        f"95 % interval over subjects; {len(drawn) - len(table)} refused. The network was trained "
        "on real cells and has never seen a drawn one."
    )
