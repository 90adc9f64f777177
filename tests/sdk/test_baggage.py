"""Context crosses: to threads, pools and processes, and to other services as far as both allow it."""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage as otel_baggage
from opentelemetry import context as otel_context
from opentelemetry.baggage.propagation import W3CBaggagePropagator

import spanledger
from spanledger import semconv
from spanledger._internal import runtime
from spanledger._internal.context import baggage
from spanledger.testing import capture
from tests.cli.conftest import environment

from .sink import Sink

Start = Callable[..., Any]
MINE = contextvars.ContextVar("MINE", default="")


@pytest.fixture(autouse=True)
def _nothing_crosses() -> Iterator[None]:
    yield
    baggage.allow(())


@spanledger.observe
def work(_: object = None) -> str:
    return MINE.get()


@spanledger.observe
async def work_async() -> None:
    await asyncio.sleep(0)


# --- threads, pools, processes -------------------------------------------------------------------------


def test_a_carried_function_has_the_parent_and_the_stamps_of_where_it_was_carried() -> None:
    @spanledger.observe(name="outer")
    def outer() -> None:
        MINE.set("mine")
        threads = [threading.Thread(target=spanledger.carry(work)) for _ in range(3)]
        same = spanledger.carry(work)
        threads += [threading.Thread(target=same) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert same() == "mine"

    with capture() as recorded, spanledger.context(customer="acme"):
        outer()
    inner = [span for span in recorded if span["name"] == "work"]
    assert len(inner) == 7
    assert {span["parent"] for span in inner} == {"outer"}
    assert {span["attributes"][semconv.CUSTOMER_ID] for span in inner} == {"acme"}


def test_a_pool_carries_for_whoever_submits() -> None:
    async def in_loop(pool: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(pool, work)

    with capture() as recorded, spanledger.propagating(ThreadPoolExecutor(2)) as pool:
        for customer in ("a", "b"):
            with spanledger.context(customer=customer):
                pool.submit(work).result()
                list(pool.map(work, range(2)))
                asyncio.run(in_loop(pool))
        pool.submit(work).result()
        assert pool._max_workers == 2  # type: ignore[attr-defined]
    found = [span["attributes"].get(semconv.CUSTOMER_ID) for span in recorded]
    assert sorted(found, key=str) == sorted(["a"] * 4 + ["b"] * 4 + [None], key=str)


def test_a_coroutine_is_carried_into_another_loop() -> None:
    with capture() as recorded:
        with spanledger.context(customer="acme"):
            carried = spanledger.carry(work_async)
        thread = threading.Thread(target=lambda: asyncio.run(carried()))
        thread.start()
        thread.join()
    assert recorded.named("work_async")["attributes"][semconv.CUSTOMER_ID] == "acme"


def test_a_generator_is_not_carried_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    def items() -> Iterator[int]:
        yield 1

    assert spanledger.carry(items) is items
    assert "carry the function that consumes it" in caplog.text


def in_child(endpoint: str) -> bool:
    spanledger.init(endpoint)
    work()
    return spanledger.flush()


def test_a_process_pool_gets_parent_and_stamps(sdk: Sink) -> None:
    @spanledger.observe(name="outer")
    def outer() -> None:
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        with spanledger.propagating(pool) as carrying:
            assert carrying.submit(in_child, sdk.url).result(60)
            assert list(carrying.map(in_child, [sdk.url])) == [True]

    with spanledger.context(customer="acme", tags=["a"]):
        outer()
    assert spanledger.flush()
    inner = [span for span in sdk.spans if span.name == "work"]
    assert len(inner) == 2
    assert {span.parent_id for span in inner} == {sdk.named("outer").span_id}
    assert {(span.attributes[semconv.CUSTOMER_ID], *span.attributes[semconv.TAGS]) for span in inner} == {("acme", "a")}


# --- other services ------------------------------------------------------------------------------------


def header() -> str:
    carrier: dict[str, str] = {}
    W3CBaggagePropagator().inject(carrier)
    return carrier.get("baggage", "")


def test_only_what_is_allowed_is_sent(start: Start) -> None:
    with spanledger.context(customer="acme"):
        assert header() == ""
    start(baggage=["customer", "session", "prompt"])
    with spanledger.context(customer="Müller & Söhne", user="ann", feature="f", prompt=("greet", 3)):
        sent = otel_baggage.get_all(W3CBaggagePropagator().extract({"baggage": header()}, otel_context.Context()))
        assert sent == {
            "spanledger.customer": "Müller & Söhne",
            "spanledger.prompt": "greet",
            "spanledger.prompt_version": "3",
        }
        with spanledger.context(customer="x" * 257):
            assert "customer" not in header()
    assert header() == ""


def received(**sent: str) -> Any:
    pairs = ",".join(f"{name.replace('_', '.', 1)}={value}" for name, value in sent.items())
    return W3CBaggagePropagator().extract({"baggage": pairs}, otel_context.Context())


def test_only_what_is_allowed_is_taken_and_what_is_said_here_wins(start: Start, sink: Sink) -> None:
    start(baggage="customer, feature")  # type: ignore[arg-type] - as the variable has it
    arrived = received(spanledger_customer="acme", spanledger_user="ann", spanledger_feature="x" * 300)
    token = otel_context.attach(arrived)
    try:
        work()
        with spanledger.context(customer="globex"):
            work()
    finally:
        otel_context.detach(token)
    assert runtime.active is not None
    runtime.active.tracer.start_span("third", context=arrived).end()
    assert spanledger.flush()
    keys = (semconv.CUSTOMER_ID, semconv.USER_ID, semconv.FEATURE)
    assert [tuple(span.attributes.get(key) for key in keys) for span in sink.spans] == [
        ("acme", None, None),
        ("globex", None, None),
        ("acme", None, None),
    ]


def test_nothing_is_taken_where_nothing_is_allowed(sdk: Sink) -> None:
    token = otel_context.attach(received(spanledger_customer="acme"))
    work()
    otel_context.detach(token)
    assert spanledger.flush()
    assert semconv.CUSTOMER_ID not in sdk.named("work").attributes


def test_a_name_that_cannot_cross_is_named(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    start(baggage=["customer", "password"])
    assert "baggage='password'" in caplog.text
    assert list(baggage.allowed) == [semconv.CUSTOMER_ID]


RECEIVER = """
import sys
import uvicorn
from fastapi import FastAPI, Request
from opentelemetry import context, propagate
import spanledger
spanledger.init(sys.argv[1], service_name="receiver")
app = FastAPI()
@app.middleware("http")
async def extracted(request: Request, call_next):
    token = context.attach(propagate.extract(dict(request.headers)))
    try:
        return await call_next(request)
    finally:
        context.detach(token)
@spanledger.observe
def inner(): ...
@app.get("/")
async def serve():
    inner()
    return {"delivered": spanledger.flush()}
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)
Server(uvicorn.Config(app, port=0, log_level="warning")).run()
"""


@pytest.mark.parametrize("receives", ["customer,session", ""])
def test_between_two_services(start: Start, sink: Sink, receives: str) -> None:
    start(baggage=["customer", "session", "user"], service_name="sender")
    process = subprocess.Popen(
        [sys.executable, "-c", RECEIVER, sink.url],
        env=environment(SPANLEDGER_BAGGAGE=receives),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())

        @spanledger.observe(name="sending")
        def send() -> None:
            from opentelemetry import propagate

            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=carrier)
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.read() == b'{"delivered":true}'

        with spanledger.context(customer="Ünal", session="s 1", user="ann"):
            send()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
    assert spanledger.flush()
    far, near = sink.named("inner"), sink.named("sending")
    assert (far.trace_id, far.parent_id) == (near.trace_id, near.span_id)
    taken = {key: far.attributes[key] for key in far.attributes if key in baggage.allowed}
    expected = {semconv.CUSTOMER_ID: "Ünal", semconv.CONVERSATION_ID: "s 1"} if receives else {}
    assert taken == expected
