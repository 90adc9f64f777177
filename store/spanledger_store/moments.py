"""Times that people name, and stretches between them: within the years in which spans can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from spanledger_store.errors import StoreError


class MomentInvalid(StoreError):
    """No time, one at which no span can be, or a stretch that ends before it begins; the message names it."""


def read(text: str, name: str) -> datetime:
    """The time that a text in ISO 8601 stands for, in UTC where it names no zone. Raises MomentInvalid."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise MomentInvalid(f"{name} {text!r} is no time; use 2026-01-31 or 2026-01-31T08:00.") from error
    return checked(found, name, text)


def checked(moment: datetime, name: str, text: str = "") -> datetime:
    """The same time, in UTC where it has no zone. Raises MomentInvalid outside the years in which spans are taken."""
    if not 2000 <= moment.year < 2101:
        raise MomentInvalid(f"{name} {text or moment.isoformat()!r} is not between 2000 and 2100, where spans are.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def stretch(start: datetime | None, end: datetime | None, usual: timedelta) -> tuple[datetime, datetime]:
    """Both ends: now where none is named, and `usual` before the end. Raises MomentInvalid."""
    last = datetime.now(UTC) if end is None else checked(end, "to")
    first = last - usual if start is None else checked(start, "from")
    ordered(first, last)
    return first, last


def ordered(first: datetime | None, last: datetime | None) -> None:
    """Raises MomentInvalid where both are named and the first is not before the last."""
    if first is not None and last is not None and first >= last:
        raise MomentInvalid(f"from {first.isoformat()} is not before to {last.isoformat()}; swap them.")
