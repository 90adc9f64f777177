"""Numbers as people read them. What is unknown is a dash or a word, never a zero."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

DASH = "–"
UNATTRIBUTED = "Unattributed"


def money(value: Decimal | None, unknown: str = DASH) -> str:
    """USD with cents, or with as many digits as small amounts need: `$4,218.40`, `$0.0243`, `<$0.000001`."""
    if value is None:
        return unknown
    if value == 0:
        return "$0.00"
    size = abs(value)
    sign = "-" if value < 0 else ""
    if size >= 100_000:
        return f"{sign}${size:,.0f}"
    if size >= Decimal("0.995"):
        return f"{sign}${_rounded(size, 2):,}"
    if size >= Decimal("0.0001"):
        return f"{sign}${_rounded(size, 4)}"
    if size >= Decimal("0.000001"):
        return f"{sign}${_rounded(size, 6)}"
    return f"{sign}<$0.000001"


def exact(value: Decimal | None) -> str:
    """Every digit the books hold, for exports; '' where unknown."""
    return "" if value is None else format(value, "f")


def count(value: int | None) -> str:
    """`58,210`."""
    return DASH if value is None else f"{value:,}"


def short(value: float | int | None) -> tuple[str, str]:
    """A number and its unit: (`611.1`, `k`)."""
    if value is None:
        return DASH, ""
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scale = 1e3 if unit == "k" else limit
            return f"{value / scale:,.1f}", unit
    return f"{value:,.0f}", ""


def tokens(value: int | None) -> str:
    """`35.2k`, `4,820`."""
    if value is None:
        return DASH
    if value >= 1_000_000:
        return f"{value / 1e6:,.1f}M"
    return f"{value / 1e3:.1f}k" if value >= 10_000 else f"{value:,}"


def share(value: float | None, digits: int = 1) -> str:
    """A ratio as per cent: `0.9%`."""
    return DASH if value is None else f"{value * 100:.{digits}f}%"


def change(now: float | None, before: float | None) -> float | None:
    """Relative change; None where there is nothing to compare with."""
    return None if now is None or not before else now / before - 1


def signed(value: float | None) -> str:
    """`+12.4%`, `-4.1%`; beyond tenfold as a factor."""
    if value is None:
        return DASH
    return f"×{value + 1:,.0f}" if value >= 9 else f"{value * 100:+.1f}%"


def duration(ns: float | None) -> str:
    """`132ms`, `1.62s`, `2m 05s`, `1h 04m`."""
    if ns is None:
        return DASH
    if ns < 1e6:
        return f"{ns / 1e3:.0f}µs"
    if ns < 999.5e6:
        return f"{ns / 1e6:.0f}ms"
    if ns < 99.995e9:
        return f"{ns / 1e9:.2f}s"
    minutes, seconds = divmod(round(ns / 1e9), 60)
    return f"{minutes}m {seconds:02d}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02d}m"


def moment(value: datetime, zone: ZoneInfo) -> str:
    """`21 Nov 08:14:09.271` in the reader's zone."""
    local = value.astimezone(zone)
    return f"{local:%-d %b %H:%M:%S}.{local.microsecond // 1000:03d}"


def named(value: str) -> str:
    """A dimension's value; what nobody is named for is called so."""
    return value or UNATTRIBUTED


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
