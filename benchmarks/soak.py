"""Observed calls at a steady rate while their collector is killed and restarted, minute after minute.

    python benchmarks/soak.py [--minutes 10] [--rate 500] [--restart-every 60] [--down 5] [--no-buffer] [--json FILE]

The endpoint is an OTLP server in a process of its own, killed by SIGKILL and started again at the same port. It writes
the ids of the spans of a request to a file before it answers, so that what it has acknowledged is known whatever
becomes of it. Prints one JSON object: calls made, spans that arrived, lost, sent twice, the SDK's own account, and how
the resident memory of the calling process grew after the first minute (least squares; `se` is the slope's standard
error). Exit code 1 where a span is missing or the account differs from what arrived.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import spanledger

ID_BYTES = 24
WARM_UP = 60.0
TEXT = "x" * 1024


def serve(port: int, file: Path) -> None:
    """Answer OTLP requests until killed; every id is in the file before its request is acknowledged."""
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    class Sink(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
            if self.path == "/v1/traces":
                ids = b"".join(
                    span.trace_id + span.span_id
                    for resource in ExportTraceServiceRequest.FromString(body).resource_spans
                    for scope in resource.scope_spans
                    for span in scope.spans
                )
                os.write(log, ids)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Sink).serve_forever()


@spanledger.observe(kind="llm")
def call(prompt: str) -> str:
    """One call with a kilobyte in and out, and the facts of a provider's answer."""
    spanledger.update(model="gpt-4o", provider="openai", input_tokens=1200, output_tokens=300)
    return TEXT


def slope(samples: list[tuple[float, float]]) -> dict[str, float]:
    """Growth of (seconds, bytes) in MB per hour, with its standard error."""
    if len(samples) < 3:
        return {"mb_per_hour": float("nan"), "se": float("nan")}
    times = [at / 3600 for at, _ in samples]
    sizes = [size / 1e6 for _, size in samples]
    fit = statistics.linear_regression(times, sizes)
    spread = sum((at - statistics.fmean(times)) ** 2 for at in times)
    rest = sum((size - fit.intercept - fit.slope * at) ** 2 for at, size in zip(times, sizes, strict=True))
    return {"mb_per_hour": round(fit.slope, 3), "se": round((rest / (len(samples) - 2) / spread) ** 0.5, 3)}


class Endpoint:
    """The server process, and when it is up."""

    def __init__(self, file: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._file = file
        self.restarts = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, __file__, "--serve", str(self.port), "--file", str(self._file)]
        self._process: subprocess.Popen[bytes] | None = subprocess.Popen(command)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
            self.restarts += 1


def soak(options: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """Run, and return the account."""
    file = directory / "ids"
    endpoint = Endpoint(file)
    buffer = None if options.no_buffer else directory / "buffer"
    spanledger.init(f"http://127.0.0.1:{endpoint.port}", buffer_dir=buffer)
    process = psutil.Process()
    samples: list[tuple[float, float]] = []
    began = time.monotonic()
    end = began + options.minutes * 60
    kill_at = began + options.restart_every
    start_at = float("inf")
    sample_at = began
    most_buffered = made = 0
    unbalanced = 0
    while (now := time.monotonic()) < end:
        due = int((now - began) * options.rate)
        while made < due:
            call(TEXT)
            made += 1
        if now >= sample_at:
            sample_at += 2
            stats = spanledger.stats()
            most_buffered = max(most_buffered, stats.buffered)
            places = stats.queued + stats.held + stats.in_flight + stats.buffered + stats.acknowledged + stats.lost
            unbalanced += stats.ended + stats.inherited != places + stats.sampled_out
            if now - began >= WARM_UP:
                samples.append((now - began, float(process.memory_info().rss)))
        if now >= kill_at:
            endpoint.kill()
            kill_at += options.restart_every
            start_at = now + options.down
        if now >= start_at:
            endpoint.start()
            start_at = float("inf")
        time.sleep(0.01)
    if start_at != float("inf"):
        endpoint.start()
    spanledger.flush(120)
    spanledger.shutdown()
    at_the_end = process.memory_info().rss
    stats = spanledger.stats()
    endpoint.kill()
    content = file.read_bytes()
    arrived = [content[at : at + ID_BYTES] for at in range(0, len(content), ID_BYTES)]
    return {
        "minutes": options.minutes,
        "rate": options.rate,
        "buffer": buffer is not None,
        "restarts": endpoint.restarts - 1,
        "seconds_down_each": options.down,
        "calls": made,
        "arrived": len(set(arrived)),
        "lost": made - len(set(arrived)),
        "sent_twice": len(arrived) - len(set(arrived)),
        "looks_at_stats_that_did_not_add_up": unbalanced,
        "most_on_disk": most_buffered,
        "rss_mb": {
            "after_warm_up": round(samples[0][1] / 1e6, 1) if samples else None,
            "at_the_end": round(at_the_end / 1e6, 1),
            "highest": round(max((size for _, size in samples), default=0) / 1e6, 1),
        },
        "rss_mb_by_minute": [round(size / 1e6, 1) for _, size in samples[::30]],
        "rss_slope": slope(samples),
        "rss_slope_of_the_second_half": slope(samples[len(samples) // 2 :]),
        "cpu_us_per_call": round(sum(process.cpu_times()[:2]) / max(made, 1) * 1e6, 1),
        "stats": {name: value for name, value in asdict(stats).items() if name not in ("last_error", "scores")},
        "python": platform.python_version(),
    }


def main() -> int:
    """Run, print, and say by the exit code whether everything arrived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=500, help="calls per second")
    parser.add_argument("--restart-every", type=float, default=60, help="seconds between two kills of the endpoint")
    parser.add_argument("--down", type=float, default=5, help="seconds it stays away")
    parser.add_argument("--no-buffer", action="store_true", help="keep what waits in memory, not on disk")
    parser.add_argument("--json", type=Path, help="write the result there, too")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve, options.file)
        return 0
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        result = soak(options, Path(directory))
    text = json.dumps(result, indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")
    stats = result["stats"]
    is_exact = stats["acknowledged"] == stats["ended"] == result["calls"] and not stats["dropped"]
    return 0 if result["lost"] == 0 and is_exact and not result["looks_at_stats_that_did_not_add_up"] else 1


if __name__ == "__main__":
    sys.exit(main())
