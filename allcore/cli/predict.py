"""``python -m allcore predict``: pictures in, one row each out."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from allcore.labels import VERDICT_NAMES

if TYPE_CHECKING:
    from allcore.inference.results import Row


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
        from allcore.cli import predict_reports

        if paths or report or out or model or engine != "local":
            raise typer.BadParameter(
                "takes no PATHS, --out, --report, --model or --engine", param_hint="--verify"
            )
        predict_reports.verify(verify, device, as_json=as_json)
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
    print(RESEARCH_USE, file=sys.stderr)
    if report:
        from allcore.cli import predict_reports

        where = device or chosen.device
        rows = list(predict_reports.rows(paths, installed, where, batch_size, report))
    else:
        run = _local if engine == "local" else _ray
        rows = list(run(paths, installed.folder, device or chosen.device, batch_size))
    if out:
        export.write(rows, out)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))
    elif out:
        print(_summary(rows), f"Written to {out}.", file=sys.stderr)
    else:
        _print_table(rows)
        print(_summary(rows), file=sys.stderr)


def _local(paths: list[Path], folder: Path, device: str, batch_size: int) -> "Iterator[Row]":
    from tqdm import tqdm

    from allcore import settings
    from allcore.inference import image_sources, jobs
    from allcore.inference.predictor import Predictor

    predictor = Predictor.load(folder, device, threads=settings.load().threads)
    total = sum(1 for _ in image_sources.walk(paths))
    with tqdm(total=total, unit="cell", disable=not sys.stderr.isatty()) as bar:
        yield from jobs.predict_files(predictor, paths, batch_size=batch_size, progress=bar.update)


def _ray(paths: list[Path], folder: Path, device: str, batch_size: int) -> "Iterator[Row]":
    from allcore.inference import distributed

    return distributed.rows(paths, folder=folder, device=device, batch_size=batch_size)


def _print_table(rows: "list[Row]") -> None:
    width = max((len(row.path) for row in rows), default=0)
    print(f"{'path':{width}}  {'verdict':9}  {'p_all':>5}  threshold  reason")
    for row in rows:
        p_all = "" if row.p_all is None else f"{row.p_all:.2f}"
        line = (
            f"{row.path:{width}}  {VERDICT_NAMES[row.verdict]:9}  {p_all:>5}  {row.threshold:9.2f}"
        )
        print(f"{line}  {row.reason}".rstrip())


def _summary(rows: "list[Row]") -> str:
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICT_NAMES}
    said = ", ".join(f"{counts[verdict]} {word}" for verdict, word in VERDICT_NAMES.items())
    return f"{len(rows)} pictures: {said}."
