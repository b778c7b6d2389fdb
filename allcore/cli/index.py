"""``python -m allcore index``: index a data set once, so that pages open fast."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from allcore import settings
from allcore.cli import options, terminal
from allcore.errors import DataError, ModelError

if TYPE_CHECKING:
    from allcore.audit.index.build import IndexChanges
    from allcore.inference.predictor import Predictor


def index(
    data: Annotated[
        Path | None, Option(help="Data set; without one ALLSCOPE_DATA is taken.")
    ] = None,
    model: Annotated[str | None, Option(help="Installed model of the embeddings.")] = None,
    no_embeddings: Annotated[
        bool, Option("--no-embeddings", help="Without a model: no map, no outliers.")
    ] = False,
    prune: Annotated[
        bool, Option("--prune", help="Remove thumbnails that no index refers to any more.")
    ] = False,
    labels: options.Labels = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Thumbnails, quality, duplicates, embeddings and map of a data set; only what is new is read.

    May be stopped at any time: the next run goes on where this one was.
    """
    from allcore.audit.findings import findings_cache
    from allcore.audit.index import store
    from allcore.data import dataset_inspection, readers

    chosen = data or settings.load().data
    if chosen is None:
        raise DataError("No data set was named: give its folder, or set ALLSCOPE_DATA.")
    options.decide_labels(chosen, labels)
    began, counted = time.perf_counter(), Counter[str]()
    changes = _build(chosen, None if no_embeddings else partial(_predictor, model), counted)
    seconds = time.perf_counter() - began
    summary = {
        "data": str(chosen),
        **asdict(changes),
        "images": changes.images,
        "read": counted["read"],
        "seconds": round(seconds, 3),
        "images_per_second": round(counted["read"] / seconds, 1),
        "pruned": store.prune() if prune else 0,
        "notes": dataset_inspection.summarize(readers.read(chosen)).warnings,
        # Cached, so that the Health page opens fast.
        "findings": len(findings_cache.all_findings(chosen).findings),
    }
    _print_summary(summary, as_json)


def _build(
    chosen: Path, loader: "Callable[[], Predictor] | None", counted: Counter[str]
) -> "IndexChanges":
    from tqdm import tqdm

    from allcore.audit.index import build
    from allcore.audit.index.jobs import Stopped

    with tqdm(total=0, unit="cell", desc="Indexing", disable=not sys.stderr.isatty()) as bar:

        def progress(count: int) -> None:
            bar.update(count)
            counted["read"] += count

        try:
            return build.build_index(chosen, loader=loader, start=bar.reset, progress=progress)
        except (KeyboardInterrupt, Stopped):
            raise Stopped from None


def _print_summary(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.emit(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    terminal.emit(
        "{added} added, {changed} changed, {dropped} dropped, {kept} as before; {unreadable} can't "
        "be used.".format(**summary)
    )
    if summary["pruned"]:
        terminal.emit(f"{summary['pruned']:,} thumbnails removed.")
    if summary["findings"]:
        see = f"see 'python -m allcore data health {summary['data']}'"
        terminal.emit(f"{summary['findings']} findings: {see}.")
    for note in summary["notes"]:
        terminal.emit(f"Note: {note}", file=sys.stderr)


def _predictor(model: str | None) -> "Predictor":
    from allcore import model_folder
    from allcore.inference.predictor import Predictor

    chosen = settings.load()
    try:
        place = model_folder.folder(model or chosen.model)
    except ModelError as error:
        raise ModelError(f"{error} Or index without one: --no-embeddings.") from None
    return Predictor.load(place, chosen.device, threads=chosen.threads)
