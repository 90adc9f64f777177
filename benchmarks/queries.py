"""Times every query that the dashboard, the command line and the doctor make, over a seeded installation.

    python benchmarks/seed.py --data DIR --spans 5000000
    python benchmarks/queries.py --data DIR [--repeat 20] [--engine chdb --engine server] [--only traces]
                                 [--json FILE] [--markdown docs/performance.md]

The queries are the product's own report functions, called with parameters that change from run to run: other ends of
the stretch, other customers, words and traces. The server is a ClickHouse HTTP endpoint over the same files, started
after the embedded engine has let them go. p95 stands beside the limit of its line; a miss is printed as one and is not
an error. Exit code 1 where a `.sql` file of the store was timed by nothing and is not among the exceptions below.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import documents
from benchmarks.seed import ABSENT, BIG_TRACE, FREQUENT, PROJECT, RARE
from pydantic import SecretStr

from spanledger_store import health, ledger, settling, sql
from spanledger_store.control import Control
from spanledger_store.control.budgets import Budget
from spanledger_store.engine import Engine
from spanledger_store.finance import budget_report
from spanledger_store.finance import budgets as standing
from spanledger_store.finance.spend_request import SpendBy, SpendRequest
from spanledger_store.finance.spend_views import View, view
from spanledger_store.lifecycle import deletion
from spanledger_store.migrate import migrate
from spanledger_store.periods import Period
from spanledger_store.reports import accounting, calls, catalog, coverage, trace, traces
from spanledger_store.reports.buckets import Bucketing, Calendar, automatic
from spanledger_store.reports.traces import Cursor, Order, TraceSearch
from spanledger_store.scope import Dimension, Scope
from spanledger_store.settings import StoreSettings

LAUNCHER = Path(__file__).resolve().parent.parent / "tests" / "support" / "clickhouse_server.py"
LIMIT_MS, BIG_TRACE_MS = 150, 300
# Files that no line of the table need run, by how their names begin, and why.
EXCEPTIONS = {
    "budgets_from_waiting": "hours that the ledger's job has yet to recompute, of which a seeded store has none",
    "backup_": "steps of a backup and its check",
    "cluster": "how a cluster and its tables were made, asked once at start",
    "export_": "steps of an export, which reads a project whole",
    "deletion_": "steps of a deletion, which rewrites parts; its preview is timed",
    "joining_": "the collector's own, on the way in",
    "repricing_": "steps of a repricing, which reads a period in blocks and writes it",
    "retention_": "steps of the retention job, which rewrites parts",
    "ledger_": "steps of the ledger's job and check, which are timed as wholes",
    "span_identity": "a fragment of jobs",
}
FACETS = (
    Dimension.CUSTOMER, Dimension.FEATURE, Dimension.MODEL, Dimension.PROVIDER, Dimension.ENVIRONMENT,
    Dimension.RELEASE,
)  # fmt: skip
LENGTHS = {
    "1 h": timedelta(hours=1), "6 h": timedelta(hours=6), "24 h": timedelta(days=1), "7 d": timedelta(days=7),
    "30 d": timedelta(days=30), "90 d": timedelta(days=90),
}  # fmt: skip


class Dice:
    """Parameters for one run after another; the same sequence on every engine."""

    def __init__(self, engine: Engine) -> None:
        self._random = random.Random(7)
        first, last, self.spans = engine.rows("SELECT min(start_time), max(start_time), count() FROM span_rows")[0]
        self.first: datetime = first.replace(tzinfo=UTC)
        self.last: datetime = last.replace(tzinfo=UTC, minute=0, second=0, microsecond=0) + timedelta(hours=1)
        sample = "SELECT {what} FROM span_rows WHERE trace_id != {{big:String}} ORDER BY sipHash64(span_id) LIMIT 200"
        rows = engine.rows(sample.format(what="trace_id, span_id, customer, user, model, feature"), {"big": BIG_TRACE})
        self.rows = list(rows)

    def scope(self, length: str, **filters: str) -> Scope:
        """A stretch of that length that ends within the newest data."""
        end = self.last - timedelta(hours=self._random.randint(0, 20))
        if length in ("1 h", "6 h"):
            end += timedelta(minutes=self._random.randint(1, 59))
        start = max(end - LENGTHS[length], self.first.replace(minute=0, second=0, microsecond=0))
        chosen = {Dimension(name): (self.pick(name) if value == "?" else value,) for name, value in filters.items()}
        return Scope(PROJECT, start, end, chosen)

    def pick(self, name: str) -> str:
        """A value of a dimension, as often as it occurs."""
        at = {"trace": 0, "span": 1, "customer": 2, "user": 3, "model": 4, "feature": 5}[name]
        return self._random.choice([row[at] for row in self.rows if row[at]])

    def span(self) -> tuple[str, str]:
        """A trace and one of its spans."""
        row = self._random.choice(self.rows)
        return row[0], row[1]


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. Without a limit it is a command or a background job, and is listed apart."""

    group: str
    name: str
    run: Callable[[Engine, Dice], object]
    limit: int | None = LIMIT_MS


@dataclass(slots=True)
class Timed:
    """Milliseconds of the runs of one case on one engine."""

    runs: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """p50, p95 and max; the p95 of 20 runs is the second slowest."""
        ordered = sorted(self.runs)
        return {
            "p50": round(statistics.median(ordered), 1),
            "p95": round(ordered[max(0, -(-len(ordered) * 95 // 100) - 1)], 1),
            "max": round(ordered[-1], 1),
            "runs": len(ordered),
        }


def cases(control: Control) -> Iterator[Case]:
    """Every query with the stretches and filters that its page offers."""
    yield from _overview()
    yield from _spend(control)
    yield from _traces()
    yield from _trace()
    yield from _catalog()
    yield from _health(control)
    yield from _budgets(control)
    yield from _commands(control)


def _buckets(scope: Scope) -> Bucketing:
    return automatic(scope.start, scope.end, ZoneInfo("Europe/Berlin"))


def _overview() -> Iterator[Case]:
    for length in LENGTHS:
        yield Case("overview", f"totals, {length}", lambda e, d, n=length: calls.totals(e, d.scope(n)))
        yield Case(
            "overview", f"series, {length}", lambda e, d, n=length: calls.series(e, s := d.scope(n), _buckets(s))
        )
        yield Case(
            "overview", f"spend by model over time, {length}",
            lambda e, d, n=length: calls.spend_series(e, s := d.scope(n), Dimension.MODEL, _buckets(s)),
        )  # fmt: skip
        yield Case(
            "overview", f"customers, {length}", lambda e, d, n=length: calls.groups(e, d.scope(n), Dimension.CUSTOMER)
        )
        yield Case(
            "overview", f"features, {length}", lambda e, d, n=length: calls.groups(e, d.scope(n), Dimension.FEATURE)
        )
    for length in ("7 d", "30 d"):
        for name in ("customer", "model", "user"):
            yield Case(
                "overview", f"totals of one {name}, {length}",
                lambda e, d, n=length, k=name: calls.totals(e, d.scope(n, **{k: "?"})),
            )  # fmt: skip
        for name, value in (("tag", "beta"), ("status", "error")):
            yield Case(
                "overview", f"totals of {name} {value}, {length}",
                lambda e, d, n=length, k=name, v=value: calls.totals(e, d.scope(n, **{k: v})),
            )  # fmt: skip
    for dimension in (Dimension.ENVIRONMENT, Dimension.CUSTOMER, Dimension.USER, Dimension.TAG):
        yield Case(
            "shell", f"choices of filter {dimension.value}, 7 d",
            lambda e, d, k=dimension: calls.labels(e, d.scope("7 d"), k, 500),
        )  # fmt: skip


def _spend(control: Control) -> Iterator[Case]:
    for dimension in (
        Dimension.CUSTOMER, Dimension.FEATURE, Dimension.TEAM, Dimension.MODEL, Dimension.PROVIDER,
        Dimension.PROMPT_VERSION, Dimension.RELEASE,
    ):  # fmt: skip
        yield Case(
            "spend", f"by {dimension.value}, 90 d", lambda e, d, k=dimension: calls.groups(e, d.scope("90 d"), k)
        )
    for unit in Calendar:
        yield Case(
            "spend", f"customers per {unit.value}, 90 d",
            lambda e, d, u=unit: calls.spend_series(
                e, d.scope("90 d"), Dimension.CUSTOMER, Bucketing(ZoneInfo("Europe/Berlin"), calendar=u)
            ),
        )  # fmt: skip
    yield Case(
        "spend", "customers per day in Kolkata's half-hour zone, 7 d",
        lambda e, d: calls.spend_series(
            e, d.scope("7 d"), Dimension.CUSTOMER, Bucketing(ZoneInfo("Asia/Kolkata"), calendar=Calendar.DAY)
        ),
    )  # fmt: skip
    for by in ([SpendBy.CUSTOMER, SpendBy.MODEL], [SpendBy.DAY, SpendBy.CUSTOMER], [SpendBy.MONTH], [SpendBy.PROMPT]):
        yield Case(
            "spend", f"spend --by {','.join(by)}, 90 d",
            lambda e, d, k=by: _spend_command(e, control, d, k, View.LINES),
        )  # fmt: skip
    for what in (View.UNITS, View.WASTE, View.CACHING):
        yield Case(
            "spend", f"spend --{what} --by feature, 30 d",
            lambda e, d, w=what: _spend_command(e, control, d, [SpendBy.FEATURE], w), None,
        )  # fmt: skip


def _spend_command(engine: Engine, control: Control, dice: Dice, by: list[SpendBy], what: View) -> object:
    scope = dice.scope("90 d" if what is View.LINES else "30 d")
    asked = SpendRequest(PROJECT, scope.start, scope.end, ZoneInfo("UTC"), tuple(by))
    return view(engine, control, asked, what)


_SEARCHES: dict[str, Callable[[Scope], TraceSearch]] = {
    "everything": TraceSearch,
    "errors only": lambda s: TraceSearch(s, errors_only=True),
    "at least 20 s": lambda s: TraceSearch(s, min_duration_ns=20 * 10**9),
    "at least $0.05": lambda s: TraceSearch(s, min_cost=Decimal("0.05")),
    f"frequent word ({FREQUENT})": lambda s: TraceSearch(s, text=FREQUENT),
    f"rare word ({RARE})": lambda s: TraceSearch(s, text=RARE),
    "absent word": lambda s: TraceSearch(s, text=ABSENT),
    "two words": lambda s: TraceSearch(s, text="refund contract"),
}


def _traces() -> Iterator[Case]:
    for length in ("24 h", "7 d", "30 d"):
        for order in Order:
            yield Case(
                "traces", f"page, {order.value}, {length}",
                lambda e, d, n=length, o=order: traces.page(e, TraceSearch(d.scope(n)), o, 100),
            )  # fmt: skip
        for name, make in _SEARCHES.items():
            if name != "everything":
                yield Case(
                    "traces", f"page, {name}, {length}",
                    lambda e, d, n=length, m=make: traces.page(e, m(d.scope(n)), Order.NEWEST, 100),
                )  # fmt: skip
        for name in ("customer", "model", "user"):
            yield Case(
                "traces", f"page, one {name}, {length}",
                lambda e, d, n=length, k=name: traces.page(e, TraceSearch(d.scope(n, **{k: "?"})), Order.NEWEST, 100),
            )  # fmt: skip
        for name, make in _SEARCHES.items():
            yield Case(
                "traces", f"histogram, {name}, {length}",
                lambda e, d, n=length, m=make: traces.histogram(e, m(s := d.scope(n)), _buckets(s)),
            )  # fmt: skip
        yield Case(
            "traces", f"histogram, one customer, {length}",
            lambda e, d, n=length: traces.histogram(e, TraceSearch(s := d.scope(n, customer="?")), _buckets(s)),
        )  # fmt: skip
        yield Case(
            "traces", f"six facets, {length}", lambda e, d, n=length: traces.facets(e, TraceSearch(d.scope(n)), FACETS)
        )
        yield Case(
            "traces", f"facet customer, one customer, {length}",
            lambda e, d, n=length: traces.facets(e, TraceSearch(d.scope(n, customer="?")), [Dimension.CUSTOMER]),
        )  # fmt: skip
    yield Case("traces", "second page, newest, 7 d", _second_page)
    yield Case(
        "traces", "page, trace id, 7 d",
        lambda e, d: traces.page(e, TraceSearch(d.scope("7 d"), text=d.pick("trace")), Order.NEWEST, 100),
    )  # fmt: skip


def _second_page(engine: Engine, dice: Dice) -> object:
    scope = dice.scope("7 d")
    key = int((scope.end - timedelta(hours=dice.scope("7 d").end.hour + 1)).timestamp()) * 10**9
    return traces.page(engine, TraceSearch(scope), Order.NEWEST, 100, Cursor(key, "0" * 32))


def _trace() -> Iterator[Case]:
    yield Case("trace", "spans", lambda e, d: trace.spans(e, PROJECT, d.pick("trace")))
    yield Case("trace", "one span", lambda e, d: trace.spans(e, PROJECT, *d.span()))
    yield Case("trace", "contents of one span", lambda e, d: trace.contents(e, PROJECT, *d.span()))
    yield Case("trace", "contents of all spans", lambda e, d: trace.contents(e, PROJECT, d.pick("trace")))
    yield Case("trace", "maps of one span", lambda e, d: trace.maps(e, PROJECT, *d.span()))
    yield Case("trace", "scores", lambda e, d: trace.scores(e, PROJECT, d.pick("trace")))
    yield Case("trace", "outline", lambda e, d: trace.outline(e, PROJECT, d.pick("trace")))
    yield Case(
        "trace", "trace of 5,000 spans: outline", lambda e, d: trace.outline(e, PROJECT, BIG_TRACE), BIG_TRACE_MS
    )
    yield Case("trace", "trace of 5,000 spans: spans", lambda e, d: trace.spans(e, PROJECT, BIG_TRACE), BIG_TRACE_MS)
    yield Case(
        "trace", "trace of 5,000 spans: contents", lambda e, d: trace.contents(e, PROJECT, BIG_TRACE), BIG_TRACE_MS
    )


def _catalog() -> Iterator[Case]:
    yield Case("shell", "projects", lambda e, d: catalog.projects(e))
    yield Case("shell", "newest span", lambda e, d: catalog.latest_span(e, PROJECT))
    yield Case("shell", "first hour", lambda e, d: catalog.first_hour(e, PROJECT))
    yield Case("shell", "search of values", lambda e, d: catalog.values(e, PROJECT, d.pick("customer")[:3]))
    yield Case("shell", "search of trace ids", lambda e, d: catalog.traces_named(e, PROJECT, d.pick("trace")[:6]))
    yield Case("doctor", "prices", lambda e, d: health.prices_check(e))
    yield Case("doctor", "schema", lambda e, d: health.migrations_check(e))


def _health(control: Control) -> Iterator[Case]:
    for length in ("24 h", "7 d"):
        yield Case(
            "health", f"account of every span, {length}",
            lambda e, d, n=length: accounting.entries(e, control, (s := d.scope(n)).start, s.end, PROJECT),
        )  # fmt: skip
    yield Case(
        "health", "calls that sampling hid, 24 h",
        lambda e, d: coverage.hours(e, PROJECT, (s := d.scope("24 h")).start, s.end),
    )  # fmt: skip
    yield Case(
        "health", "what SDKs dropped, 24 h",
        lambda e, d: accounting.reasons(e, PROJECT, (s := d.scope("24 h")).start, s.end),
    )  # fmt: skip
    yield Case(
        "doctor", "calls that sampling hid, any project, 24 h",
        lambda e, d: coverage.hidden(e, (s := d.scope("24 h")).start, s.end),
    )  # fmt: skip


def _budgets(control: Control) -> Iterator[Case]:
    def made(dice: Dice, n: int) -> list[Budget]:
        """Budgets that no two of ask the same of; Kolkata's months begin within an hour of the books."""
        about = [{"customer": dice.pick("customer")} for _ in range(n)]
        zone = "Asia/Kolkata"
        return [Budget(PROJECT, f"b{i}", Decimal(100), Period.MONTH, zone, each) for i, each in enumerate(about)]

    cases: dict[str, Callable[[Dice], list[Budget]]] = {
        "of one customer": lambda d: made(d, 1),
        "of 100 customers, one each": lambda d: made(d, 100),
        "of every customer": lambda d: [Budget(PROJECT, "b", Decimal(100), Period.MONTH, per="customer")],
        "of everything, a year": lambda d: [Budget(PROJECT, "b", Decimal(100), Period.YEAR)],
    }
    for name, budgets in cases.items():
        yield Case("budgets", f"state {name}", lambda e, d, b=budgets: standing.states(e, control, b(d), d.last))
    yield Case(
        "budgets", "report of 100 customers' budgets",
        lambda e, d: budget_report.report(e, control, made(d, 100), d.last),
    )  # fmt: skip


def _commands(control: Control) -> Iterator[Case]:
    hour = timedelta(hours=1)
    yield Case("doctor", "ledger = spans, every hour", lambda e, d: health.ledger_check(e, control), None)
    yield Case(
        "ledger job", "recompute the newest two hours",
        lambda e, d: ledger.recompute(e, [(PROJECT, d.last - hour), (PROJECT, d.last - 2 * hour)]), None,
    )  # fmt: skip
    yield Case(
        "deletion", "ledger and spans of a day's hours",
        lambda e, d: settling.sums(e, PROJECT, [d.scope("24 h").end - n * hour for n in range(24)]), None,
    )  # fmt: skip
    for kind in ("customer", "user", "trace"):
        yield Case(
            "deletion", f"preview of a {kind}",
            lambda e, d, k=kind: deletion.preview(e, deletion.Subject(k, d.pick(k), PROJECT)), None,
        )  # fmt: skip


class Loaded:
    """Which `.sql` files the store's modules have asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        original = sql.load

        def recording(name: str) -> str:
            self.names.add(name)
            return original(name)

        for module in list(sys.modules.values()):
            if module.__name__.startswith("spanledger_store") and getattr(module, "load", None) is original:
                module.load = recording  # type: ignore[attr-defined]

    def missing(self) -> list[str]:
        """Files that nothing timed and nobody excepted."""
        shipped = {entry.name.removesuffix(".sql") for entry in files("spanledger_store").joinpath("queries").iterdir()}
        return sorted(name for name in shipped - self.names if not name.startswith(tuple(EXCEPTIONS)))


@contextmanager
def opened(name: str, data: Path) -> Generator[Engine]:
    """The seeded store on the embedded engine, or behind a ClickHouse endpoint over the same files."""
    if name == "chdb":
        with Engine(StoreSettings(data=data)) as engine:
            yield engine
        return
    process = subprocess.Popen(
        [sys.executable, str(LAUNCHER), "--data", str(data / "engine"), "--stdin"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith("READY "):
            raise SystemExit(f"the server did not start: {line.strip()}")
        ready = json.loads(line.removeprefix("READY "))
        url = SecretStr(f"http://{ready['host']}:{ready['ports']['http']}")
        with Engine(StoreSettings(data=data, clickhouse_url=url)) as engine:
            yield engine
    finally:
        process.stdin.close()
        process.wait(120)


def measure(engine: Engine, dice: Dice, wanted: list[Case], repeat: int) -> dict[str, Timed]:
    """Milliseconds of each case; where it has a limit, a first run warms up and is left out."""
    found: dict[str, Timed] = {}
    for case in wanted:
        timed = found[f"{case.group}: {case.name}"] = Timed()
        # A command or background job is no page that somebody waits for: fewer runs say enough.
        runs = repeat + 1 if case.limit else 3
        for number in range(runs):
            started = time.perf_counter()
            case.run(engine, dice)
            if number or not case.limit:
                timed.runs.append((time.perf_counter() - started) * 1000)
    return found


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    engines = list(result["engines"])
    names = {"chdb": "embedded", "server": "server"}
    head = [f"{names[e]} p50 / p95 / max, ms" for e in engines]
    lines: list[str] = []
    for title, limited in (("", True), ("Commands and background jobs:", False)):
        rows = [case for case in result["cases"] if (case["limit_ms"] is not None) == limited]
        if not rows:
            continue
        if title:
            lines += ["", title, ""]
        lines.append(
            f"| part | query | {'limit, ms | ' if limited else ''}{' | '.join(head)} |{' |' if limited else ''}"
        )
        lines.append(f"|---|---|{'---:|' if limited else ''}{'---:|' * len(head)}{'---|' if limited else ''}")
        for case in rows:
            cells = [
                f"{t['p50']:.0f} / {t['p95']:.0f} / {t['max']:.0f}" for e in engines if (t := case["ms"][e]) is not None
            ]
            missed = limited and any(case["ms"][e]["p95"] > case["limit_ms"] for e in engines)
            limit = f"{case['limit_ms']} | " if limited else ""
            tail = f" {'missed' if missed else ''} |" if limited else ""
            lines.append(f"| {case['group']} | {case['name']} | {limit}{' | '.join(cells)} |{tail}")
    said = (
        f"{result['spans']:,} spans over {result['days']} days, {result['cores']} cores, "
        f"ClickHouse {result['version']}. "
        f"{result['repeat']} runs a line; load of the machine {result['load']} at the end. "
        f"{result['missed']} of {result['limited']} lines miss their limit."
    )
    return "\n".join([said, "", *lines])


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory filled by benchmarks/seed.py")
    parser.add_argument("--repeat", type=int, default=20, help="runs per query (default 20)")
    parser.add_argument("--engine", action="append", choices=["chdb", "server"], help="default: both")
    parser.add_argument("--only", help="only cases whose name contains this")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    parser.add_argument("--markdown", type=Path, help="renew the table in this file")
    options = parser.parse_args()
    if not (options.data / "engine").exists():
        parser.error(f"{options.data} holds no data: fill it with benchmarks/seed.py")
    loaded = Loaded()
    engines: dict[str, dict[str, Timed]] = {}
    facts: dict[str, Any] = {}
    wanted: list[Case] = []
    with Control.open(StoreSettings(data=options.data)) as control:
        wanted = [c for c in cases(control) if not options.only or options.only in f"{c.group}: {c.name}"]
        for name in options.engine or ["chdb", "server"]:
            with opened(name, options.data) as engine:
                migrate(engine)
                dice = Dice(engine)
                facts = {
                    "spans": dice.spans, "days": (dice.last - dice.first).days,
                    "version": engine.rows("SELECT version()")[0][0],
                }  # fmt: skip
                engines[name] = measure(engine, dice, wanted, options.repeat)
    rows: list[dict[str, Any]] = [
        {
            "group": case.group, "name": case.name, "limit_ms": case.limit,
            "ms": {name: timed[f"{case.group}: {case.name}"].summary() for name, timed in engines.items()},
        }
        for case in wanted
    ]  # fmt: skip
    limited = [row for row in rows if row["limit_ms"] is not None]
    missed = [row for row in limited if any(ms["p95"] > row["limit_ms"] for ms in row["ms"].values())]
    result: dict[str, Any] = facts | {
        "load": round(os.getloadavg()[0], 1),
        "repeat": options.repeat, "cores": os.cpu_count(), "machine": platform.machine(), "engines": list(engines),
        "limited": len(limited), "missed": len(missed), "cases": rows,
    }  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    if options.markdown:
        documents.renew(options.markdown, f"queries {round(result['spans'] / 1e6)} million", table(result))
    print(table(result))
    if not options.only and (missing := loaded.missing()):
        print(f"error: timed by nothing: {', '.join(missing)}. Add a case, or an exception with a reason.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
