"""``python -m allcore predict``: one row of predictions for each image."""

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, BadParameter, Exit, Option

from allcore import formats, settings
from allcore.cli import options, terminal
from allcore.errors import AllScopeError, Stopped
from allcore.labels import VERDICT_NAMES
from allcore.notice import RESEARCH_USE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allcore.inference.predictor import Predictor
    from allcore.inference.results import PredictedRow
    from allcore.model_folder import InstalledModel
    from allcore.reports.report_verification import ReportVerification


def predict(
    paths: Annotated[list[Path] | None, Argument(help="Images, folders or zip archives.")] = None,
    model: options.ModelName = None,
    out: Annotated[Path | None, Option(help="File to write: .csv, .jsonl or .parquet.")] = None,
    engine: Annotated[Literal["local", "ray"], Option(help="This process, or Ray Data.")] = "local",
    device: options.Device = None,
    batch_size: Annotated[int, Option(min=1, help="Pictures in one forward pass.")] = 32,
    as_json: options.JsonFlag = False,
    verify: Annotated[
        Path | None, Option(help="A JSON report to answer again and compare; takes no PATHS.")
    ] = None,
    report: Annotated[
        Path | None, Option(help="Folder for a JSON and a PDF report of each picture.")
    ] = None,
) -> None:
    """Answer ALL blast or normal for each picture; what can't be read gets a refused row."""
    if verify is not None:
        if paths or report or out or model or engine != "local":
            raise BadParameter(
                "takes no PATHS, --out, --report, --model or --engine", param_hint="--verify"
            )
        _verify(verify, device, as_json=as_json)
        return
    if not paths:
        raise BadParameter("give pictures, or --verify REPORT.json", param_hint="PATHS")
    if report and engine == "ray":
        raise BadParameter("needs --engine local", param_hint="--report")
    from allcore import model_folder
    from allcore.inference import export

    if out and out.suffix.lower() not in export.FORMATS:
        raise BadParameter(f"ends in none of {', '.join(export.FORMATS)}", param_hint="--out")
    chosen = settings.load()
    installed = model_folder.resolve(model or chosen.model)
    device = device or chosen.device
    if out:
        terminal.require_writable(out, "--out", kind="file")
    if report:
        terminal.require_writable(report, "--report", kind="folder")
    terminal.emit(RESEARCH_USE, file=sys.stderr)
    rows: list[PredictedRow] = []
    stream = _stream(paths, installed, device, batch_size, engine=engine, report=report)
    stopped = _collect(stream, rows)
    if out:
        export.write(rows, out)
    _print_rows(rows, out, report, as_json=as_json)
    if stopped:
        raise Stopped(f"Stopped after {formats.count(len(rows), 'picture')}: {_kept(out)}.")
    if missing := [path for path in paths if not path.exists()]:
        terminal.emit(
            f"Error: There is no file or folder {missing[0]}: check the path.", file=sys.stderr
        )
        raise Exit(1)


def _stream(
    paths: list[Path],
    model: "InstalledModel",
    device: str,
    batch_size: int,
    *,
    engine: str,
    report: Path | None,
) -> "Iterator[PredictedRow]":
    """Yield the rows as they are predicted; with `report` after the reports of the picture."""
    from allcore.inference import image_sources, jobs

    if engine == "ray":
        from allcore.inference import distributed

        yield from distributed.rows(
            paths, folder=model.folder, device=device, batch_size=batch_size
        )
        return
    sources = list(image_sources.walk(paths))
    others = _other_models(model, device) if report else {}
    predictor = options.load_predictor(model, device)
    with options.progress_bar(len(sources)) as bar:
        if report:
            from allcore.reports import prediction_files

            rows = prediction_files.write_reports(
                sources, report, model=model, predictor=predictor, others=others,
                batch_size=batch_size,
            )  # fmt: skip
        else:
            rows = jobs.predict_files(predictor, paths, batch_size=batch_size)
        for row in rows:
            bar.update()
            yield row


def _other_models(model: "InstalledModel", device: str) -> "dict[InstalledModel, Predictor]":
    from allcore.reports import prediction_files

    others, errors = prediction_files.load_other_models(model, device)
    for error in errors:
        terminal.emit(error, file=sys.stderr)
    return others


def _collect(stream: "Iterator[PredictedRow]", rows: "list[PredictedRow]") -> bool:
    """Append the rows of a stream to a list; True where Ctrl-C ended it."""
    try:
        for row in stream:
            rows.append(row)
    except KeyboardInterrupt:
        return True
    return False


def _print_rows(
    rows: "list[PredictedRow]", out: Path | None, report: Path | None, *, as_json: bool
) -> None:
    if report:
        reports = sum(bool(row.sha256) for row in rows)
        pictures = formats.count(len(rows), "picture")
        terminal.emit(f"{reports} of {pictures} got a report in {report}.", file=sys.stderr)
    if as_json:
        terminal.emit(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))
    elif out:
        terminal.emit(_summary(rows), f"Written to {out}.", file=sys.stderr)
    else:
        _print_table(rows)
        terminal.emit(_summary(rows), file=sys.stderr)


def _kept(out: Path | None) -> str:
    return f"their answers are in {out}" if out else "their answers are above"


def _verify(path: Path, device: str | None, *, as_json: bool) -> None:
    """Repeat the prediction of a report's image and print the comparison."""
    from allcore.reports import prediction_files, report_verification

    chosen = settings.load()
    report = prediction_files.read_report(path)
    terminal.emit(RESEARCH_USE, file=sys.stderr)
    verification = report_verification.verify_report(
        report, chosen.models, device=device or chosen.device, threads=chosen.threads
    )
    if as_json:
        fields = {"ok": verification.ok, "notice": RESEARCH_USE, **asdict(verification)}
        terminal.emit(json.dumps(fields, indent=1, ensure_ascii=False))
    else:
        _print_verification(verification)
    if not verification.ok:
        raise AllScopeError(verification.sentence)


def _print_verification(verification: "ReportVerification") -> None:
    width = max(len(check.name) for check in verification.checks)
    for check in verification.checks:
        value = check.found if check.ok else f"{check.found} (report: {check.expected})"
        terminal.emit(f"{'agrees' if check.ok else 'DIFFERS':8} {check.name:{width}}  {value}")
    if verification.other_versions:
        terminal.emit(f"Computed with other versions: {', '.join(verification.other_versions)}.")
    if verification.ok:
        terminal.emit(verification.sentence)


def _print_table(rows: "list[PredictedRow]") -> None:
    width = max((len(row.path) for row in rows), default=0)
    terminal.emit(f"{'path':{width}}  {'verdict':9}  {'p_all':>5}  threshold  reason")
    for row in rows:
        p_all = "" if row.p_all is None else f"{row.p_all:.2f}"
        verdict = VERDICT_NAMES[row.verdict]
        line = f"{row.path:{width}}  {verdict:9}  {p_all:>5}  {row.threshold:9.2f}  {row.reason}"
        terminal.emit(line.rstrip())


def _summary(rows: "list[PredictedRow]") -> str:
    counts = Counter[str](row.verdict for row in rows)
    parts = ", ".join(f"{counts[verdict]} {name}" for verdict, name in VERDICT_NAMES.items())
    return f"{len(rows)} pictures: {parts}."
