"""``python -m allcore data ...``: draw, measure and compare sets, check and fetch C-NMC 2019."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    import pandas as pd

    from allcore.data.manifest import Manifest
    from allcore.synthetic.appearance import Field

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
    from allcore.synthetic import targets as synthetic_targets

    manifest = readers.read(real)
    table, rims = _measured(manifest, per_subject)
    target = out or synthetic_targets.FILE
    command = f"python -m allcore data measure {shlex.quote(real.name)} --per-subject {per_subject}"
    targets = synthetic_targets.derive(table, rims, command=command, source=manifest.name)
    synthetic_targets.save(targets, target)
    print(f"{targets.cells} cells of {targets.subjects} subjects measured, written to {target}.")


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
    from allcore.synthetic import realism as compare

    sets = [readers.read(real), _without_faults(readers.read(drawn))]
    tables = [_measured(manifest, per_subject)[0] for manifest in sets]
    name = model or settings.load().model
    command = (
        f"python -m allcore data compare {shlex.quote(real.name)} {shlex.quote(drawn.name)} "
        f"--per-subject {per_subject} --model {name}"
    )
    counts = [_counted(manifest, table) for manifest, table in zip(sets, tables, strict=True)]
    text = PAGE.format(
        command=command,
        real=counts[0],
        drawn=counts[1],
        table=compare.markdown(compare.comparisons(*tables)),
        model=_auroc(sets[1], name),
    )
    if out is None:
        print(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        print(f"Written to {out}.")


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


def _without_faults(drawn: "Manifest") -> "Manifest":
    from allcore.data.manifest import Manifest
    from allcore.synthetic import dataset

    truth = dataset.read_truth(drawn.root)
    clean = drawn.table["image_id"].isin(truth.loc[truth["fault"] == "", "image_id"])
    return Manifest(drawn.root, drawn.table[clean].reset_index(drop=True), drawn.name)


def _measured(manifest: "Manifest", per_subject: int) -> "tuple[pd.DataFrame, dict[str, Field]]":
    from tqdm import tqdm

    from allcore.synthetic import appearance

    rows = appearance.sample(manifest.labelled(), per_subject=per_subject)
    progress = tqdm(rows, unit="cell", desc=manifest.name, disable=not sys.stderr.isatty())
    return appearance.table(manifest.labelled(), progress)


def _counted(manifest: "Manifest", table: "pd.DataFrame") -> str:
    return f"{manifest.name}, {len(table):,} cells of {table['subject'].nunique()} subjects"


def _auroc(drawn: "Manifest", name: str) -> str:
    """A sentence with the AUROC of an installed model on the drawn cells without faults."""
    import pandas as pd

    from allcore import formats, model_folder, settings
    from allcore.errors import ModelError
    from allcore.evaluation import model_evaluation
    from allcore.inference import jobs
    from allcore.inference.predictor import Predictor

    try:
        folder = model_folder.folder(name)
        predictor = Predictor.load(folder, settings.load().device, gated=False)
    except ModelError:
        return f"Not computed: the model `{name}` was not installed or can't be used."
    table = drawn.table.assign(split="test", fold=0)
    paths = [drawn.root / path for path in table["path"]]
    rows = {Path(row.path).name: row.p_all for row in jobs.predict_files(predictor, paths)}
    table["probability"] = [rows.get(path.name) for path in paths]
    table = pd.DataFrame(table[table["probability"].notna()])
    table["probability"] = table["probability"].astype(float)
    table["logit"], table["baseline_probability"] = 0.0, float("nan")
    part = model_evaluation.evaluate_model(table, predictor.info).test
    figure = formats.estimate(part.estimate("auroc").over_subjects) if part else "undefined"
    return (
        f"AUROC of `{name}` on the {len(table)} drawn cells without planted faults: {figure}, "
        f"95 % interval over subjects; {len(drawn) - len(table)} refused. The network was trained "
        "on real cells and has never seen a drawn one."
    )


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
