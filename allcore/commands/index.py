"""``python -m allcore index``: measure a data set once, so that pages open at once."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from allcore.inference.predictor import Predictor


def index(
    data: Annotated[
        Path | None, typer.Option(help="Data set; without one ALLSCOPE_DATA is taken.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Installed model of the embeddings.")] = None,
    no_embeddings: Annotated[
        bool, typer.Option("--no-embeddings", help="Without a model: no map, no outliers.")
    ] = False,
) -> None:
    """Thumbnails, quality, duplicates, embeddings and map of a data set; only what is new is read.

    May be stopped at any time: the next run goes on where this one was.
    """
    from tqdm import tqdm

    from allcore.index import build
    from allcore.index.running import Stopped

    chosen = folder(data)
    loader = None if no_embeddings else partial(_predictor, model)
    with tqdm(total=0, unit="cell", desc="Indexing", disable=not sys.stderr.isatty()) as bar:
        try:
            changes = build.build(chosen, loader=loader, start=bar.reset, progress=bar.update)
        except (KeyboardInterrupt, Stopped):
            bar.close()
            sys.exit(str(Stopped()))
    print(
        f"{changes.added} added, {changes.changed} changed, {changes.dropped} dropped, "
        f"{changes.kept} as before; {changes.unreadable} can't be used."
    )


def folder(data: Path | None) -> Path:
    """The data set that was named, or that of the settings.

    Raises:
        DataError: neither is there.
    """
    from allcore import settings
    from allcore.errors import DataError

    chosen = data or settings.load().data
    if chosen is None:
        raise DataError("No data set was named: give its folder, or set ALLSCOPE_DATA.")
    return chosen


def _predictor(model: str | None) -> "Predictor":
    from allcore import modelfolder, settings
    from allcore.errors import ModelError
    from allcore.inference.predictor import Predictor

    chosen = settings.load()
    try:
        place = modelfolder.folder(model or chosen.model)
    except ModelError as error:
        raise ModelError(f"{error} Or index without one: --no-embeddings.") from None
    return Predictor.load(place, chosen.device, threads=chosen.threads)
