"""Model folders: weights of a trained model, metadata, and records of training and evaluation.

``weights.safetensors`` and ``model.json`` make it usable; ``history.csv``, ``split.csv``,
``predictions.parquet``, ``embeddings.npz`` and ``CARD.md`` record training and evaluation.
``facts.parquet`` holds measures of the held-out images, for machines without these images,
``fold-<n>.safetensors`` the networks behind out-of-fold predictions, ``robustness.json`` metrics of
perturbed images, ``gate.json`` and ``gate.safetensors`` the gate, which refuses unsuitable images.
No pickle is ever loaded.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allcore import settings
from allcore.data import cell_measurements
from allcore.data.prediction_import import PREDICTION_COLUMNS
from allcore.data.preprocessing import Preprocessing
from allcore.data.subject_separation import SubjectSeparation
from allcore.errors import ModelError
from allcore.site_profile import SiteProfile

if TYPE_CHECKING:
    from torch import Tensor

    from allcore.nets.base import CellNetwork

INFO = "model.json"
WEIGHTS = "weights.safetensors"
PREDICTIONS = "predictions.parquet"
HISTORY = "history.csv"
SPLIT = "split.csv"
EMBEDDINGS = "embeddings.npz"
CARD = "CARD.md"
FACTS = "facts.parquet"
FOLD = "fold-{}.safetensors"
ROBUSTNESS = "robustness.json"
GATE = "gate.json"
GATE_WEIGHTS = "gate.safetensors"
TABLES = (PREDICTIONS, SPLIT, EMBEDDINGS, FACTS, ROBUSTNESS, GATE)


@dataclass(frozen=True)
class ModelInfo:
    """Contents of ``model.json``."""

    name: str  # the folder's name
    architecture: str  # name in ``allcore.nets.registry``
    config: dict[str, Any]  # arguments of the architecture's constructor
    preprocessing: Preprocessing  # converts an image to the model input
    temperature: float  # divisor of the logits before the sigmoid
    threshold: float  # probability from which a cell is called an ALL blast
    threshold_rule: str  # sentence on the selection of the threshold, with its subjects
    weights_sha256: str  # digest of the weights file
    # command, seed, recipe, initialisation, data, split, versions, device, seconds
    training: dict[str, Any]
    classes: tuple[str, str] = field(default=("hem", "all"))  # negative and positive label
    folds_sha256: str | None = None  # digest of the fold networks' files, None without any

    @property
    def separation(self) -> SubjectSeparation:
        """Subjects in two parts of the model's split, as far as model.json knows subjects.

        Raises:
            ModelError: model.json doesn't record the split.
        """
        try:
            _ = self.training["split"]["kind"]
            return SubjectSeparation.of_record(self.training["split"])
        except (AttributeError, KeyError, TypeError):
            raise ModelError(
                f"model.json of {self.name} doesn't say how its data was split: train the model "
                "again."
            ) from None


@dataclass(frozen=True)
class InstalledModel:
    """Snapshot of a model folder; resolved once a run and passed down."""

    folder: Path  # ``models/<name>``
    # SHA-256 of ``model.json``, which contains the digest of the weights, the threshold and all
    # else that a prediction depends on
    digest: str
    revision: str  # changes when any table of the folder is rewritten
    # contents of ``model.json``; with a site profile its threshold and rule
    info: ModelInfo = field(compare=False)
    profile: SiteProfile | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def shipped_digest(self) -> str:
        """Digest of ``model.json``, whatever profile is applied."""
        return self.digest.partition(" ")[0]

    def with_profile(self, profile: SiteProfile | None) -> "InstalledModel":
        """Return the model as it answers with a site profile; None changes nothing.

        Raises:
            ModelError: the profile was measured on another model.
        """
        if profile is None:
            return self
        profile.require_model(self.name, digest=self.digest, weights=self.info.weights_sha256)
        info = with_profile(self.info, profile)
        digest = f"{self.digest} {profile.digest}"
        return replace(self, digest=digest, info=info, profile=profile)


def with_profile(info: ModelInfo, profile: SiteProfile) -> ModelInfo:
    """The description of a model with the threshold of a site profile, and its rule."""
    return replace(info, threshold=profile.threshold, threshold_rule=profile.sentence)


def names(root: Path | None = None) -> list[str]:
    """Return the names of the installed models, sorted."""
    root = root or settings.load().models
    return sorted(path.parent.name for path in root.glob(f"*/{INFO}"))


def folder(name: str, root: Path | None = None) -> Path:
    """Return the folder of an installed model.

    Raises:
        ModelError: there is none of that name; the sentence lists the existing ones.
    """
    root = root or settings.load().models
    installed = names(root)
    if name not in installed:
        known = ", ".join(installed) or f"none is installed in {root}"
        raise ModelError(f"There is no model '{name}': choose one of these ({known}).")
    return root / name


def resolve(name: str, root: Path | None = None) -> InstalledModel:
    """Return an installed model by its name.

    Raises:
        ModelError: there is none of that name, or its ``model.json`` can't be read.
    """
    path = folder(name, root)
    info = read_info(path)
    files = [path / table for table in (INFO, *TABLES)]
    times = [f"{file.name} {file.stat().st_mtime_ns:x}" for file in files if file.is_file()]
    return InstalledModel(path, sha256(path / INFO), ", ".join(times), info)


def resolve_all(root: Path | None = None) -> tuple[list[InstalledModel], dict[str, ModelError]]:
    """Return the installed models, and the errors of damaged folders by name."""
    models: list[InstalledModel] = []
    damaged: dict[str, ModelError] = {}
    for name in names(root):
        try:
            models.append(resolve(name, root))
        except ModelError as error:
            damaged[name] = error
    return models, damaged


def read_info(path: Path) -> ModelInfo:
    """Read ``model.json`` of a model folder.

    Raises:
        ModelError: it is missing, damaged or of another version.
    """
    try:
        fields = json.loads((path / INFO).read_text(encoding="utf-8"))
        fields["preprocessing"] = Preprocessing.from_dict(fields["preprocessing"])
        fields["classes"] = tuple(fields["classes"])
        if not fields["config"].get("stages", True):  # an argument of 0.1.0 that is gone
            del fields["config"]["stages"]
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
    from safetensors.torch import save

    (path / WEIGHTS).write_bytes(save(_stored(network)))  # a full disk is an OSError this way
    return sha256(path / WEIGHTS)


def write_folds(path: Path, networks: Sequence["CellNetwork"]) -> str:
    """Write the fold networks with convolutions in 8 bits; return the SHA-256 of all files."""
    from safetensors.torch import save_file

    from allcore.nets import quantised_weights

    for fold, network in enumerate(networks):
        save_file(quantised_weights.quantise(network.state_dict()), path / FOLD.format(fold))
    return _folds_sha256(path, len(networks))


def load_network(path: Path, device: "str | Any" = "cpu") -> "CellNetwork":
    """Load the trained network of a model folder, in eval mode and float32 on ``device``.

    Raises:
        ModelError: the folder is incomplete, or its weights don't match its metadata.
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


def load_fold_network(path: Path, fold: int, device: "str | Any" = "cpu") -> "CellNetwork":
    """Load an out-of-fold model's network that was trained without the subjects of one fold.

    Its output is the calibrated log-odds in the model's predictions of that fold.

    Raises:
        ModelError: the folder has no such network, or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from allcore.nets import quantised_weights, registry

    info, file = read_info(path), path / FOLD.format(fold)
    if not info.folds_sha256:
        raise ModelError(
            f"'{info.name}' keeps no fold networks: train it again with 'python -m allcore train "
            "--out-of-fold'."
        )
    folds = info.training.get("out_of_fold", 0)
    if fold not in range(folds):
        raise ModelError(f"'{info.name}' keeps no network of fold {fold}: it has none such.")
    try:
        network = registry.build(info.architecture, **info.config)
        if _folds_sha256(path, folds) != info.folds_sha256:
            raise ValueError("their digest is another")
        network.load_state_dict(quantised_weights.dequantise(load_file(file)))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"The fold networks of '{info.name}' are damaged or missing: restore "
            f"{path / FOLD.format('*')} from the release or train the model again."
        ) from error
    return network.to(device).eval()


def read_facts(path: Path) -> pd.DataFrame | None:
    """Read the facts of held-out images, with the columns of ``facts.COLUMNS``; None if missing.

    Raises:
        ModelError: the table is damaged or lacks a column.
    """
    if not (path / FACTS).exists():
        return None
    again = f"write it again with 'python -m allcore evaluate --facts --out {path}'."
    try:
        table = pd.read_parquet(path / FACTS)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path / FACTS} can't be read: {again}") from error
    missing = [column for column in cell_measurements.COLUMNS if column not in table]
    if missing:
        raise ModelError(f"{path / FACTS} lacks the column '{missing[0]}': {again}")
    return table


def write_facts(path: Path, table: pd.DataFrame) -> None:
    """Write the facts of held-out images, a table from ``facts.table``."""
    table.to_parquet(path / FACTS, index=False, compression="zstd")


def read_gate(path: Path) -> dict[str, Any] | None:
    """Read ``gate.json``; None where the model has no gate.

    Raises:
        ModelError: it is damaged.
    """
    if not (path / GATE).exists():
        return None
    try:
        fields = json.loads((path / GATE).read_text(encoding="utf-8"))
        return {**fields}
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"{path / GATE} can't be read: restore it, or fit the gate again with 'python -m "
            "allcore evaluate --gate'."
        ) from error


def read_predictions(path: Path) -> pd.DataFrame:
    """Read the held-out predictions of a model folder, with the columns of ``PREDICTION_COLUMNS``.

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


def read_split(path: Path) -> "pd.Series[str]":
    """Read the part of the split (train, validation, test) by image id from ``split.csv``.

    Raises:
        ModelError: the table is missing or damaged.
    """
    try:
        table = pd.read_csv(path / SPLIT, dtype=str).drop_duplicates("image_id")
        return table.set_index("image_id")["split"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path / SPLIT} can't be read, so nobody knows which images the model was trained on: "
            "restore the model folder."
        ) from error


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


def _folds_sha256(path: Path, folds: int) -> str:
    """SHA-256 of the digests of all fold networks' files."""
    digests = "".join(sha256(path / FOLD.format(fold)) for fold in range(folds))
    return hashlib.sha256(digests.encode()).hexdigest()


def _stored(network: "CellNetwork") -> dict[str, "Tensor"]:
    """Convert the network's tensors for files: float16, on the CPU."""
    import torch

    return {
        name: (value.half() if value.dtype == torch.float32 else value).contiguous().cpu()
        for name, value in network.state_dict().items()
    }
