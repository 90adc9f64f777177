"""Durable spans per second of one `spanledger up`, as JSON.

    python benchmarks/ingest.py [--seconds 20] [--batch 100] [--connections 4] [--gzip]

Starts the collector on a new directory, runs the project's OTLP load generator against it, waits until every
acknowledged span is stored, and counts what was lost (sent and acknowledged, but not in the store). The generator runs
on the same machine. `bare_engine_spans_s` is the engine's own insert of the same rows, measured in the same run: the
ratio says what the line costs. Exit code 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOADGEN = ROOT.parent / "shared" / "tools" / "loadgen.py"
sys.path.insert(0, str(ROOT))

BARE = """
import json, sys, time
from pathlib import Path
from spanledger_store.columns import CONTENT_COLUMNS, SPAN_COLUMNS, columnar
from spanledger_store.engine import Engine
from spanledger_store.settings import StoreSettings
sys.path.insert(0, sys.argv[2])
with Engine(StoreSettings(data=Path(sys.argv[1]))) as engine:
    rows = engine.rows("SELECT %s FROM span_rows LIMIT 10000" % ", ".join(SPAN_COLUMNS))
    content = engine.rows("SELECT %s FROM span_content_rows LIMIT 10000" % ", ".join(CONTENT_COLUMNS))
    for table in ("span_rows", "span_content_rows"):
        engine.command(f"CREATE TABLE bare_{table} AS {table}")
    started = time.perf_counter()
    for number in range(5):
        engine.insert("bare_span_rows", columnar(SPAN_COLUMNS, rows), f"s{number}")
        engine.insert("bare_span_content_rows", columnar(CONTENT_COLUMNS, content), f"c{number}")
    print(json.dumps(5 * len(rows) / (time.perf_counter() - started)))
"""


def main() -> int:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--flavor", choices=["genai", "openinference", "both"], default="genai")
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--loadgen", type=Path, default=LOADGEN)
    options = parser.parse_args()
    if not options.loadgen.exists():
        print(f"skipped: no load generator at {options.loadgen}; name it with --loadgen")
        return 0
    from tests.line.process import Up

    with tempfile.TemporaryDirectory(prefix="spanledger-ingest-") as directory:
        data = Path(directory) / "data"
        up = Up(data)
        count = f"{shlex.quote(sys.executable)} -m spanledger_cli query 'SELECT count() FROM spans' --format csv"
        command = [
            sys.executable, str(options.loadgen), "--url", up.url, "--concurrency", str(options.connections),
            "--batch", str(options.batch), "--seconds", str(options.seconds), "--flavor", options.flavor,
            "--pid", str(up.process.pid), "--disk", str(data),
            "--count-cmd", f"{count} --data {shlex.quote(str(data))}",
        ]  # fmt: skip
        run = subprocess.run([*command, *(["--gzip"] if options.gzip else [])], capture_output=True, text=True)
        if run.returncode:
            print(run.stderr, file=sys.stderr)
            return 1
        result = json.loads(run.stdout)
        started = time.monotonic()
        result["exit_code"] = up.stop()
        result["stop_s"] = round(time.monotonic() - started, 2)
        bare = subprocess.run([sys.executable, "-c", BARE, str(data), str(ROOT)], capture_output=True, text=True)
        if bare.returncode == 0:
            result["bare_engine_spans_s"] = round(json.loads(bare.stdout))
            result["ratio_to_bare_engine"] = round(result["durable_spans_s"] / result["bare_engine_spans_s"], 3)
        else:
            result["bare_engine_error"] = bare.stderr[-300:]
    result.update(machine=platform.machine(), cores=os.cpu_count(), python=platform.python_version())
    print(json.dumps(result, indent=2))
    return int(result["lost_spans"] != 0)


if __name__ == "__main__":
    sys.exit(main())
