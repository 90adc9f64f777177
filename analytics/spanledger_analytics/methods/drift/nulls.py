"""The null of every drift test here: which window a block lies in is chance, within its stratum.

Under that null the labels of blocks can be exchanged, so that a statistic is one of equally likely values over all
permutations, and p values from a random sample of them that includes what was observed are exact in finite samples
(Phipson and Smyth, 2010). Nothing is assumed of the rows within a block: they may resemble each other at will.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.drift.windows import Windows

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Tilts of the e-value: small ones are best for faint drift that lasts, large ones for plain drift.
_AT_A_TIME: Final = 256


def arrangements(windows: Windows, repetitions: int, dice: np.random.Generator) -> Bools:
    """Which units are current (repetitions + 1 x units): first as observed, then permuted within strata.

    `made[:, windows.units]` says it of blocks.
    """
    last = int(windows.units.max()) + 1
    current, strata = np.zeros(last, bool), np.zeros(last, np.int64)
    current[windows.units], strata[windows.units] = windows.current, windows.strata
    order = np.argsort(strata, kind="stable")
    parts = [(mine, int(current[mine].sum())) for mine in np.split(order, np.flatnonzero(np.diff(strata[order])) + 1)]
    # The rarer label is dealt out: a day beside weeks takes a tenth of the time of shuffling both.
    usual = np.zeros(last, bool)
    for mine, now in parts:
        usual[mine] = 2 * now > len(mine)
    made = np.tile(usual, (repetitions + 1, 1))
    made[0] = current
    for mine, now in parts:
        _deal(made[1:], mine, min(now, len(mine) - now), not usual[mine[0]], dice)
    return made


def _deal(made: Bools, mine: Ints, chosen: int, label: bool, dice: np.random.Generator) -> None:
    """Give a label to so many of the columns `mine` of each row, each subset of them equally likely.

    Floyd's algorithm (Bentley and Floyd, Communications of the ACM 30, 1987), a step for all rows at a time.
    """
    flat, rows = made.reshape(-1), np.arange(len(made)) * made.shape[1]
    for last in range(len(mine) - chosen, len(mine)):
        at = rows + mine[dice.integers(0, last + 1, len(made))]
        flat[np.where(flat[at] == label, rows + mine[last], at)] = label


def sums(arranged: Bools, of_units: Array) -> Floats:
    """Sums of current units' values (arrangements x columns)."""
    values = np.ascontiguousarray(of_units, np.float32)
    return np.concatenate(
        [arranged[at : at + _AT_A_TIME].astype(np.float32) @ values for at in range(0, len(arranged), _AT_A_TIME)]
    ).astype(np.float64)


def squared_lengths(arranged: Bools, of_units: Sequence[Array]) -> list[Floats]:
    """The squared length of each arrangement's sum of each of several values: one product for all of them."""
    together = np.concatenate(of_units, axis=1, dtype=np.float32)
    edges = np.cumsum([0, *(each.shape[1] for each in of_units)])
    made = [np.empty(len(arranged)) for _ in of_units]
    for first in range(0, len(arranged), _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        moved = sums(arranged[part], together)
        for each, low, high in zip(made, edges[:-1], edges[1:], strict=True):
            each[part] = (moved[:, low:high] ** 2).sum(axis=1)
    return made


def standardised(values: Floats) -> Floats:
    """A statistic in its own deviations over all arrangements, the observed among them, so that none is special."""
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def combined(statistics: Sequence[Floats]) -> Floats:
    """The largest standardised statistic of each arrangement: its p value keeps the family-wise level exactly
    (Westfall and Young, 1993)."""
    return standardised(np.max([standardised(each) for each in statistics], axis=0))


def p_value(values: Floats) -> float:
    """The share of arrangements, the observed (first) among them, with a statistic at least as large."""
    slack = 1e-9 * max(1.0, float(np.abs(values).max()))
    return float((values >= values[0] - slack).mean())
