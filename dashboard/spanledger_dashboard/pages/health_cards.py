"""The cards of the Health page that are lists: keys, spools, quarantine, checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import html
from dash.development.base_component import Component

from spanledger_dashboard import fmt
from spanledger_dashboard.parts.basics import card, pill
from spanledger_dashboard.parts.table import grid, name_column, number_column, text_column
from spanledger_dashboard.view import View
from spanledger_store.control.jobs import JobState
from spanledger_store.control.keys import Key
from spanledger_store.control.quarantine import Quarantined, ReasonCount
from spanledger_store.control.tallies import SpoolState
from spanledger_store.health import Check
from spanledger_store.reports.accounting import Account, Entry, by

NUMBERS = {
    "received": "Received", "acknowledged": "Acknowledged", "stored": "Stored", "waiting": "Waiting",
    "quarantined": "Quarantined", "missing": "Missing", "dropped": "Dropped by SDK", "refused": "Refused",
    "repeated": "Repeated", "unpriced": "Unpriced", "truncated": "Truncated",
}  # fmt: skip
HOUR = timedelta(hours=1)
# A collector reports every half minute at least.
SILENT = timedelta(minutes=5)
KINDS = {"ok": "ok", "warn": "warn", "fail": "bad"}
MIB = 1024**2
GIB = 1024**3
MAX_DETAIL = 300


def ago(age: timedelta) -> str:
    """`12 s`, `4 min`, `3 h`, `2 days`."""
    seconds = max(0, int(age.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86400} days"


def keys_card(view: View, spans: Sequence[Entry], keys: Sequence[Key], last: Mapping[str, datetime]) -> Component:
    """What became of each key's spans, and how long it has been silent."""
    sums = by(spans, lambda entry: entry.key)
    names = {key.id: key for key in keys}
    shown = [*sums, *(key.id for key in keys if key.active and key.id not in sums)]
    rows: list[dict[str, Any]] = []
    for identity in shown:
        account, key = sums.get(identity, Account()), names.get(identity)
        label = key.name if key else identity or "no key"
        if key is not None and not key.active:
            label += " (revoked)"
        silent = silence(view.now, key, last.get(identity))
        row: dict[str, Any] = {"id": identity or "(none)", "key": label, "last": _silent(silent)}
        for name in NUMBERS:
            number: int | None = getattr(account, name)
            row |= {name: number, f"{name}_text": fmt.count(number)}
        rows.append(row)
    columns = [name_column("key", "Key", pinned="left", minWidth=140), text_column("last", "Last data", minWidth=120)]
    columns += [
        number_column(name, title, minWidth=118, **({"sort": "desc"} if name == "received" else {}),
                      **({"cellClassRules": {"bad": "params.value > 0"}} if name in {"missing", "dropped"} else {}))
        for name, title in NUMBERS.items()
    ]  # fmt: skip
    return card("By key", html.Div(grid("health-keys", columns, rows, "Spans by key"), style={"paddingTop": 6}))


def silence(now: datetime, key: Key | None, hour: datetime | None) -> timedelta | None:
    """How long nothing has come; by a key's last use to the minute, else from the end of the last hour with data."""
    heard = [moment for moment in (key.last_used_at if key else None, hour + HOUR if hour else None) if moment]
    if hour is None or not heard:
        return None
    return max(timedelta(), now - (min(heard) if len(heard) == 2 else heard[0]))


def _silent(age: timedelta | None) -> str:
    if age is None:
        return "never"
    return "within the hour" if age < HOUR else f"silent for {ago(age)}"


def spools_card(view: View, spools: Sequence[SpoolState]) -> Component:
    """Each collector: what waits, since when and why; its disk."""
    if not spools:
        return card("Collectors", html.P("No collector has reported yet.", className="cb dim"))
    return card("Collectors", html.Div([_spool(view, each) for each in spools], className="cb"))


def _spool(view: View, state: SpoolState) -> Component:
    age = view.now - state.reported_at
    rows: dict[str, Any] = {
        "Spool": f"{state.directory} on {state.host}",
        "Waiting": f"{fmt.count(state.items)} in {fmt.count(state.entries)} requests, "
        f"{state.bytes / MIB:,.1f} of {state.max_bytes / MIB:,.0f} MiB",
        "Oldest": f"{ago(view.now - state.oldest_at)}" if state.oldest_at else "nothing waits",
        "Writing": pill(state.last_error[:MAX_DETAIL], "bad") if state.last_error else pill("the store takes it", "ok"),
        "Disk": f"{state.disk_free / GIB:,.1f} GiB free of {state.disk_total / GIB:,.1f}",
        "Reported": pill(f"silent for {ago(age)}", "warn") if age > SILENT else f"{ago(age)} ago",
    }
    return html.Dl(
        [part for name, value in rows.items() for part in (html.Dt(name), html.Dd(value))], className="facts"
    )


def jobs_card(view: View, found: Sequence[JobState]) -> Component:
    """What runs in the background: its state, last success, how long that took, and its last error."""
    if not found:
        return card("Jobs", html.P("No worker has run yet.", className="cb dim"))
    rows = [
        html.Div(
            [_job_pill(each), html.P([html.B(each.name), f" {_job_story(view, each)}"])]
            + ([html.P(each.error[:MAX_DETAIL], className="remedy")] if each.error else []),
            className="finding",
        )
        for each in found
    ]
    return card("Jobs", html.Div(rows, className="cb"))


def _job_pill(state: JobState) -> Component:
    if state.failures:
        return pill("failed", "bad")
    if state.is_running:
        return pill("running", "ok")
    return pill("idle", "ok") if state.owner else pill("no worker", "warn")


def _job_story(view: View, state: JobState) -> str:
    if state.is_running and state.doing:
        return f"{state.doing} {f'{state.done:,} of {state.total:,}' if state.total else ''}".rstrip()
    if state.succeeded_at is None or state.seconds is None:
        return "has not come to its end yet"
    changed = fmt.count(state.changed or 0)
    return f"{ago(view.now - state.succeeded_at)} ago, took {state.seconds:,.1f} s, changed {changed}"


def quarantine_card(view: View, held: Sequence[tuple[ReasonCount, Quarantined | None]]) -> Component:
    """What could not be taken, by reason, each with its newest example."""
    if not held:
        return card("Quarantine", html.P("Empty.", className="cb dim"))
    rows = [
        html.Div(
            [
                pill(fmt.count(each.spans), "warn"),
                html.P([html.B(each.reason), f", {fmt.count(each.entries)} entries"]),
                html.P(
                    f"{fmt.moment(newest.received_at, view.zone)}: {newest.detail[:MAX_DETAIL]}" if newest else "",
                    className="remedy",
                ),
            ],
            className="finding",
        )
        for each, newest in held
    ]
    return card("Quarantine", html.Div(rows, className="cb"))


def checks_card(view: View, made: datetime, found: Sequence[Check]) -> Component:
    """The checks of `spanledger doctor`, each with its remedy."""
    rows = [
        html.Div(
            [
                pill(each.state, KINDS[each.state]),
                html.P([html.B(each.name), f": {each.detail}"]),
                *([html.P(each.remedy, className="remedy")] if each.remedy and each.state != "ok" else []),
            ],
            className="finding",
        )
        for each in found
    ]
    told = html.Span(f"made {fmt.moment(made, view.zone)[:-4]}", className="dim")
    return card("Checks", html.Div(rows, className="cb", id="health-findings"), beside=[told])
