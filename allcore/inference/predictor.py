"""Predictor: a thin class that owns a network and its preprocessing.

Modelled on segment-anything's predictor: images in, predictions out, and a tensor interface below
for callers with their own batches.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

import torch
from scipy.special import expit
from torch import Tensor

from allcore import model_folder
from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.inference import devices, gate
from allcore.inference.gate import Gate
from allcore.inference.results import PredictedRow, Prediction, Reading, Refusal
from allcore.inference.upload import CellPicture
from allcore.labels import Verdict
from allcore.model_folder import ModelInfo
from allcore.nets.base import CellNetwork


class Predictor:
    """Thread-safe predictions for images of single cells.

    Attributes:
        info: description of the model in its folder.
        device: the network's device.
        network: the network, in eval mode, without gradients.
        lock: held during every pass through ``network``; code that adds hooks must hold it too.
        gate: refuses images unlike the training cells; None where the model has none.
    """

    def __init__(
        self,
        network: CellNetwork,
        info: ModelInfo,
        device: torch.device,
        gate: Gate | None = None,
    ) -> None:
        self.info = info
        self.gate = gate
        self.device = device
        self.lock = threading.RLock()
        # channels_last doubles the speed of batched convolutions on the CPU.
        self.network = network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.network.requires_grad_(False)

    @classmethod
    def load(
        cls,
        folder: Path,
        device: str = "auto",
        *,
        threads: int | None = None,
        gated: bool = True,
    ) -> "Predictor":
        """Load the predictor of a model folder.

        Args:
            folder: ``models/<name>``.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:<n>``.
            threads: CPU threads of a pass; None means the idle cores.
            gated: whether the folder's gate refuses images; False to evaluate the network on every
                image that shows a cell.

        Raises:
            ModelError: the folder can't be used.
            AllScopeError: there is no such device.
        """
        chosen = devices.choose(device)
        devices.use_threads(threads)
        network = model_folder.load_network(folder, chosen)
        model_gate = gate.read_gate(folder) if gated else None
        return cls(network, model_folder.read_info(folder), chosen, model_gate)

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
        return cell, self.gate.refusal(gate.image_stats(picture.rgb, picture.mask))

    def read(self, cells: Tensor) -> list[Reading]:
        """Log-odds and out-of-distribution scores of cells (N, 3, S, S) uint8, in one pass.

        Raises:
            ValueError: the cells have another shape or type.
        """
        if self.gate is None:
            return [Reading(logit) for logit in self.logits(cells).tolist()]
        self._check(cells)
        with self.lock, torch.inference_mode():
            vectors, logits = self.network.read(self.normalised(cells))
        scores = self.gate.ood_scores(vectors.float().cpu().numpy())
        pairs = zip(logits.float().tolist(), scores.tolist(), strict=True)
        return [Reading(logit, score) for logit, score in pairs]

    def logits(self, cells: Tensor) -> Tensor:
        """Log-odds (N,) float32 on the CPU of cells (N, 3, S, S) uint8.

        Raises:
            ValueError: the cells have another shape or type.
        """
        self._check(cells)
        with self.lock, torch.inference_mode():
            logits: Tensor = self.network(self.normalised(cells))
            return logits.float().cpu()

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
        p_all = None if reading is None else float(expit(reading.logit / self.info.temperature))
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
