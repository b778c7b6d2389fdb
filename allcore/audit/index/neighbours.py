"""Nearest rows of vectors: exact for some ten thousand, approximate for more."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

EXACT = 20_000
"""Most rows for the exact search, which is quadratic; at more the approximate one is faster."""
CONNECTIVITY, EXPANSION = 16, 64
"""Edges of a row in the graph, and rows that an insertion or a search keeps as candidates."""
BLOCK = 50_000


def nearest_rows(vectors: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the rows (N, count) nearest to each of the vectors (N, D), usually itself included.

    Up to ``EXACT`` rows all pairs are compared. More are searched in a hierarchical navigable
    small-world graph (Malkov and Yashunin 2020) of float16 vectors, which misses some of the
    nearest; where it finds fewer, -1 fills up.
    """
    if len(vectors) <= EXACT:
        from sklearn.neighbors import NearestNeighbors

        # Brute-force search works in blocks and limits memory.
        search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(vectors)
        return np.asarray(search.kneighbors(vectors, return_distance=False))
    return approximate(vectors, count)


def approximate(vectors: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return ``nearest_rows`` of two vectors or more by the graph."""
    import torch
    from usearch.index import BatchMatches, Index

    graph = Index(
        ndim=vectors.shape[1],
        metric="l2sq",
        dtype="f16",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION,
        expansion_search=EXPANSION,
    )
    # The library counts all cores; torch counts those that this process may use.
    threads = torch.get_num_threads()
    nearest = np.full((len(vectors), count), -1, dtype=np.intp)
    blocks = np.array_split(np.arange(len(vectors)), -(-len(vectors) // BLOCK))
    for rows in blocks:
        graph.add(rows, vectors[rows], threads=threads)
    for rows in blocks:
        matches = cast(BatchMatches, graph.search(vectors[rows], count, threads=threads))
        found = np.arange(count) < matches.counts[:, None]
        nearest[rows] = np.where(found, matches.keys.astype(np.intp), -1)
    return nearest
