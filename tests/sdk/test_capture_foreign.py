"""What may not be captured does not leave the program, whichever library's span holds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import Event, TracerProvider
from opentelemetry.trace import Status, StatusCode

import spanledger
from spanledger import semconv
from spanledger._internal.content import foreign, foreign_content
from spanledger._internal.content.capturing import PERMISSIONS, narrower, permitted
from spanledger_collector.normalise import dialects
from spanledger_collector.normalise.spans import Origin, normalise
from spanledger_store.columns import SpanBatch
from tests.collector.dialects.expected import ANSWER, ASKED, WEATHER

from .sink import Sink

Start = Callable[..., TracerProvider]
FIXTURES = sorted((Path(__file__).parents[1] / "collector/dialects").glob("*/*.otlp.json"))
OFF, VECTOR = PERMISSIONS["off"], PERMISSIONS["embedding"]


def plain(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return tuple(plain(item) for item in value.array_value.values)
    return getattr(value, which) if which else None


def recorded(path: Path) -> Iterator[tuple[str, dict[str, Any], list[Event]]]:
    """(name, attributes, events) of each span that a real library sent."""
    from google.protobuf import json_format

    request = json_format.ParseDict(
        json.loads(path.read_text()), ExportTraceServiceRequest(), ignore_unknown_fields=True
    )
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                events = [
                    Event(event.name, {a.key: plain(a.value) for a in event.attributes}, event.time_unix_nano)
                    for event in span.events
                ]
                yield span.name, {a.key: plain(a.value) for a in span.attributes}, events


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.name.partition('.')[0]}")
def test_no_content_of_a_real_library_is_left(path: Path) -> None:
    texts = (ANSWER, ASKED, WEATHER, "two and two", "'two'", '"two"')
    held = 0
    for name, attributes, events in recorded(path):
        before = repr((attributes, [event.attributes for event in events]))
        held += any(text in before for text in texts)
        counts = {key: value for key, value in attributes.items() if isinstance(value, int) and "token" in key.lower()}
        foreign_content.drop(attributes, OFF)
        shown = foreign.shown_events(events, {"input": False, "output": False, "vector": False})
        after = repr((attributes, [event.attributes for event in shown]))
        assert not [text for text in texts if text.lower() in after.lower()], name
        assert counts.items() <= attributes.items()
        assert [event.timestamp for event in shown] == [event.timestamp for event in events]
    assert held, "the recording holds no content at all: it shows nothing"


def test_the_names_are_those_the_collector_reads_as_content() -> None:
    known = 0
    for dialect in dialects.DIALECTS:
        for field in ("input", "output", "system", "tools", "tool_calls", "message_events", "answer"):
            for source in dialect.fields.get(field, ()):
                key = source if isinstance(source, str) else source[0]
                known += 1
                assert foreign.side_of(key) in ("input", "output"), (dialect.name, key)
        for prefix in dialect.indexed:
            if prefix != semconv.USAGE_OTHER_PREFIX:
                known += 1
                assert foreign.side_of(f"{prefix}0.x") in ("input", "output"), (dialect.name, prefix)
        for field in set(dialect.fields) - {"input", "output", "system", "tools", "tool_calls", "message_events"}:
            for source in dialect.fields[field]:
                key = source if isinstance(source, str) else source[0]
                if field not in ("answer", "vectors"):
                    assert foreign.side_of(key) is None, (dialect.name, field, key)
    assert known > 60


def test_permissions_only_narrow() -> None:
    words = [None, *PERMISSIONS]
    for one in words:
        for other in words:
            both = permitted(one, other)
            assert both == PERMISSIONS[narrower(one, other)]
            assert all(a <= b for a, b in zip(both, permitted(one), strict=True))
    assert permitted("of course") == OFF
    assert permitted(7) == OFF


def call_of(provider: TracerProvider, name: str = "chat") -> None:
    """A call as another library's instrumentation records it."""
    with provider.get_tracer("openinference.instrumentation.openai").start_as_current_span(name) as span:
        span.set_attributes(
            {
                "openinference.span.kind": "LLM",
                "llm.model_name": "gpt-4o",
                "llm.token_count.prompt": 10,
                "llm.input_messages.0.message.role": "system",
                "llm.input_messages.0.message.content": "be brief, secret",
                "llm.input_messages.1.message.role": "user",
                "llm.input_messages.1.message.content": "the secret question",
                "output.value": json.dumps({"text": "the secret answer"}),
                "output.mime_type": "application/json",
            }
        )
        span.add_event("gen_ai.choice", {"message": "the secret answer", "index": 0})
        try:
            raise ValueError("the secret failure")
        except ValueError as error:
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, str(error)))


@pytest.mark.parametrize(("mode", "has_vector"), [("off", False), ("embedding", True)])
def test_content_of_other_libraries_follows_the_setting(start: Start, sink: Sink, mode: Any, has_vector: bool) -> None:
    seen: list[str] = []

    def embed(texts: list[str]) -> list[list[float]]:
        seen.extend(texts)
        return [[0.5, 0.5]] * len(texts)

    provider = start(capture_content=mode, embedder=embed, embedding_model="m")
    call_of(provider)
    assert spanledger.flush()
    span = sink.named("chat")
    assert "secret" not in span.raw
    assert span.status == 2
    assert span.events == ["gen_ai.choice", "exception"]
    assert "exception.type" in span.raw
    assert span.attributes["llm.token_count.prompt"] == 10
    assert span.attributes["output.mime_type"] == "application/json"
    assert seen == (["the secret question"] if has_vector else [])
    assert (semconv.EMBEDDING in span.attributes) is has_vector
    assert span.attributes.get(semconv.EMBEDDING_MODEL) == ("m" if has_vector else None)
    assert span.attributes.get(semconv.EMBEDDING_DIMENSIONS) == (2 if has_vector else None)


def test_on_sends_everything_and_a_vector(start: Start, sink: Sink) -> None:
    provider = start(embedder="lexical")
    call_of(provider)
    assert spanledger.flush()
    span = sink.named("chat")
    assert span.raw.count("secret") >= 5
    assert span.message == "the secret failure"
    assert span.attributes[semconv.EMBEDDING_MODEL] == "lexical-hash-256"


def test_a_function_and_a_block_restrict_what_lies_inside(start: Start, sink: Sink) -> None:
    provider = start()

    @spanledger.observe(capture="on")
    def inner() -> str:
        call_of(provider, "deep")
        return "the secret answer"

    @spanledger.observe(capture="off")
    def outer() -> str:
        call_of(provider, "near")
        return inner()

    with spanledger.context(capture="input"), spanledger.context(capture="on"):
        call_of(provider, "block")
    outer()
    call_of(provider, "free")
    assert spanledger.flush()
    assert "secret" not in "".join(sink.named(name).raw for name in ("near", "deep", "inner", "outer"))
    assert "secret question" in sink.named("block").raw
    assert "secret answer" not in sink.named("block").raw
    assert "secret answer" in sink.named("free").raw


def test_a_word_that_is_none_captures_nothing(start: Start, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    provider = start()
    with spanledger.context(capture="some"):  # type: ignore[arg-type]
        call_of(provider)
    assert spanledger.flush()
    assert "secret" not in sink.named("chat").raw
    assert "'some'" in caplog.text


def test_errors_messages_follow_the_block(start: Start, sink: Sink) -> None:
    start()

    @spanledger.observe
    def work() -> None:
        raise ValueError("the secret failure")

    with pytest.raises(ValueError, match="secret"), spanledger.context(capture="embedding"):
        work()
    assert spanledger.flush()
    span = sink.named("work")
    assert "secret" not in span.raw
    assert (span.message, span.attributes[semconv.ERROR_TYPE]) == ("ValueError", "ValueError")


# --- long content ----------------------------------------------------------------------------------


def test_long_content_is_cut_with_its_length_kept(start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANLEDGER_MAX_CONTENT_CHARS", "100")
    provider = start()
    messages = [{"role": "user", "parts": [{"type": "text", "content": c * 150}]} for c in "ab"]
    with provider.get_tracer("theirs").start_as_current_span("json") as span:
        span.set_attribute(semconv.INPUT_MESSAGES, json.dumps(messages))
        span.set_attribute("output.value", "y" * 250)
        span.set_attribute("mine", "z" * 250)
    with provider.get_tracer("theirs").start_as_current_span("numbered") as span:
        for number in range(4):
            span.set_attribute(f"llm.input_messages.{number}.message.role", "user")
            span.set_attribute(f"llm.input_messages.{number}.message.content", str(number) * 60)
    assert spanledger.flush()
    found = sink.named("json").attributes
    texts = [message["parts"][0]["content"] for message in json.loads(found[semconv.INPUT_MESSAGES])]
    assert texts == ["", "b" * 100]
    assert found[semconv.INPUT_LENGTH] == len(json.dumps(messages))
    assert (found["output.value"], found[semconv.OUTPUT_LENGTH]) == ("y" * 100, 250)
    assert found["mine"] == "z" * 250  # no content; the collector has a limit of its own
    found = sink.named("numbered").attributes
    kept = "".join(found[f"llm.input_messages.{number}.message.content"] for number in range(4))
    assert kept.endswith("3" * 60)
    assert len(kept) <= 100
    assert found[semconv.INPUT_LENGTH] == 4 * 60 + 4 * 4


def test_the_collector_reads_the_length_and_the_vector(
    start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANLEDGER_MAX_CONTENT_CHARS", "50")
    provider = start(embedder="lexical")
    with provider.get_tracer("openinference.instrumentation.openai").start_as_current_span("call") as span:
        span.set_attribute("openinference.span.kind", "LLM")
        span.set_attribute("input.value", "q" * 120)
        span.set_attribute("output.value", "a" * 90)
    assert spanledger.flush()
    batch = SpanBatch("token", [], [], [])
    (body,) = sink.bodies
    assert normalise(ExportTraceServiceRequest.FromString(body), Origin("p", "", 1), batch, 10**6) == []
    (content,), (embedding,) = batch.content, batch.embeddings
    assert ("q" * 50 in content[4], "q" * 51 in content[4], content[8], content[9]) == (True, False, 120, 90)
    assert (embedding[4], len(embedding[5])) == ("lexical-hash-256", 256)


def test_short_content_is_left_as_it_is(start: Start, sink: Sink) -> None:
    provider = start()
    given = '[{"role":"user",  "content":"x"}]'
    with provider.get_tracer("theirs").start_as_current_span("json") as span:
        span.set_attribute("gen_ai.prompt", given)
    assert spanledger.flush()
    assert sink.named("json").attributes == {"gen_ai.prompt": given}


# --- what is asked ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "asked"),
    [
        ({"gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "q"}]}])}, "q"),
        ({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "q", "gen_ai.prompt.1.role": "assistant",
          "gen_ai.prompt.1.content": "a"}, "q"),
        ({"llm.input_messages.10.message.content": "q", "llm.input_messages.10.message.role": "user",
          "llm.input_messages.9.message.content": "p", "llm.input_messages.9.message.role": "user"}, "q"),
        ({"input.value": json.dumps({"messages": [[{"type": "human", "content": "q"}]]})}, "q"),
        ({"mlflow.spanInputs": json.dumps({"model": "m", "messages": [{"role": "user", "content": "q"}]})}, "q"),
        ({"input.value": "q"}, "q"),
        ({"traceloop.entity.input": '{"question": "q"}'}, "q"),
        ({"input.value": "{broken"}, "{broken"),
        ({"output.value": "a"}, ""),
        ({"gen_ai.input.messages": "[1, 2]"}, ""),
    ],
)  # fmt: skip
def test_the_last_user_message_is_found(attributes: Mapping[str, Any], asked: str) -> None:
    assert foreign_content.asked(attributes, []) == asked


def test_the_last_user_message_is_found_in_events() -> None:
    events = [Event("gen_ai.user.message", {"content": "first"}), Event("gen_ai.user.message", {"content": "q"})]
    assert foreign_content.asked({}, events) == "q"


def test_tokens_that_only_the_answer_tells_outlive_it() -> None:
    answer = {"choices": [{"message": {"role": "assistant", "content": "x"}}], "model": "gpt-4o", "id": "r1",
              "object": "chat.completion", "usage": {"prompt_tokens": 7, "completion_tokens": 2}}  # fmt: skip
    attributes: dict[str, Any] = {"response_data": json.dumps(answer)}
    foreign_content.drop(attributes, VECTOR)
    assert "response_data" not in attributes
    assert (attributes[semconv.USAGE_INPUT_TOKENS], attributes[semconv.USAGE_OUTPUT_TOKENS]) == (7, 2)
