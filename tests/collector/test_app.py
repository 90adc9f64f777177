from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger_analytics.jobs import ledger
from spanledger_store.control import Control, keys, quarantine
from spanledger_store.engine import Engine
from tests.collector.conftest import Line, open_line
from tests.collector.otlp_builder import chat, request, span

GOOD = request(span(chat())).SerializeToString()


def partial(body: bytes) -> tuple[int, str]:
    answer = ExportTraceServiceResponse.FromString(body).partial_success
    return answer.rejected_spans, answer.error_message


def still_fine(line: Line) -> None:
    """The next request is taken as if nothing had happened."""
    before = line.stored()
    assert line.post(request(span(chat())).SerializeToString()).status_code == 200
    assert line.stored() == before + 1


def test_a_span_travels_from_the_wire_to_the_ledger(line: Line) -> None:
    answer = line.post(request(span(chat(1000)), span(chat(2000))).SerializeToString())
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "application/x-protobuf", b"")
    assert line.stored() == 2
    ledger.run(line.collector.engine, line.collector.control)
    found = line.client.post("/api/v1/query", json={"sql": "SELECT sum(calls), sum(cost_usd) FROM ledger"}).json()
    assert found["columns"][0]["name"] == "sum(calls)"
    calls, cost = found["rows"][0]
    assert (int(calls), Decimal(cost)) == (2, 3000 * Decimal("2.5e-6") + 1500 * Decimal("1e-5"))


@pytest.mark.parametrize("kind", ["application/x-protobuf", "application/json"])
def test_repeats_are_stored_once(line: Line, kind: str) -> None:
    message = request(span(chat()))
    body = message.SerializeToString()
    if kind == "application/json":
        one = message.resource_spans[0].scope_spans[0].spans[0]
        body = json.dumps(
            {
                "resourceSpans": [
                    {
                        "scopeSpans": [
                            {
                                "spans": [
                                    {
                                        "traceId": one.trace_id.hex(),
                                        "spanId": one.span_id.hex(),
                                        "name": "x",
                                        "startTimeUnixNano": str(one.start_time_unix_nano),
                                        "endTimeUnixNano": str(one.end_time_unix_nano),
                                    }
                                ]
                            }
                        ]
                    }
                ]
            }
        ).encode()
    for _ in range(3):
        answer = line.client.post("/v1/traces", content=body, headers={"content-type": kind})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kind
    packed = {"content-type": kind, "content-encoding": "gzip"}
    assert line.client.post("/v1/traces", content=gzip.compress(body), headers=packed).status_code == 200
    assert line.stored() == 1
    assert line.collector.engine.rows("SELECT count() FROM span_rows") == [(1,)]


def test_a_repeat_in_another_batch_is_stored_once_too(line: Line) -> None:
    first, second = span(chat()), span(chat())
    line.post(request(first).SerializeToString())
    line.post(request(second, first).SerializeToString())
    assert line.stored() == 2


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"\xff\xff\xff", {}, 400, "not an ExportTraceServiceRequest"),
        (GOOD, {"content-encoding": "br"}, 415, "'br'"),
        (GOOD, {"content-encoding": "gzip"}, 400, "not valid gzip"),
        (GOOD, {"content-type": "text/plain"}, 415, "'text/plain'"),
        (b"{}", {"content-type": "application/x-protobuf"}, 400, "not an ExportTraceServiceRequest"),
    ],
)
def test_broken_requests_get_a_clear_answer(
    line: Line, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    answer = line.post(body, **headers)
    assert answer.status_code == status
    assert words in Status.FromString(answer.content).message
    still_fine(line)


def test_a_20_mb_body_is_taken(line: Line) -> None:
    spans = [span(chat(**{"gen_ai.input.messages": "x" * 1_000_000})) for _ in range(20)]
    assert line.post(request(*spans).SerializeToString()).status_code == 200
    assert line.stored() == 20
    lengths = line.collector.engine.rows("SELECT DISTINCT input_length FROM span_content")
    assert len(lengths) == 1
    assert lengths[0][0] > 1_000_000
    still_fine(line)


@pytest.fixture
def small(embedded: Engine, control: Control) -> Iterator[Line]:
    yield from open_line(embedded, control, max_body_bytes=100_000)


def test_a_body_over_the_limit_is_refused_with_the_limit_named(small: Line) -> None:
    big = request(span({"x": "y" * 200_000})).SerializeToString()
    for body, headers in ((big, {}), (gzip.compress(big), {"content-encoding": "gzip"})):
        answer = small.post(body, **headers)
        assert answer.status_code == 413
        assert "100000 bytes" in Status.FromString(answer.content).message
    still_fine(small)


def test_a_span_without_ids_is_named_and_set_aside_and_the_others_are_stored(line: Line) -> None:
    answer = line.post(request(span(chat()), span(chat(), span_id=b""), span(chat())).SerializeToString())
    assert answer.status_code == 200
    rejected, message = partial(answer.content)
    assert rejected == 1
    assert "span_id" in message
    assert line.stored() == 2
    kept = quarantine.listing(line.collector.control)
    assert [(entry.reason, entry.span_count) for entry in kept] == [("refused_span", 1)]
    still_fine(line)


def test_odd_values_are_stored_with_a_warning(line: Line) -> None:
    now = time.time_ns()
    odd = [
        span(chat(), name="backwards", start=now, end=now - 1),
        span({**chat(), "gen_ai.usage.input_tokens": float("nan")}, name="nan"),
        span(chat(), name="last year", start=now - 400 * 86_400 * 10**9),
    ]
    answer = line.post(request(*odd).SerializeToString())
    rejected, message = partial(answer.content)
    assert (answer.status_code, rejected) == (200, 0)
    assert "unknown duration" in message
    assert "more than a year" in message
    assert line.stored() == 3
    found = line.collector.engine.rows("SELECT name, duration_ns, input_tokens, warnings FROM spans ORDER BY name")
    assert found[0] == ("backwards", None, 100, ["end before start"])
    assert found[2] == ("nan", 1_000_000_000, None, ["unreadable gen_ai.usage.input_tokens"])
    still_fine(line)


def test_keys_decide_the_project_and_wrong_ones_are_refused(line: Line) -> None:
    control = line.collector.control
    key, secret = keys.create(control, "default", "app", "ingest")
    _, read = keys.create(control, "default", "eyes", "read")
    line.collector.access._needed.clear()
    for headers, words in (
        ({}, "spanledger keys create"),
        ({"authorization": "Bearer nonsense"}, "not a valid ingest key"),
        ({"authorization": f"Bearer {read}"}, "reading only"),
    ):
        answer = line.post(GOOD, **headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert words in Status.FromString(answer.content).message
    for headers in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}):
        assert line.post(request(span(chat())).SerializeToString(), **headers).status_code == 200
    assert line.stored() == 2
    assert line.collector.engine.rows("SELECT DISTINCT project_id, ingest_key FROM spans") == [("default", key.id)]
    keys.revoke(control, key.id)
    line.collector.access._known.clear()
    assert line.post(GOOD, authorization=f"Bearer {secret}").status_code == 401


@pytest.fixture
def tight(embedded: Engine, control: Control, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A collector whose spool takes a megabyte and whose store is away."""
    from spanledger_collector import delivery
    from spanledger_store.errors import StoreUnavailable

    def away(*_: object) -> None:
        raise StoreUnavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "write_encoded", away)
        yield from open_line(embedded, control, spool_max_bytes=1 << 20, drain_seconds=0.1)


def test_a_store_that_is_away_fills_the_spool_and_then_senders_wait(tight: Line) -> None:
    import random

    words = random.Random(1)
    statuses: list[int] = []
    for _ in range(40):
        noise = words.randbytes(40_000).hex()
        answer = tight.post(request(span(chat(**{"gen_ai.input.messages": noise}))).SerializeToString())
        statuses.append(answer.status_code)
    assert set(statuses) == {200, 429}
    assert int(answer.headers["retry-after"]) > 0
    assert tight.collector.spool.stats().spans == statuses.count(200)
    ready = tight.client.get("/readyz")
    assert ready.status_code == 503
    assert "away" in ready.json()["reason"]
    assert tight.client.get("/healthz").status_code == 200


def test_a_row_the_store_refuses_is_set_aside_alone(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    from spanledger_collector import delivery
    from spanledger_store.errors import QueryError

    real = delivery.write

    def refused(*_: object) -> None:
        raise QueryError("something in it is no good")

    def picky(engine: Engine, control: Control, batch: object) -> None:
        if any(row[4] == "poison" for row in batch.spans):  # pyright: ignore
            raise QueryError("no such value")
        real(engine, control, batch)  # pyright: ignore

    monkeypatch.setattr(delivery, "write_encoded", refused)
    monkeypatch.setattr(delivery, "write", picky)
    spans = [span(chat(), name="poison" if n == 17 else "fine") for n in range(50)]
    assert line.post(request(*spans).SerializeToString()).status_code == 200
    assert line.stored() == 49
    assert [entry.reason for entry in quarantine.listing(line.collector.control)] == ["refused_by_store"]


def test_metrics_and_unknown_paths(line: Line) -> None:
    line.post(request(span(chat())).SerializeToString())
    line.settle()
    text = line.client.get("/metrics").text
    assert "spanledger_spans_accepted_total 1.0" in text
    assert 'spanledger_requests_total{signal="traces",status="200"} 1.0' in text
    missing = line.client.get("/api/v1/nope")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/json")


@pytest.mark.parametrize("sql", ["DROP TABLE span_rows", "SELECT file('/etc/passwd')", "SELEC 1", ""])
def test_the_query_api_reads_and_nothing_else(line: Line, sql: str) -> None:
    answer = line.client.post("/api/v1/query", json={"sql": sql})
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_the_api_describes_itself_without_anything_from_outside(line: Line) -> None:
    page = line.client.get("/api/docs")
    assert page.status_code == 200
    for path in line.client.get("/api/openapi.json").json()["paths"]:
        assert path in page.text
    assert "SELECT customer, sum(cost_usd)" in page.text
    assert "//" not in page.text.replace("<!doctype", "")
    assert "<script" not in page.text
