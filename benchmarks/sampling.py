"""What sampling costs the export thread a span, and how many spans and bytes are left to be sent.

Runs the SDK's own stages without a network: spans of traces with two calls each are decided, summed and encoded, at
several rates in turn, several rounds each; prints JSON with the median microseconds per span of each rate.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from spanledger import semconv
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.enrich import Made
from spanledger._internal.sampling.sampler import Sampler
from spanledger._internal.sampling.settings import Sampling

RESOURCE = Resource({"service.name": "benchmark"})
SCOPE = InstrumentationScope("spanledger")
BATCH = 512
TEXT = '[{"role": "user", "parts": [{"type": "text", "content": "' + "word " * 200 + '"}]}]'


class Ready:
    """Gives spans that need no enrichment."""

    def __init__(self) -> None:
        self.batch: list[Made] = []

    def made(self, batch: Sequence[Any]) -> list[Made]:
        return self.batch

    def embed(self, made: Sequence[Made]) -> None:
        """No vectors here."""


def spans(count: int, customers: int) -> list[Made]:
    chosen = random.Random(1)
    found: list[Made] = []
    start = time.time_ns()
    while len(found) < count:
        trace = chosen.getrandbits(128)
        for number in (3, 2, 1):
            attributes: dict[str, Any] = {semconv.KIND: "chain", semconv.INPUT_MESSAGES: TEXT}
            if number > 1:
                attributes |= {
                    semconv.KIND: "llm",
                    semconv.OPERATION_NAME: "chat",
                    semconv.PROVIDER_NAME: "openai",
                    semconv.RESPONSE_MODEL: chosen.choice(["gpt-4o", "gpt-4.1-mini"]),
                    semconv.USAGE_INPUT_TOKENS: chosen.randrange(2000),
                    semconv.USAGE_OUTPUT_TOKENS: chosen.randrange(500),
                    semconv.COST_USD: "0.0012",
                    semconv.CUSTOMER_ID: f"customer-{chosen.randrange(customers)}",
                }
            span = ReadableSpan(
                name="call",
                context=SpanContext(trace, number, is_remote=False, trace_flags=TraceFlags(1)),
                parent=SpanContext(trace, 1, is_remote=False, trace_flags=TraceFlags(1)) if number > 1 else None,
                resource=RESOURCE,
                attributes=attributes,
                kind=SpanKind.CLIENT,
                start_time=start,
                end_time=start + 10**9,
                instrumentation_scope=SCOPE,
            )
            found.append(Made(span, attributes, ""))
    return found[:count]


def run(made: Sequence[Made], rate: float) -> tuple[float, int, int]:
    """(seconds, spans to be sent, their bytes)."""
    queue: SpanQueue[Any] = SpanQueue(10**7, 10**12, BATCH)
    ready = Ready()
    sampler = Sampler(Sampling(rate=rate, slow_seconds=60, cost_usd=Decimal(1)), queue, ready)
    sent: list[ReadableSpan] = []
    size = 0
    began = time.perf_counter()
    for at in range(0, len(made), BATCH):
        if at + BATCH >= len(made):
            queue._awaited = 1  # pyright: ignore[reportPrivateUsage] - as a flush does at the end
        ready.batch = list(made[at : at + BATCH])
        kept = sampler([(each.span, None) for each in ready.batch])
        if kept:
            size += len(encode_spans(kept).SerializePartialToString())
        sent += kept
    return time.perf_counter() - began, len(sent), size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=30_000)
    parser.add_argument("--customers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    seconds: dict[float, list[float]] = {1.0: [], 0.1: [], 0.0: []}
    sizes: dict[float, tuple[int, int]] = {}
    for _ in range(options.rounds):
        for rate, taken in seconds.items():
            elapsed, count, size = run(spans(options.spans, options.customers), rate)
            taken.append(elapsed)
            sizes[rate] = count, size
    print(
        json.dumps(
            {
                f"rate {rate:g}": {
                    "us_per_span": round(statistics.median(taken) / options.spans * 1e6, 2),
                    "sent": sizes[rate][0],
                    "bytes": sizes[rate][1],
                }
                for rate, taken in seconds.items()
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
