"""Distributed prediction with Ray Data; the rows equal those of a single process."""

import importlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from allcore.errors import AllScopeError
from allcore.inference import image_sources
from allcore.inference.results import PredictedCell, PredictedRow
from allcore.inference.smear import Fields
from allcore.site_profile import SiteProfile


def rows(
    paths: Iterable[Path],
    *,
    folder: Path,
    device: str = "auto",
    batch_size: int = 32,
    actors: int | None = None,
    fields: Fields | None = None,
    profile: SiteProfile | None = None,
) -> Iterator[PredictedRow]:
    """Yield one row for each image in files, folders and zip archives, in order.

    Args:
        paths: files, folders and archives; every actor must see the same file system.
        folder: the model folder.
        device: as in ``Predictor.load``; ``auto`` gives each actor one GPU where there are any.
        batch_size: images in one pass; one actor processes a whole archive.
        actors: number of processes that each hold the network; None means one for each GPU, or one.
        fields: as in ``streaming.predict_files``.
        profile: site profile to apply.

    Raises:
        AllScopeError: Ray is not installed.
    """
    ray = _import_ray()
    ray.init(ignore_reinit_error=True, log_to_driver=False, configure_logging=False)
    gpus = int(ray.cluster_resources().get("GPU", 0)) if device != "cpu" else 0
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    ray.data.DataContext.get_current().enable_progress_bars = False
    table = ray.data.from_items([{"path": str(path)} for path in image_sources.files(paths)])
    answered = table.map_batches(
        _Actor,
        fn_constructor_kwargs={
            "folder": folder,
            "device": device,
            "cwd": Path.cwd(),
            "fields": fields,
            "profile": profile,
        },
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(size=actors or max(1, gpus)),
        num_gpus=1 if gpus else 0,
    )
    kind = PredictedRow if fields is None else PredictedCell
    for row in answered.iter_rows():
        yield kind(**row)


class _Actor:
    def __init__(
        self,
        folder: Path,
        device: str,
        cwd: Path,
        fields: Fields | None,
        profile: SiteProfile | None,
    ) -> None:
        from allcore.inference.predictor import Predictor

        os.chdir(cwd)  # so that relative paths resolve, and are reported, as the caller wrote them
        self._predictor = Predictor.load(folder, device).with_profile(profile)
        self._fields = fields

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        from allcore.inference import streaming

        paths = [Path(path) for path in batch["path"]]
        answered = [
            asdict(row)
            for row in streaming.predict_files(
                self._predictor, paths, batch_size=len(paths), fields=self._fields
            )
        ]
        return {column: [row[column] for row in answered] for column in answered[0]}


def _import_ray() -> Any:
    try:
        importlib.import_module("ray.data")
        return importlib.import_module("ray")
    except ImportError:
        raise AllScopeError(
            "The engine 'ray' needs Ray: install it by 'pip install \"ray[data]\"' or use "
            "--engine local."
        ) from None
