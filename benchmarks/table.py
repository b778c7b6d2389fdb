"""The table of all figures, ``docs/benchmarks.md``, and the results behind it."""

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.registry import BENCHMARKS
from benchmarks.timing import Result

FOLDER = Path(__file__).parents[1] / "docs"
PAGE, RESULTS = "benchmarks.md", "benchmarks.json"
HEAD = """# Benchmarks

Written by `python -m benchmarks --write [NAME]...`: each line is the last run of its name, ours and
the reference in turns in one process, medians. The ratio is ours over the reference. What each
compares is in the docstring of its module in `benchmarks/`. A missed aim stays here as missed.
Other work on the machine, the load, slows both sides.

| name | ratio | ours | reference | unit | aim | |
| --- | ---: | ---: | ---: | --- | --- | --- |
"""


def record(measured: Result, folder: Path = FOLDER) -> None:
    """Store a result in place of the last one of its name, and write the table again."""
    results = read(folder) | {measured.name: measured}
    ordered = {name: results[name] for name in BENCHMARKS if name in results}
    stored = [asdict(result) for result in ordered.values()]
    (folder / RESULTS).write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    (folder / PAGE).write_text(page(list(ordered.values())), encoding="utf-8")


def read(folder: Path = FOLDER) -> dict[str, Result]:
    """Stored results by name; empty without any."""
    path = folder / RESULTS
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return {row["name"]: Result(**row) for row in rows}


def page(results: list[Result]) -> str:
    """The page of some results: the table, then the machine and the load of each."""
    machines: dict[str, list[str]] = {}
    for result in results:
        machines.setdefault(result.machine, []).append(result.name)
    lines = [f"- {', '.join(names)}: {machine}" for machine, names in machines.items()]
    return f"{HEAD}{''.join(map(_line, results))}\nMachine and load:\n\n" + "\n".join(lines) + "\n"


def _line(result: Result) -> str:
    benchmark = BENCHMARKS[result.name]
    met = "met" if benchmark.is_met(result) else "missed"
    return (
        f"| `{result.name}` | {result.ratio:.3g} | {result.ours:.4g} | {result.reference:.4g} | "
        f"{result.unit} | {benchmark.aim} | {met} |\n"
    )
