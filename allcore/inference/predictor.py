"""The Predictor: a thin class that owns a network and its preprocessing.

Shaped after segment-anything's predictor: pictures in, answers out, and a tensor interface below
for whoever batches by themselves.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch
from scipy.special import expit
from torch import Tensor

from allcore import modelfolder
from allcore.data.cells import Rgb
from allcore.errors import BadImage
from allcore.inference import archive, devices, stream, upload
from allcore.inference.results import Prediction, Row, Verdict
from allcore.modelfolder import ModelInfo
from allcore.nets.base import CellNetwork


class Predictor:
    """Answers for pictures of single cells, from any thread.

    Attributes:
        info: what the model folder says about the model.
        device: where the network runs.
        network: the network itself, in eval mode, without gradients.
        lock: held during every pass through ``network``; whoever hooks into it takes it too.
    """

    def __init__(self, network: CellNetwork, info: ModelInfo, device: torch.device) -> None:
        self.info = info
        self.device = device
        self.lock = threading.RLock()
        # channels_last doubles the speed of batched convolutions on the CPU.
        self.network = network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.network.requires_grad_(False)

    @classmethod
    def load(cls, folder: Path, device: str = "auto", *, threads: int | None = None) -> "Predictor":
        """The predictor of a model folder.

        Args:
            folder: ``models/<name>``.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:<n>``.
            threads: CPU threads of a pass; None takes the cores that are free.

        Raises:
            ModelError: the folder can't be used.
            AllScopeError: there is no such device.
        """
        chosen = devices.choose(device)
        devices.use_threads(threads)
        network = modelfolder.load_network(folder, chosen)
        return cls(network, modelfolder.read_info(folder), chosen)

    def prepare(self, rgb: Rgb) -> Tensor:
        """Cut the cell (3, S, S) uint8 out of a picture (H, W, 3) uint8.

        Raises:
            BadImage: the picture does not show one cell on black.
        """
        crop = self.info.preprocessing.crop(rgb, upload.find_cell(rgb))
        return torch.from_numpy(crop.transpose(2, 0, 1).copy())

    def logits(self, cells: Tensor) -> Tensor:
        """Log-odds (N,) float32 on the CPU of cut cells (N, 3, S, S) uint8.

        Raises:
            ValueError: the cells have another shape or type.
        """
        self._check(cells)
        with self.lock, torch.inference_mode():
            logits: Tensor = self.network(self.normalised(cells))
            return logits.float().cpu()

    def normalised(self, cells: Tensor) -> Tensor:
        """What the network sees, (N, 3, S, S) float, of cut cells (N, 3, S, S) uint8."""
        pixels = cells.to(self.device, memory_format=torch.channels_last)
        return self.info.preprocessing.normalise(pixels)

    def predict(self, images: Sequence[Rgb]) -> list[Prediction]:
        """One answer for each picture (H, W, 3) uint8; what shows no cell is refused."""
        prepared = [self._prepare_or_refuse(rgb) for rgb in images]
        cells = [cell for cell in prepared if isinstance(cell, Tensor)]
        logits = iter(self.logits(torch.stack(cells)).tolist() if cells else [])
        return [
            self.prediction(next(logits)) if isinstance(cell, Tensor) else cell for cell in prepared
        ]

    def predict_files(
        self,
        paths: Iterable[Path],
        *,
        batch_size: int = 32,
        workers: int | None = None,
        progress: Callable[[], object] | None = None,
    ) -> Iterator[Row]:
        """One row for each picture in files, folders (recursively) and zip archives.

        Pictures are decoded on ``workers`` threads while the network runs; ``progress`` is
        called once a row.
        """
        answers = stream.answers(self, archive.walk(paths), batch_size=batch_size, workers=workers)
        for answer in answers:
            if progress:
                progress()
            yield answer.row

    def prediction(self, logit: float) -> Prediction:
        """The answer that belongs to one logit."""
        p_all = float(expit(logit / self.info.temperature))
        verdict: Verdict = "all" if p_all >= self.info.threshold else "hem"
        return Prediction(verdict, p_all=p_all, logit=logit, threshold=self.info.threshold)

    def refusal(self, reason: str) -> Prediction:
        """The answer for what can't be answered; ``reason`` is one sentence."""
        return Prediction("refused", None, None, self.info.threshold, reason)

    def row(self, prediction: Prediction, *, path: str, sha256: str) -> Row:
        """The line of a table for the answer to one file."""
        return Row(
            path=path,
            sha256=sha256,
            verdict=prediction.verdict,
            p_all=prediction.p_all,
            threshold=prediction.threshold,
            reason=prediction.reason,
            model=self.info.name,
            model_sha256=self.info.weights_sha256,
        )

    def _prepare_or_refuse(self, rgb: Rgb) -> Tensor | Prediction:
        try:
            return self.prepare(rgb)
        except BadImage as error:
            return self.refusal(str(error))

    def _check(self, cells: Tensor) -> None:
        size = self.info.preprocessing.size
        if cells.dtype != torch.uint8 or cells.shape[1:] != (3, size, size):
            raise ValueError(
                f"cells must be uint8 (N, 3, {size}, {size}), not {cells.dtype} "
                f"{tuple(cells.shape)}"
            )
