"""What `@spanledger.observe` costs per call, beside a bare OpenTelemetry span with 15 attributes.

    python benchmarks/sdk_overhead.py [--calls 20000] [--rounds 40]

Both are measured in one process, in alternating short rounds, so that a busy machine slows both alike. Every
span goes to a small OTLP server in another process, which counts what arrives. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import platform
import statistics
import threading
import time
import timeit
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

import opentelemetry.sdk.version
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import spanledger

ATTRIBUTES: dict[str, str | int | float] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 800,
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.max_tokens": 512,
    "gen_ai.response.id": "chatcmpl-123",
    "gen_ai.conversation.id": "session-1",
    "user.id": "user-1",
    "spanledger.customer.id": "acme",
    "spanledger.feature": "support",
    "deployment.environment.name": "production",
}
KILOBYTE = "x" * 1024


def serve(answers: Connection) -> None:
    """Count the spans of every request until told to stop, then say how many arrived."""
    spans: set[bytes] = set()

    class Sink(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            if self.path == "/v1/traces":  # ours; the bare spans go elsewhere and are not counted
                spans.update(
                    span.trace_id + span.span_id
                    for resource in request.resource_spans
                    for scope in resource.scope_spans
                    for span in scope.spans
                )
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answers.send(server.server_address[1])
    answers.recv()
    answers.send(len(spans))
    server.shutdown()


def trivial(text: str) -> str:
    """Return its argument."""
    return text


def measure_switched_off() -> dict[str, float]:
    """Nanoseconds of one call, bare and observed with SPANLEDGER_ENABLED=false: the best of many rounds."""
    os.environ["SPANLEDGER_ENABLED"] = "false"
    spanledger.init()
    observed = spanledger.observe(trivial)
    count, bare, disabled = 20_000, float("inf"), float("inf")
    for _ in range(20):
        bare = min(bare, timeit.timeit("f(x)", globals={"f": trivial, "x": KILOBYTE}, number=count))
        disabled = min(disabled, timeit.timeit("f(x)", globals={"f": observed, "x": KILOBYTE}, number=count))
    del os.environ["SPANLEDGER_ENABLED"]
    return {
        "bare_call_ns": round(bare / count * 1e9, 1),
        "disabled_ns": round(disabled / count * 1e9, 1),
        "added_ns": round((disabled - bare) / count * 1e9, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="calls in the tight loop")
    parser.add_argument("--rounds", type=int, default=40, help="alternating rounds of 100 timed calls each")
    options = parser.parse_args()

    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    sink = spawn.Process(target=serve, args=(there,), daemon=True)
    sink.start()
    port = here.recv()

    switched_off = measure_switched_off()
    bare_provider = TracerProvider()
    bare_provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(f"http://127.0.0.1:{port}/bare"), max_queue_size=100_000)
    )
    tracer = bare_provider.get_tracer("bare")
    spanledger.init(f"http://127.0.0.1:{port}", tracer_provider=TracerProvider(shutdown_on_exit=False))
    observed = spanledger.observe(trivial)

    def bare() -> None:
        with tracer.start_as_current_span("trivial") as span:
            for name, value in ATTRIBUTES.items():
                span.set_attribute(name, value)
            trivial(KILOBYTE)

    def ours() -> None:
        observed(KILOBYTE)

    def measure(function: object, into: list[int]) -> None:
        clock = time.perf_counter_ns
        for _ in range(100):
            before = clock()
            function()  # type: ignore[operator]
            into.append(clock() - before)

    for _ in range(300):
        bare()
        ours()
    bare_times: list[int] = []
    our_times: list[int] = []
    for index in range(options.rounds):
        first, second = ((bare, bare_times), (ours, our_times))
        if index % 2:
            first, second = second, first
        measure(*first)
        measure(*second)
        time.sleep(0.02)
    warmed = spanledger.stats().ended

    before = time.perf_counter()
    for _ in range(options.calls):
        ours()
    loop = time.perf_counter() - before
    spanledger.flush(60)
    stats = spanledger.stats()
    here.send("stop")
    arrived = here.recv()
    spanledger.shutdown()
    bare_provider.shutdown()

    def summary(times: list[int]) -> dict[str, float]:
        return {
            "p50_us": round(statistics.median(times) / 1000, 2),
            "mean_us": round(statistics.fmean(times) / 1000, 2),
            "p99_us": round(sorted(times)[len(times) * 99 // 100] / 1000, 2),
        }

    result = {
        "bare_otel_15_attributes": summary(bare_times),
        "observe_1kb": summary(our_times),
        "switched_off": switched_off,
        "p50_ratio": round(statistics.median(our_times) / statistics.median(bare_times), 3),
        "tight_loop": {
            "calls": options.calls,
            "seconds": round(loop, 3),
            "mean_us": round(loop / options.calls * 1e6, 2),
            "lost": warmed + options.calls - arrived,
        },
        "stats": {
            "started": stats.started,
            "ended": stats.ended,
            "sent": stats.sent,
            "acknowledged": stats.acknowledged,
            "dropped": stats.dropped,
        },
        "python": platform.python_version(),
        "opentelemetry_sdk": opentelemetry.sdk.version.__version__,
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
