"""Predictor: a thin class that owns a network and its preprocessing.

Modelled on segment-anything's predictor: images in, predictions out, and a tensor interface below
for callers with their own batches.
"""

import copy
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.inference import devices, gate
from allcore.inference.gate import Gate
from allcore.inference.results import Precision, PredictedRow, Prediction, Reading, Refusal
from allcore.inference.upload import CellPicture
from allcore.labels import Verdict
from allcore.model_folder import ModelInfo
from allcore.nets.base import CellNetwork
from allcore.nets.inference_copy import inference_copy
from allcore.site_profile import SiteProfile

LogOdds = TypeVar("LogOdds", float, NDArray[np.float64])


class Predictor:
    """Thread-safe predictions for images of single cells.

    Attributes:
        info: description of the model in its folder.
        device: the network's device.
        network: the network in float32 and eval mode, without gradients of its weights.
        lock: held during every pass through ``network``; code that adds hooks must hold it too.
        precision: of answers. These come from a copy of the network, ``inference_copy``, which
            several threads may use at once.
        gate: refuses images unlike the training cells; None where the model has none.
        profile: calibration and threshold of one laboratory; None for those of the model.
    """

    profile: SiteProfile | None = None

    def __init__(
        self,
        network: CellNetwork,
        info: ModelInfo,
        device: torch.device,
        gate: Gate | None = None,
        *,
        precision: Precision | None = None,
    ) -> None:
        self.info = info
        self.gate = gate
        self.device = device
        self.lock = threading.RLock()
        # channels_last doubles the speed of batched convolutions on the CPU.
        self.network = network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.network.requires_grad_(False)
        self.precision: Precision = precision or devices.precision(device)
        self.answering = inference_copy(self.network, devices.DTYPES[self.precision])

    @classmethod
    def load(
        cls,
        folder: Path,
        device: str = "auto",
        *,
        threads: int | None = None,
        gated: bool = True,
        precision: Precision | None = None,
    ) -> "Predictor":
        """Load the predictor of a model folder.

        Args:
            folder: ``models/<name>``.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:<n>``.
            threads: CPU threads of a pass; None means the idle cores.
            gated: whether the folder's gate refuses images; False to evaluate the network on every
                image that shows a cell.
            precision: of answers; None takes the settings', which follow the device's ability.

        Raises:
            ModelError: the folder can't be used.
            AllScopeError: there is no such device.
        """
        chosen = devices.choose(device)
        devices.use_threads(threads)
        network = model_folder.load_network(folder, chosen)
        model_gate = gate.read_gate(folder) if gated else None
        info = model_folder.read_info(folder)
        return cls(network, info, chosen, model_gate, precision=precision)

    def with_profile(self, profile: SiteProfile | None) -> "Predictor":
        """Return a predictor by the same network with a site profile; None changes nothing.

        Raises:
            ModelError: the profile was measured on other weights.
        """
        if profile is None:
            return self
        profile.require_model(self.info.name, weights=self.info.weights_sha256)
        other = copy.copy(self)  # with the lock, since the network is one
        other.info = model_folder.with_profile(self.info, profile)
        other.profile = profile
        return other

    def calibrated(self, logits: LogOdds) -> LogOdds:
        """Calibrated log-odds of the network's log-odds, by the site profile where there is one."""
        shipped = logits / self.info.temperature
        return shipped if self.profile is None else self.profile.log_odds(shipped)

    def prepare(self, image: Rgb | CellPicture) -> Tensor:
        """Segment the cell in an image (H, W, 3) uint8; returns (3, S, S) uint8.

        Raises:
            BadImage: the image does not show one cell on black.
        """
        crop = _picture(image).crop(self.info.preprocessing)
        return torch.from_numpy(crop.transpose(2, 0, 1).copy())

    def examine(self, image: Rgb | CellPicture) -> tuple[Tensor, Refusal | None]:
        """Segment the cell as ``prepare`` does, and check its image by the gate.

        Raises:
            BadImage: the image does not show one cell on black.
        """
        picture = _picture(image)
        cell = self.prepare(picture)
        if self.gate is None:
            return cell, None
        return cell, self.gate.refusal(
            gate.image_stats(picture.rgb, picture.mask, enlarged=picture.enlarged)
        )

    def read(self, cells: Tensor) -> list[Reading]:
        """Log-odds and out-of-distribution scores of cells (N, 3, S, S) uint8, in one pass.

        Raises:
            ValueError: the cells have another shape or type.
        """
        if self.gate is None:
            return [Reading(logit) for logit in self.logits(cells).tolist()]
        self._check(cells)
        with torch.inference_mode():
            vectors, logits = self.answering.read(self.normalised(cells))
        scores = self.gate.ood_scores(vectors.float().cpu().numpy())
        pairs = zip(logits.float().tolist(), scores.tolist(), strict=True)
        return [Reading(logit, score) for logit, score in pairs]

    def logits(self, cells: Tensor) -> Tensor:
        """Log-odds (N,) float32 on the CPU of cells (N, 3, S, S) uint8.

        Raises:
            ValueError: the cells have another shape or type.
        """
        self._check(cells)
        with torch.inference_mode():
            logits: Tensor = self.answering(self.normalised(cells))
            return logits.float().cpu()

    def features(self, cells: Tensor) -> Tensor:
        """Penultimate vectors (N, F) float32 on the CPU of cells (N, 3, S, S) uint8.

        Raises:
            ValueError: the cells have another shape or type.
        """
        self._check(cells)
        with torch.inference_mode():
            return self.answering.forward_features(self.normalised(cells)).float().cpu()

    def normalised(self, cells: Tensor) -> Tensor:
        """Normalised model input (N, 3, S, S) float of cells (N, 3, S, S) uint8."""
        pixels = cells.to(self.device, memory_format=torch.channels_last)
        return self.info.preprocessing.normalise(pixels)

    def predict(self, images: Sequence[Rgb | CellPicture]) -> list[Prediction]:
        """Predict images (H, W, 3) uint8; images that fail the gate are refused."""
        examined = [self._examine(image) for image in images]
        cells = [cell for cell, _ in examined if cell is not None]
        readings = iter(self.read(torch.stack(cells)) if cells else [])
        return [
            self.prediction(None if cell is None else next(readings), refusal)
            for cell, refusal in examined
        ]

    def prediction(self, reading: Reading | None, refusal: Refusal | None = None) -> Prediction:
        """Return the prediction for one cell.

        Args:
            reading: of the network; None where it did not run.
            refusal: of a check before the last one, which uses the reading.
        """
        refusal = refusal or _unknown(reading)
        p_all = None if reading is None else float(expit(self.calibrated(reading.logit)))
        ood_score = None if reading is None else reading.ood_score
        if refusal or reading is None or p_all is None:
            reason, check = (refusal.reason, refusal.check) if refusal else ("", None)
            return Prediction(
                "refused", None, None, self.info.threshold, reason, check, p_all, ood_score
            )
        verdict: Verdict = "all" if p_all >= self.info.threshold else "hem"
        return Prediction(verdict, p_all, reading.logit, self.info.threshold, ood_score=ood_score)

    def row(self, prediction: Prediction, *, path: str, sha256: str) -> PredictedRow:
        """Return the table row for the prediction of one file."""
        return PredictedRow(
            path=path,
            sha256=sha256,
            verdict=prediction.verdict,
            p_all=prediction.p_all,
            threshold=prediction.threshold,
            reason=prediction.reason,
            model=self.info.name,
            model_sha256=self.info.weights_sha256,
            precision=self.precision,
            profile="" if self.profile is None else self.profile.key,
        )

    def _examine(self, image: Rgb | CellPicture) -> tuple[Tensor | None, Refusal | None]:
        try:
            return self.examine(image)
        except BadImage as error:
            return None, Refusal("cell", str(error))

    def _check(self, cells: Tensor) -> None:
        size = self.info.preprocessing.size
        if cells.dtype != torch.uint8 or cells.shape[1:] != (3, size, size):
            raise ValueError(
                f"cells must be uint8 (N, 3, {size}, {size}), not {cells.dtype} "
                f"{tuple(cells.shape)}"
            )


def _picture(image: Rgb | CellPicture) -> CellPicture:
    return image if isinstance(image, CellPicture) else CellPicture(image)


def _unknown(reading: Reading | None) -> Refusal | None:
    if reading is None or reading.ood_score is None or reading.ood_score <= 1:
        return None
    return Refusal("known", gate.OOD_REASON)
