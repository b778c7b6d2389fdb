"""The installed models as all sessions share them: resolved once a run, loaded once a process."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from allcore import model_folder, settings
from allcore.model_folder import InstalledModel
from allcore.web import presentation

if TYPE_CHECKING:  # they bring torch, which a page without a network does without
    from torch import Tensor

    from allcore.inference.jobs import PredictionService
    from allcore.inference.predictor import Predictor
    from allcore.inference.results import Reading

CONTROL_WIDTH = 280
"""Pixels of a control in the line below a page's heading."""
BATCH = 8
"""A picture of one session waits for at most one batch of all others."""


def choose_model() -> InstalledModel | None:
    """The model chosen on the page; None, with a sentence, where none is installed.

    Raises:
        ModelError: the folder of the chosen model is damaged.
    """
    name = choose_key()
    return None if name is None else model_folder.resolve(name)


def choose_key(
    files: Mapping[str, str] | None = None,
    *,
    key: str | None = None,
    place: DeltaGenerator | None = None,
) -> str | None:
    """The name of a model, or the key of a file of predictions, as chosen.

    None, with a sentence, where there is neither.

    Args:
        files: titles of the files by their keys; None on a page that opens none.
        key: of the control, and of the address; None keeps the choice out of the address.
        place: of the control; None means where the page has come to.
    """
    titles = {name: name for name in model_folder.names()} | dict(files or {})
    if not titles:
        folder = "point `ALLSCOPE_MODELS` at a folder that holds some"
        other = f"or {folder}" if files is None else f"{folder}, or open predictions of your own"
        st.info(
            f"No model is installed yet: train one with `python -m allcore train`, {other}.",
            icon=":material/deployed_code:",
        )
        return None
    keys, preferred = list(titles), settings.load().model
    if presentation.is_on():
        return preferred if preferred in keys else keys[0]
    with place or st.container(key="field_model", width=CONTROL_WIDTH):
        return st.selectbox(
            "Model",
            keys,
            index=keys.index(preferred) if preferred in keys else 0,
            format_func=titles.__getitem__,
            key=key,
            bind="query-params" if key else None,
        )


def predictor(model: InstalledModel) -> "Predictor":
    """The predictor of an installed model, one for all sessions.

    Raises:
        AllScopeError: there is no such device, or the model is damaged.
    """
    config, key = settings.load(), f"{model.folder} {model.shipped_digest}"
    shared = _predictor(model, key, config.device, config.threads)
    return shared.with_profile(model.profile)


def service(model: InstalledModel) -> "PredictionService":
    """The predictor of an installed model behind the queue through which all sessions share it.

    Raises:
        AllScopeError: there is no such device, or the model is damaged.
    """
    config, key = settings.load(), f"{model.folder} {model.shipped_digest}"
    shared = _service(model, key, config.device, config.threads)
    if model.profile is None:
        return shared
    return replace(shared, predictor=shared.predictor.with_profile(model.profile))


# Apart from the services: closing one's queue must not unload a network that others are asking.
@st.cache_resource(max_entries=4, show_spinner=False)
def _predictor(_model: InstalledModel, key: str, device: str, threads: int | None) -> "Predictor":
    from allcore.inference.predictor import Predictor

    return Predictor.load(_model.folder, device, threads=threads)


@st.cache_resource(
    max_entries=2,
    show_spinner="Loading the model",
    on_release=lambda service: service.queue.close(),
)
def _service(
    _model: InstalledModel, key: str, device: str, threads: int | None
) -> "PredictionService":
    import torch

    from allcore.inference import devices
    from allcore.inference.batching import BatchQueue
    from allcore.inference.jobs import PredictionService

    shared = _predictor(_model, key, device, threads)

    def read(cells: "list[Tensor]") -> "list[Reading]":
        return shared.read(torch.stack(cells))

    return PredictionService(shared, BatchQueue(read, limit=BATCH, **devices.workers()))
