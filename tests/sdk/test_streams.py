"""Responses that stream: their span is open until the stream has ended, one way or another."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import socket
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import flask
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import spanledger
from spanledger import testing

from .faulty import wait_until


@pytest.fixture
def recorded() -> Iterator[testing.Recorder]:
    with testing.capture() as recorder:
        yield recorder


@spanledger.observe(kind="tool")
def step(name: str) -> str:
    return name


def output(span: Any) -> str:
    return span["output"][0]["parts"][0]["content"]


async def words() -> AsyncGenerator[str, None]:
    for word in ("a", "b", "c"):
        await asyncio.sleep(0)
        yield step(word)


def sync_words() -> Generator[bytes, None, None]:
    for word in ("grü", "ße"):
        step(word)
        whole = word.encode()
        yield whole[:3]
        yield whole[3:]


def app() -> Starlette:
    @spanledger.observe(kind="agent")
    async def endpoint(request: Request) -> Response:
        return StreamingResponse(words())

    @spanledger.observe
    def threaded(request: Request) -> Response:
        return StreamingResponse(sync_words())

    @spanledger.observe
    async def handed(request: Request) -> Response:
        return StreamingResponse(spanledger.observe(words)())

    @spanledger.observe
    async def failing(request: Request) -> Response:
        async def broken() -> AsyncIterator[str]:
            yield "a"
            raise OSError("the source is gone")

        return StreamingResponse(broken())

    @spanledger.observe
    async def plain(request: Request) -> Response:
        return JSONResponse({"a": 1}) if "json" in request.query_params else PlainTextResponse("hello")

    named = {"endpoint": endpoint, "threaded": threaded, "handed": handed, "failing": failing, "plain": plain}
    return Starlette(routes=[Route(f"/{name}", function) for name, function in named.items()])


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(app()) as made:
        yield made


def test_a_starlette_stream_is_one_span_with_what_was_streamed(recorded: testing.Recorder, client: TestClient) -> None:
    assert client.get("/endpoint").text == "abc"
    names = [span["name"].rpartition(".")[2] for span in recorded.spans]
    assert names == ["step", "step", "step", "endpoint"]  # it ends last
    span = recorded.named("endpoint")
    assert output(span) == "abc"
    assert {each["parent"] for each in recorded.spans[:3]} == {span["name"]}
    assert span["attributes"]["gen_ai.response.time_to_first_chunk"] >= 0


def test_a_sync_stream_runs_in_threads_and_keeps_its_parent(recorded: testing.Recorder, client: TestClient) -> None:
    assert client.get("/threaded").text == "grüße"
    span = recorded.named("threaded")
    assert output(span) == "grüße"  # whatever bytes the chunks were cut at
    assert [each["parent"] for each in recorded.spans if each["name"] == "step"] == [span["name"]] * 2


def test_an_observed_generator_that_is_handed_over_is_a_child(recorded: testing.Recorder, client: TestClient) -> None:
    assert client.get("/handed").text == "abc"
    assert recorded.named("words")["parent"] == recorded.named("handed")["name"]
    assert output(recorded.named("words")) == output(recorded.named("handed")) == "abc"
    assert {each["parent"] for each in recorded.spans if each["name"] == "step"} == {"words"}


def test_a_stream_that_fails_is_an_error_with_what_came_before(recorded: testing.Recorder, client: TestClient) -> None:
    with pytest.raises(OSError, match="the source is gone"):
        client.get("/failing")
    span = recorded.named("failing")
    assert (span["status"], output(span)) == ("error", "a")


@pytest.mark.parametrize("what", ["plain", "plain?json"])
def test_other_responses_end_with_the_call(recorded: testing.Recorder, client: TestClient, what: str) -> None:
    assert client.get(f"/{what}").status_code == 200
    assert recorded.named("plain")["status"] == "ok"


def test_a_response_that_is_never_sent_ends_its_span(recorded: testing.Recorder) -> None:
    @spanledger.observe
    async def endpoint() -> Response:
        return StreamingResponse(words())

    asyncio.run(endpoint())
    gc.collect()
    assert recorded.named("endpoint")["status"] == "ok"


def test_a_client_that_goes_away_ends_the_span() -> None:
    """A real server, and a client that reads two items of an endless stream."""
    closed = threading.Event()

    async def endless() -> AsyncGenerator[str, None]:
        try:
            while True:
                yield step("x" * 1000)
                await asyncio.sleep(0.005)
        finally:
            closed.set()

    web = FastAPI()

    @web.get("/")
    @spanledger.observe
    async def endpoint(size: int = 3) -> StreamingResponse:
        return StreamingResponse(endless())

    with socket.socket() as listener, testing.capture() as recorder:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(web, log_config=None, lifespan="off"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        wait_until(lambda: server.started)
        with socket.create_connection(listener.getsockname()) as connection:
            connection.sendall(b"GET /?size=4 HTTP/1.1\r\nhost: h\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
            assert not [span for span in recorder.spans if span["name"] == "endpoint"]
        wait_until(closed.is_set)
        wait_until(lambda: any(span["name"] == "endpoint" for span in recorder.spans))
        server.should_exit = True
        thread.join()
        (span,) = [span for span in recorder.spans if span["name"] == "endpoint"]  # FastAPI has one of its own, too
        assert output(span).startswith("x" * 1000)
        assert {each["parent"] for each in recorder.spans if each["name"] == "step"} == {span["name"]}


# --- Flask -------------------------------------------------------------------------------------------


def web() -> flask.Flask:
    made = flask.Flask("web")

    @made.get("/response")
    @spanledger.observe
    def response() -> flask.Response:
        return flask.Response(sync_words())

    @made.get("/generator")
    @spanledger.observe
    def generator() -> Any:
        return sync_words()

    @made.get("/context")
    @spanledger.observe
    def context() -> flask.Response:
        def inside() -> Iterator[str]:
            yield flask.request.args["q"]

        return flask.Response(flask.stream_with_context(inside()))

    @made.get("/observed")
    @spanledger.observe
    def observed() -> flask.Response:
        return flask.Response(spanledger.observe(sync_words)())

    @made.get("/plain")
    @spanledger.observe
    def plain() -> flask.Response:
        return flask.jsonify(a=1)

    return made


@pytest.mark.parametrize("path", ["response", "generator", "observed"])
def test_a_flask_stream_is_one_span(recorded: testing.Recorder, path: str) -> None:
    answer = web().test_client().get(f"/{path}")
    assert answer.get_data(as_text=True) == "grüße"
    answer.close()
    span = recorded.named(path)
    assert output(span) == "grüße"
    assert recorded.spans[-1]["name"] == span["name"]
    parent = "sync_words" if path == "observed" else span["name"]
    assert [each["parent"] for each in recorded.spans if each["name"] == "step"] == [parent] * 2


def test_flasks_own_context_and_plain_answers_stay(recorded: testing.Recorder) -> None:
    client = web().test_client()
    assert client.get("/context?q=hello").text == "hello"
    assert client.get("/plain").json == {"a": 1}
    assert output(recorded.named("context")) == "hello"
    assert recorded.named("plain")["status"] == "ok"


def test_a_flask_client_that_goes_away_closes_the_source(recorded: testing.Recorder) -> None:
    closed: list[int] = []

    class Source:
        """An iterable with a `close`, as of a database cursor or a file."""

        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"x"

        def close(self) -> None:
            closed.append(1)

    made = flask.Flask("web")

    @made.get("/")
    @spanledger.observe
    def endpoint() -> flask.Response:
        return flask.Response(Source())  # type: ignore[arg-type]

    answer = made.test_client().get("/", buffered=False)
    stream = answer.iter_encoded()
    assert next(stream) + next(stream) == b"xx"
    answer.close()
    assert closed
    assert output(recorded.named("endpoint")).startswith("xx")


# --- generators that are handed on -------------------------------------------------------------------


def test_a_generator_that_a_function_returns_is_followed(recorded: testing.Recorder) -> None:
    def talk() -> Generator[str, str, str]:
        answer = yield "a"
        yield step(answer)
        return "end"

    @spanledger.observe
    def handing() -> Generator[str, str, str]:
        return talk()

    made = handing()
    assert inspect.isgenerator(made)
    assert recorded.spans == []
    assert next(made) == "a"
    step("between")
    assert made.send("b") == "b"
    with pytest.raises(StopIteration) as stopped:
        next(made)
    assert stopped.value.value == "end"
    assert output(recorded.named("handing")) == "ab"
    assert [each["parent"] for each in recorded.spans if each["name"] == "step"] == [
        None,
        recorded.named("handing")["name"],
    ]


def test_a_handed_on_generator_that_nobody_starts_ends_its_span(recorded: testing.Recorder) -> None:
    @spanledger.observe
    def handing() -> Generator[bytes, None, None]:
        return sync_words()

    handing()
    gc.collect()
    assert recorded.named("handing")["status"] == "ok"


def test_an_async_generator_that_a_coroutine_returns_is_followed(recorded: testing.Recorder) -> None:
    @spanledger.observe
    async def handing() -> AsyncGenerator[str, None]:
        return words()

    async def consume() -> list[str]:
        return [word async for word in await handing()]

    assert asyncio.run(consume()) == ["a", "b", "c"]
    assert output(recorded.named("handing")) == "abc"
    assert json.dumps(recorded.named("handing")["input"]) is not None
