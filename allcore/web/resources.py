"""The installed models as all sessions share them: resolved once a run, loaded once a process."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from allcore import model_folder, settings
from allcore.model_folder import InstalledModel

if TYPE_CHECKING:  # they bring torch, which a page without a network does without
    from torch import Tensor

    from allcore.inference.jobs import PredictionService
    from allcore.inference.predictor import Predictor
    from allcore.inference.results import Reading

BATCH = 8
"""A picture of one session waits for at most one batch of all others."""


def choose_model() -> InstalledModel | None:
    """The model chosen in the sidebar; None, with a sentence, where none is installed.

    Raises:
        ModelError: the folder of the chosen model is damaged.
    """
    name = choose_key()
    return None if name is None else model_folder.resolve(name)


def choose_key(files: Mapping[str, str] | None = None, *, key: str | None = None) -> str | None:
    """The name of a model, or the key of a file of predictions, chosen in the sidebar.

    None, with a sentence, where there is neither.

    Args:
        files: titles of the files by their keys; None on a page that opens none.
        key: of the control, and of the address; None keeps the choice out of the address.
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
    return st.sidebar.selectbox(
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
    config = settings.load()
    return _predictor(model, f"{model.folder} {model.digest}", config.device, config.threads)


def service(model: InstalledModel) -> "PredictionService":
    """The predictor of an installed model behind the queue through which all sessions share it.

    Raises:
        AllScopeError: there is no such device, or the model is damaged.
    """
    config = settings.load()
    return _service(model, f"{model.folder} {model.digest}", config.device, config.threads)


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

    from allcore.inference.batching import BatchQueue
    from allcore.inference.jobs import PredictionService

    shared = _predictor(_model, key, device, threads)

    def read(cells: "list[Tensor]") -> "list[Reading]":
        return shared.read(torch.stack(cells))

    return PredictionService(shared, BatchQueue(read, limit=BATCH))
