"""What expiry takes and leaves: python benchmarks/retention.py [--calls 1500000]

Stores calls of 30 days in one project and 20 slices, expires all of them, and prints bytes and seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from spanledger_store import ledger
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.lifecycle import retention
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings

SEED = """
INSERT INTO span_rows (project_id, trace_id, span_id, start_time, customer, feature, model, provider, is_billable,
                       cost_usd, duration_ns, input_tokens, call_count, ingested_at, price_source)
SELECT 'default', lower(hex(sipHash128(number))), lower(hex(sipHash64(number, 1))),
       toDateTime64('2026-05-01', 9, 'UTC') + toIntervalMicrosecond(intDiv(number * 2592000000000, {calls:UInt64})),
       concat('c', toString(number % 20)), 'chat', 'gpt-4o', 'openai', true, toDecimal64(0.001 * (number % 7), 12),
       rand(number) % 1000000000, 100, 1, now64(9), 'test'
FROM numbers({calls:UInt64})
"""
BYTES = """
SELECT sum(bytes_on_disk), sum(rows) FROM system.parts
WHERE active AND database = currentDatabase() AND table = {table:String}
"""


def main(calls: int) -> None:
    """Print the figures."""
    with (
        tempfile.TemporaryDirectory() as home,
        Engine(StoreSettings(data=Path(home))) as engine,
        Control.open(engine.settings) as control,
    ):
        migrate(engine)
        engine.command(SEED, {"calls": calls}, {"max_partitions_per_insert_block": 0})
        size, _ = engine.rows(BYTES, {"table": "span_rows"})[0]
        print(f"{calls} calls, {size / calls:.1f} bytes each as spans")
        retention.choose(control, "default", {"spans": 10})
        began = time.monotonic()
        retention.run(engine, control, now=datetime(2026, 6, 25, tzinfo=UTC), interface="benchmark")
        print(f"expired in {time.monotonic() - began:.1f} s")
        engine.command("OPTIMIZE TABLE frozen_rows FINAL")
        size, rows = engine.rows(BYTES, {"table": "frozen_rows"})[0]
        print(f"{size / calls:.1f} bytes a call in {rows} frozen rows: {(size - 8 * calls) / rows:.0f} a row beside 8")
        hours = engine.rows("SELECT DISTINCT project_id, hour FROM frozen")
        began = time.monotonic()
        ledger.recompute(engine, [(project, hour.replace(tzinfo=UTC)) for project, hour in hours])
        print(f"{len(hours)} frozen hours recomputed in {time.monotonic() - began:.1f} s")
        print("the ledger has", *engine.rows("SELECT sum(calls), sum(cost_usd) FROM ledger")[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_500_000)
    main(parser.parse_args().calls)
