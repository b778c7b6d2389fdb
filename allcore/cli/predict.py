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
    fields: options.FieldMode = "never",
    profile: Annotated[
        str | None,
        Option(
            help="Site profile whose calibration and threshold apply: NAME, or NAME@VERSION; "
            "`validate --list` names them."
        ),
    ] = None,
    as_json: options.JsonFlag = False,
    resume: Annotated[
        bool,
        Option(
            "--resume",
            help="Take up the rows of a run with the same --out that was stopped or killed; a "
            "picture is the same if its content is.",
        ),
    ] = False,
    verify: Annotated[
        Path | None, Option(help="A JSON report to answer again and compare; takes no PATHS.")
    ] = None,
    report: Annotated[
        Path | None, Option(help="Folder for a JSON and a PDF report of each picture.")
    ] = None,
) -> None:
    """Answer ALL blast or normal for each picture; what can't be read gets a refused row."""
    if verify is not None:
        if paths or report or out or model or profile or engine != "local":
            raise BadParameter(
                "takes no PATHS, --out, --report, --model, --profile or --engine",
                param_hint="--verify",
            )
        _verify(verify, device, as_json=as_json)
        return
    if not paths:
        raise BadParameter("give pictures, or --verify REPORT.json", param_hint="PATHS")
    if report and engine == "ray":
        raise BadParameter("needs --engine local", param_hint="--report")
    if report and fields != "never":
        raise BadParameter("needs --fields never", param_hint="--report")
    plain = engine == "local" and fields == "never" and not report and not profile
    if resume and not (out and plain):
        raise BadParameter(
            "needs --out, and no --engine, --report, --profile or --fields", param_hint="--resume"
        )
    from allcore import model_folder, site_profile
    from allcore.inference import answer_journal, export

    if out and out.suffix.lower() not in export.FORMATS:
        raise BadParameter(f"ends in none of {', '.join(export.FORMATS)}", param_hint="--out")
    chosen = settings.load()
    installed = model_folder.resolve(model or chosen.model).with_profile(
        None if profile is None else site_profile.find(profile)
    )
    device = device or chosen.device
    if out:
        terminal.require_writable(out, "--out", kind="file")
    if report:
        terminal.require_writable(report, "--report", kind="folder")
    terminal.emit(RESEARCH_USE, file=sys.stderr)
    rows: list[PredictedRow] = []
    answered = _answered(out, installed) if resume else {}
    stream = _stream(
        paths, installed, device, batch_size, engine=engine, report=report, mode=fields,
        answered=answered,
    )  # fmt: skip
    if out and plain:
        stream = answer_journal.record(stream, out, kept=answered.values())
    stopped = _collect(stream, rows)
    if out:
        export.write(rows, out)
        if not stopped:
            answer_journal.remove(out)
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
    mode: Literal["auto", "never", "always"],
    answered: "dict[str, PredictedRow]",
) -> "Iterator[PredictedRow]":
    """Yield the rows as they are predicted; with `report` after the reports of the picture."""
    from allcore.inference import gate, image_sources, smear, streaming

    sources = list(image_sources.walk(paths, large=mode != "never"))
    fields = None
    if mode != "never":
        own_gate = gate.read_gate(model.folder)
        fields = smear.measure_fields(
            sources,
            mode,
            None if own_gate is None else own_gate.appearance,
            profile=model.profile,
        )
    if engine == "ray":
        from allcore.inference import distributed

        yield from distributed.rows(
            paths, folder=model.folder, device=device, batch_size=batch_size, fields=fields,
            profile=model.profile,
        )  # fmt: skip
        return
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
            rows = streaming.predict_files(
                predictor, paths, batch_size=batch_size, fields=fields, answered=answered,
                watch=lambda done, total: bar.set_postfix_str(f"tile {done} of {total}"),
            )  # fmt: skip
        for row in rows:
            bar.update()
            yield row


def _answered(out: Path | None, model: "InstalledModel") -> "dict[str, PredictedRow]":
    from allcore.inference import answer_journal

    if out is None:
        return {}
    info = model.info
    return answer_journal.read(out, model_sha256=info.weights_sha256, threshold=info.threshold)


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
        terminal.emit(json.dumps([row.to_dict() for row in rows], ensure_ascii=False, indent=1))
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
    names = [_name(row) for row in rows]
    width = max(map(len, names), default=0)
    terminal.emit(f"{'path':{width}}  {'verdict':9}  {'p_all':>5}  threshold  reason")
    for row, name in zip(rows, names, strict=True):
        p_all = "" if row.p_all is None else f"{row.p_all:.2f}"
        verdict = VERDICT_NAMES[row.verdict]
        line = f"{name:{width}}  {verdict:9}  {p_all:>5}  {row.threshold:9.2f}  {row.reason}"
        terminal.emit(line.rstrip())


def _name(row: "PredictedRow") -> str:
    cell = getattr(row, "cell", "")
    return f"{row.path}, cell {cell}" if cell else row.path


def _summary(rows: "list[PredictedRow]") -> str:
    counts = Counter[str](row.verdict for row in rows)
    parts = ", ".join(f"{counts[verdict]} {name}" for verdict, name in VERDICT_NAMES.items())
    cells = sum(bool(getattr(row, "cell", "")) for row in rows)
    if not cells:
        return f"{formats.count(len(rows), 'picture')}: {parts}."
    others = formats.count(len(rows) - cells, "other picture")
    return f"{formats.count(cells, 'cell')} of fields, {others}: {parts}."
