"""Two windows of rows that are compared, in whole blocks: sessions or customer-days, the units of independence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Fewer blocks in a window can hardly be told from chance, whatever the rows: four against four have 70 arrangements.
FEWEST: Final = 4
# Costly statistics read no more of a block's rows than this.
MOST_OF_BLOCK: Final = 200
# More units than this are not permuted one by one but in groups: the null is as exact, and its cost bounded.
_MOST_UNITS: Final = 16_384


class DriftInput(ValueError):
    """What was given cannot be compared; the message names it, and what would help."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Reference and current rows pooled and sorted by block; every block lies in one window.

    `order` (rows) sorts the concatenation of reference and current; `blocks` (rows, ascending) is each sorted row's
    block, `starts` (blocks) its first sorted row. `current` and `strata` are per block, `units` too: the group that is
    permuted as one. `sampled` marks the blocks that costly statistics read, whole units of them: all up to the bound on
    rows; where it is not all, `strata` tells sampled from others too, since they are permuted apart. `moved` counts
    rows of blocks that lay in both windows: they were counted where most of it lay. `left_out` counts rows of strata
    that only one of the windows has, which nothing can be compared with.
    """

    order: Ints
    blocks: Ints
    starts: Ints
    current: Bools
    strata: Ints
    units: Ints
    sampled: Bools
    moved: int
    left_out: int

    @property
    def sizes(self) -> Ints:
        """Rows of each block."""
        return np.diff(np.append(self.starts, len(self.blocks)))

    @property
    def row_current(self) -> Bools:
        """Which sorted rows are of the current window."""
        return self.current[self.blocks]

    def rows(self) -> tuple[int, int]:
        """Rows of the reference and of the current window."""
        now = int(self.row_current.sum())
        return len(self.blocks) - now, now

    @property
    def weight(self) -> float:
        """What turns a sum of centred current rows into a mean difference of both windows: the sum over strata of
        reference rows x current rows / rows (Cochran 1954)."""
        sizes = self.sizes
        whole = np.bincount(self.strata, sizes)
        now = np.bincount(self.strata, sizes * self.current)
        return float((now * (whole - now) / whole).sum())

    def sample(self, seed: int) -> Windows:
        """The windows of sampled blocks alone, of each at most 200 rows at random; `order` then counts from the rows
        that were sorted here."""
        kept = self.sampled
        rows = np.flatnonzero(kept[self.blocks])
        if self.sizes[kept].max() > MOST_OF_BLOCK:
            shuffled = np.random.default_rng([seed, 8]).permutation(rows)
            shuffled = shuffled[np.argsort(self.blocks[shuffled], kind="stable")]
            place = np.arange(len(rows)) - np.searchsorted(self.blocks[shuffled], self.blocks[shuffled])
            rows = np.sort(shuffled[place < MOST_OF_BLOCK])
        blocks = (np.cumsum(kept) - 1)[self.blocks[rows]]
        return Windows(
            order=rows,
            blocks=blocks,
            starts=np.searchsorted(blocks, np.arange(int(kept.sum()))),
            current=self.current[kept],
            strata=self.strata[kept],
            units=self.units[kept],
            sampled=self.sampled[kept],
            moved=self.moved,
            left_out=self.left_out,
        )

    def block_sums(self, values: Array) -> Array:
        """Sums (blocks x columns) of sorted rows' values."""
        return summed(values, self.starts)

    def unit_sums(self, of_blocks: Array) -> Array:
        """Sums (units x columns) of blocks' values."""
        if len(self.units) == int(self.units.max()) + 1:
            return of_blocks
        order = np.argsort(self.units, kind="stable")
        return summed(of_blocks[order], np.searchsorted(self.units[order], np.arange(self.units.max() + 1)))


def summed(values: Array, starts: Ints) -> Array:
    """Sums of consecutive rows (groups x columns); a group begins at each of `starts`. Never float16."""
    count = len(values)
    ends = np.append(starts, count)
    # A product with a sparse matrix takes a tenth of the time of np.add.reduceat over rows.
    ones = np.ones(count, np.float32 if values.dtype == np.float32 else np.float64)
    return csr_array((ones, np.arange(count), ends), shape=(len(starts), count)) @ values


def pool(
    reference_blocks: ArrayLike,
    current_blocks: ArrayLike,
    reference_strata: ArrayLike | None = None,
    current_strata: ArrayLike | None = None,
    *,
    seed: int = 0,
    most_rows: int = 12_000,
) -> Windows:
    """The windows, pooled: the order of rows plays no part but within a block.

    Blocks and strata are ids of any one type, one a row. A block that lies in several strata counts to the one where
    most of its rows lie; ties go to the reference and to the lesser id. Raises `DriftInput` where a window keeps fewer
    than four blocks.
    """
    reference, current = _ids(reference_blocks, "reference_blocks"), _ids(current_blocks, "current_blocks")
    before, after = len(reference), len(current)
    codes = _codes(reference, current, "blocks")
    in_current = np.arange(before + after) >= before
    count = int(codes.max()) + 1
    of_current = np.bincount(codes[in_current], minlength=count)
    of_all = np.bincount(codes, minlength=count)
    now = of_current * 2 > of_all
    moved = int(np.where(now, of_all - of_current, of_current).sum())
    strata = np.zeros(count, np.int64)
    if (reference_strata is None) != (current_strata is None):
        raise DriftInput("strata are given for one window only: give both, or neither")
    if reference_strata is not None and current_strata is not None:
        ours, theirs = _ids(reference_strata, "reference_strata"), _ids(current_strata, "current_strata")
        if (len(ours), len(theirs)) != (before, after):
            raise DriftInput(
                f"{len(ours)} + {len(theirs)} strata for {before} + {after} rows: one id a row is needed in each window"
            )
        strata = _majority(codes, _codes(ours, theirs, "strata"), count)
    kept = np.ones(count, bool)
    of_strata = np.bincount(strata)
    of_now = np.bincount(strata, now)
    kept &= ((of_now > 0) & (of_now < of_strata))[strata]
    rows = kept[codes]
    order = np.argsort(codes, kind="stable")
    order = order[rows[order]]
    new_code = np.cumsum(kept) - 1
    blocks = new_code[codes[order]]
    for name, have in (("reference", int((kept & ~now).sum())), ("current", int((kept & now).sum()))):
        if have < FEWEST:
            raise DriftInput(
                f"{have} sessions of the {name} window can be compared (those of a customer and feature that both "
                f"windows have): at least {FEWEST} are needed; take longer windows"
            )
    now, strata = now[kept], strata[kept]
    units = _units(now, strata, seed)
    sampled = _sample(now, units, of_all[kept], most_rows, seed)
    return Windows(
        order=order.astype(np.int64),
        blocks=blocks.astype(np.int64),
        starts=np.searchsorted(blocks, np.arange(len(now))).astype(np.int64),
        current=now,
        strata=np.unique(strata * 2 + sampled, return_inverse=True)[1].astype(np.int64),
        units=units,
        sampled=sampled,
        moved=moved,
        left_out=int((~rows).sum()),
    )


def _ids(given: ArrayLike, name: str) -> Array:
    ids = np.asarray(given)
    if ids.ndim != 1:
        raise DriftInput(f"{name} has shape {ids.shape}: one id a row is needed")
    if not len(ids):
        raise DriftInput(f"{name} is empty: each window needs at least one row")
    return ids


def _codes(reference: Array, current: Array, name: str) -> Ints:
    try:
        return np.unique(np.concatenate([reference, current]), return_inverse=True)[1].astype(np.int64)
    except TypeError as error:
        raise DriftInput(f"ids of {name} are of several types ({error}): give all as text or all as numbers") from error


def _majority(codes: Ints, strata: Ints, count: int) -> Ints:
    """The stratum in which most rows of each block lie."""
    kinds = int(strata.max()) + 1
    pairs, rows = np.unique(codes * kinds + strata, return_counts=True)
    block, stratum = pairs // kinds, pairs % kinds
    # The last one that is written stays: that of most rows.
    order = np.lexsort((-stratum, rows, block))
    found = np.zeros(count, np.int64)
    found[block[order]] = stratum[order]
    return found


def _units(current: Bools, strata: Ints, seed: int) -> Ints:
    """Which blocks are permuted together: each by itself, or beyond the bound random groups of one window and stratum.

    Where blocks can be exchanged, random groups of equally many of them can be too.
    """
    count = len(current)
    if count <= _MOST_UNITS:
        return np.arange(count)
    size = -(-count // _MOST_UNITS)
    shuffled = np.random.default_rng([seed, 1]).permutation(count)
    order = shuffled[np.lexsort((current[shuffled], strata[shuffled]))]
    fresh = np.ones(count, bool)
    fresh[1:] = (strata[order][1:] != strata[order][:-1]) | (current[order][1:] != current[order][:-1])
    first = np.maximum.accumulate(np.where(fresh, np.arange(count), 0))
    place = np.arange(count) - first
    units = np.empty(count, np.int64)
    units[order] = np.cumsum(place % size == 0) - 1
    return units


def _sample(current: Bools, units: Ints, sizes: Ints, most: int, seed: int) -> Bools:
    """Which blocks are sampled: all, or random units of about `most` rows, half of them current where there are enough.

    What is sampled and what is not are permuted apart, so that the null stays exact though the share differs.
    """
    sizes = np.minimum(sizes, MOST_OF_BLOCK)
    if sizes.sum() <= most:
        return np.ones(len(current), bool)
    count = int(units.max()) + 1
    rows = np.bincount(units, sizes, count)
    now = np.zeros(count, bool)
    now[units] = current
    whole = rows[now].sum(), rows[~now].sum()
    of_current = min(whole[0], max(most / 2, most - whole[1]))
    taken = np.zeros(count, bool)
    dice = np.random.default_rng([seed, 2])
    for mine, room in ((now, of_current), (~now, most - of_current)):
        order = dice.permutation(np.flatnonzero(mine))
        taken[order[np.cumsum(rows[order]) <= room]] = True
        taken[order[:FEWEST]] = True
    return taken[units]
