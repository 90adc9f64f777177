"""Have shares changed (of languages, models, tools, finish reasons, clusters), judged by sessions?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spanledger_analytics.methods.drift import kernels, nulls
from spanledger_analytics.methods.drift.evidence import Evidence, check, evidence
from spanledger_analytics.methods.drift.windows import DriftInput, Windows, pool

Array = NDArray[Any]
Floats = NDArray[np.float64]

# The rarest beyond so many are counted as one.
_MOST: Final = 400


@dataclass(frozen=True, slots=True)
class Share:
    """One category's share of rows before and after. `p` is corrected for all categories of the test.

    `low` and `high` bound the change (after - before) with 95 % confidence, as far as sessions are independent; None is
    the name of all that were too rare to be told apart.
    """

    name: Hashable
    before: float
    after: float
    low: float
    high: float
    p: float

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Shares(Evidence):
    """The test of all shares together. `shares` are sorted by how surely they changed.

    `divergence` is Jensen and Shannon's, in bits (0 to 1); `stability_index` the population stability index (PSI), for
    display only: its usual thresholds of .1 and .25 know nothing of the number of sessions.
    """

    shares: tuple[Share, ...]
    divergence: float
    stability_index: float


def compare(
    reference: Sequence[Hashable] | ArrayLike,
    current: Sequence[Hashable] | ArrayLike,
    *,
    reference_blocks: ArrayLike,
    current_blocks: ArrayLike,
    reference_strata: ArrayLike | None = None,
    current_strata: ArrayLike | None = None,
    seed: int = 0,
    repetitions: int = 999,
) -> Shares:
    """Whether the shares of categories (one name a row) differ by more than sessions do by chance.

    Statistics are chi-squared against the pooled shares and the Jensen-Shannon divergence; their null permutes blocks
    within strata, as everywhere here. A name may be any text or number, the same type throughout. Raises `DriftInput`
    for what cannot be compared.
    """
    before, after = names_of(reference, "reference"), names_of(current, "current")
    check(repetitions, before, after, reference_blocks, current_blocks)
    windows = pool(reference_blocks, current_blocks, reference_strata, current_strata, seed=seed, most_rows=2**62)
    names, codes = _coded(before, after)
    codes = codes[windows.order]
    counts = counts_of(codes, windows, len(names))
    dice = np.random.default_rng([seed, 4])
    arranged = nulls.arrangements(windows, repetitions, dice)
    centred = kernels.centre(counts, windows)
    moved = nulls.sums(arranged, windows.unit_sums(centred))
    held = nulls.sums(arranged, windows.unit_sums(counts))
    whole = counts.sum(axis=0, dtype=np.float64)
    shares = whole / whole.sum()
    chi = (moved**2 / np.maximum(whole, 1.0)).sum(axis=1)
    divergence = _divergence(whole - held, held)
    within = float((1.0 - (shares**2).sum()) * whole.sum())
    found = evidence(windows, [np.cbrt(chi), np.cbrt(divergence)], float((centred**2).sum() / max(within, 1e-12)))
    return Shares(
        **asdict(found),
        shares=_sorted(names, moved, whole - held[0], held[0], windows, counts),
        divergence=float(divergence[0]),
        stability_index=stability_index(whole - held[0], held[0]),
    )


def names_of(given: Any, name: str) -> Array:
    """One name a row. Raises `DriftInput` where there are none, or unknown ones among them."""
    names = np.asarray(given)
    if names.ndim != 1 or not len(names):
        raise DriftInput(f"{name} categories have shape {names.shape}: one name a row is needed, and at least one row")
    unknown = np.array([each is None for each in names]) if names.dtype == object else np.zeros(len(names), bool)
    if names.dtype.kind == "f":
        unknown |= np.isnan(names)
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise DriftInput(f"row {row} of the {name} categories is unknown: leave such rows out, or give them a name")
    return names


def counts_of(codes: Array, windows: Windows, count: int) -> NDArray[np.float32]:
    """Rows of each code (blocks x codes); `codes` is per sorted row."""
    size = len(windows.starts)
    flat = np.bincount(windows.blocks * count + codes, minlength=size * count)
    return flat.reshape(size, count).astype(np.float32)


def stability_index(before: Floats, after: Floats) -> float:
    """The population stability index of counts in the same bins; half a row is added to each, so that empty bins count
    for something finite."""
    one, two = (before + 0.5) / (before + 0.5).sum(), (after + 0.5) / (after + 0.5).sum()
    return float(((two - one) * np.log(two / one)).sum())


def _coded(before: Array, after: Array) -> tuple[list[Hashable], NDArray[np.int64]]:
    try:
        names, codes = np.unique(np.concatenate([before, after]), return_inverse=True)
    except TypeError as error:
        raise DriftInput(f"categories are of several types ({error}): give all as text or all as numbers") from error
    said: list[Hashable] = names.tolist()
    if len(names) <= _MOST:
        return said, codes.astype(np.int64)
    frequent = np.argsort(-np.bincount(codes), kind="stable")[: _MOST - 1]
    place = np.full(len(names), _MOST - 1)
    place[frequent] = np.arange(_MOST - 1)
    return [*(said[each] for each in frequent.tolist()), None], place[codes].astype(np.int64)


def _divergence(before: Floats, after: Floats) -> Floats:
    one = before / np.maximum(before.sum(axis=1, keepdims=True), 1.0)
    two = after / np.maximum(after.sum(axis=1, keepdims=True), 1.0)
    middle = (one + two) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(each > 0, each * np.log2(each / middle), 0.0).sum(axis=1) for each in (one, two)]
    return np.maximum((terms[0] + terms[1]) / 2, 0.0)


def _sorted(
    names: Sequence[Hashable], moved: Floats, before: Floats, after: Floats, windows: Windows, counts: Array
) -> tuple[Share, ...]:
    """Each share with its p value, corrected for all (Westfall and Young, 1993)."""
    spread = moved.std(axis=0)
    heights = np.abs(moved) / np.where(spread > 0, spread, np.inf)
    highest = heights.max(axis=1)
    made: list[tuple[float, Share]] = []
    errors = _error(counts[~windows.current], windows.sizes[~windows.current])
    errors = np.hypot(errors, _error(counts[windows.current], windows.sizes[windows.current]))
    for at, name in enumerate(names):
        one, two = float(before[at] / before.sum()), float(after[at] / after.sum())
        p = float((highest >= heights[0, at] - 1e-9).mean())
        reach = 1.96 * float(errors[at])
        share = Share(name, one, two, max(two - one - reach, -1.0), min(two - one + reach, 1.0), p)
        made.append((-float(heights[0, at]), share))
    return tuple(share for _, share in sorted(made, key=lambda each: (each[0], str(each[1].name))))


def _error(counts: Array, sizes: Array) -> Floats:
    """The standard error of each share, blocks being independent (a ratio of sums, linearised)."""
    rows = sizes.sum()
    off = counts - sizes[:, None] * (counts.sum(axis=0) / rows)
    count = len(sizes)
    return np.sqrt((off.astype(np.float64) ** 2).sum(axis=0) * count / max(count - 1, 1)) / rows
