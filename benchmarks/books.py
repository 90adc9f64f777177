"""How long the questions of the Spend page take over books of many customers and days, as JSON.

    python benchmarks/books.py [--customers 10000] [--days 400] [--repeat 15] [--json FILE] [--keep DIR]

The books are made by INSERT SELECT: about three lines (model x feature) per customer and day, each spread over some
hours of the day, spend by customer in a power law; then `ledger_days` and `ledger_totals` from them by the
migrations' own statements. A store that is kept with `--keep` is used again. Each question is asked alone, in turns;
`page` is what a visit of the page asks, as it asks it, its independent questions at once. Milliseconds; `rows` is the
length of the answer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate, shipped
from spanledger_store.reports import calls
from spanledger_store.reports.books import books
from spanledger_store.reports.buckets import Bucketing, Calendar
from spanledger_store.scope import Dimension, Scope
from spanledger_store.settings import StoreSettings

PROJECT = "default"
LIMIT_MS = 150.0
LEADING = 10
END = datetime(2026, 11, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")

LINES = """
INSERT INTO ledger_rows
SELECT
    'default' AS project_id, toDateTime64({day:DateTime('UTC')} + h * 3600, 0, 'UTC') AS hour,
    concat('customer-', leftPad(toString(c), 5, '0')) AS customer,
    ['chat', 'search', 'summaries', 'agent', 'extraction', 'translation', 'support', 'code'][f + 1] AS feature,
    ['core', 'growth', 'platform', 'labs'][f % 4 + 1] AS team,
    ['openai', 'anthropic', 'google'][m % 3 + 1] AS provider,
    ['gpt-4o', 'claude-sonnet', 'gemini-pro', 'gpt-4o-mini', 'claude-haiku', 'gemini-flash'][m + 1] AS model,
    ['assistant', 'retriever', ''][f % 3 + 1] AS prompt_name,
    ['v1', 'v2', 'v3'][intDiv(d, 100) % 3 + 1] AS prompt_version,
    'production' AS environment, concat('r', toString(intDiv(d, 30))) AS release,
    1 + x % 20 AS n, x % 50 = 0, x % 97 = 0, x % 31 = 0, n * 900, n * 300, n * 20, n * 250, n * 40, 0,
    toDecimal128(n * (x % 1000 + 1) * (1 + 10000 / (c + 10)), 12) / 1000000 AS cost,
    cost * toDecimal128('0.5', 1), cost * toDecimal128('0.1', 1), cost * toDecimal128('0.1', 1),
    cost * toDecimal128('0.3', 1), 0, 0,
    arrayReduce('quantilesTDigestState(0.5, 0.95, 0.99)', [toUInt64(500000000 + x % 100000000)]),
    arrayReduce('quantilesTDigestState(0.5, 0.95, 0.99)', [toUInt64(90000000 + x % 10000000)]), 1
FROM
(
    SELECT
        intDiv(number, 6) AS c, number % 6 AS k, {d:UInt32} AS d, sipHash64(c, k, d) AS x,
        (c + intDiv(k, 2)) % 8 AS f, (c * 7 + intDiv(k, 2)) % 6 AS m, (x % 12 + k % 2 * 12) AS h
    FROM numbers({customers:UInt64} * 6)
)
"""


def seed(engine: Engine, customers: int, days: int) -> dict[str, Any]:
    """Fill the books, and make their days of them."""
    begun = time.perf_counter()
    first = END - timedelta(days=days)
    for day in range(days):
        engine.command(LINES, {"customers": customers, "d": day, "day": first + timedelta(days=day)})
    hours = time.perf_counter() - begun
    begun = time.perf_counter()
    backfill = next(each for each in shipped() if each.slug == "ledger_days").statements()[-1]
    # A month at a time, as the ledger's job writes them.
    for month in engine.rows("SELECT DISTINCT toYYYYMM(hour) FROM ledger_rows ORDER BY 1"):
        engine.command(
            backfill.replace("FROM ledger AS l", f"FROM (SELECT * FROM ledger WHERE toYYYYMM(hour) = {month[0]}) AS l")
        )
    engine.command(next(each for each in shipped() if each.slug == "ledger_totals").statements()[-1])
    return {"hours_seconds": round(hours, 1), "days_seconds": round(time.perf_counter() - begun, 1)}


def settle(engine: Engine) -> None:
    """Wait until nothing is being merged."""
    while engine.rows("SELECT count() FROM system.merges WHERE database = currentDatabase()")[0][0]:
        time.sleep(0.5)


def questions(engine: Engine, days: int) -> dict[str, Callable[[], int]]:
    """Name -> a question, which answers how many rows it got."""
    month = Scope(PROJECT, END - timedelta(days=30), END)
    week = Scope(PROJECT, END - timedelta(days=7), END)
    whole = Scope(PROJECT, END - timedelta(days=days), END)
    hourly = Scope(PROJECT, END - timedelta(days=30) + timedelta(hours=7), END + timedelta(hours=-17))
    customer = ("customer-00042",)
    one_month, one = (Scope(PROJECT, each.start, each.end, {Dimension.CUSTOMER: customer}) for each in (month, whole))
    by_day, by_week = (Bucketing(UTC_ZONE, calendar=unit) for unit in (Calendar.DAY, Calendar.WEEK))
    by_month = Bucketing(UTC_ZONE, calendar=Calendar.MONTH)
    leading = calls.labels(engine, month, Dimension.CUSTOMER, LEADING)
    return {
        "totals, 7 days": lambda: calls.totals(engine, week, brief=True).calls and 1,
        "totals, 30 days": lambda: calls.totals(engine, month, brief=True).calls and 1,
        "totals, all days": lambda: calls.totals(engine, whole, brief=True).calls and 1,
        "totals, 30 days from 07:00": lambda: calls.totals(engine, hourly, brief=True).calls and 1,
        "series, 30 days": lambda: calls.series(engine, month, by_day, brief=True).height,
        "series, all days by week": lambda: calls.series(engine, whole, by_week, brief=True).height,
        "by model and day, 30 days": lambda: calls.spend_series(engine, month, Dimension.MODEL, by_day).height,
        "by leading customers and day, 30 days": lambda: (
            calls.spend_series(engine, month, Dimension.CUSTOMER, by_day, leading=leading).height
        ),
        "by leading customers and week, all days": lambda: (
            calls.spend_series(engine, whole, Dimension.CUSTOMER, by_week, leading=leading).height
        ),
        "by model and week, all days": lambda: calls.spend_series(engine, whole, Dimension.MODEL, by_week).height,
        "customers, 7 days": lambda: calls.groups(engine, week, Dimension.CUSTOMER, brief=True).height,
        "customers, 30 days": lambda: calls.groups(engine, month, Dimension.CUSTOMER, brief=True).height,
        "customers, all days": lambda: calls.groups(engine, whole, Dimension.CUSTOMER, brief=True).height,
        "models, 30 days": lambda: calls.groups(engine, month, Dimension.MODEL, brief=True).height,
        "models, all days": lambda: calls.groups(engine, whole, Dimension.MODEL, brief=True).height,
        "one customer: totals, all days": lambda: calls.totals(engine, one, brief=True).calls and 1,
        "one customer: by model and day, 30 days": lambda: (
            calls.spend_series(engine, one_month, Dimension.MODEL, by_day).height
        ),
        "one customer: by model and month, all days": lambda: (
            calls.spend_series(engine, one, Dimension.MODEL, by_month).height
        ),
        "one customer: features, all days": lambda: calls.groups(engine, one, Dimension.FEATURE, brief=True).height,
        "books by customer and month, all days": lambda: books(engine, whole, [Dimension.CUSTOMER], by_month).height,
    }


def page(engine: Engine, scope: Scope, buckets: Bucketing, pool: ThreadPoolExecutor) -> None:
    """What a visit of the page asks, as `pages/spend.py` does: with the period before beside it."""
    before = scope.previous()
    by = Dimension.CUSTOMER
    groups = pool.submit(calls.groups, engine, scope, by, brief=True)
    total = pool.submit(calls.totals, engine, scope, brief=True)
    leading = groups.result()["label"][:LEADING].to_list()
    rest = [
        pool.submit(calls.spend_series, engine, scope, by, buckets, leading=leading),
        pool.submit(calls.totals, engine, before, brief=True),
        pool.submit(calls.groups, engine, before, by, brief=True),
        pool.submit(calls.series, engine, before, buckets, brief=True),
    ]
    for each in (total, *rest):
        each.result()


def measured(ask: Callable[[], Any], repeat: int) -> dict[str, Any]:
    """Milliseconds of some runs after one that is not counted; `cpu` is what all threads worked, whoever else does."""
    rows = ask()
    runs: list[float] = []
    worked: list[float] = []
    for _ in range(repeat):
        begun, used = time.perf_counter(), time.process_time()
        ask()
        runs.append((time.perf_counter() - begun) * 1000)
        worked.append((time.process_time() - used) * 1000)
    ordered = sorted(runs)
    found = {
        "p50": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))],
        "cpu": statistics.median(worked),
    }
    return {name: round(value, 1) for name, value in found.items()} | ({"rows": rows} if rows is not None else {})


def run(engine: Engine, days: int, repeat: int) -> dict[str, Any]:
    """Every question alone, then the page."""
    asked = {name: measured(ask, repeat) for name, ask in questions(engine, days).items()}
    with ThreadPoolExecutor(4) as pool:
        day = Bucketing(UTC_ZONE, calendar=Calendar.DAY)
        pages = {
            "7 days": measured(lambda: page(engine, Scope(PROJECT, END - timedelta(days=7), END), day, pool), repeat),
            "30 days": measured(lambda: page(engine, Scope(PROJECT, END - timedelta(days=30), END), day, pool), repeat),
        }
    worst = max(asked.items(), key=lambda item: item[1]["p95"])
    over = [name for name, each in asked.items() if each["p95"] > LIMIT_MS]
    return {"limit_ms": LIMIT_MS, "over_limit": over, "slowest": worst[0], "questions": asked, "page": pages}


def main() -> None:
    """Make or open the books, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--repeat", type=int, default=15, help="runs of each question (default 15)")
    parser.add_argument("--json", type=Path, help="write the result there as well")
    parser.add_argument("--keep", type=Path, help="a directory for the store, which is used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = options.keep or Path(folder) / "data"
        with Engine(StoreSettings(data=data)) as engine:
            migrate(engine)
            filled = engine.rows("SELECT count() FROM ledger_day_rows")[0][0]
            seeded = {} if filled else seed(engine, options.customers, options.days)
            settle(engine)
            counts = {
                table: engine.rows(f"SELECT count() FROM {table}")[0][0]
                for table in ("ledger_rows", "ledger_day_rows", "ledger_total_rows")
            }
            sizes = engine.rows(
                "SELECT table, sum(bytes_on_disk), count() FROM system.parts WHERE active AND database ="
                " currentDatabase() AND table LIKE 'ledger%' GROUP BY table ORDER BY table"
            )
            result = {
                "cpus": os.cpu_count(), "python": platform.python_version(), "customers": options.customers,
                "days": options.days, "rows": counts,
                "disk": {table: {"bytes": size, "parts": parts} for table, size, parts in sizes}, **seeded,
                **run(engine, options.days, options.repeat),
            }  # fmt: skip
    text = json.dumps(result, indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
