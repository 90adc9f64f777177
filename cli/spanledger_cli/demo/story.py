"""What goes wrong in the month, and what only looks like it: drawn from one seed.

month = story(seed=7, end=datetime(2026, 3, 1, tzinfo=UTC))
month.events            # what a detector should find, and what it should leave alone
month.conditions(...)   # the effect of all of them on one moment and slice
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from spanledger_cli.demo import expectations, volume
from spanledger_cli.demo.company import (
    CUSTOMERS,
    FEATURES,
    LATENT_TOPIC_FEATURES,
    MODELS,
    NEWCOMERS,
    Customer,
    Feature,
)
from spanledger_cli.demo.events import BASE_ERROR_RATE, Event, Story, Version
from spanledger_cli.demo.texts import corpus
from spanledger_cli.demo.volume import DAY_NS, HOUR_NS

_MINUTE_NS = 60 * 1_000_000_000
# When things are deployed, and when there are enough calls for what they do to be seen soon.
_BUSY_HOURS = (9, 10, 13)
_CALLS_TO_JUDGE_BY = 24.0


def full_hour(moment: datetime) -> datetime:
    """The hour a moment lies in, in UTC; a moment without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def last_full_hour() -> datetime:
    """The end of the last hour that is over."""
    return full_hour(datetime.now(UTC))


def story(seed: int, end: datetime, days: int = 30, spans: int = 110_000) -> Story:
    """Return the month of `days` that ends at `end` (cut to the full hour): a pure function of its arguments.

    Cost events fall into the second half, so that a detector has a history; no two of them share a feature.
    """
    if days < 1 or spans < 1:
        raise ValueError(f"a story needs at least one day and one span, not days={days}, spans={spans}")
    end_ns = int(full_hour(end).timestamp()) * 1_000_000_000
    start_ns = end_ns - days * DAY_NS
    rng = random.Random(f"story/{seed}")  # noqa: S311 - a simulation, not a secret
    newcomer = rng.choice(NEWCOMERS)
    writer = _Writer(rng, start_ns, end_ns, seed, spans, newcomer)
    events = writer.events()
    releases, prompts = writer.versions(events)
    return Story(seed, start_ns, end_ns, spans, events, releases, prompts, newcomer)


class _Writer:
    """Draws the events: which slices, and when, so that each can be seen and none hides another."""

    def __init__(
        self, rng: random.Random, start_ns: int, end_ns: int, seed: int, spans: int, newcomer: Customer
    ) -> None:
        self._rng = rng
        self._seed = seed
        self._spans = spans
        self._newcomer = newcomer
        self._start = start_ns
        self._end = end_ns
        self._length = end_ns - start_ns
        self._prompt = {feature.name: rng.randint(2, 9) for feature in FEATURES}

    def events(self) -> tuple[Event, ...]:
        rng = self._rng
        lanes = [0, 1, 2, 3, 4]
        rng.shuffle(lanes)
        doubled, doubled_feature = self._slice()
        cached = rng.choice([f for f in FEATURES if f.cache_hit and f.weight >= 0.1 and f is not doubled_feature])
        slowed = rng.choice([f for f in FEATURES if f.successor and f not in (cached, doubled_feature)])
        busy = {doubled_feature.name, cached.name, slowed.name}
        launch_customer = rng.choice([c for c in CUSTOMERS[:6] if c is not doubled])
        launch_feature = rng.choice([f for f in FEATURES if f.name not in busy and f.weight >= 0.08])
        busy.add(launch_feature.name)
        topical = [f for f in FEATURES if f.name in LATENT_TOPIC_FEATURES and f.name not in busy]
        topic_feature = rng.choice(topical)
        events = [
            self._token_increase(self._moment_of_slice(lanes[0], doubled, doubled_feature), doubled, doubled_feature),
            self._cache_failure(self._moment(lanes[1]), cached),
            self._latency_regression(self._moment(lanes[2]), slowed),
            self._error_burst(self._moment(lanes[3])),
            self._launch(self._moment(lanes[4], launch_customer.utc_offset), launch_customer, launch_feature),
            self._new_topic(topic_feature),
            self._new_customer(self._newcomer),
            *self._weekend_dip(),
        ]
        return tuple(sorted(events, key=lambda event: (event.start_ns, event.type)))

    def _slice(self) -> tuple[Customer, Feature]:
        """A customer's use of a costly feature, among those with enough calls and money to show within hours."""
        return self._rng.choice(expectations.telling_slices(self._start, self._length // HOUR_NS))

    def _moment(self, lane: int, utc_offset: int = 0) -> int:
        """A working minute of lane 0 to 4 of the second half; any minute where there is no working day nearby."""
        rng = self._rng
        first = self._start + int(self._length * (0.50 + 0.088 * lane))
        latest = self._start + int(self._length * 0.955)
        # A lane may fall on a weekend: then the days after it will do.
        for reach in (0.075, 0.12, 0.2):
            width = min(int(self._length * reach), latest - first)
            for _ in range(200):
                ns = first + rng.randrange(max(width, 1))
                ns -= ns % _MINUTE_NS
                local = ns + utc_offset * HOUR_NS
                weekday = (local // DAY_NS + 3) % 7  # 1970-01-01 was a Thursday
                if weekday < 5 and local % DAY_NS // HOUR_NS in _BUSY_HOURS:
                    return ns
        return first - first % _MINUTE_NS

    def _moment_of_slice(self, lane: int, customer: Customer, feature: Feature) -> int:
        """A working minute after which that slice has enough calls to judge by within two hours.

        Looks at the sessions the traffic will really have; without such a minute, the busiest of some.
        """
        hours = self._length // HOUR_NS
        scale = expectations.sessions_scale(self._start, hours, self._spans, self._newcomer)
        sessions = volume.usual_sessions(customer, feature, self._start, hours, self._seed, scale)
        best, most = 0, -1.0
        for _ in range(60):
            ns = self._moment(lane, customer.utc_offset)
            hour, rest = divmod(ns - self._start, HOUR_NS)
            part = rest / HOUR_NS
            near = [float(count) for count in sessions[hour : hour + 3]] + [0.0, 0.0]
            calls = expectations.calls_per_session(feature) * (near[0] * (1 - part) + near[1] + near[2] * part)
            if calls > most:
                best, most = ns, calls
            if calls >= _CALLS_TO_JUDGE_BY:
                break
        return best

    def _until(self, start_ns: int, low_days: float, high_days: float) -> int:
        lasting = int(self._rng.uniform(low_days, high_days) * DAY_NS)
        lasting -= lasting % _MINUTE_NS
        return min(start_ns + lasting, self._end)

    def _token_increase(self, start: int, customer: Customer, feature: Feature) -> Event:
        factor = round(self._rng.uniform(1.9, 2.2), 2)
        end = self._until(start, 3.0, 7.0)
        version = f"v{self._prompt[feature.name] + 1}"
        return Event(
            "token_increase", start, end,
            {"customer": customer.name, "feature": feature.name, "prompt_version": version},
            {"tokens_per_call": factor, "cost_per_call": factor},
            f"{customer.name}'s prompt for {feature.name} changed to {version} and uses "
            f"{factor} times the tokens per call.",
            {"provider": MODELS[feature.models[0][0]].provider, "model": feature.models[0][0]},
        )  # fmt: skip

    def _cache_failure(self, start: int, feature: Feature) -> Event:
        after = round(self._rng.uniform(0.0, 0.04), 3)
        factor = expectations.call_cost(feature, after) / expectations.call_cost(feature, feature.cache_hit)
        model = feature.models[0][0]
        return Event(
            "cache_failure", start, self._until(start, 2.0, 5.0),
            {"feature": feature.name, "provider": MODELS[model].provider},
            {"cache_hit_share": after, "cache_hit_share_before": feature.cache_hit, "cost_per_call": round(factor, 2)},
            f"The provider's prompt cache stops hitting for {feature.name}: hits fall from "
            f"{feature.cache_hit:.0%} to {after:.0%} of calls, and a call costs about {factor:.1f} times as much.",
            {"model": model},
        )  # fmt: skip

    def _latency_regression(self, start: int, feature: Feature) -> Event:
        rng = self._rng
        assert feature.successor is not None
        share, factor = round(rng.uniform(0.18, 0.26), 3), round(rng.uniform(2.9, 3.8), 2)
        release = release_name(start, 2)
        return Event(
            "latency_regression", start, self._end,
            {
                "feature": feature.name, "provider": MODELS[feature.successor].provider,
                "model": feature.successor, "release": release,
            },
            {"slow_share": share, "slow_factor": factor, "p95_duration_at_least": 1.4},
            f"Release {release} moves {feature.name} to {feature.successor}: {share:.0%} of its calls take "
            f"{factor} times as long, so p95 rises while the median and the price stay.",
            {"model_before": feature.models[0][0]},
        )  # fmt: skip

    def _error_burst(self, start: int) -> Event:
        rng = self._rng
        provider = rng.choices(("anthropic", "openai", "gcp.gemini", "mistral_ai"), (4, 4, 3, 1))[0]
        rate = round(rng.uniform(0.34, 0.55), 2)
        return Event(
            "error_burst", start, self._until(start, 3 / 24, 6 / 24),
            {"provider": provider},
            {"error_share": rate, "error_share_before": BASE_ERROR_RATE[provider]},
            f"{provider} answers {rate:.0%} of calls with errors for some hours; retries follow.",
        )  # fmt: skip

    def _launch(self, start: int, customer: Customer, feature: Feature) -> Event:
        factor = round(self._rng.uniform(2.0, 3.0), 2)
        announced = max(self._start, start - 4 * DAY_NS)
        return Event(
            "planned_launch", start, self._until(start, 2.0, 4.0),
            {"customer": customer.name, "feature": feature.name},
            {"sessions": factor},
            f"{customer.name} launches {feature.name} to more staff, as announced on "
            f"{volume.iso(announced)[:10]}: {factor} times the sessions, each as before.",
            {"announced_at": volume.iso(announced)},
        )  # fmt: skip

    def _new_topic(self, feature: Feature) -> Event:
        start = self._start + int(self._length * self._rng.uniform(0.5, 0.68))
        share = round(self._rng.uniform(0.11, 0.18), 3)
        topic = corpus(feature.name).latent
        return Event(
            "new_topic", start - start % HOUR_NS, self._end,
            {"feature": feature.name},
            {"session_share": share},
            f"Users of {feature.name} begin to ask about {topic.label}: {share:.0%} of its sessions.",
            {"topic": topic.id, "label": topic.label, "exemplars": list(topic.ask)},
        )  # fmt: skip

    def _new_customer(self, newcomer: Customer) -> Event:
        start = self._start + int(self._length * self._rng.uniform(0.30, 0.44))
        return Event(
            "new_customer", start - start % HOUR_NS, self._end,
            {"customer": newcomer.name},
            {"ramp_days": 4.0},
            f"{newcomer.name} signs up and grows to its usual volume within four days.",
        )  # fmt: skip

    def _weekend_dip(self) -> list[Event]:
        """The last full weekend that ends a day before the window does; none in a short window without one."""
        day = self._end // DAY_NS * DAY_NS
        while day >= self._start:
            if (day // DAY_NS + 3) % 7 == 5 and day + 3 * DAY_NS <= self._end:
                return [
                    Event(
                        "weekend_dip", day, day + 2 * DAY_NS, {}, {"sessions": 0.8},
                        "A weekend of fine weather: volume is a fifth below other weekends, everywhere.",
                    )
                ]  # fmt: skip
            day -= DAY_NS
        return []

    def versions(self, events: Sequence[Event]) -> tuple[tuple[Version, ...], tuple[Version, ...]]:
        """Ordinary releases every week or so, ordinary prompt versions now and then, and those of the events."""
        rng = self._rng
        releases: list[Version] = []
        prompts: list[Version] = []
        for feature in FEATURES:
            number = self._prompt[feature.name]
            prompts.append(Version(feature.name, 0, f"v{number}"))
            at = self._start - int(rng.uniform(2, 8) * DAY_NS)
            releases.append(Version(feature.name, 0, release_name(at, 1)))
            while (at := self._deployment(at)) < self._end:
                releases.append(Version(feature.name, at, release_name(at, 1)))
            if any(e.type == "token_increase" and e.where["feature"] == feature.name for e in events):
                continue
            if rng.random() < 0.6:
                at = self._start + int(self._length * rng.uniform(0.1, 0.4))
                prompts.append(Version(feature.name, at, f"v{number + 1}"))
        for event in events:
            if event.type == "latency_regression":
                # The regressed release stays: later ordinary ones would hide which release it was.
                feature = event.where["feature"]
                releases = [r for r in releases if r.feature != feature or r.start_ns < event.start_ns]
                releases.append(Version(feature, event.start_ns, event.where["release"]))
            if event.type == "token_increase":
                feature, customer = event.where["feature"], event.where["customer"]
                before = f"v{self._prompt[feature]}"
                prompts.append(Version(feature, event.start_ns, event.where["prompt_version"], customer))
                prompts.append(Version(feature, event.end_ns, before, customer))
        return tuple(sorted(releases, key=_start_of)), tuple(sorted(prompts, key=_start_of))

    def _deployment(self, after_ns: int) -> int:
        """A working hour five to ten days later."""
        day = (after_ns + int(self._rng.uniform(5, 10) * DAY_NS)) // DAY_NS
        while (day + 3) % 7 > 4:
            day += 1
        return day * DAY_NS + int(self._rng.uniform(8, 16) * HOUR_NS)


def _start_of(version: Version) -> int:
    return version.start_ns


def release_name(ns: int, build: int) -> str:
    """A release is called after its day: `26.1104.1`."""
    return f"{volume.utc(ns):%y.%m%d}.{build}"
