"""One day as the anomaly detector sees it: what was usual before it, and its hours beside that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.anomalies import scan
from spanledger_analytics.methods.anomalies.cells import Cells, Floats, Slices
from spanledger_analytics.methods.anomalies.events import Event, Past, Planned, Settings
from spanledger_analytics.methods.anomalies.looking import APART, Looked, most, nothing
from spanledger_analytics.methods.anomalies.rhythm import Rhythm
from spanledger_analytics.methods.anomalies.scan import DAY, LOOK, Channel, Sums, windowed
from spanledger_analytics.methods.anomalies.tails import Tail, discoveries, improbability, surprise
from spanledger_analytics.methods.anomalies.usual import NEW, Usual

# Stretches that overlap: about as many independent looks a day, for a tail that nothing is known of yet.
_TRIES: Final = 40.0


class View:
    """The hours [start, until) of a day, and the day before them, with what earlier events cover left out."""

    def __init__(
        self,
        past: Past,
        slices: tuple[Slices, Slices],
        penalties: tuple[Floats, Floats],
        span: tuple[int, int, float],
        settings: Settings,
        planned: Sequence[Planned],
        events: list[Event],
        tails: Mapping[Channel, Tail],
        scales: Mapping[Channel, Floats],
    ) -> None:
        self._scales = scales
        self._past, self._settings, self._events, self._tails = past, settings, events, tails
        self._slices, self._works = slices
        self._penalty, self._work_penalty = penalties
        self.start, self.until, part = span
        self._origin = self.start - DAY
        # The slice that each cell of work is by itself.
        names = past.work.keys.iter_rows(named=True)
        self._finest = np.array([self._works.number(dict(each)) for each in names], np.int64)
        usual = Usual(past, self._works, planned, events, self.start)
        self._rates, self._spent = usual.rates(), usual.daily_spend()
        self._used = {name: self._dense(past.cells, name) for name in ("calls", "tokens", "cost")}
        self._rhythm, self._done, self._price = usual.work(self.until, part)
        self._looked = {channel: self._look(channel) for channel in Channel}

    def refresh(self, channel: Channel) -> None:
        """See the day anew after an event of that channel was found."""
        self._looked[channel] = self._look(channel)

    def maxima(self, channel: Channel) -> Floats:
        """The greatest -ln p of each slice's day."""
        looked = self._looked[channel]
        hours = self.until - self.start
        most = np.abs(looked.score[:, :hours]).max(axis=1) if hours else np.zeros(0)
        return improbability(most[most > 0])

    def quarters(self, channel: Channel) -> Floats:
        """Scores of the quarters of the day that are over, slices x quarters; 0 where nothing was expected."""
        return self._looked[channel].apart[:, self.start + APART < self.until]

    def first(self, earliest: int) -> Event | None:
        """The first event that hours from `earliest` on show, by what is known at the end of its hour."""
        for hour in range(max(earliest, self.start), self.until):
            found = self._at(hour - self.start)
            if found is not None:
                return found
        return None

    def hourly(self, event: Event) -> Mapping[int, tuple[float, float, float]]:
        """Actual, expected and variance of the event's slice in its hours of this day and the one before."""
        covered = event.covers(self._origin, self.until)
        if covered is None:
            return {}
        sums = self._hours_of(event.channel, event.where)
        return {
            hour: tuple(float(each[hour - self._origin]) for each in (sums.actual, sums.expected, sums.variance))
            for hour in range(*covered)
        }  # type: ignore[return-value]

    def nats(self, channel: Channel, first: int, end: int, sign: int, *, again: bool = False) -> Floats:
        """How much likelier [first, end) is of each slice if all of it has changed by one factor than if nothing has.

        ln of the likelihood ratio, without what is found already (`again`: with it), less 1 + ln of the number of
        slices of the same split, since one of many stands out by chance more easily. Within this day and the one
        before.
        """
        part = slice(max(first - self._origin, 0), end - self._origin)
        if channel is Channel.VOLUME:
            slices, penalty, sums = self._works, self._work_penalty, self._work_sums(part, again)
            if sums is None:
                return -penalty
            return _likelier(slices, sums, sign) / self._scales[channel] ** 2 - penalty
        if self._rates is None:
            return -self._penalty
        hidden = np.zeros((1, 1), bool) if again else self._hidden(channel)
        used = [np.where(hidden, 0.0, self._used[name])[:, part].sum(axis=1) for name in ("calls", "tokens", "cost")]
        sums = self._rates.sums(channel, *used)
        return _likelier(self._slices, sums, sign) / self._scales[channel] ** 2 - self._penalty

    def share(self, channel: Channel, where: Mapping[str, str], work: Mapping[str, str], first: int, end: int) -> float:
        """The part of what a slice was expected to spend in [first, end) that belongs to a customer's or feature's
        work."""
        if channel is Channel.VOLUME:
            return float(dict(where) == dict(work))
        if self._rates is None:
            return 0.0
        cells = self._past.cells
        part = slice(max(first - self._origin, 0), end - self._origin)
        money = self._used["calls"][:, part].sum(axis=1) * self._rates.call
        mine = cells.within(where)
        return float(money[mine & cells.within(work)].sum() / max(money[mine].sum(), 1e-12))

    def _work_sums(self, part: slice, again: bool) -> Sums | None:
        """Sums of every customer's use of every feature."""
        if self._rhythm is None:
            return None
        counts = self._done.copy()
        if not again:
            self._impute_seen(counts)
        finest = self._finest
        expected = self._rhythm.expected[finest, part].sum(axis=1)
        found = Rhythm(expected, self._rhythm.clumping[finest], self._rhythm.unrest[finest])
        return scan.volume(found, counts[:, part].sum(axis=1), self._price[finest])

    def slices(self, channel: Channel) -> Slices:
        """The slices that a channel is looked at in."""
        return self._works if channel is Channel.VOLUME else self._slices

    # What is seen.

    def _dense(self, cells: Cells, name: str) -> Floats:
        values = getattr(cells, name) * (cells.step < self.until)
        return cells.dense(values, self._origin, LOOK)

    def _look(self, channel: Channel) -> Looked:
        if channel is Channel.VOLUME:
            return self._look_at_work()
        if self._rates is None:
            return nothing(len(self._slices))
        used = self._used
        hidden = self._hidden(channel)
        kept = {name: windowed(np.where(hidden, 0.0, values)) for name, values in used.items()}
        found = self._rates.sums(channel, kept["calls"], kept["tokens"], kept["cost"])
        shape = found.actual.shape
        flat = [
            self._slices.sums(each.reshape(len(each), -1)) for each in (found.actual, found.expected, found.variance)
        ]
        return most(Sums(*(each.reshape(-1, *shape[1:]) for each in flat)), self._scales[channel])

    def _look_at_work(self) -> Looked:
        if self._rhythm is None:
            return nothing(len(self._works))
        counts = self._done.copy()
        self._impute_seen(counts)
        calls = windowed(self._works.sums(counts))
        expected = Rhythm(windowed(self._rhythm.expected), self._rhythm.clumping, self._rhythm.unrest)
        return most(scan.volume(expected, calls, self._price), self._scales[Channel.VOLUME])

    def _impute_seen(self, counts: Floats) -> None:
        # Found today: what is usual for its cells is their share of what the slice is expected to have.
        work = self._past.work
        assert self._rhythm is not None
        for event in self._events:
            if event.channel is not Channel.VOLUME or event.seen <= self.start or event.settled:
                continue
            covered = event.covers(self._origin, self.until)
            number = self._works.number(event.where)
            if covered is None or number is None:
                continue
            inside = np.nonzero(work.within(event.where))[0]
            hours = slice(covered[0] - self._origin, covered[1] - self._origin)
            total = counts[inside].sum(axis=1) + 1e-9
            share = total / total.sum()
            counts[inside, hours] = share[:, None] * self._rhythm.expected[number, hours]

    def _hidden(self, channel: Channel) -> NDArray[np.bool_]:
        cells = self._past.cells
        hidden = np.zeros((cells.count, LOOK), bool)
        for event in self._events:
            if event.channel is channel and not event.settled:
                covered = event.covers(self._origin, self.until)
                if covered is not None:
                    hidden[cells.within(event.where), covered[0] - self._origin : covered[1] - self._origin] = True
        return hidden

    def _hours_of(self, channel: Channel, where: Mapping[str, str]) -> Sums:
        """Sums of each of the 48 hours of one slice, with nothing left out."""
        if channel is Channel.VOLUME:
            number = self._works.number(where)
            if self._rhythm is None or number is None:
                return Sums(*(np.zeros(LOOK) for _ in range(3)))
            work = self._past.work
            inside = work.within(where) & (work.first <= self.start - NEW)
            calls = self._dense(work, "done")[inside].sum(axis=0, keepdims=True)
            one = slice(number, number + 1)
            found = Rhythm(self._rhythm.expected[one], self._rhythm.clumping[one], self._rhythm.unrest[one])
            sums = scan.volume(found, calls, self._price[one])
        else:
            if self._rates is None:
                return Sums(*(np.zeros(LOOK) for _ in range(3)))
            inside = self._past.cells.within(where)
            used = [self._used[name][inside] for name in ("calls", "tokens", "cost")]
            sums = self._rates.of(inside).sums(channel, *used)
            return Sums(*(each.sum(axis=0) for each in (sums.actual, sums.expected, sums.variance)))
        return Sums(sums.actual[0], sums.expected[0], sums.variance[0])

    # What is told.

    def _at(self, column: int) -> Event | None:
        p_values: list[Floats] = []
        for channel, looked in self._looked.items():
            if channel not in self._tails:
                p_values.append(np.full(len(looked.score), np.nan))
                continue
            x = improbability(looked.score[:, column])
            p = self._tails[channel].p_values(x, _TRIES)
            p_values.append(np.where(looked.active[:, column], p, np.nan))
        together = np.concatenate(p_values)
        tested = np.isfinite(together)
        passed = np.zeros(len(together), bool)
        passed[tested] = discoveries(together[tested], self._settings.rate)
        if not passed.any():
            return None
        best: Event | None = None
        most, at = -np.inf, 0
        for (channel, looked), p in zip(self._looked.items(), p_values, strict=True):
            mine = passed[at : at + len(p)] & self._worth_telling(channel, looked, column)
            at += len(p)
            if not mine.any():
                continue
            score = looked.score[:, column]
            penalty = self._work_penalty if channel is Channel.VOLUME else self._penalty
            worth = np.where(mine, score**2 / 2 - penalty, -np.inf)
            number = int(np.argmax(worth))
            if worth[number] > most:
                best = self._told(channel, number, column, float(p[number]))
                most = worth[number]
        return best

    def _told(self, channel: Channel, number: int, column: int, p_value: float) -> Event:
        """The event that a slice shows: of the slice within or around it that explains those hours best."""
        slices = self._works if channel is Channel.VOLUME else self._slices
        sign = int(np.sign(self._looked[channel].score[number, column]))
        seen = self.start + column + 1
        first = self._beginning(channel, slices.where[number], seen, sign)
        worth = np.where(slices.sharing(number), self.nats(channel, first, seen, sign), -np.inf)
        best = int(np.argmax(worth))
        score = float(self._looked[channel].score[number, column])
        where = slices.where[best]
        first = self._beginning(channel, where, seen, sign)
        return Event(channel, where, sign, first, seen, score, p_value, first_where=where, nats=float(worth[best]))

    def _worth_telling(self, channel: Channel, looked: Looked, column: int) -> NDArray[np.bool_]:
        least = self._settings.dear(channel, self._spent)
        actual, expected = looked.actual[:, column], looked.expected[:, column]
        large = 1.0 + self._settings.large(channel)
        return (np.abs(actual - expected) >= least) & ((actual >= large * expected) | (actual * large <= expected))

    def _beginning(self, channel: Channel, where: Mapping[str, str], seen: int, sign: int) -> int:
        """The most likely first hour of a change that is seen at the end of the hour before `seen`."""
        sums = self._hours_of(channel, where)
        last = seen - self._origin
        back = np.arange(1, DAY + 1)
        running = [np.cumsum(each[last - DAY : last][::-1]) for each in (sums.actual, sums.expected, sums.variance)]
        score = surprise(*running) * sign
        return seen - int(back[np.argmax(score)])


def _likelier(slices: Slices, sums: Sums, sign: int) -> Floats:
    """ln of the likelihood ratio of one common factor for all cells of a slice, of that sign, against none.

    By least squares of the cells' excess over what was expected of them: cells that differ count against it.
    """
    weight = np.divide(sums.expected, sums.variance, out=np.zeros_like(sums.expected), where=sums.variance > 0)
    along = slices.sums(weight * (sums.actual - sums.expected)) * sign
    size = slices.sums(weight * sums.expected)
    return np.divide(np.maximum(along, 0.0) ** 2, 2 * size, out=np.zeros_like(size), where=size > 0)
