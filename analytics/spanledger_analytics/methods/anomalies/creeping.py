"""Slow changes of spend: which slices drift away day by day, of those that no sudden change explains.

found = creeping(Cells.of(lines, 86400, ("customer", "feature")), until)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from spanledger_analytics.methods.anomalies.cells import WORK, Cells, Floats, Slices
from spanledger_analytics.methods.anomalies.creep import GAP, REFERENCE, WEEK, creep, run_length

DAYS: Final = REFERENCE + GAP + 8 * WEEK
"""Days of past that are looked at; the newest is yesterday."""
_YEAR: Final = 365.0


@dataclass(frozen=True, slots=True)
class Slow:
    """One slow change: days since 1970, the sums since it began and what would have been usual, in US dollars."""

    where: Mapping[str, str]
    sign: int
    start: int
    seen: int
    score: float
    p_value: float
    actual: float
    expected: float
    deviation: float


def threshold(series: int, false_a_year: float = 1.0) -> float:
    """The cumulative sum beyond which `series` series, watched on both sides, give so many false alarms a year."""
    low, high = 1.0, 200.0
    wanted = 2.0 * max(series, 1) * _YEAR / false_a_year
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle) < wanted else (low, middle)
    return high


def creeping(
    cells: Cells, until: int, usd: float = 10.0, change: float = 0.25, explained: Sequence[Mapping[str, str]] = ()
) -> list[Slow]:
    """Slices of work whose daily spend has been drifting, as of the day before `until` (days since 1970).

    Each must have drifted beyond the threshold, by `change` and `usd` US dollars. Slices within or around an explained
    one, or around one that is told already, are not told.
    """
    if not cells.count:
        return []
    begin = max(int(cells.step.min()), until - DAYS)
    if until - begin <= REFERENCE + GAP:
        return []
    slices = Slices.of(cells, WORK)
    days = slices.sums(cells.dense(cells.cost, begin, until - begin))
    sums = creep(days)
    reach = threshold(len(slices))
    order = np.argsort(-np.abs(sums[:, -1]))
    told: list[Slow] = []
    for number in order:
        score = float(sums[number, -1])
        if abs(score) < reach:
            break
        where = slices.where[int(number)]
        if any(_related(where, each) for each in (*explained, *(each.where for each in told))):
            continue
        slow = _measured(days[number], sums[number], where, begin)
        enough = abs(slow.actual - slow.expected) >= usd
        large = slow.actual >= (1 + change) * slow.expected or slow.actual * (1 + change) <= slow.expected
        if enough and large:
            told.append(slow)
    return told


def _measured(days: Floats, sums: Floats, where: Mapping[str, str], begin: int) -> Slow:
    sign = 1 if sums[-1] > 0 else -1
    over = np.nonzero(sums * sign <= 0)[0]
    start = int(over[-1]) + 1 if len(over) else 0
    past = days[max(start - REFERENCE, 0) : start]
    weekday = (np.arange(len(days)) - start) % WEEK
    usual = np.array([np.median(past[weekday[max(start - REFERENCE, 0) : start] == each]) for each in range(WEEK)])
    expected = usual[weekday[start:]]
    fitted = usual[weekday[max(start - REFERENCE, 0) : start]]
    noise = 1.4826 * float(np.median(np.abs(past - fitted)))
    # The day on which the sum first was as far as it had to be is not known here: the job keeps when it was first told.
    return Slow(
        where, sign, begin + start, begin + len(days), float(sums[-1]), 1.0 / run_length(abs(float(sums[-1]))),
        float(days[start:].sum()), float(expected.sum()), noise * float(np.sqrt(len(expected))),
    )  # fmt: skip


def _related(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    inside = all(one.get(name) == value for name, value in other.items())
    return inside or all(other.get(name) == value for name, value in one.items())
