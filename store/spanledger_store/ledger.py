"""The books: hours recomputed from deduplicated spans, and from what is frozen of spans that have expired; their sums
by UTC day; and those without customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from string import Template
from typing import Final

from spanledger_store.engine import Engine
from spanledger_store.sql import load

HOURS_PER_STATEMENT = 200
# Of the busiest installations a day has tens of thousands of lines.
DAYS_PER_STATEMENT: Final = 10

SLICE: Final = (
    "customer", "feature", "team", "provider", "model", "prompt_name", "prompt_version", "environment", "release",
)  # fmt: skip
"""Columns of the ledger that a line can be kept apart by."""
_COUNTS: Final = (
    "calls", "errors", "unpriced_calls", "cache_hits",
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "other_tokens",
)  # fmt: skip
_COSTS: Final = (
    "cost_usd", "input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd", "other_cost_usd",
    "client_cost_usd",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Level:
    """A table of sums by UTC day: of what, and by which columns."""

    table: str
    view: str
    finer: str
    finer_day: str
    keys: tuple[str, ...]

    def filled(self, name: str, finer_where: str, where: str) -> str:
        """The named statement about the days for which these hold."""
        sums = (*_COUNTS, *_COSTS)
        parts = {
            "keys": ", ".join(self.keys), "finer": self.finer, "finer_day": self.finer_day, "coarser": self.view,
            "finer_where": finer_where, "coarser_where": where,
        }  # fmt: skip
        return Template(load(name)).substitute(
            table=self.table,
            keys=parts["keys"],
            sums=", ".join(f"sumIf(p.{each}, is_finer)" for each in sums),
            both=Template(load("ledger_sums_both")).substitute(parts, sums=", ".join(sums)),
            differ=" OR ".join(f"sumIf(p.{each}, is_finer) != sumIf(p.{each}, NOT is_finer)" for each in sums),
        )


_DAYS: Final = _Level("ledger_day_rows", "ledger_days", "ledger", "toDate(hour)", SLICE)
_TOTALS: Final = _Level("ledger_total_rows", "ledger_totals", "ledger_days", "day", SLICE[1:])


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
    return _DAYS.filled("ledger_sums_differences", "true", "true")


def total_differences() -> str:
    """The same of lines without customers and the days that they are the sums of."""
    return _TOTALS.filled("ledger_sums_differences", "true", "true")


def over_hours(name: str) -> str:
    """The named statement about `{hours}` of `{project}`, which begin at `{first}` and are over at `{end}`."""
    return Template(load(name)).substitute(of_spans=of_spans(load("ledger_hours")))


def recompute(engine: Engine, hours: Sequence[tuple[str, datetime]]) -> None:
    """Make the ledger of each (project, UTC hour) equal the sum of that hour's billable spans, exactly, and those of
    its day the sums of its hours.

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
    """Make the lines of whole days the sums of their hours, and those without customers the sums of these."""
    begins = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    hours = (
        "project_id = {project:String} AND toDate(hour) IN {days:Array(Date)}"
        " AND hour >= {first:DateTime('UTC')} AND hour < {end:DateTime('UTC')}"
    )
    same = "project_id = {project:String} AND day IN {days:Array(Date)}"
    parameters = {"project": project, "days": days, "first": begins[0], "end": begins[-1] + timedelta(days=1)}
    for level, finer in ((_DAYS, hours), (_TOTALS, same)):
        sql = level.filled("ledger_sums_recompute", finer, same)
        engine.command(sql, parameters, {"max_partitions_per_insert_block": 0})
