"""Sampling leaves traces out and no money: the books of a sampled run are those of the whole one, to the last digit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

import spanledger
from spanledger import semconv
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.enrich import Made
from spanledger._internal.pricing.billing import Unclear, bill_of
from spanledger._internal.sampling import sampler as sampling
from spanledger._internal.sampling.sampler import Sampler
from spanledger._internal.sampling.settings import Sampling, sampling_of
from spanledger._internal.sampling.sums import NAME
from spanledger_collector.normalise.dialect import Dialect
from spanledger_collector.normalise.dialects import DIALECTS, OTEL
from spanledger_collector.normalise.spans import Origin, normalise
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch

from .sink import Sink

Start = Callable[..., Any]
MINUTE = 60_000_000_000
NOW = 1_764_000_000_000_000_000 // MINUTE * MINUTE
NEVER = Sampling(rate=0, slow_seconds=1e6, cost_usd=Decimal(10**9), hold_seconds=1e6)
SCOPE = InstrumentationScope("spanledger")
RESOURCE = Resource({"service.name": "checkout", "deployment.environment.name": "prod"})
TESTS = Path(__file__).parents[1]
KEY = ("customer", "feature", "team", "provider", "model", "prompt_name", "prompt_version", "environment", "release",
       "user", "service")  # fmt: skip
COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
MONEY = ("cost_usd", "input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd",
         "other_cost_usd", "client_cost_usd")  # fmt: skip


def made(
    trace: int,
    number: int = 1,
    parent: int | None = None,
    *,
    attributes: dict[str, Any] | None = None,
    start: int = NOW,
    seconds: float = 1.0,
    scope: str = "spanledger",
    failed: bool = False,
    flags: int = 1,
) -> ReadableSpan:
    def context(span_id: int) -> SpanContext:
        return SpanContext(trace, span_id, is_remote=False, trace_flags=TraceFlags(flags))

    return ReadableSpan(
        name="call",
        context=context(number),
        parent=None if parent is None else context(parent),
        resource=RESOURCE,
        attributes=attributes or {semconv.KIND: "chain"},
        kind=SpanKind.CLIENT,
        status=Status(StatusCode.ERROR, "no") if failed else Status(StatusCode.UNSET),
        start_time=start,
        end_time=start + round(seconds * 1e9),
        instrumentation_scope=InstrumentationScope(scope),
    )


def with_attributes(span: ReadableSpan, attributes: dict[str, Any]) -> ReadableSpan:
    return ReadableSpan(
        name=span.name, context=span.context, parent=span.parent, resource=span.resource, attributes=attributes,
        kind=span.kind, status=span.status, start_time=span.start_time, end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )  # fmt: skip


def used(model: str = "gpt-4o", tokens: int = 100, **extra: Any) -> dict[str, Any]:
    return {
        semconv.KIND: "llm",
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "openai",
        semconv.RESPONSE_MODEL: model,
        semconv.USAGE_INPUT_TOKENS: tokens,
        semconv.USAGE_OUTPUT_TOKENS: 7,
        semconv.COST_USD: "0.000320000001",
        semconv.COST_SOURCE: "genai-prices",
        **extra,
    }


class Line:
    """A sampler without a thread: what goes in, and what comes out in the end."""

    def __init__(self, chosen: Sampling) -> None:
        self.queue: SpanQueue[Any] = SpanQueue(10**6, 10**9, 10**6)
        self.embedded: list[int] = []
        self.sampler = Sampler(chosen, self.queue, self)
        self.sent: list[ReadableSpan] = []

    def made(self, batch: Sequence[Any]) -> list[Made]:
        held = [dict(span.attributes) for span, _ in batch]
        return [Made(with_attributes(span, own), own, "text") for (span, _), own in zip(batch, held, strict=True)]

    def embed(self, made: Sequence[Made]) -> None:
        self.embedded += [each.span.context.span_id for each in made if each.span.context]

    def give(self, *spans: ReadableSpan) -> None:
        for span in spans:
            self.queue.count_start()
            self.queue.put((span, None), 1)
        batch = self.queue.take(0) if spans else []
        out = self.sampler(batch)
        self.queue.count_sent(len(out))
        if out:
            self.queue.settle(len(out))
        self.sent += out
        self.check()

    def check(self) -> None:
        stats = self.queue.stats()
        assert stats.ended == stats.held + stats.acknowledged + stats.sampled_out
        assert stats.in_flight == 0
        assert stats.acknowledged == len(self.sent)

    def end(self) -> list[ReadableSpan]:
        self.queue._awaited = 1  # as a flush does
        self.give()
        assert self.queue.stats().held == 0
        return self.sent


def rows(spans: Sequence[ReadableSpan]) -> list[dict[str, Any]]:
    """The collector's rows of these spans, sent in one request."""
    request = ExportTraceServiceRequest.FromString(encode_spans(spans).SerializePartialToString())
    return rows_of(request)


def rows_of(request: ExportTraceServiceRequest) -> list[dict[str, Any]]:
    batch = SpanBatch("t")
    assert normalise(request, Origin("p", "", 1), batch, 10**6) == []
    return [dict(zip(SPAN_COLUMNS, row, strict=True)) for row in batch.spans]


def books(found: Sequence[dict[str, Any]]) -> dict[Any, Any]:
    """The ledger of some rows: per hour and slice, the sums it keeps."""
    sums: dict[Any, dict[str, Any]] = defaultdict(lambda: defaultdict(Decimal))
    for row in found:
        if not row["is_billable"]:
            continue
        into = sums[(row["start_time"] // (60 * MINUTE), *(row[name] for name in KEY))]
        calls = row["call_count"]
        into["calls"] += calls
        into["errors"] += calls * (row["status"] == "error")
        into["unpriced"] += calls * (row["cost_usd"] is None and row["price_source"] == "")
        into["hits"] += calls * bool(row["cache_hit"])
        for name in (*COUNTS, *MONEY):
            into[name] += row[name] or 0
        into["other"] += sum(row["other_tokens"].values())
    return {key: dict(value) for key, value in sums.items()}


# --- the books ---------------------------------------------------------------------------------------

counts = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 400_000))
calls = st.fixed_dictionaries(
    {
        "model": st.sampled_from([
            ("openai", "gpt-4o"), ("openai", "gpt-4.1-mini"), ("anthropic", "claude-sonnet-4-5"),
            ("gcp.gemini", "gemini-2.5-pro"), ("gcp.gemini", "gemini-2.5-flash"), ("x_ai", "grok-4"),
            ("langchain", "gpt-4o"), ("vllm", "home-made"), ("deepseek", "deepseek-chat"), ("", "gpt-4o"),
        ]),
        "kind": st.sampled_from(["llm", "llm", "embedding", "chain", "tool"]),
        "input": counts, "output": counts, "read": counts, "write": counts, "reasoning": counts,
        "other": st.dictionaries(st.sampled_from(["web_searches", "input_audio_seconds"]), st.integers(0, 40)),
        "customer": st.sampled_from(["acme", "globex", ""]),
        "meta": st.sampled_from([None, "acme", 5]),
        "told": st.sampled_from([None, "0.1", "0.000000000001", "12.3456789012345"]),
        "hit": st.sampled_from([None, None, None, True, False]),
        "at": st.integers(0, 3 * 60),
        "failed": st.sampled_from([False] * 5 + [True]),
        "trace": st.integers(1, 6),
        "audio": st.sampled_from([None, None, 50]),
    }
)  # fmt: skip


def span_of(number: int, call: dict[str, Any]) -> ReadableSpan:
    provider, model = call["model"]
    attributes: dict[str, Any] = {
        semconv.KIND: call["kind"],
        semconv.PROVIDER_NAME: provider,
        semconv.REQUEST_MODEL: model,
        semconv.USAGE_INPUT_TOKENS: call["input"],
        semconv.USAGE_OUTPUT_TOKENS: call["output"],
        semconv.USAGE_CACHE_READ_TOKENS: call["read"],
        semconv.USAGE_CACHE_WRITE_TOKENS: call["write"],
        semconv.USAGE_REASONING_TOKENS: call["reasoning"],
        semconv.USAGE_AUDIO_INPUT_TOKENS: call["audio"],
        semconv.CUSTOMER_ID: call["customer"] or None,
        semconv.METADATA_PREFIX + "customer_id": call["meta"],
        semconv.COST_USD: call["told"],
        semconv.CACHE_HIT: call["hit"],
        **{semconv.USAGE_OTHER_PREFIX + unit: count for unit, count in call["other"].items()},
    }
    attributes = {key: value for key, value in attributes.items() if value is not None}
    trace = random.Random(call["trace"]).getrandbits(128)
    return made(trace, number, 1000, attributes=attributes, start=NOW + call["at"] * 10**9, failed=call["failed"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(calls, max_size=40), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(1, 40))
def test_the_books_of_a_sampled_run_are_those_of_the_whole_run(
    given_calls: list[dict[str, Any]], rate: float, size: int
) -> None:
    spans = [span_of(number, call) for number, call in enumerate(given_calls, 1)]
    line = Line(replace(NEVER, rate=rate))
    for at in range(0, len(spans), size):
        line.give(*spans[at : at + size])
    sent = line.end()
    assert books(rows(sent)) == books(rows(spans))


def test_tiers_are_priced_by_the_call_and_not_by_the_sum() -> None:
    sizes = [1_000, 150_000, 199_999, 200_000, 200_001, 250_000, 3, 900_000]
    spans = [
        made(2**127 + n, 1, attributes=used("gemini-2.5-pro", size, **{semconv.PROVIDER_NAME: "gcp.gemini"}))
        for n, size in enumerate(sizes)
    ]
    line = Line(NEVER)
    line.give(*spans)
    sent = line.end()
    assert books(rows(sent)) == books(rows(spans))
    assert sum(span.attributes[semconv.CALL_COUNT] for span in sent) == len(sizes)  # type: ignore[index]
    assert 1 < len(sent) < len(sizes)


def test_a_minutes_calls_of_one_kind_are_one_span_without_content() -> None:
    content = {semconv.INPUT_MESSAGES: '[{"role": "user"}]', semconv.EMBEDDING: "AAAA", semconv.RESPONSE_ID: "r"}
    line = Line(NEVER)
    for n in range(200):
        line.give(made(n + 1, n + 1, attributes=used(**content, **{semconv.CUSTOMER_ID: "acme"})))
    (sent,) = line.end()
    attributes = dict(sent.attributes or {})
    assert (sent.name, attributes[semconv.CALL_COUNT], attributes[semconv.COST_USD]) == (NAME, 200, "0.0640000002")
    assert (attributes[semconv.USAGE_INPUT_TOKENS], attributes[semconv.CUSTOMER_ID]) == (20_000, "acme")
    assert not attributes.keys() & content.keys()
    assert sent.parent is None
    assert (sent.start_time, sent.end_time) == (NOW, None)
    stats = line.queue.stats()
    assert (stats.sampled_out, stats.acknowledged, stats.ended) == (200, 1, 201)


def captured() -> Iterator[tuple[str, ExportTraceServiceRequest]]:
    """What every library really sent."""
    for path in sorted((TESTS / "collector/dialects").rglob("*.otlp.json")):
        yield path.name, json_format.Parse(path.read_text(), ExportTraceServiceRequest(), ignore_unknown_fields=True)
    for path in sorted((TESTS / "collector/beside").glob("*.json")):
        for each in json.loads(path.read_text())["traces"]:
            yield path.name, json_format.ParseDict(each, ExportTraceServiceRequest())


def test_of_every_library_nothing_is_left_out_that_the_collector_would_count_otherwise() -> None:
    seen: Counter[str] = Counter()
    for name, request in captured():
        found = rows_of(request)
        at = 0
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    row, at = found[at], at + 1
                    readable = made(1, attributes=plain(span), scope=scope.scope.name, start=span.start_time_unix_nano)
                    try:
                        bill = bill_of(readable)
                    except Unclear:
                        seen["sent"] += 1
                        continue
                    if bill is None:
                        seen["left out"] += 1
                        assert not row["is_billable"], (name, span.name)
                        continue
                    seen["summed"] += 1
                    assert row["is_billable"], (name, span.name)
                    assert [getattr(bill.usage, each) for each in COUNTS] == [row[each] for each in COUNTS], name
                    assert (bill.cost.total if bill.cost else None) == row["cost_usd"], name
    assert min(seen[outcome] for outcome in ("sent", "left out", "summed")) >= 2, seen


@pytest.mark.parametrize("dialect", [each for each in DIALECTS if each is not OTEL], ids=lambda each: each.name)
def test_a_span_that_may_speak_another_dialect_is_the_collectors_to_read(dialect: Dialect) -> None:
    for scope in dialect.scopes:
        with pytest.raises(Unclear):
            bill_of(made(1, attributes=used(), scope=scope))
    for key in dialect.keys:
        with pytest.raises(Unclear):
            bill_of(made(1, attributes=used(**{key + "x" * key.endswith("."): 1}), scope="my.program"))


def plain(span: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in span.attributes:
        which = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, which) if which else None
    return found


# --- what is kept ------------------------------------------------------------------------------------


def names(spans: Sequence[ReadableSpan]) -> list[int]:
    return sorted(span.context.span_id for span in spans if span.name != NAME and span.context)


def rates(spans: Sequence[ReadableSpan]) -> set[Any]:
    return {(span.attributes or {}).get(semconv.SAMPLE_RATE) for span in spans if span.name != NAME}


@pytest.mark.parametrize(
    ("chosen", "special"),
    [
        (NEVER, {"failed": True}),
        (replace(NEVER, slow_seconds=5), {"seconds": 5.1}),
        (replace(NEVER, cost_usd=Decimal("0.0002")), {"attributes": used()}),
        (NEVER, {"attributes": {semconv.KIND: "tool", semconv.ERROR_TYPE: "TimeoutError"}}),
    ],
)
def test_failed_slow_and_dear_calls_keep_their_whole_trace(chosen: Sampling, special: dict[str, Any]) -> None:
    line = Line(chosen)
    line.give(made(7, 3, 2, **special), made(7, 2, 1))
    assert line.sent == []
    line.give(made(8, 5, 4), made(7, 1), made(8, 4))
    assert names(line.end()) == [1, 2, 3]
    assert rates(line.sent) == {1.0}
    assert sorted(line.embedded) == [1, 2, 3]  # what is left out costs no vector


def test_a_trace_is_whole_or_left_out_and_services_choose_the_same() -> None:
    chooser = random.Random(5)
    traces = [chooser.getrandbits(128) for _ in range(2000)]
    services = [Line(replace(NEVER, rate=0.1)) for _ in range(2)]
    for line in services:
        for trace in traces:
            line.give(made(trace, 2, 1), made(trace, 1))
    sent = [{span.context.trace_id for span in line.end() if span.context} for line in services]
    assert sent[0] == sent[1]
    assert 150 < len(sent[0]) < 250
    assert all(len(line.sent) == 2 * len(sent[0]) for line in services)
    assert rates(services[0].sent) == {0.1}
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    theirs = TraceIdRatioBased(0.1)
    assert sent[0] == {trace for trace in traces if theirs.should_sample(None, trace, "x").decision.is_sampled()}


def test_weights_add_up_to_what_there_was() -> None:
    chooser = random.Random(9)
    line = Line(replace(NEVER, rate=0.25))
    for number in range(4000):
        line.give(made(chooser.getrandbits(128), 1, failed=number % 50 == 0))
    weights = [1 / (span.attributes or {})[semconv.SAMPLE_RATE] for span in line.end()]  # type: ignore[operator]
    assert sum(weights) == pytest.approx(4000, rel=0.08)
    assert weights.count(1.0) == 80


def test_what_ends_after_its_trace_follows_it() -> None:
    line = Line(NEVER)
    line.give(made(7, 1), made(7, 2, 1), made(8, 3, failed=True))
    line.give(made(7, 4, 1), made(8, 5, 3))
    line.give(made(7, 6, 1, failed=True))
    line.give(made(7, 7, 1))
    assert names(line.end()) == [3, 5, 6, 7]


def test_a_trace_that_does_not_end_is_decided_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(replace(NEVER, hold_seconds=0))
    line.give(made(7, 2, 1, attributes=used()))
    assert (line.queue.stats().sampled_out, line.queue.stats().held) == (1, 1)
    monkeypatch.setattr(sampling, "MOST_SPANS", 10)
    line = Line(NEVER)
    for number in range(50):
        line.give(made(number + 1, number + 1, 1000))
    assert line.queue.stats().held == 10
    monkeypatch.setattr(sampling, "MOST_BYTES", 0)
    line.give(made(99, 99, 1000))
    assert line.queue.stats().held == 0


def test_one_call_that_two_spans_tell_of_is_left_to_the_collector() -> None:
    spans = [
        made(7, 2, 1, attributes=used()),
        made(7, 1, attributes=used()),
        made(8, 4, 3, attributes=used(**{semconv.RESPONSE_ID: "r"})),
        made(8, 5, 3, attributes=used(**{semconv.RESPONSE_ID: "r"})),
        made(8, 3),
    ]
    line = Line(NEVER)
    line.give(*spans)
    assert names(line.end()) == [1, 2, 4, 5]
    assert books(rows(line.sent)) == books(rows(spans))


def test_unusable_settings_are_named() -> None:
    problems: list[str] = []
    assert sampling_of(2, {}, problems) == Sampling()
    env = {
        "SPANLEDGER_SAMPLE_RATE": "ten",
        "SPANLEDGER_SAMPLE_SLOW_SECONDS": "-1",
        "SPANLEDGER_SAMPLE_COST_USD": "NaN",
        "SPANLEDGER_SAMPLE_HOLD_SECONDS": "inf",
    }
    assert sampling_of(None, env, problems) == Sampling()
    assert len(problems) == 5
    assert all(value in problem for value, problem in zip(["2", *env.values()], problems, strict=True))
    env = dict(zip(env, ["0.5", "3", "1.5", "9"], strict=True))
    assert sampling_of(None, env, problems) == Sampling(0.5, 3, Decimal("1.5"), 9)
    with pytest.raises(ValueError, match=r"sample=1\.5.*from 0 to 1"):
        spanledger.observe(sample=1.5)


# --- the whole SDK -----------------------------------------------------------------------------------


@spanledger.observe(kind="llm", name="ask")
def ask(model: str = "gpt-4o", fails: bool = False) -> dict[str, Any]:
    if fails:
        raise RuntimeError("no")
    return {
        "model": model,
        "choices": [{"message": {"role": "assistant", "content": "Yes."}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    }


@spanledger.observe
def serve(calls: int = 1) -> None:
    for _ in range(calls):
        ask()


def test_only_sums_leave_the_program_and_the_account_is_exact(start: Start, sink: Sink) -> None:
    start(sample_rate=0.0)
    with spanledger.context(customer="acme"):
        for _ in range(50):
            serve(3)
    with pytest.raises(RuntimeError):
        ask(fails=True)
    assert spanledger.flush()
    kept = [span for span in sink.spans if span.name != NAME]
    assert [(span.name, span.attributes[semconv.SAMPLE_RATE]) for span in kept] == [("ask", 1.0)]
    sums = [span for span in sink.spans if span.name == NAME]
    assert sum(span.attributes[semconv.CALL_COUNT] for span in sums) == 150
    assert sum(Decimal(span.attributes[semconv.COST_USD]) for span in sums) == 150 * Decimal("0.00035")
    stats = spanledger.stats()
    assert stats.ended == 201 + len(sums)
    assert stats.ended == stats.acknowledged + stats.sampled_out
    assert (stats.sampled_out, stats.held, stats.lost, stats.acknowledged) == (200, 0, 0, 1 + len(sums))


def test_a_functions_own_share(start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    from spanledger._internal.observing import declaration

    monkeypatch.setattr(declaration, "_is_sampling_declared", False)

    @spanledger.observe(sample=0)
    def chatty() -> None:
        ask()

    @spanledger.observe(sample=1)
    def important() -> None:
        chatty()
        ask()

    start(sample_rate=0.0)
    important()
    chatty()
    assert spanledger.flush()
    found = sorted(span.name.rpartition(".")[2] for span in sink.spans)
    assert found == ["ask", NAME, "important"]
    assert sum(span.attributes.get(semconv.CALL_COUNT, 0) for span in sink.spans) == 2
    parents = {span.name.rpartition(".")[2]: span.parent_id for span in sink.spans}
    assert parents["ask"] == sink.named("important").span_id


def test_nothing_waits_where_nothing_is_sampled(start: Start, sink: Sink) -> None:
    start()
    with spanledger._internal.runtime.active.tracer.start_as_current_span("open"):  # type: ignore[union-attr]
        ask()
        assert spanledger.flush()
        assert [span.name for span in sink.spans] == ["ask"]
    assert semconv.SAMPLE_RATE not in sink.spans[0].attributes


def test_the_standard_sampler_decides_and_its_calls_still_count(sink: Sink) -> None:
    """In a program of its own: the provider is one that the SDK installs, for the whole process."""
    program = (
        "import spanledger\n"
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
        "spanledger.init()\n"
        "theirs = InMemorySpanExporter()\n"
        "trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(theirs))\n"
        "@spanledger.observe(kind='llm')\n"
        "def ask():\n"
        "    spanledger.update(model='gpt-4o', input_tokens=100, output_tokens=10)\n"
        "for _ in range(400): ask()\n"
        "assert spanledger.flush()\n"
        "print(len(theirs.get_finished_spans()))\n"
    )
    env = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1", "SPANLEDGER_ENDPOINT": sink.url}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    kept = [span for span in sink.spans if span.name == "ask"]
    assert 15 < len(kept) < 80
    assert len(kept) == int(done.stdout)
    counted = sum(span.attributes[semconv.CALL_COUNT] for span in sink.spans if span.name == NAME)
    assert len(kept) + counted == 400


ENDING = """
import os, sys
import spanledger
spanledger.init(sample_rate=0)
@spanledger.observe(kind="llm")
def ask():
    spanledger.update(model="gpt-4o", input_tokens=100, output_tokens=10)
for _ in range(30):
    ask()
if sys.argv[1] == "fork":
    child = os.fork()
    for _ in range(20):
        ask()
    if child:
        assert os.waitpid(child, 0)[1] == 0
    else:
        assert spanledger.shutdown() and spanledger.stats().sampled_out == 20
        os._exit(0)
"""


@pytest.mark.parametrize(("way", "calls"), [("end", 30), ("fork", 70)])
def test_the_end_of_a_program_sends_its_sums(sink: Sink, way: str, calls: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING, way],
        env={"SPANLEDGER_ENDPOINT": sink.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {span.name for span in sink.spans} == {NAME}
    assert sum(span.attributes[semconv.CALL_COUNT] for span in sink.spans) == calls


def test_a_provider_of_the_programs_own_decides_alone(start: Start, sink: Sink) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    start(tracer_provider=provider, sample_rate=0.5)
    ask()
    assert spanledger.flush()
    assert (sink.spans, spanledger.stats().ended) == ([], 0)
