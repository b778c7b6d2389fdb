"""Run the benchmarks: ``python -m benchmarks [NAME]... [--json] [--write]``."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from typer import Option

from allcore.errors import AllScopeError
from benchmarks import table
from benchmarks.registry import BENCHMARKS
from benchmarks.timing import Result, Scale

ROW = "{:<10} {:>10} {:>10} {:>7}  {:<9}  {}"


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Which: {', '.join(BENCHMARKS)}; all by default.")
    ] = None,
    json_lines: Annotated[
        bool, Option("--json", help="One JSON object a line and benchmark.")
    ] = False,
    write: Annotated[
        bool, Option("--write", help="Also put the figures into docs/benchmarks.md.")
    ] = False,
    images: Annotated[int, Option(min=1, help="Pictures in one round.")] = Scale.images,
    rounds: Annotated[int, Option(min=1, help="How often each side runs.")] = Scale.rounds,
    predictions: Annotated[
        int, Option(min=1, help="Answers given by the memory benchmark.")
    ] = Scale.predictions,
) -> None:
    """Time ALLScope beside its peers; ratio is ours over the reference."""
    unknown = [name for name in names or [] if name not in BENCHMARKS]
    if unknown:
        raise typer.BadParameter(f"there is no {unknown[0]}; choose from {', '.join(BENCHMARKS)}")
    scale = Scale(images=images, rounds=rounds, predictions=predictions)
    if not json_lines:
        print(ROW.format("name", "ours", "reference", "ratio", "unit", "aim"), flush=True)
    for name in names or BENCHMARKS:
        measured = _measured(name, scale)
        print(json.dumps(asdict(measured)) if json_lines else _line(measured), flush=True)
        if write:
            table.record(measured)
    if not json_lines:
        print(f"on {measured.machine}")


def _measured(name: str, scale: Scale) -> Result:
    try:
        return BENCHMARKS[name].run(scale)
    except AllScopeError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def _line(measured: Result) -> str:
    aim = BENCHMARKS[measured.name].aim
    figures = (f"{measured.ours:.4g}", f"{measured.reference:.4g}", f"{measured.ratio:.3g}")
    return ROW.format(measured.name, *figures, measured.unit, aim)


if __name__ == "__main__":
    typer.run(main)
