"""Is this installation well? The checks behind `spanledger doctor`, wherever it is asked."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from spanledger_store import balance, ledger, migrate
from spanledger_store.control import Control, dirty, jobs, keys, notices, projects, quarantine
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError
from spanledger_store.reports import coverage
from spanledger_store.sql import load

State = Literal["ok", "warn", "fail"]

GIB = 1024**3
DISK_WARN = 5 * GIB
DISK_FAIL = GIB // 2
# Spans wait in the spool for about a second; minutes mean that the store does not take them.
SPOOL_WARN_SECONDS = 300
# Each look at the books may meet an hour in the middle of being recomputed; nobody is that unlucky three times.
LOOKS = 3
LOOK_AGAIN_SECONDS = 0.2
# Metrics and spans of one call arrive minutes apart: a few calls between them are no finding.
HIDDEN_CALLS = 5
HIDDEN_SHARE = 0.01
PACKAGES = (
    "spanledger",
    "chdb",
    "clickhouse-connect",
    "genai-prices",
    "opentelemetry-sdk",
    "polars",
    "fastapi",
    "dash",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `remedy` says what to do about it and is empty where nothing is."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def checks(engine: Engine, control: Control, spool: Path, *, running: bool = True) -> list[Check]:
    """Every check of an open installation, in a fixed order; none stops the others.

    `running` says whether a collector is at work on it, and so whether things that wait will be served.
    """
    found: list[Check] = []
    steps: list[tuple[str, Callable[[], Check]]] = [
        ("engine", lambda: engine_check(engine)),
        ("migrations", lambda: migrations_check(engine)),
        ("control", lambda: control_check(control)),
        ("spool", lambda: spool_check(spool, running=running)),
        ("quarantine", lambda: quarantine_check(control)),
        ("dirty hours", lambda: dirty_check(control, running=running)),
        ("ledger", lambda: ledger_check(engine, control)),
        ("accounting", lambda: accounting_check(engine, control, spool, running=running)),
        ("prices", lambda: prices_check(engine)),
        ("coverage", lambda: coverage_check(engine)),
        ("authentication", lambda: authentication_check(control)),
        ("jobs", lambda: jobs_check(control, running=running)),
        ("notices", lambda: notices_check(control)),
        ("disk", lambda: disk_check(engine.settings.data)),
        ("packages", packages_check),
    ]
    for name, step in steps:
        try:
            found.append(step())
        except (StoreError, OSError, sqlite3.Error) as error:
            found.append(Check(name, "fail", str(error), "See the message; run `spanledger doctor` again afterwards."))
    return found


def engine_check(engine: Engine) -> Check:
    """Which engine answers, and from where."""
    release = engine.rows("SELECT version()")[0][0]
    url = engine.settings.clickhouse_url
    where = f"embedded in {engine.settings.data / 'engine'}"
    if url is not None:
        parts = urlsplit(url.get_secret_value())
        where = f"at {parts.scheme}://{parts.hostname}:{parts.port or 8123}"
    return Check("engine", "ok", f"ClickHouse {release} {where}, database {engine.database}")


def migrations_check(engine: Engine) -> Check:
    """Whether the schema is this release's."""
    missing = migrate.pending(engine)
    if not missing:
        return Check("migrations", "ok", f"all {len(migrate.shipped())} applied")
    names = ", ".join(f"{each.number:04d}_{each.slug}" for each in missing)
    return Check("migrations", "fail", f"not applied: {names}", "Run: spanledger migrate")


def control_check(control: Control) -> Check:
    """Whether the control database answers."""
    return Check("control", "ok", f"{control.kind}, {len(projects.listing(control))} project(s)")


def spool_check(spool: Path, *, running: bool) -> Check:
    """What has been acknowledged and is not in the store yet."""
    if not spool.exists():
        return Check("spool", "ok", "none yet: nothing has been received")
    with closing(sqlite3.connect(f"{spool.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        entries, spans, size, oldest = connection.execute(
            "SELECT count(*), coalesce(sum(spans), 0), coalesce(sum(bytes), 0), min(received_at) FROM entries"
        ).fetchone()
    if not entries:
        return Check("spool", "ok", "empty: everything received is stored")
    age = int(datetime.now(UTC).timestamp() - oldest / 1e9)
    detail = f"{spans} item(s) in {entries} request(s), {size / 2**20:.1f} MiB, the oldest received {age} s ago"
    if not running:
        return Check("spool", "warn", f"{detail}; nothing is lost", "Start the collector to store them: spanledger up")
    if age > SPOOL_WARN_SECONDS:
        return Check("spool", "warn", detail, "The store does not take them: see /readyz for its reason.")
    return Check("spool", "ok", detail)


def jobs_check(control: Control, *, running: bool) -> Check:
    """Whether what runs in the background does, and came to its end the last time."""
    found = jobs.states(control)
    if not running or not found:
        return Check("jobs", "ok", "they run while a collector or a worker does")
    failing = [each for each in found if each.failures]
    if failing:
        told = "; ".join(f"{each.name} failed {each.failures} time(s) in a row: {each.error}" for each in failing)
        return Check("jobs", "fail", told, "They are tried again by themselves. See: spanledger jobs list")
    idle = [each.name for each in found if not each.owner]
    if idle:
        return Check("jobs", "warn", f"no worker has {', '.join(idle)}", "Start one: spanledger worker")
    return Check("jobs", "ok", f"{len(found)} of {len(found)} at their pace")


def notices_check(control: Control) -> Check:
    """Whether what people were to be told has reached their channels."""
    troubles = notices.troubles(control)
    if not troubles:
        return Check("notices", "ok", "none is held up")
    told = "; ".join(
        f"channel {each.channel} of {each.project}: {each.dead} given up, {each.waiting} to be tried again: "
        f"{each.last_error}"
        for each in troubles
    )
    remedy = (
        "Mend the channel, try it (spanledger channels test NAME), and send what was given up again: "
        "spanledger channels retry NAME"
    )
    return Check("notices", "warn", told, remedy)


def quarantine_check(control: Control) -> Check:
    """What could not be taken in, by reason."""
    reasons = quarantine.reasons(control)
    if not reasons:
        return Check("quarantine", "ok", "empty")
    detail = ", ".join(f"{each.reason}: {each.entries} request(s) with {each.spans} span(s)" for each in reasons)
    newest = quarantine.listing(control, limit=1)[0]
    return Check(
        "quarantine",
        "warn",
        f"{detail}; the newest: {newest.detail}",
        "They are kept whole in the control database. Mend the sender that the newest names.",
    )


def dirty_check(control: Control, *, running: bool) -> Check:
    """How many hours of the ledger are still to be recomputed."""
    waiting = dirty.count(control)
    if not waiting:
        return Check("dirty hours", "ok", "none: the ledger is up to date")
    if running:
        return Check("dirty hours", "ok", f"{waiting} to be recomputed within a minute")
    return Check("dirty hours", "warn", f"{waiting} to be recomputed", "Start the scheduler: spanledger up")


def ledger_check(engine: Engine, control: Control) -> Check:
    """Whether the ledger is the exact sum of the spans and of what is frozen of expired ones, its days of its hours.

    Hours that are marked as waiting may differ, and their days. Others that differ are marked, so that looking is also
    mending.
    """
    for sql, each_day, what in (
        (ledger.differences(), False, "hour(s) differ from their spans"),
        (ledger.day_differences(), True, "day(s) differ from their hours"),
        (ledger.total_differences(), True, "day(s) differ from the sums over their customers"),
    ):
        suspects, worst = _differing(engine, control, sql, each_day=each_day)
        if suspects:
            dirty.mark(control, suspects)
            return Check(
                "ledger",
                "fail",
                f"{len(suspects)} {what}; the first: {worst}",
                "They are marked now, and `spanledger up` recomputes them within a minute; look again then, and report "
                "this: it should not happen.",
            )
    return Check("ledger", "ok", "equals the sum of the spans, exactly")


def _differing(engine: Engine, control: Control, sql: str, *, each_day: bool) -> tuple[set[tuple[str, datetime]], str]:
    """The (project, hour or midnight) that differ at every look and do not wait to be recomputed; the first, told."""
    suspects: set[tuple[str, datetime]] | None = None
    worst = ""
    for look in range(LOOKS):
        time.sleep(LOOK_AGAIN_SECONDS if look else 0)
        waiting = _waiting(control, each_day=each_day)
        rows = engine.query(sql).rows(named=True)
        # Marked before or after the look: either way its numbers were allowed to differ during it.
        waiting |= _waiting(control, each_day=each_day)
        differing = {(row["project_id"], _moment(row["hour"])): row for row in rows}
        now = differing.keys() - waiting
        suspects = set(now) if suspects is None else suspects & now
        if not suspects:
            return set(), ""
        first = min(suspects)
        row = differing[first]
        amounts = ", ".join(f"{k} {v:+}" for k, v in row.items() if k not in ("project_id", "hour") and v)
        worst = f"{first[0]} {first[1]:%Y-%m-%d %H:00} UTC lacks {amounts or 'nothing of calls and cost'}"
    return suspects or set(), worst


def _waiting(control: Control, *, each_day: bool) -> set[tuple[str, datetime]]:
    """The hours that wait to be recomputed, or the days they are in, as their midnights."""
    marked = dirty.pending(control)
    return {(each.project_id, each.hour.replace(hour=0) if each_day else each.hour) for each in marked}


def _moment(hour: datetime | int) -> datetime:
    # Arrow carries a DateTime as seconds since 1970.
    return datetime.fromtimestamp(hour, UTC) if isinstance(hour, int) else hour.astimezone(UTC)


def accounting_check(engine: Engine, control: Control, spool: Path, *, running: bool) -> Check:
    """Whether everything acknowledged is in a spool, in the store or in quarantine, for every key and hour."""
    return Check("accounting", *balance.told(engine, control, spool, running=running))


def prices_check(engine: Engine) -> Check:
    """How many billable calls have no price, and of which models."""
    rows = engine.rows(load("unpriced_models"))
    if not rows:
        return Check("prices", "ok", "every billable call has a price")
    total = sum(row[2] for row in rows)
    named = ", ".join(
        f"{model or '(no model)'} ({provider or 'no provider'}) {n}" for provider, model, n, _ in rows[:5]
    )
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return Check(
        "prices",
        "warn",
        f"{total} of {rows[0][3]} billable calls have no price: {named}{more}",
        "They count as unpriced, never as free. Newer prices: pip install -U genai-prices",
    )


def coverage_check(engine: Engine) -> Check:
    """Whether spans tell of all the calls that clients counted in their metrics during the last day."""
    now = datetime.now(UTC)
    found = coverage.hidden(engine, now - timedelta(days=1), now)
    counted, missing = sum(each.counted for each in found), sum(each.missing for each in found)
    if not counted:
        return Check("coverage", "ok", "no GenAI metrics in the last day to compare the spans with")
    detail = f"metrics of the last day count {counted} call(s); no span tells of {missing} of them"
    if missing <= max(HIDDEN_CALLS, counted * HIDDEN_SHARE):
        return Check("coverage", "ok", detail)
    return Check(
        "coverage",
        "warn",
        detail,
        "Sampling (OTEL_TRACES_SAMPLER) or dropped spans hide them; by hour and model: GET /api/v1/coverage",
    )


def authentication_check(control: Control) -> Check:
    """Whether sending and reading need a key."""
    needs: list[str] = []
    if keys.any_active(control, "ingest"):
        needs.append("sending")
    if keys.any_active(control, "read"):
        needs.append("reading")
    if len(needs) == 2:
        return Check("authentication", "ok", "sending and reading need a key")
    open_to = " and ".join(name for name in ("sending", "reading") if name not in needs)
    detail = f"{open_to} needs no key, from this machine only"
    return Check(
        "authentication", "ok", detail, "Create a key before others may reach it: spanledger keys create --help"
    )


def disk_check(directory: Path) -> Check:
    """Whether the data directory's disk has room."""
    usage = shutil.disk_usage(directory if directory.exists() else directory.parent)
    detail = f"{usage.free / GIB:.1f} GiB free of {usage.total / GIB:.1f} GiB at {directory}"
    if usage.free < DISK_WARN:
        remedy = "Free some space: when the disk is full, senders are told to wait and nothing is lost."
        return Check("disk", "fail" if usage.free < DISK_FAIL else "warn", detail, remedy)
    return Check("disk", "ok", detail)


def packages_check() -> Check:
    """Versions, for reports."""
    found = [f"python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return Check("packages", "ok", ", ".join(found))
