"""How long the forecast and the anomaly job take over books of many customers and days, as JSON.

    python benchmarks/finance_jobs.py [--job forecast|anomalies] [--customers 10000] [--days 400] [--keep DIR]

The books are those of `benchmarks/books.py`; a store that is kept with `--keep` is used again, by either. The forecast
job reads every slice's days, forecasts 90 days of each and 72 hours of the dearest, and stores all of it. The anomaly
job goes through the last three weeks of every slice by the hour, as it does each quarter of an hour. CPU seconds are
this process's, the embedded engine's included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.books import END, PROJECT, seed, settle

from spanledger_analytics.jobs import anomalies, forecast
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings


def main() -> None:
    """Make or open the books, run the job once, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", choices=["forecast", "anomalies"], default="forecast")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--keep", type=Path, help="a directory for the store, which is used again")
    options = parser.parse_args()
    stages: dict[str, float] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        settings = StoreSettings(data=options.keep or Path(folder))
        engine = stack.enter_context(Engine(settings))
        migrate(engine)
        if not engine.rows("SELECT count() FROM ledger_day_rows")[0][0]:
            seed(engine, options.customers, options.days)
        settle(engine)
        begun, cpu = time.perf_counter(), time.process_time()
        last, doing = begun, ""

        def tell(what: str, *_: int) -> None:
            nonlocal last, doing
            now = time.perf_counter()
            if doing:
                stages[doing] = round(stages.get(doing, 0.0) + now - last, 2)
            last, doing = now, what

        if options.job == "forecast":
            made = forecast.make(engine, PROJECT, END, datetime.now(UTC), tell)
        else:
            control = stack.enter_context(Control.open(settings))
            made = anomalies.look(engine, control, PROJECT, END, tell)
        tell("")
        took, used = time.perf_counter() - begun, time.process_time() - cpu
    result = {
        "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "customers": options.customers,
        "days": options.days, "job": options.job, "made": made, "seconds": round(took, 1),
        "cpu_seconds": round(used, 1), "stages": stages,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
