"""Names come from a chat endpoint over HTTP; what goes wrong there is said, and nothing else is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from spanledger_analytics.labelling import Endpoint, NotNamed, name

COMPLETION = {"choices": [{"message": {"content": '{"name": "Account balance", "summary": "Users ask for it."}'}}]}


class Model(ThreadingHTTPServer):
    """Answers as it is told to, and remembers what it was asked."""

    answer: tuple[int, bytes] = (200, json.dumps(COMPLETION).encode())

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/"


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers.get("authorization", ""), body))
        status, content = self.server.answer
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""


@pytest.fixture
def model() -> Iterator[Model]:
    server = Model()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_name_is_asked_for_and_nothing_but_what_is_given_is_sent(model: Model) -> None:
    made = name(Endpoint(model.url, "small", "sk-1"), ["balance"], ["what is my balance"])
    assert (made.name, made.summary) == ("Account balance", "Users ask for it")
    ((path, authorization, body),) = model.asked
    assert (path, authorization, body["model"]) == ("/v1/chat/completions", "Bearer sk-1", "small")
    assert json.loads(body["messages"][1]["content"])["messages"] == ["what is my balance"]


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (401, b"no such key", "answered 401: no such key"),
        (302, b"", "answered 302"),
        (200, b"hello", "cannot be asked"),
        (200, b'{"choices": []}', "no chat completion"),
        (200, json.dumps({"choices": [{"message": {"content": "Balance"}}]}).encode(), "no JSON object with a name"),
    ],
)
def test_what_goes_wrong_is_said(model: Model, status: int, content: bytes, said: str) -> None:
    model.answer = (status, content)
    with pytest.raises(NotNamed, match=said):
        name(Endpoint(model.url, "small"), ["balance"], [])


def test_nobody_there_is_said() -> None:
    with pytest.raises(NotNamed, match="cannot be asked"):
        name(Endpoint("http://127.0.0.1:9/v1", "small"), [], [])
