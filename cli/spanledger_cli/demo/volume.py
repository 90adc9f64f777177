"""How much happens when: hours of the day, days of the week, growth, and the noise on all of it."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_cli.demo.company import Customer, Feature, Rhythm, affinities

HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS
_MONDAY_NS: Final = 4 * DAY_NS  # 1970-01-05 was a Monday

# Saturday and Sunday against a working day.
_WEEKEND: Final[dict[Rhythm, tuple[float, float]]] = {
    "office": (0.17, 0.14),
    "retail": (0.92, 0.74),
    "global": (0.50, 0.46),
}
_DAILY_GROWTH: Final = 0.004


def hour_profile(rhythm: Rhythm, local_hour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Activity at a local hour of the day (its middle), 1 at about the busiest."""

    def bump(centre: float, width: float) -> NDArray[np.float64]:
        return np.exp(-0.5 * ((local_hour - centre) / width) ** 2)

    if rhythm == "office":
        return 0.035 + 0.95 * bump(10.4, 1.9) + 0.85 * bump(15.0, 1.8)
    if rhythm == "retail":
        return 0.06 + 0.6 * bump(11.5, 2.4) + 0.9 * bump(18.2, 3.0)
    return 0.42 + 0.5 * bump(13.0, 4.5)


def hour_starts(start_ns: int, hours: int) -> NDArray[np.int64]:
    """Nanoseconds since the epoch of every full hour of the window."""
    return start_ns + HOUR_NS * np.arange(hours, dtype=np.int64)


def weekday(ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 for Monday."""
    return (ns - _MONDAY_NS) // DAY_NS % 7


def expected_rate(customer: Customer, feature: Feature, start_ns: int, hours: int) -> NDArray[np.float64]:
    """Sessions per hour without noise, in an arbitrary unit that all customers and features share."""
    local = hour_starts(start_ns, hours) + customer.utc_offset * HOUR_NS
    day = weekday(local)
    saturday, sunday = _WEEKEND[customer.rhythm]
    of_day = hour_profile(customer.rhythm, (local % DAY_NS) / np.float64(HOUR_NS) + 0.5)
    of_week = np.choose(day, (1.0, 1.04, 1.05, 1.02, 0.9, saturday, sunday))
    # Profiles differ in area; a customer's weight is about its total.
    area = hour_profile(customer.rhythm, np.arange(24, dtype=np.float64) + 0.5).sum()
    growth = 1.0 + _DAILY_GROWTH * np.arange(hours) / 24
    return customer.weight * affinities()[customer.name, feature.name] * of_day * of_week * growth / area


def noisy_rate(customer: Customer, feature: Feature, start_ns: int, hours: int, seed: int) -> NDArray[np.float64]:
    """`expected_rate` with good and bad days and hours, which a customer's features share in part."""
    rate = expected_rate(customer, feature, start_ns, hours)
    of_customer = generator(seed, "weather", customer.name)
    of_slice = generator(seed, "weather", customer.name, feature.name)
    days = hours // 24 + 2
    daily = np.exp(of_customer.normal(0.0, 0.05, days) + of_slice.normal(0.0, 0.05, days))
    hourly = np.exp(of_customer.normal(0.0, 0.06, hours) + of_slice.normal(0.0, 0.05, hours))
    return rate * daily[np.arange(hours) // 24] * hourly


def usual_sessions(
    customer: Customer, feature: Feature, start_ns: int, hours: int, seed: int, scale: float
) -> NDArray[np.int64]:
    """Sessions that begin in each hour while nothing out of the ordinary happens; `scale` sets the unit."""
    rate = scale * noisy_rate(customer, feature, start_ns, hours, seed)
    return generator(seed, "sessions", customer.name, feature.name).poisson(rate)


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that one more draw here changes nothing there."""
    return np.random.default_rng([seed & 0xFFFF_FFFF, *(zlib.crc32(name.encode()) for name in names)])


def utc(ns: int) -> datetime:
    """A moment as an aware datetime, cut to microseconds."""
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).replace(microsecond=ns // 1_000 % 1_000_000)


def iso(ns: int) -> str:
    """A moment as ISO 8601 in UTC with a Z."""
    return utc(ns).strftime("%Y-%m-%dT%H:%M:%SZ")
