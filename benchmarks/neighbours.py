"""Nearest neighbours of all cells by their texture: approximate libraries against the exact search.

``python -m benchmarks.neighbours [CELLS]...`` prints a table of the libraries that are installed,
each in a process of its own: recall, seconds, processor seconds and memory beyond the vectors.
"""

import importlib
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from allcore.audit.index import neighbours, texture_hashes
from benchmarks import drawn_features, memory, timing
from benchmarks.timing import Result, Scale

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]
COUNT = texture_hashes.NEAREST + 1
SAMPLE = 1000
"""Cells whose neighbours are compared with the exact ones."""
EXACT_LIMIT = 100_000
"""Most cells for the exact search, which is quadratic."""


def run(scale: Scale) -> Result:
    """Seconds of an index's approximate search against the exact one, of 200 cells an image."""
    vectors = drawn_features.descriptors(200 * scale.images)
    mine, theirs = timing.side_by_side(
        timing.seconds(lambda: usearch_graph(vectors)),
        timing.seconds(lambda: exact(vectors)),
        rounds=scale.rounds,
    )
    return timing.result("neighbours", ours=mine, reference=theirs, unit="s")


def exact(vectors: Floats) -> Rows:
    """Brute force of scikit-learn."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=COUNT, algorithm="brute").fit(vectors)
    return np.asarray(search.kneighbors(vectors, return_distance=False))


def faiss_ivf(vectors: Floats) -> Rows:
    """Inverted file of faiss: cells by cluster, the nearest clusters are searched."""
    faiss = importlib.import_module("faiss")
    lists = max(1, int(2 * len(vectors) ** 0.5))
    index = faiss.index_factory(vectors.shape[1], f"IVF{lists},SQfp16")
    index.train(vectors[:: max(1, len(vectors) // (50 * lists))])
    index.add(vectors)
    index.nprobe = 24
    return np.asarray(index.search(vectors, COUNT)[1])


def usearch_graph(vectors: Floats) -> Rows:
    """HNSW graph of usearch, as an index of more than ``neighbours.EXACT`` cells uses it."""
    return neighbours.approximate(vectors, COUNT)


def hnswlib_graph(vectors: Floats) -> Rows:
    """HNSW graph of hnswlib."""
    hnswlib = importlib.import_module("hnswlib")
    index = hnswlib.Index(space="l2", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), ef_construction=64, M=16)
    index.set_num_threads(1)
    index.add_items(vectors)
    index.set_ef(64)
    return np.asarray(index.knn_query(vectors, k=COUNT)[0]).astype(np.intp)


def pynndescent_graph(vectors: Floats) -> Rows:
    """NN-descent of pynndescent."""
    pynndescent = importlib.import_module("pynndescent")
    return np.asarray(pynndescent.NNDescent(vectors, n_neighbors=COUNT, n_jobs=1).neighbor_graph[0])


SEARCHES: dict[str, tuple[str, Callable[[Floats], Rows]]] = {
    "scikit-learn, exact": ("sklearn", exact),
    "faiss-cpu, IVF": ("faiss", faiss_ivf),
    "usearch, HNSW": ("usearch", usearch_graph),
    "hnswlib, HNSW": ("hnswlib", hnswlib_graph),
    "pynndescent": ("pynndescent", pynndescent_graph),
}
"""By title: the module that it needs, and the search."""


@dataclass(frozen=True)
class Measured:
    """One search of the neighbours of all cells."""

    recall: float  # share of the nearest neighbours of a sample that were found
    copies: float  # share of the turned copies whose original was found
    seconds: float
    processor: float  # seconds of the processor
    megabytes: float  # of memory beyond the vectors and Python


def measure(title: str, cells: int) -> Measured:
    """Run one search in this process."""
    vectors = drawn_features.descriptors(cells)
    SEARCHES[title][1](vectors[:2000])  # imports, compilation
    memory.reset_peak()
    before, wall, processor = memory.peak(), time.perf_counter(), time.process_time()
    found = SEARCHES[title][1](vectors)
    seconds, used = time.perf_counter() - wall, time.process_time() - processor
    return Measured(
        recall(vectors, found), _copies(cells, found), seconds, used, memory.peak() - before
    )


def recall(vectors: Floats, found: Rows) -> float:
    """Share of the exact neighbours of ``SAMPLE`` cells that were found, by distance."""
    rows = np.random.default_rng(0).permutation(len(vectors))[:SAMPLE]
    squares = np.square(vectors).sum(axis=1)
    hits = 0
    for row in rows:
        distances = squares - 2 * vectors @ vectors[row]
        nearest = np.argpartition(distances, COUNT - 1)[:COUNT]
        hits += len(np.intersect1d(nearest, found[row]))
    return hits / (COUNT * len(rows))


def _copies(cells: int, found: Rows) -> float:
    copied = np.concatenate([block.copied for block in drawn_features.blocks(cells)])
    rows = np.flatnonzero(copied)
    return float((found[rows] == rows[:, None] - 1).any(axis=1).mean()) if len(rows) else 1.0


def main(sizes: list[int]) -> None:
    """Print a table of all searches at each size."""
    print(f"{'':<22}{'cells':>10}{'recall':>8}{'copies':>8}{'s':>8}{'cpu s':>8}{'MB':>8}")
    for cells in sizes:
        for title, (module, _) in SEARCHES.items():
            if importlib.util.find_spec(module) is None or (
                title == "scikit-learn, exact" and cells > EXACT_LIMIT
            ):
                continue
            ran = subprocess.run(
                [sys.executable, "-m", __spec__.name, title, str(cells)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if ran.returncode:
                print(f"{title:<22}{cells:>10,}  {ran.stderr.splitlines()[-1]}", flush=True)
                continue
            row = Measured(**json.loads(ran.stdout.splitlines()[-1]))
            print(
                f"{title:<22}{cells:>10,}{row.recall:>8.3f}{row.copies:>8.3f}{row.seconds:>8.1f}"
                f"{row.processor:>8.1f}{row.megabytes:>8.0f}", flush=True,
            )  # fmt: skip
    print(f"on {timing.machine()}")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in SEARCHES:
        print(json.dumps(asdict(measure(sys.argv[1], int(sys.argv[2])))))
    else:
        main([int(text) for text in sys.argv[1:]] or [10_000, 100_000])
