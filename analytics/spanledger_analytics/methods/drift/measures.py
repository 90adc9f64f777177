"""Has any of several measured quantities changed (tokens, latency, models, tools, ...)? One test of all together.

Numbers and names are tested under the same permutations of sessions, so that the largest statistic of all has an exact
p value, and each quantity one that is corrected for all others (Westfall and Young, 1993), whatever their dependence.

>>> dice = np.random.default_rng(1)
>>> before = {"tokens": dice.normal(100, 9, 300), "model": np.array(["a", "b"] * 150)}
>>> after = {"tokens": dice.normal(120, 9, 200), "model": np.array(["a", "b"] * 100)}
>>> found = compare(before, after, reference_blocks=np.arange(300) // 5, current_blocks=1000 + np.arange(200) // 5)
>>> found.p, [(each.name, each.p_corrected < 0.05) for each in found.quantities]
(0.002, [('tokens', True), ('model', False)])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spanledger_analytics.methods.drift import nulls
from spanledger_analytics.methods.drift.categories import counts_of
from spanledger_analytics.methods.drift.evidence import Evidence, check, evidence, finer
from spanledger_analytics.methods.drift.windows import DriftInput, Windows, pool, summed

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Distributions are compared at so many quantiles, shares of so many names; the rarest others are one.
_POINTS: Final = 24
_NAMES: Final = 30
# Arrangements are drawn so many at a time, so that memory is bounded.
_AT_A_TIME: Final = 4_096


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity's part of the test.

    `p` is its own, `p_corrected` for all quantities. `effect`, within strata: of a number the largest gap of both
    distribution functions, of names the share of calls that would have to bear another name; 0 to 1 each. `known` are
    the rows (reference, current) that have a value.
    """

    name: str
    p: float
    p_corrected: float
    effect: float
    known: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Measures(Evidence):
    """The test of all quantities together; `quantities` sorted by how surely they changed."""

    quantities: tuple[Quantity, ...]

    @property
    def leading(self) -> Quantity:
        """The quantity that stood out most."""
        return self.quantities[0]


def compare(
    reference: Mapping[str, ArrayLike],
    current: Mapping[str, ArrayLike],
    *,
    reference_blocks: ArrayLike,
    current_blocks: ArrayLike,
    reference_strata: ArrayLike | None = None,
    current_strata: ArrayLike | None = None,
    seed: int = 0,
    repetitions: int = 499,
    resolution: float | None = None,
) -> Measures:
    """Whether any of these quantities (name -> one value a row) differs by more than sessions do by chance.

    Numbers are arrays of floats, NaN where unknown; names are arrays of text, None where unknown. A quantity that takes
    part is known on both sides and has more than one value. Blocks, strata, seed and resolution are as in
    `embeddings.compare`. Raises `DriftInput` where no quantity can be compared, or too few sessions.
    """
    if set(reference) != set(current) or not reference:
        raise DriftInput(
            f"quantities {sorted(reference)} and {sorted(current)} cannot be compared: give the same, one at least"
        )
    held = {name: (np.asarray(reference[name]), np.asarray(current[name])) for name in sorted(reference)}
    for before, after in held.values():
        check(repetitions, before, after, reference_blocks, current_blocks)
    windows = pool(reference_blocks, current_blocks, reference_strata, current_strata, seed=seed, most_rows=2**62)
    parts = [part for name, pair in held.items() if (part := _part(name, np.concatenate(pair), windows)) is not None]
    if not parts:
        raise DriftInput(f"none of {', '.join(held)} is known on both sides and has more than one value")
    test = _Test(windows, parts)
    dice = np.random.default_rng([seed, 9])
    found, effects = test.statistics(repetitions, dice)
    said = evidence(windows, found, test.design_effect)
    said, (found, _) = finer(
        said, (found, effects), lambda count: test.statistics(count, dice), lambda drawn: drawn[0], resolution
    )
    return Measures(**asdict(said), quantities=_sorted(parts, found, effects))


@dataclass(frozen=True, slots=True)
class _Part:
    """One quantity: what is summed of each unit (units x columns), and how a sum becomes an effect."""

    name: str
    is_number: bool
    units: Array
    whole: Floats
    weight: float
    known: tuple[int, int]

    def distances(self, moved: Floats) -> Floats:
        """What says how far apart both sides are, by arrangement (of sums of the current units' centred values): of
        numbers two columns, of names one."""
        if self.is_number:
            gaps = np.abs(moved)
            return np.stack([gaps.max(axis=1), gaps.mean(axis=1)], axis=1)
        return np.cbrt((moved**2 / np.maximum(self.whole, 1.0)).sum(axis=1))[:, None]

    def statistics(self, distances: Floats) -> Floats:
        """One value an arrangement, of all arrangements' distances."""
        if self.is_number:
            return np.max([nulls.standardised(np.ascontiguousarray(each)) for each in distances.T], axis=0)
        return distances[:, 0]

    def effect(self, moved: Floats) -> float:
        """How far both sides are apart by one arrangement's sums."""
        size = float(np.abs(moved).max()) if self.is_number else float(np.abs(moved).sum()) / 2
        return min(size / self.weight, 1.0)


@dataclass(frozen=True, slots=True)
class _Test:
    """All quantities of a pair of windows."""

    windows: Windows
    parts: list[_Part]

    @property
    def design_effect(self) -> float:
        """That of the quantity whose sessions resemble each other most."""
        return max(
            float((each.units.astype(np.float64) ** 2).sum() / max(_independent(each), 1e-12)) for each in self.parts
        )

    def statistics(self, repetitions: int, dice: np.random.Generator) -> tuple[list[Floats], list[float]]:
        """Each quantity's statistic in every arrangement, the observed one first; and the effect of each."""
        edges = np.cumsum([0, *(each.units.shape[1] for each in self.parts)])
        together = np.concatenate([each.units for each in self.parts], axis=1)
        found: list[list[Floats]] = [[] for _ in self.parts]
        effects: list[float] = []
        for some in _drawn(self.windows, repetitions, dice):
            # Sums of all arrangements at once would take gigabytes where p values are to be fine.
            moved = nulls.sums(some, together)
            for at, part in enumerate(self.parts):
                mine = moved[:, edges[at] : edges[at + 1]]
                if len(effects) == at:
                    effects.append(part.effect(mine[0]))
                found[at].append(part.distances(mine))
        return [part.statistics(np.concatenate(mine)) for part, mine in zip(self.parts, found, strict=True)], effects


def _independent(part: _Part) -> float:
    """What the squared sums of units would be were rows independent."""
    rows = sum(part.known)
    shares = part.whole / rows
    return float(rows * (shares * (1 - shares)).sum())


def _drawn(windows: Windows, repetitions: int, dice: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """Arrangements in pieces; the observed one is the first of the first."""
    for at in range(0, repetitions, _AT_A_TIME):
        some = nulls.arrangements(windows, min(_AT_A_TIME, repetitions - at), dice)
        yield some if not at else some[1:]


def _part(name: str, values: Array, windows: Windows) -> _Part | None:
    values = values[windows.order]
    is_number = values.dtype.kind in "fiu"
    if is_number:
        values = values.astype(np.float64)
        there = ~np.isnan(values)
        if np.isinf(values).any():
            raise DriftInput(f"{name} has an infinite value: leave out rows whose value is not known")
    else:
        there = np.array([each is not None for each in values.tolist()], bool)
    now = windows.row_current
    known = int((there & ~now).sum()), int((there & now).sum())
    if not min(known):
        return None
    codes, count = (_binned if is_number else _named)(values[there])
    if count < 2:
        return None
    # One column more than there are codes holds rows without a value, and is dropped.
    of_rows = np.full(len(values), count)
    of_rows[there] = codes
    counts = counts_of(of_rows, windows, count + 1)[:, :count]
    centred = _centred(counts, windows)
    whole = counts.sum(axis=0, dtype=np.float64)
    if is_number:
        centred, whole = np.cumsum(centred, axis=1)[:, :-1], np.cumsum(whole)[:-1]
    return _Part(name, is_number, windows.unit_sums(centred), whole, _weight(counts, windows), known)


def _binned(values: Floats) -> tuple[Ints, int]:
    points = np.unique(np.quantile(values, (np.arange(_POINTS) + 0.5) / _POINTS, method="inverted_cdf"))
    return np.searchsorted(points, values, side="left").astype(np.int64), len(points) + int(values.max() > points[-1])


def _named(values: Array) -> tuple[Ints, int]:
    names, codes = np.unique(values.astype(str), return_inverse=True)
    if len(names) <= _NAMES:
        return codes.astype(np.int64), len(names)
    place = np.full(len(names), _NAMES - 1)
    place[np.argsort(-np.bincount(codes), kind="stable")[: _NAMES - 1]] = np.arange(_NAMES - 1)
    return place[codes].astype(np.int64), _NAMES


def _centred(counts: Array, windows: Windows) -> Array:
    """Counts of blocks less what their known rows would have at the shares of their stratum."""
    known = counts.sum(axis=1, dtype=np.float64)
    order = np.argsort(windows.strata, kind="stable")
    starts = np.searchsorted(windows.strata[order], np.arange(int(windows.strata.max()) + 1))
    shares = summed(counts[order].astype(np.float64), starts)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
    return (counts - known[:, None] * shares[windows.strata]).astype(np.float32)


def _weight(counts: Array, windows: Windows) -> float:
    """As `Windows.weight`, of rows that have a value."""
    known = counts.sum(axis=1, dtype=np.float64)
    whole = np.bincount(windows.strata, known)
    now = np.bincount(windows.strata, known * windows.current)
    return max(float((now * (whole - now) / np.maximum(whole, 1.0)).sum()), 1e-12)


def _sorted(parts: list[_Part], found: list[Floats], effects: list[float]) -> tuple[Quantity, ...]:
    heights = [nulls.standardised(each) for each in found]
    highest = np.max(heights, axis=0)
    made: list[tuple[float, Quantity]] = []
    for part, height, effect in zip(parts, heights, effects, strict=True):
        corrected = float((highest >= height[0] - 1e-9).mean())
        made.append((-float(height[0]), Quantity(part.name, nulls.p_value(height), corrected, effect, part.known)))
    return tuple(each for _, each in sorted(made, key=lambda pair: (pair[0], pair[1].name)))
