"""When a period's spend will reach a limit, by the rule of thumb that says where it will end (`projection`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from spanledger_store.periods import Window
from spanledger_store.projection import Profile


def expected_at(
    spent: Decimal | None, limit: Decimal, of: Window, now: datetime, profile: Profile | None
) -> datetime | None:
    """The moment at which the limit is going to be reached, to the hour; None where that is not before the period ends.

    `now` where it has been reached. The pace is that of `projection.projected`: as the hours of the week had it in
    the last four weeks, evenly without such a `profile`.
    """
    if spent is None:
        return None
    if spent >= limit:
        return now
    so_far = profile.over(of.start, now) if profile else 0.0
    weighed = profile is not None and so_far > 0
    elapsed = so_far if weighed else (now - of.start) / timedelta(hours=1)
    if not spent or elapsed <= 0:
        return None
    missing = float((limit - spent) / spent) * elapsed
    at = now.astimezone(UTC)
    while at < of.end:
        following = min(of.end, at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
        passed = (
            profile.over(at, following) if profile is not None and weighed else (following - at) / timedelta(hours=1)
        )
        if passed >= missing > 0:
            return at + (following - at) * (missing / passed)
        missing -= passed
        at = following
    return None
