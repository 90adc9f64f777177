"""Have the embeddings of two windows the same distribution? One test of three kinds of statistics, nulled by sessions.

>>> dice = np.random.default_rng(1)
>>> before, after = dice.normal(size=(300, 8)), dice.normal(size=(200, 8)) + [1.5, 0, 0, 0, 0, 0, 0, 0]
>>> found = compare(before, after, reference_blocks=np.arange(300) // 5, current_blocks=1000 + np.arange(200) // 5)
>>> found.p, found.blocks
(0.002, (60, 40))
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spanledger_analytics.methods.drift import kernels, novelty, nulls
from spanledger_analytics.methods.drift.evidence import Evidence, check, evidence, finer
from spanledger_analytics.methods.drift.windows import DriftInput, Windows, pool, summed

Array = NDArray[Any]
Single = NDArray[np.float32]

# Kernels and neighbours are read in the leading directions of both windows together: less noise, and half the time.
_WIDTH: Final = 96
_BASIS_ROWS: Final = 16_384
# Arrangements are drawn so many at a time, so that memory is bounded.
_AT_A_TIME: Final = 8_192


@dataclass(frozen=True, slots=True)
class Statistic:
    """One way in which windows may differ.

    `p` is its own, not corrected for the others. `effect`: of `mean`, the distance of both means in standard deviations
    of a row; of `kernel ...`, the maximum mean discrepancy (0 to 1.4); both less what chance alone gives. Of `novelty`,
    the share of current rows (of `novel sessions`, of sessions; all strata together) that are farther from the
    reference than nine tenths of itself are, above the tenth that would be so anyway.
    """

    name: str
    p: float
    effect: float


@dataclass(frozen=True, slots=True)
class Result(Evidence):
    """The test of one pair of windows. `leading` is the statistic that stood out most; novelty has read
    `sampled_rows`."""

    statistics: tuple[Statistic, ...]
    leading: str
    sampled_rows: int


def compare(
    reference: ArrayLike,
    current: ArrayLike,
    *,
    reference_blocks: ArrayLike,
    current_blocks: ArrayLike,
    reference_strata: ArrayLike | None = None,
    current_strata: ArrayLike | None = None,
    seed: int = 0,
    repetitions: int = 499,
    resolution: float | None = None,
) -> Result:
    """Whether embeddings (rows x dimensions) of two windows differ by more than sessions do by chance.

    Blocks are session (or customer-day) ids, strata customer x feature: with them only what changed within a stratum
    counts, and what only one window has is left out (see `mix`). Same seed, same result; the order of rows does not
    matter. Rows are scaled to length 1. Novelty reads at most 12,000 rows of random sessions, at most 200 random ones
    of each. With a `resolution`, p values down to it are told apart: where the first arrangements leave p at .05 or
    below, it is made anew from more of them (`evidence.finer`), which keeps it valid at every level. Raises
    `DriftInput` for what cannot be compared.
    """
    before, after = vectors_of(reference, "reference"), vectors_of(current, "current")
    if before.shape[1] != after.shape[1]:
        raise DriftInput(
            f"embeddings of {before.shape[1]} and {after.shape[1]} dimensions cannot be compared: take one model's"
        )
    check(repetitions, before, after, reference_blocks, current_blocks)
    windows = pool(reference_blocks, current_blocks, reference_strata, current_strata, seed=seed)
    vectors = np.concatenate([before, after])[windows.order]
    dice = np.random.default_rng([seed, 3])
    prepared = _prepare(vectors, windows, dice, seed)
    found = prepared.statistics(nulls.arrangements(windows, repetitions, dice))
    said = evidence(windows, [values for _, values, _ in found], prepared.design_effect)
    said, found = finer(
        said, found, lambda count: prepared.drawn(count, dice), lambda drawn: [each for _, each, _ in drawn], resolution
    )
    heights = [float(nulls.standardised(values)[0]) for _, values, _ in found]
    return Result(
        **asdict(said),
        statistics=tuple(Statistic(name, nulls.p_value(values), size) for name, values, size in found),
        leading=found[int(np.argmax(heights))][0],
        sampled_rows=len(prepared.sample.blocks),
    )


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What does not depend on which block is current."""

    windows: Windows
    sample: Windows
    sums: tuple[tuple[str, Array, float], ...]
    near: novelty.Neighbours
    design_effect: float

    def drawn(self, repetitions: int, dice: np.random.Generator) -> list[tuple[str, Array, float]]:
        """As `statistics`, of so many arrangements, drawn in pieces."""
        pieces = [
            self.statistics(nulls.arrangements(self.windows, min(_AT_A_TIME, repetitions - at), dice))
            for at in range(0, repetitions, _AT_A_TIME)
        ]
        # Each piece begins with what was observed, which counts once.
        return [
            (name, np.concatenate([values, *(each[at][1][1:] for each in pieces[1:])]), size)
            for at, (name, values, size) in enumerate(pieces[0])
        ]

    def statistics(self, arranged: Array) -> list[tuple[str, Array, float]]:
        """(name, its value in each arrangement, the effect in the first)."""
        weight = self.windows.weight
        made: list[tuple[str, Array, float]] = []
        lengths = nulls.squared_lengths(arranged, [of_units for _, of_units, _ in self.sums])
        for (name, _, unit), squares in zip(self.sums, lengths, strict=True):
            beyond = float(max(squares[0] - squares[1:].mean(), 0.0) ** 0.5)
            made.append((name, np.cbrt(squares), beyond / weight / unit))
        labels = np.ascontiguousarray(arranged[:, self.sample.units])
        by_row, by_block = novelty.statistics(labels, self.near)
        far = novelty.distances(labels[:1], self.near)[0]
        of_blocks = np.add.reduceat(far, self.sample.starts) / self.sample.sizes
        made.append(("novelty", by_row, _beyond(far, self.sample.row_current)))
        made.append(("novel sessions", by_block, _beyond(of_blocks, self.sample.current)))
        return made


def _prepare(vectors: Single, windows: Windows, dice: np.random.Generator, seed: int) -> _Prepared:
    of_blocks = windows.block_sums(vectors)
    centred = kernels.centre(of_blocks, windows)
    within = max(_variance(of_blocks, windows), 1e-12)
    sums = [("mean", windows.unit_sums(centred), within**0.5)]
    reduced = _reduced(vectors, windows, dice)
    for width, features in kernels.block_features(reduced, windows, dice):
        sums.append((f"kernel {width:g}", windows.unit_sums(features), (features.shape[1] / 2) ** 0.5))
    sample = windows.sample(seed)
    near = novelty.Neighbours.of(reduced[sample.order], sample)
    design = float((centred**2).sum() / (within * len(vectors)))
    return _Prepared(windows, sample, tuple(sums), near, design)


def vectors_of(given: ArrayLike, name: str) -> Single:
    """Rows of length 1. Raises `DriftInput` for what is no matrix of finite numbers other than 0."""
    vectors = np.asarray(given)
    if vectors.ndim != 2:
        raise DriftInput(f"{name} embeddings have shape {vectors.shape}: a matrix of rows x dimensions is needed")
    if not vectors.size:
        raise DriftInput(f"the {name} window has no embeddings: each needs at least one")
    vectors = vectors.astype(np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    if not np.isfinite(length).all():
        row = int(np.flatnonzero(~np.isfinite(length))[0])
        raise DriftInput(f"row {row} of the {name} embeddings is not finite: leave out rows without an embedding")
    if not length.all():
        row = int(np.flatnonzero(length == 0)[0])
        raise DriftInput(f"row {row} of the {name} embeddings is all zeros: leave out rows without an embedding")
    vectors /= length[:, None]
    return vectors


def _variance(of_blocks: Single, windows: Windows) -> float:
    """The mean squared distance of a row from the mean of its stratum."""
    sizes = np.bincount(windows.strata, windows.sizes)
    order = np.argsort(windows.strata, kind="stable")
    starts = np.searchsorted(windows.strata[order], np.arange(len(sizes)))
    means = summed(of_blocks[order], starts).astype(np.float64) / sizes[:, None]
    # Rows have length 1.
    return float(1.0 - (sizes * (means**2).sum(axis=1)).sum() / sizes.sum())


def _reduced(vectors: Single, windows: Windows, dice: np.random.Generator) -> Single:
    """Rows in the leading directions of all together, of length 1; windows play no part."""
    if vectors.shape[1] <= _WIDTH:
        return vectors
    read = vectors
    if len(vectors) > _BASIS_ROWS:
        chosen = dice.permutation(len(windows.starts))
        chosen = chosen[: np.searchsorted(np.cumsum(windows.sizes[chosen]), _BASIS_ROWS) + 1]
        kept = np.zeros(len(windows.starts), bool)
        kept[chosen] = True
        read = vectors[kept[windows.blocks]]
    _, directions = np.linalg.eigh((read.T @ read).astype(np.float64))
    made = vectors @ np.ascontiguousarray(directions[:, : -_WIDTH - 1 : -1], dtype=np.float32)
    made /= np.maximum(np.sqrt(np.einsum("ij,ij->i", made, made)), 1e-12)[:, None]
    return made


def _beyond(far: Array, current: Array) -> float:
    return float((far[current] > np.quantile(far[~current], novelty.TOP)).mean() - (1 - novelty.TOP))
