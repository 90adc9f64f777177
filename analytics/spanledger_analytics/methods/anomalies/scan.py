"""How far each slice is from the usual in the hours of one day: tokens per call, price per token, calls.

Every slice is tested over stretches of 1 to 24 hours that end at each hour, by what its own cells usually take, so
that a change of the mix (a new customer, a dearer feature that grows) is not mistaken for a change of anybody. What is
compared is money: the actual sum of a stretch, the expected one and its variance, in US dollars. The slice of the
greatest likelihood ratio is the culprit, which makes this an expectation-based scan statistic (Neill, International
Journal of Forecasting 25, 2009) over the slices of the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.anomalies import ratios, rhythm
from spanledger_analytics.methods.anomalies.cells import Cells, Floats, Ints, Slices
from spanledger_analytics.methods.anomalies.ratios import Usual
from spanledger_analytics.methods.anomalies.tails import surprise

DAY: Final = 24
LOOK: Final = 2 * DAY
WINDOWS: Final = np.array([1, 2, 3, 6, 12, 24])
# Slices handled at a time, which bounds memory.
_CHUNK: Final = 4000


class Channel(StrEnum):
    """What can change by itself; cost is their product."""

    TOKENS = "tokens"
    PRICE = "price"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class Sums:
    """Actual and expected US dollars, and the variance of what is actual; arrays of one shape."""

    actual: Floats
    expected: Floats
    variance: Floats

    @property
    def score(self) -> Floats:
        """Normal scores, signed."""
        return surprise(self.actual, self.expected, self.variance)


@dataclass(frozen=True, slots=True)
class Rates:
    """What calls of each cell usually take, as it was known before a day."""

    tokens: Usual
    price: Usual

    @property
    def call(self) -> Floats:
        """Usual US dollars of a call."""
        return self.tokens.ratio * self.price.ratio

    def of(self, inside: NDArray[np.bool_]) -> Rates:
        """The same of some cells."""
        return Rates(
            *(Usual(each.ratio[inside], each.scatter[inside], each.error[inside]) for each in (self.tokens, self.price))
        )

    def sums(self, channel: Channel, calls: Floats, tokens: Floats, cost: Floats) -> Sums:
        """Sums per cell and stretch (cells x anything) from what was used in them."""
        wide = (slice(None), *[None] * (calls.ndim - 1))
        price = self.price.ratio[wide]
        if channel is Channel.TOKENS:
            known, actual, expected = self.tokens, tokens * price, calls * self.call[wide]
        else:
            known, actual, expected = self.price, cost, tokens * price
        # Each call scatters in proportion to what is expected of it.
        per_call = np.divide(known.scatter[wide], calls, out=np.zeros_like(calls), where=calls > 0)
        return Sums(actual, expected, expected**2 * (per_call + known.error[wide]))


def rates(cells: Cells, start: int, end: int, left_out: NDArray[np.bool_]) -> tuple[Usual, Usual]:
    """Usual tokens per call and cost per token from the lines in [start, end); `left_out` is channels x lines."""
    near, far = groups(cells)
    found: list[Usual] = []
    for number, (above, below) in enumerate(((cells.tokens, cells.calls), (cells.cost, cells.tokens))):
        kept = (cells.step >= start) & (cells.step < end) & (cells.calls > 0) & ~left_out[number]
        lines = ratios.Lines(cells.cell[kept], above[kept], below[kept], cells.calls[kept])
        money = ratios.tally(cells.cell[kept], cells.cost[kept], cells.count)
        found.append(ratios.usual(lines, near, far, money))
    return found[0], found[1]


def groups(cells: Cells) -> tuple[Ints, Ints]:
    """For each cell the number of its feature and model, and of its feature."""
    return _numbered(cells, ("feature", "model")), _numbered(cells, ("feature",))


def _numbered(cells: Cells, names: Sequence[str]) -> Ints:
    columns = [name for name in names if name in cells.dimensions]
    if not columns:
        return np.zeros(cells.count, np.int64)
    return cells.keys.select(columns).to_struct("group").rank("dense").to_numpy().astype(np.int64) - 1


def windowed(values: Floats) -> Floats:
    """Sums over the stretches that end in the second day: rows x 48 hours -> rows x 24 ends x windows."""
    running = np.concatenate((np.zeros((len(values), 1)), np.cumsum(values, axis=1)), axis=1)
    ends = np.arange(DAY, LOOK) + 1
    return running[:, ends, None] - running[:, ends[:, None] - WINDOWS]


def ahead(counts: Floats, slices: Slices, weekday: int) -> rhythm.Rhythm:
    """What calls each slice of work is going to have in the two days after `counts` (cells x hours of the past)."""
    expected: list[Floats] = []
    clumping: list[Floats] = []
    unrest: list[Floats] = []
    whole = counts.sum(axis=0, keepdims=True)
    for first in range(0, len(slices), _CHUNK):
        part = slices.sums(counts, first, first + _CHUNK)
        found = rhythm.rhythm(np.concatenate((whole, part)), weekday, LOOK, counts=True)
        expected.append(found.expected[1:])
        clumping.append(found.clumping[1:])
        unrest.append(found.unrest[1:])
    return rhythm.Rhythm(np.concatenate(expected), np.concatenate(clumping), np.concatenate(unrest))


def volume(found: rhythm.Rhythm, calls: Floats, price: Floats) -> Sums:
    """Sums of work: `calls` is slices x stretches, `found.expected` likewise; `price` US dollars of a slice's call."""
    wide = (slice(None), *[None] * (calls.ndim - 1))
    expected = found.expected
    variance = found.clumping[wide] * expected + (found.unrest[wide] * expected) ** 2
    cost = price[wide]
    return Sums(calls * cost, expected * cost, variance * cost**2)
