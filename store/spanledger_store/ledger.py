"""The books: hours recomputed from deduplicated spans, and from what is frozen of spans that have expired; and their
sums by UTC day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from string import Template
from typing import Final

from spanledger_store.engine import Engine
from spanledger_store.sql import load

HOURS_PER_STATEMENT = 200
# Of the busiest installations a day has tens of thousands of lines.
DAYS_PER_STATEMENT: Final = 10

_COUNTS: Final = (
    "calls", "errors", "unpriced_calls", "cache_hits",
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "other_tokens",
)  # fmt: skip
_COSTS: Final = (
    "cost_usd", "input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd", "other_cost_usd",
    "client_cost_usd",
)  # fmt: skip


def of_spans(where: str) -> str:
    """SQL of the ledger's rows, with `identities`, as the sum of the spans for which `where` holds.

    Only spans that are not frozen: the sum of these rows and of `frozen` counts every call once.
    """
    return beside_frozen("ledger_of_spans", where)


def beside_frozen(name: str, where: str) -> str:
    """The named statement about the spans for which `where` holds, with the identities of frozen calls among them."""
    frozen = Template(load("ledger_frozen")).substitute(spans=where)
    return Template(load(name)).substitute(spans=where, frozen=frozen, identity=load("span_identity"))


def differences() -> str:
    """SQL of the hours whose ledger is not the sum of its calls, with what it lacks."""
    return Template(load("ledger_differences")).substitute(of_spans=of_spans("true"))


def day_differences() -> str:
    """SQL of days of which a line is not the sum of its hours, with what it lacks; one row a line, at most 1,000."""
    return _about_days("ledger_days_differences", hours="true", days="true")


def over_hours(name: str) -> str:
    """The named statement about `{hours}` of `{project}`, which begin at `{first}` and are over at `{end}`."""
    return Template(load(name)).substitute(of_spans=of_spans(load("ledger_hours")))


def recompute(engine: Engine, hours: Sequence[tuple[str, datetime]]) -> None:
    """Make the ledger of each (project, UTC hour) equal the sum of that hour's billable spans, exactly, and that of
    its day the sum of its hours.

    Idempotent, and right whatever hour and day held before: late, repeated, repriced, deleted and expired spans
    included. A reader sees an hour as it was or as it is, never in between. Days follow their hours: a crash between
    the two leaves the hours marked, and whoever serves the marks writes both.
    """
    by_project: defaultdict[str, set[datetime]] = defaultdict(set)
    for project, hour in hours:
        by_project[project].add(hour)
    for project, wanted in by_project.items():
        ordered = sorted(wanted)
        for start in range(0, len(ordered), HOURS_PER_STATEMENT):
            chunk = ordered[start : start + HOURS_PER_STATEMENT]
            engine.command(
                over_hours("ledger_recompute"),
                {
                    "project": project,
                    "hours": chunk,
                    "first": chunk[0],
                    "end": chunk[-1] + timedelta(hours=1),
                },
            )
        days = sorted({hour.astimezone(UTC).date() for hour in ordered})
        for start in range(0, len(days), DAYS_PER_STATEMENT):
            _sum_up(engine, project, days[start : start + DAYS_PER_STATEMENT])


def _sum_up(engine: Engine, project: str, days: Sequence[date]) -> None:
    """Make the lines of whole days the sums of their hours."""
    begins = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    sql = _about_days(
        "ledger_days_recompute",
        hours="project_id = {project:String} AND toDate(hour) IN {days:Array(Date)}"
        " AND hour >= {first:DateTime('UTC')} AND hour < {end:DateTime('UTC')}",
        days="project_id = {project:String} AND day IN {days:Array(Date)}",
    )
    parameters = {"project": project, "days": days, "first": begins[0], "end": begins[-1] + timedelta(days=1)}
    engine.command(sql, parameters, {"max_partitions_per_insert_block": 0})


def _about_days(name: str, *, hours: str, days: str) -> str:
    both = Template(load("ledger_days_both")).substitute(hours=hours, days=days, sums=", ".join((*_COUNTS, *_COSTS)))
    unequal = [f"sumIf(p.{each}, is_hour) != sumIf(p.{each}, NOT is_hour)" for each in (*_COUNTS, *_COSTS)]
    return Template(load(name)).substitute(both=both, differ="\n    OR ".join(unequal))
