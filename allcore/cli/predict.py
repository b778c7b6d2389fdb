"""``python -m allcore predict``: one row of predictions for each image."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from allcore.errors import AllScopeError
from allcore.labels import VERDICT_NAMES

if TYPE_CHECKING:
    from tqdm import tqdm

    from allcore.inference.predictor import Predictor
    from allcore.inference.results import PredictedRow
    from allcore.model_folder import InstalledModel
    from allcore.reports.report_verification import ReportVerification


def predict(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Images, folders or zip archives.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of an installed model.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .csv, .jsonl or .parquet.")
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="This process, or Ray Data.")
    ] = "local",
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:<n>.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures in one forward pass.")] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    verify: Annotated[
        Path | None, typer.Option(help="A JSON report to answer again and compare; takes no PATHS.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a JSON and a PDF report of each picture.")
    ] = None,
) -> None:
    """Answer ALL blast or normal for each picture; what can't be read gets a refused row."""
    if verify is not None:
        if paths or report or out or model or engine != "local":
            raise typer.BadParameter(
                "takes no PATHS, --out, --report, --model or --engine", param_hint="--verify"
            )
        _verify(verify, device, as_json=as_json)
        return
    if not paths:
        raise typer.BadParameter("give pictures, or --verify REPORT.json", param_hint="PATHS")
    if report and engine == "ray":
        raise typer.BadParameter("needs --engine local", param_hint="--report")
    from allcore import model_folder, settings
    from allcore.inference import export
    from allcore.notice import RESEARCH_USE

    if out and out.suffix.lower() not in export.FORMATS:
        raise typer.BadParameter(f"ends in none of {', '.join(export.FORMATS)}", param_hint="--out")
    chosen = settings.load()
    installed = model_folder.resolve(model or chosen.model)
    device = device or chosen.device
    print(RESEARCH_USE, file=sys.stderr)
    if report:
        rows = _with_reports(paths, installed, device, batch_size, report)
    elif engine == "ray":
        rows = _with_ray(paths, installed, device, batch_size)
    else:
        rows = _predict(paths, installed, device, batch_size)
    if out:
        export.write(rows, out)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))
    elif out:
        print(_summary(rows), f"Written to {out}.", file=sys.stderr)
    else:
        _print_table(rows)
        print(_summary(rows), file=sys.stderr)


def _predict(
    paths: list[Path], model: "InstalledModel", device: str, batch_size: int
) -> "list[PredictedRow]":
    from allcore.inference import image_sources, jobs

    predictor = _load_predictor(model, device)
    with _bar(sum(1 for _ in image_sources.walk(paths))) as bar:
        rows = jobs.predict_files(predictor, paths, batch_size=batch_size, progress=bar.update)
        return list(rows)


def _with_ray(
    paths: list[Path], model: "InstalledModel", device: str, batch_size: int
) -> "list[PredictedRow]":
    from allcore.inference import distributed

    return list(distributed.rows(paths, folder=model.folder, device=device, batch_size=batch_size))


def _with_reports(
    paths: list[Path], model: "InstalledModel", device: str, batch_size: int, folder: Path
) -> "list[PredictedRow]":
    """Predict, and write the reports of readable images."""
    from allcore import formats
    from allcore.inference import image_sources
    from allcore.reports import prediction_files

    sources = list(image_sources.walk(paths))
    others, errors = prediction_files.load_other_models(model, device)
    for error in errors:
        print(error, file=sys.stderr)
    rows = []
    with _bar(len(sources)) as bar:
        for row in prediction_files.write_reports(
            sources, folder, model=model, predictor=_load_predictor(model, device),
            others=others, batch_size=batch_size,
        ):  # fmt: skip
            rows.append(row)
            bar.update()
    reports = sum(bool(row.sha256) for row in rows)
    pictures = formats.count(len(rows), "picture")
    print(f"{reports} of {pictures} got a report in {folder}.", file=sys.stderr)
    return rows


def _load_predictor(model: "InstalledModel", device: str) -> "Predictor":
    from allcore import settings
    from allcore.inference.predictor import Predictor

    return Predictor.load(model.folder, device, threads=settings.load().threads)


def _bar(total: int) -> "tqdm[NoReturn]":
    from tqdm import tqdm

    return tqdm(total=total, unit="cell", disable=not sys.stderr.isatty())


def _verify(path: Path, device: str | None, *, as_json: bool) -> None:
    """Repeat the prediction of a report's image and print the comparison."""
    from allcore import settings
    from allcore.notice import RESEARCH_USE
    from allcore.reports import prediction_files, report_verification

    chosen = settings.load()
    report = prediction_files.read_report(path)
    print(RESEARCH_USE, file=sys.stderr)
    verification = report_verification.verify_report(
        report, chosen.models, device=device or chosen.device, threads=chosen.threads
    )
    if as_json:
        fields = {"ok": verification.ok, "notice": RESEARCH_USE, **asdict(verification)}
        print(json.dumps(fields, indent=1, ensure_ascii=False))
    else:
        _print_verification(verification)
    if not verification.ok:
        raise AllScopeError(verification.sentence)


def _print_verification(verification: "ReportVerification") -> None:
    width = max(len(check.name) for check in verification.checks)
    for check in verification.checks:
        value = check.found if check.ok else f"{check.found} (report: {check.expected})"
        print(f"{'agrees' if check.ok else 'DIFFERS':8} {check.name:{width}}  {value}")
    if verification.other_versions:
        print(f"Computed with other versions: {', '.join(verification.other_versions)}.")
    if verification.ok:
        print(verification.sentence)


def _print_table(rows: "list[PredictedRow]") -> None:
    width = max((len(row.path) for row in rows), default=0)
    print(f"{'path':{width}}  {'verdict':9}  {'p_all':>5}  threshold  reason")
    for row in rows:
        p_all = "" if row.p_all is None else f"{row.p_all:.2f}"
        verdict = VERDICT_NAMES[row.verdict]
        line = f"{row.path:{width}}  {verdict:9}  {p_all:>5}  {row.threshold:9.2f}  {row.reason}"
        print(line.rstrip())


def _summary(rows: "list[PredictedRow]") -> str:
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICT_NAMES}
    parts = ", ".join(f"{counts[verdict]} {name}" for verdict, name in VERDICT_NAMES.items())
    return f"{len(rows)} pictures: {parts}."
