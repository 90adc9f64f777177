"""How much is sent whole, and what always is: the part of the settings that sampling reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True)
class Sampling:
    """What `init` decided about sampling.

    | field | environment | default |
    |---|---|---|
    | rate | SPANLEDGER_SAMPLE_RATE | 1: everything is sent |
    | slow_seconds | SPANLEDGER_SAMPLE_SLOW_SECONDS | 30: traces with a longer span are always sent |
    | cost_usd | SPANLEDGER_SAMPLE_COST_USD | 0.10: dearer traces are always sent |
    | hold_seconds | SPANLEDGER_SAMPLE_HOLD_SECONDS | 30: longer traces are decided before their end |
    """

    rate: float = 1.0
    slow_seconds: float = 30.0
    cost_usd: Decimal = Decimal("0.10")
    hold_seconds: float = 30.0


def sampling_of(given: float | None, env: Mapping[str, str], problems: list[str]) -> Sampling:
    """Return the settings, and one sentence in `problems` for each value that could not be used."""
    usual = Sampling()
    rate = rate_of("sample_rate", given, problems)
    if given is None:
        rate = rate_of("SPANLEDGER_SAMPLE_RATE", env.get("SPANLEDGER_SAMPLE_RATE") or None, problems)
    return Sampling(
        rate=usual.rate if rate is None else rate,
        slow_seconds=_seconds("SPANLEDGER_SAMPLE_SLOW_SECONDS", usual.slow_seconds, env, problems),
        cost_usd=_dollars("SPANLEDGER_SAMPLE_COST_USD", usual.cost_usd, env, problems),
        hold_seconds=_seconds("SPANLEDGER_SAMPLE_HOLD_SECONDS", usual.hold_seconds, env, problems),
    )


def rate_of(name: str, given: object, problems: list[str]) -> float | None:
    """Return a share of traces, from 0 to 1; None where none is given or it is none."""
    if given is None:
        return None
    try:
        rate = float(given)  # pyright: ignore[reportArgumentType] - what is none is named
    except (TypeError, ValueError):
        rate = math.nan
    if isinstance(given, bool) or not 0 <= rate <= 1:
        problems.append(f"{name}={given!r} is not a share from 0 to 1, such as 0.1; everything is sent")
        return None
    return rate


def _seconds(name: str, default: float, env: Mapping[str, str], problems: list[str]) -> float:
    text = env.get(name, "").strip()
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        problems.append(f"{name}={text!r} is not a number of seconds, zero or more; {default:g} is used")
        return default
    return seconds


def _dollars(name: str, default: Decimal, env: Mapping[str, str], problems: list[str]) -> Decimal:
    text = env.get(name, "").strip()
    try:
        amount = Decimal(text) if text else default
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        problems.append(f"{name}={text!r} is not an amount of US dollars, zero or more; {default} is used")
        return default
    return amount
