"""Names come from a chat endpoint over HTTP; what goes wrong there is said, and nothing else is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from spanledger_analytics.labelling import Endpoint, LabellerSettings, NotNamed, name, relabelled
from spanledger_analytics.topics import Described

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


def test_only_what_may_be_shown_is_sent_and_a_failing_endpoint_is_left_alone(model: Model) -> None:
    texts = ["what is my balance", "a secret of one customer", "balance please"]
    told = {
        0: Described("balance, account", ("balance", "account"), (0, 2)),
        1: Described("", (), ()),
        2: Described("balance, card", ("balance", "card"), (2,)),
    }
    endpoint = Endpoint(model.url, "m")
    made = relabelled(endpoint, told, texts)
    assert made[0].label == made[2].label == "Account balance"
    assert (made[0].words, made[1]) == (told[0].words, told[1])
    assert len(model.asked) == 2
    assert "secret" not in json.dumps([body for _, _, body in model.asked])
    # The name that another cluster has got is told, so that this one gets a different one.
    assert "Account balance" in model.asked[1][2]["messages"][1]["content"]
    model.answer = (500, b"no")
    model.asked.clear()
    many = dict.fromkeys(range(9), told[0])
    assert relabelled(endpoint, many, texts) == many
    assert len(model.asked) == 3


def test_without_an_address_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPANLEDGER_LABELLER_URL", raising=False)
    assert LabellerSettings().endpoint() is None
    monkeypatch.setenv("SPANLEDGER_LABELLER_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("SPANLEDGER_LABELLER_MODEL", "m")
    monkeypatch.setenv("SPANLEDGER_LABELLER_KEY", "k")
    assert LabellerSettings().endpoint() == Endpoint("http://127.0.0.1:1/v1", "m", "k")
