"""Penultimate features of cells, and their 2-D map."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from torch import Tensor

from allcore.data.preprocessing import Preprocessing
from allcore.nets.base import CellNetwork


@torch.inference_mode()
def features(
    network: CellNetwork,
    pixels: Tensor,
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    batch_size: int = 64,
) -> NDArray[np.float32]:
    """Penultimate vectors (N, F) of segmented cells (N, 3, S, S), uint8."""
    network.eval()
    parts = []
    for chunk in pixels.split(batch_size):
        # The weights are channels_last after training; input in the same layout halves the time.
        cells = chunk.to(device, memory_format=torch.channels_last)
        parts.append(network.forward_features(preprocessing.normalise(cells)).float().cpu())
    result: NDArray[np.float32] = torch.cat(parts).numpy()
    return result


def flat_map(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """2-D map (N, 2) of vectors (N, F) by t-SNE, initialised with their principal components.

    Van der Maaten and Hinton 2008. Near points are similar; distances between far groups and the
    axes themselves have no meaning.
    """
    count = len(vectors)
    reduced = PCA(min(30, count, vectors.shape[1]), random_state=seed).fit_transform(vectors)
    if count < 5:
        return np.pad(reduced, ((0, 0), (0, 2)))[:, :2].astype(np.float32)
    tsne = TSNE(perplexity=min(30.0, (count - 1) / 3), init="pca", random_state=seed)
    result: NDArray[np.float32] = tsne.fit_transform(reduced)
    return result
