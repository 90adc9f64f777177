"""Hours and days of UTC, and hours that have changed since a job was through with them, seen from their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from spanledger_store.control.embeddings import Hour
from spanledger_store.embedding import Hour as Now

Progress = Callable[[str, int, int], None]
HOUR_NS: Final = 3_600_000_000_000


def is_done(before: Hour | None, now: Now) -> bool:
    """Whether an hour is as it was. Rows that merge into one are fewer, which is no reason to look again."""
    return before is not None and before.rows > 0 and now.rows <= before.rows and now.newest == before.newest


def noted(hour: Hour, made: Mapping[datetime, int], *, whole: bool) -> Hour:
    """The hour with what was made of it now; one that was not come to the end of has no rows, and so is not done."""
    return replace(hour, rows=hour.rows if whole else 0, embedded=hour.embedded + made.get(hour.hour, 0))


def of(starts: Sequence[int]) -> list[datetime]:
    """The hours that these moments (UTC nanoseconds) lie in."""
    return [datetime.fromtimestamp(start // HOUR_NS * 3600, UTC) for start in starts]


def floor(moment: datetime) -> datetime:
    """The full UTC hour a moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def midnight(moment: datetime) -> datetime:
    """The beginning of the UTC day a moment lies in."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
