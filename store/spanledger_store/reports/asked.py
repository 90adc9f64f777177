"""Comparisons that people ask for, within the years in which spans can be."""

from __future__ import annotations

from typing import Any

from spanledger_store import moments
from spanledger_store.control import Control
from spanledger_store.moments import MomentInvalid
from spanledger_store.quality import drift_request
from spanledger_store.quality.drift_request import Comparison


def comparison(
    control: Control, *, start: str | None = None, end: str | None = None, against: str | None = None, **words: Any
) -> Comparison:
    """As `drift_request.comparison`; raises MomentInvalid too, for a stretch on either side where no span can be."""
    for text, name in ((start, "from"), (end, "to")):
        if text:
            moments.read(text, name)
    try:
        found = drift_request.comparison(control, start=start, end=end, against=against, **words)
    except OverflowError as error:
        raise MomentInvalid(f"against {against!r}: it is not between 2000 and 2100, where spans are.") from error
    for moment in (found.reference.start, found.reference.end):
        moments.checked(moment, f"against {found.against!r}:")
    return found
