"""The books: hours recomputed from deduplicated spans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from spanledger_store.engine import Engine
from spanledger_store.sql import load

HOURS_PER_STATEMENT = 200


def recompute(engine: Engine, hours: Sequence[tuple[str, datetime]]) -> None:
    """Make the ledger of each (project, UTC hour) equal the sum of that hour's billable spans, exactly.

    Idempotent, and right whatever the hour held before: late, repeated, repriced and deleted spans included.
    A reader sees an hour as it was or as it is, never in between.
    """
    by_project: defaultdict[str, set[datetime]] = defaultdict(set)
    for project, hour in hours:
        by_project[project].add(hour)
    for project, wanted in by_project.items():
        ordered = sorted(wanted)
        for start in range(0, len(ordered), HOURS_PER_STATEMENT):
            chunk = ordered[start : start + HOURS_PER_STATEMENT]
            engine.command(
                load("ledger_recompute"),
                {
                    "project": project,
                    "hours": chunk,
                    "first": chunk[0],
                    "end": chunk[-1] + timedelta(hours=1),
                },
            )
