"""``python -m allcore data ...``: generate, measure and compare sets, check and fetch C-NMC."""

import json
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, BadParameter, Option

from allcore import settings
from allcore.cli import options, terminal
from allcore.errors import DataError
from allcore.notice import RESEARCH_USE

if TYPE_CHECKING:
    from allcore.cnmc.download import DownloadResult
    from allcore.cnmc.verification import Verification
    from allcore.data.dataset_inspection import DatasetSummary

PER_SUBJECT = 24
"""Default number of measured cells a subject: enough for means, a minute for 50 subjects."""

PATHS_PRINTED = 10  # maximum number of printed paths of a kind; ``--json`` prints all

OWN = "--cells, --subjects, --seed"

PerSubject = Annotated[int, Option(min=2, help="Cells of each subject to measure at most.")]


def synth(
    folder: Annotated[
        Path | None, Argument(help="New or empty folder; without one, the app's demonstration set.")
    ] = None,
    cells: Annotated[int | None, Option(min=1, help="Number of cells.")] = None,
    subjects: Annotated[int | None, Option(min=1, help="Number of subjects.")] = None,
    seed: Annotated[int | None, Option(min=0, help="Same seed, same pictures.")] = None,
) -> None:
    """Draw a synthetic set of cells with planted faults, and the truth about them."""
    from allcore.synthetic import dataset, demo

    if folder is None and not (cells is None and subjects is None and seed is None):
        raise BadParameter("needs a FOLDER: the app's set is always the same", param_hint=OWN)
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
    terminal.emit(RESEARCH_USE)
    terminal.emit(
        f"{len(drawn)} synthetic cells of {people} subjects in {drawn.root}, {faults} of them with "
        f"planted faults ({dataset.TRUTH})."
    )


def measure(
    real: Annotated[Path, Argument(help="Data set of real cells.")],
    out: Annotated[Path | None, Option(help="File of the targets to write.")] = None,
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
    terminal.emit(
        f"{targets.cells} cells of {targets.subjects} subjects measured, written to {out or FILE}."
    )


def compare(
    real: Annotated[Path, Argument(help="Data set of real cells.")],
    drawn: Annotated[Path, Argument(help="Drawn set.")],
    out: Annotated[Path | None, Option(help="Markdown file to write.")] = None,
    per_subject: PerSubject = PER_SUBJECT,
    model: options.ModelName = None,
) -> None:
    """Compare real and drawn cells by size, brightness, colour and texture, class by class."""
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
        terminal.emit(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        terminal.emit(f"Written to {out}.")


def show_dataset(
    folder: Annotated[Path, Argument(help="Folder of images, or CSV table of them.")],
    labels: Annotated[
        str | None,
        Option(
            "--labels",
            metavar="NAME=CLASS,...",
            help="Classes of labels or folders to try, such as 0=all,1=hem; not kept.",
        ),
    ] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Show how a folder or table is read: layout, counts, what is left out, and warnings."""
    from allcore.data import dataset_inspection, readers

    choice = None if labels is None else options.label_option(labels)
    summary = dataset_inspection.summarize(readers.read(folder, choice=choice))
    if as_json:
        terminal.emit(json.dumps(summary.as_dict(), indent=2, ensure_ascii=False))
    else:
        terminal.emit("\n".join(_summary_lines(summary)))


def _summary_lines(summary: "DatasetSummary") -> Iterator[str]:
    yield RESEARCH_USE
    yield summary.sentence
    splits = (f"{number:,} {split or 'in no split'}" for split, number in summary.splits.items())
    yield f"Splits: {', '.join(splits) or 'none'}."
    yield f"Subjects: {summary.subjects or 'unknown'}."
    for files in summary.manifest.left_out:
        kind = f" {files.suffix}" if files.suffix else ""
        yield f"Left out: {files.count:,}{kind}, {files.reason}, such as {files.example}."
    yield from (f"Note: {warning}" for warning in summary.warnings)


def verify(
    folder: Annotated[Path, Argument(help="Folder that holds C-NMC 2019, in any layout.")],
    as_json: options.JsonFlag = False,
) -> None:
    """Check a folder against the public release of C-NMC 2019, file by file."""
    from allcore.cnmc import verification

    with _bytes_bar() as progress:
        result = verification.verify(folder, progress=partial(progress, "Checking"))
    terminal.emit(_verification_json(result) if as_json else _verification_text(result))
    if result.problem:
        raise DataError(result.problem)


def fetch(
    name: Annotated[Literal["cnmc"], Argument(help="cnmc: the public C-NMC 2019 release.")],
    folder: Annotated[Path, Argument(help="New folder, or one that holds a part of it.")],
    source: Annotated[
        str | None,
        Option(
            "--from",
            metavar="URL|FOLDER",
            help="A mirror that serves the release's paths, or a folder that holds its files under "
            "any names; Kaggle without one.",
        ),
    ] = None,
) -> None:
    """Download a public data set and check every file; resumable, altered files are replaced."""
    from allcore.cnmc import download

    with _bytes_bar() as progress:
        result = download.fetch(folder, source, progress=progress)
    terminal.emit(_fetch_text(result))
    if result.verification.problem:
        raise DataError(_fetch_problem(result))


@contextmanager
def _bytes_bar() -> "Iterator[Callable[[str, int, int], None]]":
    """Progress bars by step, as a function of title, bytes so far and bytes in all."""
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def update(title: str, count: int, total: int) -> None:
        if title not in bars:
            bars[title] = tqdm(
                desc=title, total=total, unit="B", unit_scale=True, disable=not sys.stderr.isatty()
            )
        bars[title].update(count - bars[title].n)

    try:
        yield update
    finally:
        for bar in bars.values():
            bar.close()


def _verification_json(result: "Verification") -> str:
    """All findings as one JSON object: counts by split and fold, and the paths of each kind."""
    from allcore.cnmc.verification import STATES

    rows = result.rows
    return json.dumps(
        {
            "root": str(result.root),
            "complete": result.problem is None,
            "counts": result.counts().to_dict("records"),
            **{
                state: rows.loc[rows["state"] == state, ["path", "found"]].to_dict("records")
                for state in STATES[1:]
            },
            "foreign": result.foreign,
            "copies": result.copies,
            "converted": result.converted,
            "refused": [{"path": file.path, "reason": file.reason} for file in result.refused],
            "others": result.other_files,
        },
        indent=2,
    )


def _verification_text(result: "Verification") -> str:
    lines = [result.counts().to_string(index=False)]
    if result.conversion:
        lines += ["", f"{result.conversion}."]
    rows = result.rows
    moved = rows[rows["state"] == "moved"]
    lines += _block("missing", result.paths("missing"))
    lines += _block("altered", result.paths("altered"))
    lines += _block(
        "under another name or folder",
        [f"{path}: {file}" for path, file in zip(moved["path"], moved["found"], strict=True)],
    )
    lines += _block("not of the release", result.foreign)
    lines += _block("further copies", result.copies)
    lines += _block("not read", [f"{file.path} ({file.reason})" for file in result.refused])
    if result.problem is None:
        lines += ["", f"All {len(rows):,} files are there as they were published."]
    return "\n".join(lines)


def _fetch_text(result: "DownloadResult") -> str:
    from allcore.cnmc import release

    rows = result.verification.rows
    right = int(rows["state"].isin(["in_place", "moved"]).sum())
    lines = [
        f"{result.placed:,} files brought; {right:,} of {len(rows):,} are now in "
        f"{result.verification.root} as they were published."
    ]
    if not result.has_labels and (rows["split"] == "prelim").any():
        lines.append(
            "The labels of the preliminary test images did not come with them: put "
            f"{release.LABELS_TABLE} there by hand, for without it they have none."
        )
    return "\n".join(lines)


def _fetch_problem(result: "DownloadResult") -> str:
    """Reason for an incomplete download as one sentence."""
    if not result.failures:
        return f"The source lacks some files. {result.verification.problem}"
    reasons = Counter(file.reason for file in result.failures)
    reason, count = reasons.most_common(1)[0]
    example = next(file.path for file in result.failures if file.reason == reason)
    return (
        f"{len(result.failures):,} did not come, {count:,} because {reason}, such as {example}: "
        "run the command again to go on, or take another source."
    )


def _block(title: str, paths: Sequence[str]) -> list[str]:
    """An empty line, the number of paths and the first of them; empty without any."""
    if not paths:
        return []
    lines, left = list(paths[:PATHS_PRINTED]), len(paths) - PATHS_PRINTED
    if left > 0:
        lines.append(f"and {left:,} more (--json)")
    return ["", f"{len(paths):,} {title}:", *(f"  {line}" for line in lines)]
