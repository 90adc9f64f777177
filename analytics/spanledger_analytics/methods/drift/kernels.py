"""Random Fourier features of Gaussian kernels: two windows' mean features differ as their distributions do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.drift.windows import Windows, summed

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Single = NDArray[np.float32]

BANDWIDTHS: Final = (0.5, 0.7, 1.0)
"""Kernel widths in multiples of the median distance within the reference (Gretton et al., JMLR 13, 2012, section 8)."""
_FREQUENCIES: Final = 64
_SAMPLE: Final = 1_000
_ROWS: Final = 8_192


def median_distance(vectors: Single, windows: Windows, dice: np.random.Generator) -> float:
    """The median Euclidean distance of rows of different blocks of the reference; 1 where all are the same."""
    chosen = dice.permutation(np.flatnonzero(~windows.current))[:_SAMPLE]
    # One row stands for a block, the same whatever the order of rows: that nearest to the block's mean.
    first = windows.starts[chosen]
    means = windows.block_sums(vectors)[chosen] / windows.sizes[chosen, None]
    rows = np.array(
        [
            start + int(np.argmax(vectors[start : start + size] @ mean))
            for start, size, mean in zip(first.tolist(), windows.sizes[chosen].tolist(), means, strict=True)
        ]
    )
    one = vectors[rows]
    apart = (one**2).sum(axis=1)[:, None] + (one**2).sum(axis=1)[None, :] - 2.0 * one @ one.T
    found = float(np.sqrt(max(float(np.median(apart[_above(len(one))])), 0.0)))
    return found if found > 1e-6 else 1.0


@lru_cache(maxsize=1)
def _above(size: int) -> Bools:
    """Which cells of a square matrix lie above its diagonal."""
    return np.arange(size)[:, None] < np.arange(size)[None, :]


def block_features(vectors: Single, windows: Windows, dice: np.random.Generator) -> Iterator[tuple[float, Single]]:
    """(bandwidth, sums over each block of its rows' features (blocks x 2 * frequencies), means taken off).

    Rahimi and Recht (NeurIPS 2007): the squared distance of two windows' mean features estimates their squared maximum
    mean discrepancy under the Gaussian kernel. Means are those of a row's stratum.
    """
    scale = median_distance(vectors, windows, dice)
    width = vectors.shape[1]
    drawn = dice.standard_normal((width, _FREQUENCIES * len(BANDWIDTHS))).astype(np.float32)
    drawn /= np.repeat(np.array(BANDWIDTHS, np.float32) * np.float32(scale), _FREQUENCIES)
    made = np.empty((len(windows.starts), 2 * drawn.shape[1]), np.float32)
    edges = np.append(windows.starts, len(vectors))
    block = 0
    while block < len(windows.starts):
        # Whole blocks at a time, so that features of all rows never exist at once.
        last = max(block + 1, int(np.searchsorted(edges, edges[block] + _ROWS, side="right")) - 1)
        phase = vectors[edges[block] : edges[last]] @ drawn
        starts = windows.starts[block:last] - edges[block]
        half = drawn.shape[1]
        made[block:last, :half] = summed(np.cos(phase), starts)
        made[block:last, half:] = summed(np.sin(phase), starts)
        block = last
    centred = centre(made, windows)
    half = drawn.shape[1]
    for width, at in zip(BANDWIDTHS, range(0, half, _FREQUENCIES), strict=True):
        yield width, centred[:, np.r_[at : at + _FREQUENCIES, half + at : half + at + _FREQUENCIES]]


def centre(of_blocks: Array, windows: Windows) -> Single:
    """Block sums less what the block's rows would sum to at the mean of their stratum."""
    sizes = windows.sizes
    order = np.argsort(windows.strata, kind="stable")
    starts = np.searchsorted(windows.strata[order], np.arange(int(windows.strata.max()) + 1))
    per_row = summed(of_blocks[order], starts) / summed(sizes[order, None].astype(np.float64), starts)
    made = per_row.astype(np.float32)[windows.strata]
    made *= -sizes[:, None].astype(np.float32)
    made += of_blocks
    return made
