"""Vectors come from whatever embedder is named, and never hold up a span."""

from __future__ import annotations

import base64
import json
import logging
import math
import struct
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

import spanledger
from spanledger import lexical, semconv
from spanledger._internal.embedders import background, spec
from spanledger._internal.embedders.background import Vectors
from spanledger._internal.embedders.remote import EmbeddingError, RemoteEmbedder
from spanledger._internal.settings import load
from spanledger.lexical import HashEmbedder, features
from spanledger.testing import capture

from .sink import Sink

Start = Callable[..., TracerProvider]


@spanledger.observe(kind="llm")
def ask(prompt: str) -> str:
    return prompt


def vector_of(attributes: dict[str, Any]) -> list[float]:
    raw = base64.b64decode(attributes[semconv.EMBEDDING])
    return list(struct.unpack(f"<{len(raw) // 2}e", raw))


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


# --- lexical ---------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=200), max_size=5))
def test_lexical_vectors_have_length_one(texts: list[str]) -> None:
    vectors = HashEmbedder()(texts)
    assert len(vectors) == len(texts)
    for text, vector in zip(texts, vectors, strict=True):
        assert len(vector) == 256
        assert math.isclose(math.hypot(*vector), 1.0 if text.split() else 0.0, abs_tol=1e-9)


def test_lexical_nearness() -> None:
    embed = HashEmbedder()
    order, same, typo, other = embed(
        ["Where is my order?", "WHERE is my order", "wheres my ordr", "Reset the password of my account"]
    )
    assert cosine(order, same) > 0.99
    assert 0.99 > cosine(order, typo) > cosine(order, other) + 0.2


def test_lexical_vectors_are_the_same_in_every_process() -> None:
    program = "from spanledger.lexical import HashEmbedder; print(HashEmbedder()(['Grüße aus Köln, 你好'])[0])"
    answers = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert answers == {f"{HashEmbedder()(['Grüße aus Köln, 你好'])[0]}\n"}


def test_features() -> None:
    found = features("The cat, the hat")
    assert found["the"] == 1 + math.log(2)
    assert found["cat"] == 1.0
    assert found["the cat"] == pytest.approx(0.4)
    assert found["#<th"] == pytest.approx(0.5 * (1 + math.log(2)))
    assert features("") == {}
    assert "🎉" in features("🎉")
    assert features("x " * lexical.MAX_CHARS) == features("x " * (lexical.MAX_CHARS // 2))


def test_lexical_by_name() -> None:
    with capture(embedder="lexical") as recorded:
        ask("Where is my order?")
    attributes = recorded[0]["attributes"]
    assert (attributes[semconv.EMBEDDING_MODEL], attributes[semconv.EMBEDDING_DIMENSIONS]) == ("lexical-hash-256", 256)
    assert cosine(vector_of(attributes), HashEmbedder()(["Where is my order?"])[0]) == pytest.approx(1, abs=1e-3)
    with pytest.raises(ValueError, match="4"):
        HashEmbedder(4)


# --- never in the way ------------------------------------------------------------------------------


def test_the_embedder_works_on_a_thread_of_its_own_and_makes_no_spans(start: Start, sink: Sink) -> None:
    threads: list[threading.Thread] = []

    @spanledger.observe
    def inside() -> None: ...

    def embed(texts: list[str]) -> list[list[float]]:
        threads.append(threading.current_thread())
        inside()
        return [[1.0, 0.0]] * len(texts)

    start(embedder=embed, embedding_model="mine")
    ask("x")
    assert spanledger.flush()
    assert [thread.name for thread in threads] == ["spanledger-embed"]
    (span,) = sink.spans
    assert span.attributes[semconv.EMBEDDING_MODEL] == "mine"


def test_a_text_is_embedded_once(start: Start, sink: Sink) -> None:
    seen: list[list[str]] = []

    def embed(texts: list[str]) -> list[list[float]]:
        seen.append(texts)
        return [[float(len(text))] for text in texts]

    start(embedder=embed)
    for text in ("a", "bb", "a"):
        ask(text)
    assert spanledger.flush()
    ask("bb")
    ask("ccc")
    assert spanledger.flush()
    assert sorted(text for texts in seen for text in texts) == ["a", "bb", "ccc"]
    assert [vector_of(span.attributes) for span in sink.spans] == [[1.0], [2.0], [1.0], [2.0], [3.0]]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_REMEMBERED_BYTES", 1500)
    seen: list[str] = []

    def embed(texts: list[str]) -> list[list[float]]:
        seen.extend(texts)
        return [[1.0]] * len(texts)

    vectors = Vectors(embed, "m", patience=None)
    for text in ("a", "b", "c", "c", "a"):
        assert isinstance(vectors.of([text])[0], dict)
    assert seen == ["a", "b", "c", "a"]


def test_a_hanging_embedder_costs_vectors_and_no_span(
    start: Start, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    release, calls = threading.Event(), []

    def embed(texts: list[str]) -> list[list[float]]:
        calls.append(texts)
        release.wait(60)
        return [[1.0]] * len(texts)

    with caplog.at_level(logging.WARNING, "spanledger"):
        start(embedder=embed)
        ask("one")
        assert spanledger.flush(30)
        ask("two")
        assert spanledger.flush(30)
    assert [span.attributes[semconv.EMBEDDING_MISSING] for span in sink.spans] == ["late", "late"]
    assert calls == [["one"]]  # while it works it is given nothing more
    assert [record.message.partition(";")[0] for record in caplog.records] == ["embeddings are late"]
    release.set()
    while semconv.EMBEDDING not in sink.spans[-1].attributes:  # what came late is remembered
        ask("one")
        assert spanledger.flush(30)
    assert calls == [["one"]]
    assert spanledger.stats().lost == 0


def test_a_failing_embedder_is_left_alone_for_a_while(
    start: Start, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[list[str]] = []

    def embed(texts: list[str]) -> list[list[float]]:
        calls.append(texts)
        raise OSError("the model is down")

    vectors = Vectors(embed, "m", patience=None)
    with caplog.at_level(logging.WARNING, "spanledger"):
        assert [vectors.of([text]) for text in "abc"] == [["failed"]] * 3
        start(embedder=embed)
        ask("x")
        assert spanledger.flush()
    assert calls == [["a"], ["x"]]
    assert sink.named("ask").attributes[semconv.EMBEDDING_MISSING] == "failed"
    assert "the model is down" in caplog.text


@pytest.mark.parametrize("wrong", [[[1.0]], [[1.0], [float("nan")]], [[1.0], []], None])
def test_wrong_vectors_are_none(wrong: Any) -> None:
    assert Vectors(lambda texts: wrong, "m", patience=None).of(["a", "b"]) == ["failed", "failed"]


def test_a_program_ends_with_all_its_spans_while_its_embedder_hangs(sink: Sink) -> None:
    program = textwrap.dedent("""
        import sys, time, spanledger

        def embed(texts):
            time.sleep(600)

        spanledger.init(sys.argv[1], embedder=embed)

        @spanledger.observe(kind="llm")
        def ask(prompt): ...

        for number in range(700):
            ask(f"question {number}")
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, sink.url], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0
    assert "lost" not in done.stderr
    assert len(sink.spans) == 700


@pytest.mark.parametrize(("mode", "sent"), [("on", True), ("embedding", True), ("off", False)])
def test_a_vector_of_the_applications_own_follows_the_setting(mode: Any, sent: bool) -> None:
    @spanledger.observe(kind="llm")
    def own(prompt: str) -> None:
        spanledger.update(embedding=[1.0, 0.0], embedding_model="mine")

    with capture(capture_content=mode) as recorded:
        own("x")
    assert (semconv.EMBEDDING in recorded[0]["attributes"]) is sent
    assert ("mine" in recorded[0]["attributes"].values()) is sent


def test_nothing_is_embedded_where_nothing_is_captured(start: Start, sink: Sink) -> None:
    def embed(texts: list[str]) -> list[list[float]]:
        raise AssertionError("asked")

    start(embedder=embed, capture_content="off")
    ask("x")
    assert spanledger.flush()
    assert semconv.EMBEDDING_MISSING not in sink.named("ask").attributes


# --- by name ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai:text-embedding-3-small", "OPENAI_API_KEY"),
        ("sentence-transformers:all-MiniLM-L6-v2", "pip install sentence-transformers"),
        ("fastembed:BAAI/bge-small-en-v1.5", "pip install fastembed"),
        ("http://127.0.0.1:1/v1", "#nomic-embed-text"),
        ("http://host:port/v1#m", "#nomic-embed-text"),
        ("word2vec", "lexical, openai:MODEL"),
    ],
)
def test_a_name_that_cannot_be_used_is_said_in_one_line(
    start: Start, sink: Sink, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("SPANLEDGER_EMBEDDER", name)
    with caplog.at_level(logging.WARNING, "spanledger"):
        start()
        ask("x")
        assert spanledger.flush()
    (record,) = caplog.records
    assert name in record.message
    assert said in record.message
    assert "\n" not in record.message
    assert semconv.EMBEDDING_MISSING not in sink.named("ask").attributes


def test_local_models_are_called_as_their_packages_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages weigh hundreds of megabytes: here stand two modules with the calls that are used."""
    asked: list[Any] = []

    class SentenceTransformer:
        def __init__(self, name: str) -> None:
            asked.append(name)

        def encode(
            self, sentences: list[str], *, batch_size: int, normalize_embeddings: bool, show_progress_bar: bool
        ) -> Any:
            asked.append((batch_size, normalize_embeddings, show_progress_bar))
            return [[1.0, 0.0]] * len(sentences)

    class TextEmbedding:
        def __init__(self, model_name: str) -> None:
            asked.append(model_name)

        def embed(self, documents: list[str]) -> Iterator[list[float]]:
            yield from [[0.0, 1.0]] * len(documents)

    for module, held in (("sentence_transformers", SentenceTransformer), ("fastembed", TextEmbedding)):
        made = types.ModuleType(module)
        made.__spec__ = types.SimpleNamespace(name=module)  # type: ignore[assignment]
        setattr(made, held.__name__, held)
        monkeypatch.setitem(sys.modules, module, made)
    for name, vector in (("sentence-transformers:st", [1.0, 0.0]), ("fastembed:fe", [0.0, 1.0])):
        with capture(embedder=name) as recorded:
            ask("x")
            ask("y")
        assert [vector_of(span["attributes"]) for span in recorded] == [vector, vector]
        assert recorded[0]["attributes"][semconv.EMBEDDING_MODEL] == name.partition(":")[2]
    assert asked == ["st", (64, True, False), "fe"]


# --- over HTTP -------------------------------------------------------------------------------------


class Endpoint:
    """What an OpenAI-compatible endpoint was asked, and what it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[tuple[int, dict[str, str], Any]] = []

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if self.answers:
            return self.answers.pop(0)
        data = [{"index": i, "embedding": [float(len(text)), 1.0]} for i, text in enumerate(body["input"])]
        return 200, {}, {"object": "list", "data": data[::-1], "model": body["model"]}


@contextmanager
def serving() -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            endpoint.asked.append({"path": self.path, **body})
            endpoint.headers.append({key.lower(): value for key, value in self.headers.items()})
            status, headers, content = endpoint.answer(body)
            encoded = json.dumps(content).encode()
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as started:
        yield started


def test_an_endpoint_by_its_address(
    start: Start, sink: Sink, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    start(embedder=f"{endpoint.url}#nomic-embed-text")
    ask("one")
    ask("three")
    assert spanledger.flush()
    assert [vector_of(span.attributes) for span in sink.spans] == [[3.0, 1.0], [5.0, 1.0]]
    assert sink.spans[0].attributes[semconv.EMBEDDING_MODEL] == "nomic-embed-text"
    assert endpoint.asked == [
        {"path": "/v1/embeddings", "model": "nomic-embed-text", "input": ["one", "three"], "encoding_format": "float"}
    ]
    assert "authorization" not in endpoint.headers[0]  # OpenAI's key is OpenAI's


def test_the_key_goes_where_it_belongs(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"OPENAI_API_KEY": "theirs", "SPANLEDGER_EMBEDDER_KEY": "ours"}
    assert load(env=env)[0].embedder_key == "ours"
    assert load(env={"OPENAI_API_KEY": "theirs"}, embedder="openai:m")[0].embedder_key == "theirs"
    assert load(env={"OPENAI_API_KEY": "theirs"}, embedder="http://h/v1#m")[0].embedder_key is None
    assert "ours" not in repr(load(env=env)[0])
    made = spec.chosen(f"{endpoint.url}/#m", "ours").embedder
    assert made is not None
    made(["x"])
    assert endpoint.headers[0]["authorization"] == "Bearer ours"
    assert "ours" not in repr(made)


def test_large_batches_are_divided_and_long_texts_cut(endpoint: Endpoint) -> None:
    vectors = RemoteEmbedder(endpoint.url, "m", None)([f"{number:03}" for number in range(300)] + ["x" * 50_000])
    assert len(list(vectors)) == 301
    assert [len(asked["input"]) for asked in endpoint.asked] == [256, 45]
    assert len(endpoint.asked[1]["input"][-1]) == 16_000


def test_a_busy_endpoint_is_asked_again(endpoint: Endpoint) -> None:
    endpoint.answers = [(429, {"retry-after": "0"}, {}), (503, {"retry-after": "0"}, {})]
    assert list(RemoteEmbedder(endpoint.url, "m", None)(["four"])) == [[4.0, 1.0]]
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}, {}), "SPANLEDGER_EMBEDDER_KEY"),
        ((400, {}, {"error": "no such model"}), "no such model"),
        ((200, {}, {"data": []}), "0 embeddings for 1"),
        ((200, {}, {"data": "none"}), "without embeddings"),
        ((302, {"location": "http://127.0.0.1:1/"}, {}), "HTTP 302"),
    ],
)
def test_an_answer_without_vectors_says_what_it_was(endpoint: Endpoint, answer: Any, said: str) -> None:
    endpoint.answers = [answer]
    with pytest.raises(EmbeddingError, match=said):
        RemoteEmbedder(endpoint.url, "m", None)(["x"])
    assert len(endpoint.asked) == 1


def test_an_endpoint_that_is_away(start: Start, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    with serving() as gone:
        url = gone.url
    with caplog.at_level(logging.WARNING, "spanledger"):
        start(embedder=f"{url}#m")
        ask("x")
        assert spanledger.flush(30)
    assert sink.named("ask").attributes[semconv.EMBEDDING_MISSING] in ("late", "failed")
    assert spanledger.stats().lost == 0
