"""``python -m allcore evaluate``: metrics of a model on images outside its training.

``--robustness`` evaluates perturbed images, ``--facts`` measures the cells for machines without
their images, and ``--gate`` fits and evaluates the model's gate.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from allcore import formats, settings
from allcore.cli import options, terminal
from allcore.errors import DataError
from allcore.notice import RESEARCH_USE

if TYPE_CHECKING:
    from allcore.data.manifest import Manifest
    from allcore.evaluation.model_evaluation import ModelEvaluation, SplitEvaluation
    from allcore.evaluation.robustness import Robustness
    from allcore.inference.held_out import Selection
    from allcore.model_folder import InstalledModel

REPORT = "report.html"
CELLS = 300  # default number of perturbed cells: about ten minutes on one core at 224 pixels


def evaluate(
    data: Annotated[Path, Option(help="Data set: a folder, or a CSV of its images.")],
    out: Annotated[Path, Option(help="Folder for what is found, such as metrics.json.")],
    model: options.ModelName = None,
    device: options.Device = None,
    labels: options.Labels = None,
    as_json: options.JsonFlag = False,
    robustness: Annotated[
        bool, Option("--robustness", help="Only robustness.json: the figures of altered cells.")
    ] = False,
    cells: Annotated[
        int, Option(min=2, help="Cells that --robustness alters, classes and subjects alike.")
    ] = CELLS,
    only_facts: Annotated[
        bool, Option("--facts", help="Only facts.parquet: size, brightness and such of cells.")
    ] = False,
    only_gate: Annotated[
        bool, Option("--gate", help="Only gate.json: what the model takes for a cell it knows.")
    ] = False,
    fields: Annotated[
        Path | None, Option(help="Folder of whole smear fields that --gate must refuse.")
    ] = None,
) -> None:
    """Evaluate a model on the images of a data set that its training did not see.

    Of the data set that the model was trained on these are its validation and test images; of
    any other data set, all images with a label, as test. With --robustness or --facts nothing else
    is written; of an out-of-fold model's own data both take the cells of its predictions, and
    altered cells are predicted by the network that never saw their subject.
    """
    from allcore import model_folder
    from allcore.data import readers

    chosen = settings.load()
    installed = model_folder.resolve(model or chosen.model)
    device = device or chosen.device
    terminal.require_writable(out, "--out", kind="folder")
    if only_gate or robustness or only_facts:
        out.mkdir(parents=True, exist_ok=True)
    options.decide_labels(data, labels)
    images = readers.read(data)
    if only_gate:
        return _evaluate_gate(images, installed, out, device=device, fields=fields, as_json=as_json)
    if only_facts:
        _write_facts_only(images, installed, out)
    if robustness:
        _evaluate_robustness(images, installed, out, device=device, cells=cells, as_json=as_json)
    if not (robustness or only_facts):
        _evaluate_model(images, installed, out, device=device, as_json=as_json)


def _evaluate_model(
    data: "Manifest", model: "InstalledModel", out: Path, *, device: str, as_json: bool
) -> None:
    from allcore import model_folder
    from allcore.evaluation import model_evaluation
    from allcore.inference import held_out, held_out_predictions
    from allcore.reports import evaluation_html, json_files

    selection = held_out.select(data, model.info, model.folder)
    images = selection.manifest
    predictor = options.load_predictor(model, device, gated=False)
    with options.progress_bar(len(images)) as bar:
        table = held_out_predictions.predict(images, model, predictor, progress=bar.update)
    evaluation = model_evaluation.evaluate_model(table, model.info)
    out.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out / model_folder.PREDICTIONS, index=False)
    json_files.write_metrics(evaluation, out / json_files.METRICS)
    html = evaluation_html.evaluation_html(evaluation, table, model.info)
    (out / REPORT).write_text(html, encoding="utf-8")
    _write_facts(images, out)
    refused = len(images) - len(table)
    lines = _evaluation_lines(evaluation, selection, refused=refused, out=out)
    fields = json_files.evaluation_json(evaluation) | {"refused": refused}
    _print_result(fields, lines, as_json=as_json)


def _evaluate_gate(
    data: "Manifest",
    model: "InstalledModel",
    out: Path,
    *,
    device: str,
    fields: Path | None,
    as_json: bool,
) -> None:
    from allcore import model_folder
    from allcore.evaluation import gate_evaluation
    from allcore.inference import gate, gate_samples
    from allcore.reports.model_card import document

    cells = gate_samples.known_images(data, model.folder)
    predictor = options.load_predictor(model, device, gated=False)
    with options.progress_bar(len(cells)) as bar:
        fitted = gate_evaluation.fit_gate(
            cells,
            model.folder,
            predictor,
            fields=fields,
            command=options.command_line(),
            progress=bar.update,
        )
    gate.write_gate(out, fitted)
    if out.resolve() == model.folder.resolve() and (out / model_folder.PREDICTIONS).exists():
        document.write_card(out)  # it tells what the gate refuses
    _print_result(fitted.facts, _gate_lines(fitted.facts, out), as_json=as_json)


def _evaluate_robustness(
    data: "Manifest", model: "InstalledModel", out: Path, *, device: str, cells: int, as_json: bool
) -> None:
    from allcore.data.perturbations import SWEEPS
    from allcore.evaluation.robustness import evaluate_robustness
    from allcore.inference import perturbed_predictions
    from allcore.reports import json_files

    held = perturbed_predictions.cells_to_perturb(data, model.info, model.folder, cells=cells)
    threads = settings.load().threads
    with options.progress_bar(len(held.folds)) as bar:
        answered = perturbed_predictions.predict_perturbed(
            held, model.folder, SWEEPS, device=device, threads=threads, progress=bar.update
        )
    robustness = evaluate_robustness(
        answered.probabilities,
        SWEEPS,
        held.manifest.table.iloc[list(answered.rows)],
        info=model.info,
        data=data,
        by_fold_networks=set(held.folds) != {None},
        command=options.command_line(),
    )
    json_files.write_robustness(robustness, out)
    fields = json_files.robustness_json(robustness)
    _print_result(fields, _robustness_lines(robustness, out), as_json=as_json)


def _write_facts_only(data: "Manifest", model: "InstalledModel", out: Path) -> None:
    from allcore.inference import held_out_predictions

    images = held_out_predictions.predicted_images(data, model)
    measured = _write_facts(images, out)
    if not measured:
        raise DataError(
            f"No picture of {images.root} can be read and shows a cell on black: connect the "
            "pictures that the model was evaluated on."
        )
    left_out = len(images) - measured
    more = f"; {formats.count(left_out, 'image')} without a cell left out" if left_out else ""
    terminal.emit(f"Facts of {formats.count(measured, 'cell')} written to {out}{more}.")


def _write_facts(images: "Manifest", out: Path) -> int:
    """Measure the images, write facts.parquet where any has a cell, and return their number."""
    from allcore import model_folder
    from allcore.data import cell_measurements

    pictures = list(zip(images.table["image_id"].astype(str), images.paths(), strict=True))
    with options.progress_bar(len(pictures), "Measuring") as bar:
        table = cell_measurements.table(pictures, progress=bar.update)
    if len(table):
        model_folder.write_facts(out, table)
    return len(table)


def _print_result(fields: dict[str, Any], lines: Iterator[str], *, as_json: bool) -> None:
    terminal.emit(json.dumps(fields, indent=2) if as_json else "\n".join(lines))


def _evaluation_lines(
    evaluation: "ModelEvaluation", selection: "Selection", *, refused: int, out: Path
) -> Iterator[str]:
    yield RESEARCH_USE
    yield (
        f"{evaluation.model} at a threshold of {evaluation.threshold:.3f}: "
        f"{evaluation.threshold_rule}"
    )
    yield evaluation.separation.sentence
    for part in (evaluation.test, evaluation.validation):
        if part is not None:
            yield from _split_lines(part)
    yield ""
    if refused:
        yield f"{formats.count(refused, 'image')} refused: not counted."
    if selection.trained_on:
        trained_on = formats.count(selection.trained_on, "image")
        yield f"{trained_on} that training saw, or of a subject that it saw: left out."
    if selection.unknown:
        yield f"{formats.count(selection.unknown, 'image')} not in the model's split: left out."
    yield f"Written to {out}."


def _split_lines(part: "SplitEvaluation") -> Iterator[str]:
    from allcore.evaluation import metrics

    yield ""
    yield f"{formats.SPLITS[part.split]}: {part.size_text}"
    yield f"{'Figure':28}{'value':>7}   {'over cells':18}{'over subjects':18}{'baseline':>8}"
    baseline = {estimate.name: f"{estimate.value:.3f}" for estimate in part.baseline}
    for estimate in part.estimates:
        cells = formats.bounds(estimate.over_cells)
        subjects = formats.bounds(estimate.over_subjects)
        title = metrics.TITLES[estimate.name]
        line = f"{title:28}{estimate.value:7.3f}   {cells:18}{subjects:18}"
        yield f"{line}{baseline.get(estimate.name, ''):>8}"
    yield from part.notes


def _gate_lines(facts: dict[str, Any], out: Path) -> Iterator[str]:
    accepted, subjects = facts["accepted"], facts["subjects"]
    of = "unknown subjects" if subjects is None else formats.count(subjects, "subject")
    yield RESEARCH_USE
    yield (
        f"Lets through {accepted['value']:.1%} ({accepted['low']:.1%} to {accepted['high']:.1%}) "
        f"of {facts['cells']:,} cells of {of}, {facts['judged_on']}."
    )
    yield f"{'Refused':38}{'gate':>7}{'n':>6}" + "".join(f"{name:>13}" for name in facts["methods"])
    for kind, share in facts["strangers"].items():
        by_method = [method["refused"].get(kind) for method in facts["methods"].values()]
        columns = "".join(f"{'':>13}" if value is None else f"{value:13.1%}" for value in by_method)
        yield f"{kind:38}{share['value']:7.1%}{share['n']:6}{columns}"
    yield f"Written to {out}."


def _robustness_lines(robustness: "Robustness", out: Path) -> Iterator[str]:
    yield RESEARCH_USE
    cells, subjects = formats.count(robustness.cells, "cell"), robustness.subjects
    of_subjects = "unknown subjects" if subjects is None else f"{subjects} subjects"
    yield f"{robustness.model} on {cells} of {of_subjects}, altered:"
    for alteration in robustness.alterations:
        yield ""
        title = f"{alteration.title} ({alteration.unit})"
        yield f"{title:48}{'AUROC':>7}{'change':>8}   {'over subjects':20}{'flips':>6}"
        for row in robustness.of(alteration.name):
            change = row.changes["auroc"]
            bounds = "as it is" if row.level == alteration.unaltered else formats.bounds(change)
            yield (
                f"{row.level:>48g}{row.figures['auroc'].value:7.3f}{change.value:+8.3f}   "
                f"{bounds:20}{row.flipped.value:6.1%}"
            )
    yield ""
    yield f"Written to {out}."
