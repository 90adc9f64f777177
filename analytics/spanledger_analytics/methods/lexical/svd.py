"""The largest singular vectors of a sparse matrix, by random projection.

Halko, Martinsson and Tropp (2011), "Finding structure with randomness", algorithms 4.4 and 5.1: a random sketch of the
range, a few power iterations, and an exact SVD of what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

Floats = NDArray[np.float32]

ITERATIONS: Final = 4
_SPARE: Final = 16


def right_vectors(
    matrix: sparse.csr_matrix, rank: int, seed: int, progress: Callable[[int, int], None] = lambda *_: None
) -> tuple[Floats, Floats]:
    """(V of columns x rank, singular values in falling order); the same for the same matrix and seed.

    `rank` is at most the smaller side of the matrix. Signs are fixed: each vector's largest entry is positive.
    """
    rows, columns = cast("tuple[int, int]", matrix.shape)
    size = min(rank + _SPARE, rows, columns)
    dice = np.random.default_rng(seed)
    basis = dice.standard_normal((columns, size), dtype=np.float32)
    for turn in range(ITERATIONS):
        progress(turn, ITERATIONS + 1)
        basis = _orthonormal(matrix @ basis)
        basis = _orthonormal(matrix.T @ basis)
    progress(ITERATIONS, ITERATIONS + 1)
    seen = np.asarray(matrix @ basis, dtype=np.float32)
    _, values, inner = linalg.svd(seen, full_matrices=False, check_finite=False)
    found = np.asarray(basis @ inner.T, dtype=np.float32)[:, :rank]
    signs = np.sign(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])])
    return found * np.where(signs == 0, 1, signs).astype(np.float32), np.asarray(values[:rank], dtype=np.float32)


def _orthonormal(columns: NDArray[np.float32]) -> Floats:
    return np.asarray(linalg.qr(columns, mode="economic", check_finite=False)[0], dtype=np.float32)
