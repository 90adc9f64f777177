"""How far rows are from the nearest sessions of the reference: new topics are far from all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.drift.windows import Windows

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Single = NDArray[np.float32]

_ROWS: Final = 1_024
_AT_A_TIME: Final = 32
# Cells of what is looked up at a time where lists of neighbours do not reach.
_CELLS: Final = 4_000_000
TOP: Final = 0.9


@dataclass(frozen=True, slots=True)
class Places:
    """Rows in order of their place in their block, the largest blocks first: the n-th rows of blocks then lie side by
    side, so that the largest value of each block takes a few steps over all blocks (a tenth of the time of
    np.maximum.reduceat, whose groups are a few rows each)."""

    vectors: Single
    edges: tuple[int, ...]
    rank: Array

    @classmethod
    def of(cls, vectors: Single, windows: Windows) -> Places:
        """Those of sorted rows."""
        sizes = windows.sizes
        order = np.argsort(-sizes, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        place = np.arange(len(vectors)) - windows.starts[windows.blocks]
        counts = np.bincount(place)
        return cls(
            np.ascontiguousarray(vectors[np.lexsort((rank[windows.blocks], place))]),
            tuple(np.concatenate([[0], np.cumsum(counts)]).tolist()),
            rank,
        )

    def largest(self, rows: Single) -> Single:
        """The largest product of each row with those of each block (rows x blocks)."""
        alike = rows @ self.vectors.T
        best = alike[:, : self.edges[1]]
        for first, last in zip(self.edges[1:-1], self.edges[2:], strict=True):
            part = best[:, : last - first]
            np.maximum(part, alike[:, first:last], out=part)
        return np.take(best, self.rank, axis=1)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest other blocks of each row (rows x depth) and how similar they are, the nearest first.

    A block is as near as its nearest row (cosine). Which window a block is of plays no part.
    """

    vectors: Single
    windows: Windows
    blocks: Array
    alike: Single
    places: Places

    @classmethod
    def of(cls, vectors: Single, windows: Windows) -> Neighbours:
        """Those of sorted rows of length 1; as many as are needed so that one of the reference is nearly always
        among them while labels are chance."""
        depth = min(_depth(float(windows.current.mean())), len(windows.starts) - 1)
        made = cls(
            vectors,
            windows,
            np.empty((len(vectors), depth), np.int32),
            np.empty((len(vectors), depth), np.float32),
            Places.of(vectors, windows),
        )
        for first in range(0, len(vectors), _ROWS):
            part = np.arange(first, min(first + _ROWS, len(vectors)))
            alike = made.of_all(part)
            at = np.arange(len(part))
            for column in range(depth):
                best = alike.argmax(axis=1)
                made.blocks[part, column], made.alike[part, column] = best, alike[at, best]
                alike[at, best] = -np.inf
        return made

    def of_all(self, rows: Array) -> Single:
        """The similarity of these rows to every block (rows x blocks), -inf to their own."""
        alike = self.places.largest(self.vectors[rows])
        alike[np.arange(len(rows)), self.windows.blocks[rows]] = -np.inf
        return alike


def _depth(share: float) -> int:
    return int(np.clip(np.ceil(np.log(5e-4) / np.log(max(min(share, 0.99), 1e-3))), 4, 24))


def distances(current: Bools, near: Neighbours) -> Single:
    """Cosine distance of each row to the nearest reference block other than its own (arrangements x rows).

    `current` (arrangements x blocks) says which blocks are current.
    """
    hit = ~current[:, near.blocks[:, 0]]
    far = np.where(hit, 1.0 - near.alike[:, 0], np.float32(2.0))
    which, row = np.nonzero(~hit)
    for column in range(1, near.blocks.shape[1]):
        reached = ~current[which, near.blocks[row, column]]
        far[which[reached], row[reached]] = 1.0 - near.alike[row[reached], column]
        which, row = which[~reached], row[~reached]
    # The rows of a new topic have only each other for neighbours: they are looked up among all blocks.
    rows, place = np.unique(row, return_inverse=True)
    order = np.argsort(place, kind="stable")
    which, row, place = which[order], row[order], place[order]
    step = max(_CELLS // len(near.windows.starts), 1)
    for first in range(0, len(rows), _ROWS):
        alike = near.of_all(rows[first : first + _ROWS])
        low, high = np.searchsorted(place, [first, first + _ROWS])
        for at in range(low, high, step):
            pair = slice(at, min(at + step, high))
            of_reference = np.where(current[which[pair]], -np.inf, alike[place[pair] - first])
            far[which[pair], row[pair]] = 1.0 - of_reference.max(axis=1)
    return far


def statistics(current: Bools, near: Neighbours) -> tuple[Floats, Floats]:
    """(by row, by block) how much farther the current top decile is than that of the reference, per arrangement.

    Each row's distance is to the reference without its own block, which is the same for rows of either window: so
    every block of the reference serves both as a neighbour and as the counterpart. Distances count as far as they
    exceed the pooled 90th percentile. By block the mean distance of its rows is taken.
    """
    windows = near.windows
    by_row, by_block = np.empty(len(current)), np.empty(len(current))
    for first in range(0, len(current), _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        labels = current[part]
        far = distances(labels, near)
        by_row[part] = _excess(far, labels[:, windows.blocks])
        by_block[part] = _excess(np.add.reduceat(far, windows.starts, axis=1) / windows.sizes, labels)
    return by_row, by_block


def _excess(far: Array, current: Bools) -> Floats:
    at = int(TOP * (far.shape[1] - 1))
    edge = np.partition(far, at, axis=1)[:, at : at + 1]
    above = np.maximum(far - edge, 0.0)
    now = current.sum(axis=1)
    mine = np.einsum("ij,ij->i", above, current.astype(above.dtype))
    return mine / now - (above.sum(axis=1) - mine) / (far.shape[1] - now)
