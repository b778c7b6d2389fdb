"""``python -m allcore data ...``: draw, measure and compare sets, check and fetch C-NMC 2019."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

PER_SUBJECT = 24
"""Cells a subject that are measured unless told: enough for means, a minute for 50 subjects."""

OWN = "--cells, --subjects, --seed"

PerSubject = Annotated[int, typer.Option(min=2, help="Cells of each subject to measure at most.")]


def synth(
    folder: Annotated[
        Path | None,
        typer.Argument(help="New or empty folder; without one, the app's demonstration set."),
    ] = None,
    cells: Annotated[int | None, typer.Option(min=1, help="Number of cells.")] = None,
    subjects: Annotated[int | None, typer.Option(min=1, help="Number of subjects.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same pictures.")] = None,
) -> None:
    """Draw a synthetic set of cells with planted faults, and the truth about them."""
    from allcore.notice import RESEARCH_USE
    from allcore.synthetic import dataset, demo

    if folder is None and not (cells is None and subjects is None and seed is None):
        raise typer.BadParameter("needs a FOLDER: the app's set is always the same", param_hint=OWN)
    if folder is None:
        drawn = demo.ensure_demo()
    else:
        drawn = dataset.draw_set(
            folder,
            cells=dataset.CELLS if cells is None else cells,
            subjects=dataset.SUBJECTS if subjects is None else subjects,
            seed=dataset.SEED if seed is None else seed,
        )
    faults = int((dataset.read_truth(drawn.root)["fault"] != "").sum())
    people = drawn.table["subject"].nunique()
    print(RESEARCH_USE)
    print(
        f"{len(drawn)} synthetic cells of {people} subjects in {drawn.root}, {faults} of them with "
        f"planted faults ({dataset.TRUTH})."
    )


def measure(
    real: Annotated[Path, typer.Argument(help="Data set of real cells.")],
    out: Annotated[Path | None, typer.Option(help="File of the targets to write.")] = None,
    per_subject: PerSubject = PER_SUBJECT,
) -> None:
    """Measure real cells and write the targets that synthetic cells are drawn to."""
    from allcore.data import readers
    from allcore.research import synthetic_realism
    from allcore.synthetic.targets import FILE

    manifest = readers.read(real)
    table, rims = synthetic_realism.measure_set(manifest, per_subject)
    command = f"python -m allcore data measure {shlex.quote(real.name)} --per-subject {per_subject}"
    targets = synthetic_realism.derive_targets(table, rims, command=command, source=manifest.name)
    synthetic_realism.save_targets(targets, out or FILE)
    print(
        f"{targets.cells} cells of {targets.subjects} subjects measured, written to {out or FILE}."
    )


def compare(
    real: Annotated[Path, typer.Argument(help="Data set of real cells.")],
    drawn: Annotated[Path, typer.Argument(help="Drawn set.")],
    out: Annotated[Path | None, typer.Option(help="Markdown file to write.")] = None,
    per_subject: PerSubject = PER_SUBJECT,
    model: Annotated[str | None, typer.Option(help="Name of an installed model.")] = None,
) -> None:
    """Compare real and drawn cells by size, brightness, colour and texture, class by class."""
    from allcore import settings
    from allcore.data import readers
    from allcore.research import synthetic_realism

    name = model or settings.load().model
    text = synthetic_realism.comparison_page(
        readers.read(real),
        readers.read(drawn),
        model=name,
        device=settings.load().device,
        per_subject=per_subject,
        command=f"python -m allcore data compare {shlex.quote(real.name)} "
        f"{shlex.quote(drawn.name)} --per-subject {per_subject} --model {name}",
    )
    if out is None:
        print(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        print(f"Written to {out}.")


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder that holds C-NMC 2019, in any layout.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Check a folder against the public release of C-NMC 2019, file by file."""
    from allcore.cli import verification_output
    from allcore.cnmc import verification as verify
    from allcore.errors import DataError

    with _bytes_bar() as show:
        found = verify.verify(folder, progress=partial(show, "Checking"))
    print(verification_output.as_json(found) if as_json else verification_output.as_text(found))
    if found.problem:
        raise DataError(found.problem)


def fetch(
    name: Annotated[Literal["cnmc"], typer.Argument(help="cnmc: the public C-NMC 2019 release.")],
    folder: Annotated[Path, typer.Argument(help="New folder, or one that holds a part of it.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL|FOLDER",
            help="A mirror that serves the release's paths, or a folder that holds its files under "
            "any names; Kaggle without one.",
        ),
    ] = None,
) -> None:
    """Download a public data set and check every file; resumable, altered files are replaced."""
    from allcore.cli import verification_output
    from allcore.cnmc import download as fetch
    from allcore.errors import DataError

    with _bytes_bar() as show:
        fetched = fetch.fetch(folder, source, progress=show)
    print(verification_output.fetched(fetched))
    if fetched.verification.problem:
        raise DataError(verification_output.not_whole(fetched))


@contextmanager
def _bytes_bar() -> "Iterator[Callable[[str, int, int], None]]":
    """A progress bar as a function of what is done, and the bytes done and to do.

    Each step has a bar of its own; silent without a terminal.
    """
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def show(said: str, done: int, total: int) -> None:
        if said not in bars:
            bars[said] = tqdm(
                desc=said, total=total, unit="B", unit_scale=True, disable=not sys.stderr.isatty()
            )
        bars[said].update(done - bars[said].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()
