"""Changes of cost: when each began, in which slice, of what kind, and what it has cost since.

found = detect(Past(cells, work), first, until, Settings())

Days are gone through in order. Of each, everything before it says what is usual, and each of its hours what is not: the
result for an hour is the same whatever comes later. What is found is left out from there on, so that one cause is one
event, a second one is seen beside it, and its hours never become part of what is usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from typing import Final

import numpy as np

from spanledger_analytics.methods.anomalies.cells import SPLITS, WORK, Floats, Slices
from spanledger_analytics.methods.anomalies.dayview import View
from spanledger_analytics.methods.anomalies.events import SETTLED, Event, Heard, Past, Planned, Settings
from spanledger_analytics.methods.anomalies.scan import DAY, Channel
from spanledger_analytics.methods.anomalies.tails import Tail

# Block maxima that the tail is learnt from.
_REMEMBERED: Final = 60_000
# An end is believed once the hours since are that much likelier without the change than with it (nats).
_SURE: Final = 8.0
# Each turn finds one event; a day on which everything goes wrong must still end.
_TURNS: Final = 60

# Days that are only looked at, to learn how much slices stray.
_WARM: Final = 5
# Quarters of a day that the scatter of all slices weighs as much as, for one of them.
_QUARTERS_LENT: Final = 8.0
_CUT: Final = 16.0

# Of what a slice spends, the part that makes it the same work as another.
_MOSTLY: Final = 0.8
# How much likelier a cause is to be in somebody's work than in a model that all share (nats).
_SHARED: Final = 2.0
# By how much another slice must be likelier for an event to be renamed (nats).
_CLEARER: Final = 3.0
# Of the evidence for two causes, what that for a single one must reach.
_SIMPLER: Final = 0.85

Watch = Callable[[int, int], None]
_DEFAULTS: Final = Settings()


def detect(
    past: Past,
    first: int,
    until: int,
    settings: Settings = _DEFAULTS,
    planned: Sequence[Planned] = (),
    heard: Sequence[Heard] = (),
    known: Sequence[Event] = (),
    watch: Watch = lambda *_: None,
    part: float = 1.0,
) -> list[Event]:
    """Every change seen in the hours [first, until), by start; hours count from 1970.

    The days from the one of `first` on are gone through; lines before them say what is usual. `known` are events that
    began before: their hours are left out, they are not told again. `watch` is told days done and days in all. `part`
    is how much of the last hour has passed.
    """
    if not past.cells.count or first >= until:
        return []
    walk = Walk(past, settings, planned, heard, known)
    day = first // DAY * DAY
    total = (until - 1) // DAY - day // DAY + 1
    for number, start in enumerate(range(day, until, DAY)):
        walk.day(start, min(until, start + DAY), part if start + DAY >= until else 1.0)
        watch(number + 1, total)
    return sorted((each for each in walk.found if not each.aside), key=lambda each: (each.start, each.seen))


class Walk:
    """What is known while days are gone through."""

    def __init__(
        self,
        past: Past,
        settings: Settings,
        planned: Sequence[Planned],
        heard: Sequence[Heard],
        known: Sequence[Event],
    ) -> None:
        self._past, self._settings, self._planned, self._heard = past, settings, planned, heard
        self._known = list(known)
        self.found: list[Event] = []
        self._slices = Slices.of(past.cells, SPLITS), Slices.of(past.work, WORK)
        self._penalties = _penalties(self._slices[0]), _penalties(self._slices[1])
        self._maxima: dict[Channel, Floats] = {channel: np.empty(0) for channel in Channel}
        self._squares = {channel: _Squares(len(self._slices[channel is Channel.VOLUME])) for channel in Channel}
        self._looks = dict.fromkeys(Channel, 0)

    def copy(self, past: Past) -> Walk:
        """The same state over other lines of the same cells, to look at a day without taking note of it."""
        other = copy(self)
        other._past = past
        other.found = deepcopy(self.found)
        other._maxima, other._looks = dict(self._maxima), dict(self._looks)
        other._squares = deepcopy(self._squares)
        return other

    def day(self, start: int, until: int, part: float) -> None:
        """Look at the hours [start, until) of the day that begins at `start`."""
        events = [*self._known, *self.found]
        tails = {channel: Tail.of(self._maxima[channel]) for channel in Channel if self._looks[channel] >= _WARM}
        scales = {channel: squares.scale() for channel, squares in self._squares.items()}
        view = View(
            self._past,
            self._slices,
            self._penalties,
            (start, until, part),
            self._settings,
            self._planned,
            events,
            tails,
            scales,
        )
        earliest = start
        for _ in range(_TURNS):
            new = view.first(earliest)
            if new is None:
                break
            self._add(view, events, new)
            earliest = new.seen - 1
            view.refresh(new.channel)
        for channel in Channel:
            maxima = view.maxima(channel)
            self._looks[channel] += bool(len(maxima))
            if until - start == DAY:
                self._squares[channel].add(view.quarters(channel))
            # The first days' scores are not scaled yet.
            if self._looks[channel] > 1:
                self._maxima[channel] = np.concatenate((self._maxima[channel], maxima))[-_REMEMBERED:]
        for event in self.found:
            self._follow(view, event, until)

    def _add(self, view: View, events: list[Event], new: Event) -> None:
        """Take an event in, or widen a recent one that with it is better explained by one slice."""
        new.aside = any(_nobodys(new, each) for each in self.found)
        for old in self.found:
            wider = None if new.aside or old.aside else self._together(view, old, new)
            if wider is not None:
                old.start, old.hours = min(old.start, new.start), {} if wider != old.where else old.hours
                old.where = wider
                self.found = [each for each in self.found if each is old or not _swallowed(each, old)]
                events[:] = [*self._known, *self.found]
                return
        self.found.append(new)
        events.append(new)

    def _together(self, view: View, old: Event, new: Event) -> Mapping[str, str] | None:
        """The slice that explains both as one change, or None where they are two."""
        if old.channel is not new.channel or old.sign != new.sign or old.end is not None:
            return None
        for work, other in ((_work(old.where), new.where), (_work(new.where), old.where)):
            # Other models of the same work, which may have too few calls to show as soon.
            if work and view.share(new.channel, other, work, new.start, new.seen) >= _MOSTLY:
                return work
        if not _akin(old, new):
            return None
        slices = view.slices(new.channel)
        number = slices.number(old.where)
        around = [n for n, each in enumerate(slices.where) if _within(old.where, each) and _within(new.where, each)]
        for first in sorted({old.start, new.start}):
            worth = view.nats(new.channel, first, new.seen, new.sign, again=True)
            wider = max(around, key=lambda n: worth[n])
            # What the new one shows, it shows beside the old one, whose hours were left out. One cause is likelier
            # than two.
            if number is None or worth[wider] >= _SIMPLER * (worth[number] + new.nats):
                return slices.where[wider]
        return None

    def _sharpen(self, view: View, event: Event, until: int) -> None:
        """Name the slice that explains a young event best by now: the first hours of one have few calls."""
        slices = view.slices(event.channel)
        number = slices.number(event.where)
        others = [each for each in self.found if each is not event and each.channel is event.channel and not each.aside]
        if number is None or any(_within(each.where, event.where) for each in others):
            return
        worth = view.nats(event.channel, event.start, until, event.sign, again=True)
        best = int(np.argmax(np.where(slices.sharing(number), worth, -np.inf)))
        if worth[best] >= worth[number] + _CLEARER:
            event.where, event.hours = slices.where[best], {}

    def _follow(self, view: View, event: Event, until: int) -> None:
        if event.end is not None:
            return
        # Calls are judged by slices, not call by call: wider ones are surer of less, and would win in time.
        if event.start >= view.start - DAY and not event.aside and event.channel is not Channel.VOLUME:
            self._sharpen(view, event, until)
        event.hours.update(view.hourly(event))
        end = _ending(event)
        if end is not None:
            event.end = end
            event.hours = {hour: each for hour, each in event.hours.items() if hour < end}
        elif until - event.start >= SETTLED:
            event.settled, event.end = True, until
        event.silent = any(each.silences(event) for each in self._heard)


class _Squares:
    """How much slices have strayed from what was expected of them: 1 as the model says, more where calls are wilder."""

    def __init__(self, slices: int) -> None:
        self._sums, self._counts = np.zeros(slices), np.zeros(slices)

    def add(self, scores: Floats) -> None:
        """Count a day's scores; beyond four deviations they are cut."""
        self._sums += np.minimum(scores**2, _CUT).sum(axis=1)
        self._counts += (scores != 0).sum(axis=1)

    def scale(self) -> Floats:
        """What scores are to be divided by, never less than 1."""
        whole = self._sums.sum() / max(self._counts.sum(), 1.0)
        mean = (self._sums + _QUARTERS_LENT * max(whole, 1.0)) / (self._counts + _QUARTERS_LENT)
        return np.sqrt(np.maximum(mean, 1.0))


def _akin(old: Event, new: Event) -> bool:
    recent = abs(old.start - new.start) <= DAY // 2 and new.seen - old.start < DAY
    return old.channel is new.channel and old.sign == new.sign and old.end is None and recent


def _work(where: Mapping[str, str]) -> Mapping[str, str]:
    return {name: where[name] for name in ("customer", "feature") if name in where}


def _nobodys(new: Event, old: Event) -> bool:
    """True if an event of calls that name no customer (or feature) is likely to be another one's, which lasts."""
    named = {name: value for name, value in new.where.items() if value}
    agree = all(old.where.get(name, value) == value for name, value in named.items())
    alike = old.channel is new.channel and old.sign == new.sign
    return len(named) < len(new.where) and agree and alike and old.end is None and old.start <= new.seen


def _swallowed(event: Event, wider: Event) -> bool:
    return _within(event.where, wider.where) and _akin(wider, event)


def _within(inner: Mapping[str, str], outer: Mapping[str, str]) -> bool:
    return all(inner.get(name) == value for name, value in outer.items())


def _ending(event: Event) -> int | None:
    """The hour from which on all is as usual again, once that is certain."""
    hours = sorted(event.hours)
    if not hours:
        return None
    table = np.array([event.hours[hour] for hour in hours])
    actual, expected, variance = table.T
    # The size of the change, from the hours that show it most: the mean would be diluted by a normal rest.
    running = np.cumsum(event.sign * (actual - expected))
    peak = int(np.argmax(running))
    change = actual[: peak + 1].sum() / max(expected[: peak + 1].sum(), 1e-12)
    scale = np.maximum(2.0 * variance * max(change, 1.0) ** 2, 1e-30)
    evidence = np.cumsum(((actual - expected) ** 2 - (actual - change * expected) ** 2) / scale)
    best = int(np.argmax(evidence))
    return hours[best] + 1 if evidence[best] - evidence[-1] >= _SURE else None


def _penalties(slices: Slices) -> Floats:
    """1 + ln of how many slices there are of the same split: one of many stands out by chance more easily."""
    kinds = np.array([",".join(sorted(each)) for each in slices.where])
    _, place, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    shared = np.array([bool(each) and not _work(each) for each in slices.where])
    return 1.0 + np.log(counts[place]) + _SHARED * shared
