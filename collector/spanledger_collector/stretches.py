"""The stretch of time that a request names."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import HTTPException

from spanledger_store import moments
from spanledger_store.moments import MomentInvalid


def stretch(start: datetime | None, end: datetime | None, usual: timedelta) -> tuple[datetime, datetime]:
    """Both ends, in UTC without a zone. Raises HTTPException 400 for what `moments.stretch` refuses."""
    try:
        return moments.stretch(start, end, usual)
    except MomentInvalid as error:
        raise HTTPException(400, str(error)) from error


def bounds(start: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
    """The same where an end that is not named stays open."""
    try:
        first = None if start is None else moments.checked(start, "from")
        last = None if end is None else moments.checked(end, "to")
        moments.ordered(first, last)
    except MomentInvalid as error:
        raise HTTPException(400, str(error)) from error
    return first, last
