"""Does it add up? What `doctor` says of the account of everything that was acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from spanledger_store.control import Control, keys, tallies
from spanledger_store.control.tallies import Line
from spanledger_store.engine import Engine
from spanledger_store.reports import accounting

# What a spool lost is told this long; afterwards it is history that the accounting still shows.
LOST_DAYS = 30
# Collectors report every half minute at least.
SILENT = timedelta(minutes=5)

Verdict = tuple[Literal["ok", "warn", "fail"], str, str]


def told(engine: Engine, control: Control, spool: Path, *, running: bool) -> Verdict:
    """State, detail and remedy. A number that is off is named with its project, key and hour.

    `spool` is this installation's own file; `running` says whether a collector is at work on it.
    """
    now = datetime.now(UTC)
    names = {key.id: key.name for key in keys.listing(control)}
    recent = now - timedelta(days=LOST_DAYS)
    if off := tallies.unbalanced(control, recent):
        line = off[0][1]
        return (
            "fail",
            f"{len(off)} key(s) and hour(s) do not add up; the first: {_named(line, names)}: "
            f"{line.counts['acknowledged']} acknowledged, {line.waiting} waiting, {line.counts['stored']} stored, "
            f"{line.counts['quarantined']} in quarantine, {line.missing} missing",
            "A spool file was damaged, or changed by something else. Keep a copy of spool.db and report this: it "
            "should not happen.",
        )
    return _left_behind(control, spool, names, recent, running=running) or _last_day(engine, control, now)


def _left_behind(
    control: Control, spool: Path, names: Mapping[str, str], recent: datetime, *, running: bool
) -> Verdict | None:
    """What waits in a spool that reports no more, or None."""
    states = tallies.spools(control)
    for state in states:
        lines = tallies.waiting(control, state.id) if datetime.now(UTC) - state.reported_at > SILENT else []
        if not lines or lines[-1].start < recent:
            continue
        replaced = any(
            (each.host, each.directory) == (state.host, state.directory) and each.reported_at > state.reported_at
            for each in states
        )
        if not replaced and not running and state.directory == str(spool.parent):
            continue  # the check `spool` tells of it
        found = (
            f"{state.items} acknowledged item(s) waited in the spool in {state.directory} on {state.host}, which last "
            f"reported at {state.reported_at:%Y-%m-%d %H:%M} UTC; the first: {_named(lines[0], names)}: "
            f"{lines[0].waiting}"
        )
        if not replaced:
            return "warn", found, "Start that collector again; until then they wait, and nothing is lost."
        return (
            "fail",
            f"{found}. Another file is in its place now",
            "Stop the collector there, put the old spool.db back (a backup holds one) and start it again; without it "
            "these are lost.",
        )
    return None


def _last_day(engine: Engine, control: Control, now: datetime) -> Verdict:
    found = accounting.entries(engine, control, now - timedelta(days=1), now)
    day = accounting.by(found, lambda entry: entry.signal).get(accounting.SPANS, accounting.Account())
    if not (day.received or day.dropped):
        return "ok", "nothing was received in the last day", ""
    detail = (
        f"of {day.received} span(s) received in the last day {day.acknowledged} were acknowledged, {day.refused} "
        f"refused and {day.repeated} repeated; of those acknowledged {day.waiting} wait, {day.stored} are stored and "
        f"{day.quarantined} in quarantine: it adds up for every key and hour"
    )
    if day.absent:
        detail += f"; {day.absent} stored span(s) are no rows of their own: sent again, deleted or expired"
    if day.dropped:
        remedy = "By service and reason: the page Health, or GET /api/v1/coverage"
        return "warn", f"{detail}. SDKs gave up {day.dropped} span(s) before they got here", remedy
    return "ok", detail, ""


def _named(line: Line, names: Mapping[str, str]) -> str:
    key = names.get(line.key, line.key) or "(none)"
    return f"project {line.project}, key {key}, {line.start:%Y-%m-%d %H:00} UTC, {line.signal}"
