"""Sparse matrices, made in the one form that everything here takes."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Sparse: TypeAlias = Any
"""A `scipy.sparse.csr_array`; its arithmetic has no types that a checker could follow."""


def matrix(values: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int]) -> Sparse:
    """The matrix with these values at these places; values of one place are added."""
    made = sparse.csr_array((values, (rows, columns)), shape=shape)
    made.sum_duplicates()
    return made


def incidence(labels: NDArray[Any], count: int) -> Sparse:
    """Which rows are in which of `count` groups: groups x rows, of float32 ones."""
    ones = np.ones(len(labels), dtype=np.float32)
    return matrix(ones, labels, np.arange(len(labels)), (count, len(labels)))
