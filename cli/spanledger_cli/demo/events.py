"""A month as data: its window, what happens in it, which versions were current, and what all that does to a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from spanledger_cli.demo.company import CUSTOMERS, Customer, Feature
from spanledger_cli.demo.shapes import Conditions
from spanledger_cli.demo.volume import DAY_NS, HOUR_NS

EventType = Literal[
    "token_increase", "cache_failure", "latency_regression", "error_burst", "new_topic",
    "planned_launch", "new_customer", "weekend_dip",
]  # fmt: skip
INCIDENTS: Final[tuple[EventType, ...]] = (
    "token_increase", "cache_failure", "latency_regression", "error_burst", "new_topic",
)  # fmt: skip

# The everyday share of failing calls, and what each provider adds to it.
BASE_ERROR_RATE: Final[Mapping[str, float]] = {
    "anthropic": 0.011,
    "openai": 0.009,
    "gcp.gemini": 0.007,
    "mistral_ai": 0.013,
    "self_hosted": 0.02,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens, in [start_ns, end_ns), to the slice that `where` names."""

    type: EventType
    start_ns: int
    end_ns: int
    where: Mapping[str, str]
    effects: Mapping[str, float]
    sentence: str
    details: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def is_incident(self) -> bool:
        """True if a detector should report it; False for the harmless look-alikes."""
        return self.type in INCIDENTS

    def covers(self, ns: int, customer: str | None = None, feature: str | None = None) -> bool:
        """True if the event is on at that moment, in that customer's use of that feature."""
        return (
            self.start_ns <= ns < self.end_ns
            and self.where.get("customer", customer) == customer
            and self.where.get("feature", feature) == feature
        )


@dataclass(frozen=True, slots=True)
class Version:
    """A release or prompt version and when it took effect; `customer` None means everybody."""

    feature: str
    start_ns: int
    name: str
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A month: its window, its size, its events and its versions."""

    seed: int
    start_ns: int
    end_ns: int
    spans: int  # roughly how many spans the traffic has
    events: tuple[Event, ...]
    releases: tuple[Version, ...]
    prompts: tuple[Version, ...]
    newcomer: Customer

    @property
    def hours(self) -> int:
        """Length of the window."""
        return (self.end_ns - self.start_ns) // HOUR_NS

    @property
    def customers(self) -> tuple[Customer, ...]:
        """Everybody who is a customer at some time of the month."""
        return (*CUSTOMERS, self.newcomer)

    def of_type(self, kind: EventType) -> tuple[Event, ...]:
        """The events of one type."""
        return tuple(event for event in self.events if event.type == kind)

    def release(self, feature: str, ns: int) -> str:
        """The release of a feature at a moment."""
        return _current(self.releases, feature, ns, None)

    def prompt(self, feature: str, ns: int, customer: str | None) -> str:
        """The prompt version a customer's calls of a feature have at a moment."""
        return _current(self.prompts, feature, ns, customer)

    def conditions(self, ns: int, customer: Customer, feature: Feature) -> Conditions:
        """Everything the events do to one customer's use of one feature at that moment."""
        rates = dict(BASE_ERROR_RATE)
        tokens, cache_hit, successor = 1.0, feature.cache_hit, False
        slow_share, slow_factor = 0.0, 1.0
        for event in self.events:
            if not event.covers(ns, customer.name, feature.name):
                continue
            effects = event.effects
            if event.type == "token_increase":
                tokens *= effects["tokens_per_call"]
            elif event.type == "cache_failure":
                cache_hit = effects["cache_hit_share"]
            elif event.type == "latency_regression":
                successor, slow_share, slow_factor = True, effects["slow_share"], effects["slow_factor"]
            elif event.type == "error_burst":
                rates[event.where["provider"]] = effects["error_share"]
        hour = (ns + customer.utc_offset * HOUR_NS) % DAY_NS / HOUR_NS
        return Conditions(
            token_factor=tokens,
            cache_hit=cache_hit,
            error_rates=tuple(rates.items()),
            successor=successor,
            slow_share=slow_share,
            slow_factor=slow_factor,
            load=max(0.0, 1 - abs(hour - 13) / 7),
        )

    def sessions_factor(self, ns: int, customer: str, feature: str) -> float:
        """How many times the usual sessions there are at that moment; 0 before a newcomer has signed up."""
        factor = 1.0
        if customer == self.newcomer.name:
            signed_up = self.of_type("new_customer")
            days = (ns - signed_up[0].start_ns) / DAY_NS if signed_up else -1.0
            factor = min(max(days / 4, 0.0), 1.0) if days < 4 else 1.0
        for event in self.events:
            if event.type in ("planned_launch", "weekend_dip") and event.covers(ns, customer, feature):
                factor *= event.effects["sessions"]
        return factor

    def latent_share(self, ns: int, feature: str) -> float:
        """The share of the feature's sessions that are about its latent topic."""
        for event in self.of_type("new_topic"):
            if event.covers(ns, feature=feature):
                return event.effects["session_share"]
        return 0.0

    def without(self, *kinds: EventType) -> Story:
        """The same month without the events of these types: what a comparison needs."""
        kept = tuple(event for event in self.events if event.type not in kinds)
        return Story(
            self.seed, self.start_ns, self.end_ns, self.spans, kept, self.releases, self.prompts, self.newcomer
        )


def _current(versions: Sequence[Version], feature: str, ns: int, customer: str | None) -> str:
    name = ""
    for version in versions:  # in order of time
        if version.start_ns > ns:
            break
        if version.feature == feature and version.customer in (None, customer):
            name = version.name
    return name
