"""Durable spans per second of one `spanledger up`, as JSON.

    python benchmarks/ingest.py [--seconds 20] [--batch 100] [--connections 4] [--gzip] [--stored 5000000] [--paced]
                                [--markdown]

Starts the collector on a new directory, or on one that holds `--stored` spans already, runs the project's OTLP load
generator against it, waits until every acknowledged span is stored, and counts what was lost (sent and acknowledged,
but not in the store). The generator runs on the same machine. `bare_engine_spans_s` is the engine's own insert of the
same rows, measured in the same run: the ratio says what the line costs. With `--paced`, a second run sends at 80 % of
the durable rate that the first has found, on a timetable: a request's time to acknowledgement counts from when it was
due. Exit code 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import itertools
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOADGEN = ROOT.parent / "shared" / "tools" / "loadgen.py"
sys.path.insert(0, str(ROOT))

from benchmarks import documents  # noqa: E402
from tests.line.process import Up  # noqa: E402

HEAD = (
    "| stored before | acknowledged/s | durable/s | lost | p99 to acknowledgement, ms | CPU µs a span | peak RSS, MB |"
    " bare engine/s | ratio |\n|" + "---:|" * 9
)
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


def paced(up: Any, options: argparse.Namespace, rate: float, count: str) -> dict[str, Any]:
    """Send `rate` spans a second on a timetable, and say how long acknowledgements took and what became stored."""
    specification = importlib.util.spec_from_file_location("loadgen", options.loadgen)
    assert specification is not None
    assert specification.loader is not None
    loadgen = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loadgen)
    form = SimpleNamespace(
        service="paced", spans_per_trace=5, prompt_bytes=1024, completion_bytes=1024, flavor=options.flavor
    )
    generator = loadgen.Gen(form, seed=11)
    templates = [generator.template(options.batch) for _ in range(32)]
    requests = int(rate * options.seconds / options.batch)
    before = up.query(count)[0][0]
    numbers = itertools.count()
    waits: list[float] = []
    refused: list[int] = []
    start = time.perf_counter() + 0.5

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=60)
        while (number := next(numbers)) < requests:
            body = bytes(loadgen.fresh(templates[number % len(templates)]))
            due = start + number * options.batch / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            waits.append(time.perf_counter() - due)
            if answer.status != 200:
                refused.append(answer.status)

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = time.perf_counter() - start
    expected = before + (requests - len(refused)) * options.batch
    stored = up.settled(count, [[expected]], 300)[0][0]
    waits.sort()
    return {
        "rate": round(rate),
        "sent_spans_s": round(requests * options.batch / sent),
        "ack_ms": {f"p{q}": round(waits[int(len(waits) * q / 100)] * 1000, 1) for q in (50, 90, 99)},
        "ack_max_ms": round(waits[-1] * 1000, 1),
        "refused": len(refused),
        "behind_s": round(time.perf_counter() - start - sent, 1),
        "lost_spans": expected - stored,
    }


def table(present: str, result: dict[str, Any]) -> str:
    """The table with this result's line, in place of an earlier one of the same size."""
    rows = dict[int, str]()
    for line in present.splitlines()[2:]:
        rows[int(line.split("|")[1].replace(",", ""))] = line
    beside = result.get("paced", {}).get("ack_ms", {}).get("p99")
    cells = [
        f"{result['stored_before']:,}", f"{result['accepted_spans_s']:,.0f}", f"{result['durable_spans_s']:,.0f}",
        f"{result['lost_spans']}", f"{result['lat_ms']['p99']:.0f}" + (f" (paced {beside:.0f})" if beside else ""),
        f"{result['server_cpu_s_per_1k_spans'] * 1000:.0f}", f"{result['server_peak_rss_mb']:,.0f}",
        f"{result['bare_engine_spans_s']:,}", f"{result['ratio_to_bare_engine']:.2f}",
    ]  # fmt: skip
    rows[result["stored_before"]] = f"| {' | '.join(cells)} |"
    return "\n".join([HEAD, *(rows[size] for size in sorted(rows))])


def main() -> int:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--flavor", choices=["genai", "openinference", "both"], default="genai")
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--stored", type=int, default=0, help="spans that are in the store beforehand")
    parser.add_argument("--paced", action="store_true", help="a second run at 80 %% of the durable rate")
    parser.add_argument("--markdown", action="store_true", help="write this line of the table in docs/performance.md")
    parser.add_argument("--loadgen", type=Path, default=LOADGEN)
    options = parser.parse_args()
    if not options.loadgen.exists():
        print(f"skipped: no load generator at {options.loadgen}; name it with --loadgen")
        return 0
    with tempfile.TemporaryDirectory(prefix="spanledger-ingest-") as directory:
        data = Path(directory) / "data"
        # What is stored beforehand lies before: asking for the new spans must not cost more the more there are.
        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        if options.stored:
            seed = [sys.executable, str(ROOT / "benchmarks" / "seed.py"), "--data", str(data)]
            size = ["--spans", str(options.stored), "--end", end.isoformat()]
            subprocess.run([*seed, *size], check=True, stdout=subprocess.DEVNULL)
        up = Up(data)
        asked = f"SELECT count() FROM spans WHERE start_time >= toDateTime64('{end:%Y-%m-%d %H:%M:%S}', 9, 'UTC')"
        count = f"{shlex.quote(sys.executable)} -m spanledger_cli query {shlex.quote(asked)} --format csv"
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
        result["stored_before"] = options.stored
        if options.paced:
            result["paced"] = paced(up, options, 0.8 * result["durable_spans_s"], asked)
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
    if options.markdown:
        page = documents.DOCS / "performance.md"
        documents.renew(page, "ingest", table(documents.current(page, "ingest"), result))
    return int(result["lost_spans"] != 0 or result.get("paced", {}).get("lost_spans", 0) != 0)


if __name__ == "__main__":
    sys.exit(main())
