"""A trained model is a folder: weights, what they need to be used rightly, and honest results.

``weights.safetensors`` and ``model.json`` make it usable; ``history.csv``, ``split.csv``,
``predictions.parquet``, ``embeddings.npz`` and ``CARD.md`` tell how it was trained and how well
it does. No pickle is ever loaded.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import settings
from allcore.data.preprocessing import Preprocessing
from allcore.errors import ModelError

if TYPE_CHECKING:
    from allcore.nets.base import CellNetwork

INFO = "model.json"
WEIGHTS = "weights.safetensors"
PREDICTIONS = "predictions.parquet"
HISTORY = "history.csv"
SPLIT = "split.csv"
EMBEDDINGS = "embeddings.npz"
CARD = "CARD.md"

PREDICTION_COLUMNS = (
    "image_id", "path", "subject", "group", "label", "split", "fold",
    "logit", "probability", "baseline_probability",
)  # fmt: skip


@dataclass(frozen=True)
class ModelInfo:
    """What ``model.json`` holds.

    Attributes:
        name: the folder's name.
        architecture: name in ``allcore.nets.registry``.
        config: arguments of the architecture's constructor.
        preprocessing: what turns a picture into the network's input.
        temperature: logits are divided by it before the sigmoid.
        threshold: probability from which a cell is called an ALL blast.
        threshold_rule: sentence that says how the threshold was chosen, on which subjects.
        weights_sha256: digest of the weights file.
        training: command, seed, recipe, initialisation, data, split, versions, device, seconds.
        classes: negative and positive label.
    """

    name: str
    architecture: str
    config: dict[str, Any]
    preprocessing: Preprocessing
    temperature: float
    threshold: float
    threshold_rule: str
    weights_sha256: str
    training: dict[str, Any]
    classes: tuple[str, str] = field(default=("hem", "all"))


def names(root: Path | None = None) -> list[str]:
    """Names of the installed models, sorted."""
    root = root or settings.load().models
    return sorted(path.parent.name for path in root.glob(f"*/{INFO}"))


def folder(name: str, root: Path | None = None) -> Path:
    """The folder of an installed model.

    Raises:
        ModelError: there is none of that name; the sentence lists those there are.
    """
    root = root or settings.load().models
    installed = names(root)
    if name not in installed:
        known = ", ".join(installed) or f"none is installed in {root}"
        raise ModelError(f"There is no model '{name}': choose one of these ({known}).")
    return root / name


def read_info(path: Path) -> ModelInfo:
    """Read ``model.json`` of a model folder.

    Raises:
        ModelError: it is missing, damaged or of another version.
    """
    try:
        fields = json.loads((path / INFO).read_text(encoding="utf-8"))
        fields["preprocessing"] = Preprocessing.from_dict(fields["preprocessing"])
        fields["classes"] = tuple(fields["classes"])
        return ModelInfo(**fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path / INFO} can't be read ({type(error).__name__}): restore the model folder or "
            "train the model again."
        ) from error


def write_info(path: Path, info: ModelInfo) -> None:
    """Write ``model.json``."""
    text = json.dumps(asdict(info), indent=2, ensure_ascii=False)
    (path / INFO).write_text(text + "\n", encoding="utf-8")


def write_weights(path: Path, network: "CellNetwork") -> str:
    """Write the weights in float16 and return the file's SHA-256."""
    import torch
    from safetensors.torch import save_file

    tensors = {
        name: (value.half() if value.dtype == torch.float32 else value).contiguous().cpu()
        for name, value in network.state_dict().items()
    }
    save_file(tensors, path / WEIGHTS)
    return sha256(path / WEIGHTS)


def load_network(path: Path, device: "str | Any" = "cpu") -> "CellNetwork":
    """The trained network of a model folder, in eval mode and float32 on ``device``.

    Raises:
        ModelError: the folder is incomplete, or its weights are not the ones it describes.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from allcore.nets import registry

    info = read_info(path)
    network = registry.build(info.architecture, **info.config)
    try:
        if sha256(path / WEIGHTS) != info.weights_sha256:
            raise ValueError("their digest is another")
        network.load_state_dict(load_file(path / WEIGHTS))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"The weights of '{info.name}' are damaged or missing: restore "
            f"{path / WEIGHTS} from the release or train the model again."
        ) from error
    return network.float().to(device).eval()


def read_predictions(path: Path) -> pd.DataFrame:
    """Held-out predictions of a model folder, with the columns of ``PREDICTION_COLUMNS``.

    Raises:
        ModelError: the table is missing, damaged or lacks a column.
    """
    try:
        table = pd.read_parquet(path / PREDICTIONS)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path / PREDICTIONS} can't be read: restore it, or run 'python -m allcore train' "
            "or 'evaluate' again."
        ) from error
    missing = [column for column in PREDICTION_COLUMNS if column not in table]
    if missing:
        raise ModelError(
            f"{path / PREDICTIONS} lacks the column '{missing[0]}': write it again with "
            "'python -m allcore evaluate'."
        )
    return table


def write_embeddings(
    path: Path,
    image_ids: list[str],
    features: NDArray[np.float32],
    points: NDArray[np.float32],
) -> None:
    """Write penultimate features (N, F) in float16 and the map (N, 2) by image id."""
    np.savez_compressed(
        path / EMBEDDINGS,
        image_id=np.array(image_ids, dtype=np.str_),
        features=features.astype(np.float16),
        map=points.astype(np.float32),
    )


def sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
