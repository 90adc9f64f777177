"""What the anomaly detector is told and what it tells: settings, plans, people's words, and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from spanledger_analytics.methods.anomalies.cells import Cells
from spanledger_analytics.methods.anomalies.scan import DAY, Channel

# What has lasted this long is what is usual from now on.
SETTLED: Final = 14 * DAY


@dataclass(frozen=True, slots=True)
class Settings:
    """When a change is worth telling: improbable and dear and large.

    | field | |
    |---|---|
    | rate | share of false ones among a day's findings (Benjamini-Yekutieli over all slices and kinds of change) |
    | usd | US dollars that it must have cost, or saved, by then |
    | share_of_day | and that share of what the project spends on a day |
    | change | by how much a rate must differ: 0.3 is 30 % more, or what 30 % more would bring back to the usual |
    | volume_change, volume_share_of_day | the same for calls, of which more is harmless more often |
    """

    rate: float = 0.01
    usd: float = 0.3
    share_of_day: float = 0.004
    change: float = 0.3
    volume_change: float = 0.5
    volume_share_of_day: float = 0.02

    def dear(self, channel: Channel, spent_a_day: float) -> float:
        """What an event of this kind must have cost, of a project that spends so much on a day."""
        share = self.volume_share_of_day if channel is Channel.VOLUME else self.share_of_day
        return max(self.usd, share * spent_a_day)

    def large(self, channel: Channel) -> float:
        """By how much an event of this kind must differ."""
        return self.volume_change if channel is Channel.VOLUME else self.change


@dataclass(frozen=True, slots=True)
class Planned:
    """What was told ahead: more (or fewer) calls of a slice in [start, end), hours since 1970; `factor` None for
    any."""

    where: Mapping[str, str]
    start: int
    end: int
    factor: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What people said of an earlier finding of this slice, channel and sign: silent until it is a quarter larger."""

    where: Mapping[str, str]
    channel: Channel
    sign: int
    start: int
    until: int
    factor: float

    def silences(self, event: Event) -> bool:
        """True if the event is what people have said to be no anomaly."""
        inside = all(event.where.get(name) == value for name, value in self.where.items())
        same = event.channel is self.channel and event.sign == self.sign and self.start <= event.start < self.until
        return inside and same and abs(np.log(event.factor)) <= abs(np.log(self.factor)) + np.log(1.25)


@dataclass(slots=True)
class Event:
    """One change: hours since 1970, [start, end) with `end` None while it lasts; sums in US dollars since its start.

    `seen` is the end of the hour in which it was first told, `nats` how much likelier it made what was seen then.
    `silent` says that people know of it, `aside` that it is another event's in calls that name nobody. `hours` has
    actual, expected and variance of each hour.
    """

    channel: Channel
    where: Mapping[str, str]
    sign: int
    start: int
    seen: int
    score: float
    p_value: float
    end: int | None = None
    nats: float = 0.0
    settled: bool = False
    silent: bool = False
    aside: bool = False
    first_where: Mapping[str, str] = field(default_factory=dict[str, str])
    hours: dict[int, tuple[float, float, float]] = field(default_factory=dict[int, tuple[float, float, float]])

    @property
    def actual(self) -> float:
        """US dollars."""
        return sum(each[0] for each in self.hours.values())

    @property
    def expected(self) -> float:
        """US dollars."""
        return sum(each[1] for each in self.hours.values())

    @property
    def variance(self) -> float:
        """Of what is expected, in squared US dollars."""
        return sum(each[2] for each in self.hours.values())

    @property
    def factor(self) -> float:
        """How many times the expected the actual is."""
        expected = self.expected
        return max(self.actual, 1e-12) / expected if expected > 0 else np.inf

    @property
    def impact(self) -> float:
        """US dollars more, or less, than expected since its start."""
        return self.actual - self.expected

    def covers(self, first: int, end: int) -> tuple[int, int] | None:
        """The hours of [first, end) that are its, or None."""
        start, stop = max(first, self.start), end if self.end is None else min(end, self.end)
        return (start, stop) if start < stop else None


@dataclass(frozen=True, slots=True)
class Past:
    """The ledger's hourly lines by customer, feature, provider and model, and the same by customer and feature."""

    cells: Cells
    work: Cells
