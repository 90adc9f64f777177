"""Several layers that tell of one call: a framework's spans, the client's own, and ours; it is counted once."""

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import spanledger
from spanledger import semconv
from spanledger._internal.instrument import clients

from .provider import Provider, serving
from .sink import Received, Sink

MESSAGES: Any = [{"role": "user", "content": "Q"}]
LLM = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o"}
COUNTED = {**LLM, "llm.token_count.prompt": 1000, "llm.token_count.completion": 100}


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A fake of its own."""
    with serving() as url:
        yield url


@pytest.fixture
def otel(start: Callable[..., TracerProvider]) -> TracerProvider:
    """The provider on which the SDK and other libraries meet."""
    return start(instrument="openai,anthropic,own")


def ask(provider: Provider) -> None:
    with openai.OpenAI(api_key="k", base_url=f"{provider}/v1") as client:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)


def arrived(sink: Sink) -> dict[str, Received]:
    spanledger.flush()
    return {span.name: span for span in sink.spans}


@pytest.mark.parametrize("said", [LLM, COUNTED, {semconv.OPERATION_NAME: "chat", semconv.USAGE_INPUT_TOKENS: 1000}])
def test_a_frameworks_span_around_the_call_becomes_a_chain(
    sink: Sink, otel: TracerProvider, provider: Provider, said: dict[str, Any]
) -> None:
    with otel.get_tracer("some.framework").start_as_current_span("completion", attributes=said):
        ask(provider)
    spans = arrived(sink)
    outer, inner = spans["completion"].attributes, spans["chat gpt-4o"].attributes
    assert (outer[semconv.KIND], outer[semconv.COUNTED_INSIDE]) == ("chain", True)
    assert semconv.OPERATION_NAME not in outer
    assert "openinference.span.kind" not in outer
    assert (inner[semconv.KIND], inner[semconv.COST_USD]) == ("llm", "0.003")


def test_a_frameworks_span_with_another_count_is_a_call_of_its_own(
    sink: Sink, otel: TracerProvider, provider: Provider
) -> None:
    said = {**LLM, "llm.token_count.prompt": 7}
    with otel.get_tracer("some.framework").start_as_current_span("completion", attributes=said):
        ask(provider)
    outer = arrived(sink)["completion"].attributes
    assert semconv.COUNTED_INSIDE not in outer
    assert outer["openinference.span.kind"] == "LLM"


def test_a_failed_call_inside_is_one_failed_call(sink: Sink, otel: TracerProvider, provider: Provider) -> None:
    tracer = otel.get_tracer("some.framework")
    with (
        openai.OpenAI(api_key="k", base_url=f"{provider}/down/v1") as client,
        pytest.raises(openai.InternalServerError),
        tracer.start_as_current_span("completion", attributes=LLM),
    ):
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    spans = arrived(sink)
    assert spans["completion"].attributes[semconv.KIND] == "chain"
    assert spans["chat gpt-4o"].status == 2


@pytest.mark.parametrize(
    "name", ["openinference.instrumentation.langchain", "openinference.instrumentation.llama_index"]
)
def test_a_run_that_is_not_made_current_is_the_calls_parent(
    sink: Sink, otel: TracerProvider, provider: Provider, name: str
) -> None:
    tracer = otel.get_tracer(name)

    @spanledger.observe
    def program() -> None:
        chain = tracer.start_span("chain")
        model = tracer.start_span("model", trace.set_span_in_context(chain), attributes=COUNTED)
        ask(provider)
        model.end()
        chain.end()
        ask(provider)

    program()
    spanledger.flush()
    first, second = sorted((span for span in sink.spans if span.name == "chat gpt-4o"), key=lambda span: span.start)
    model, chain, outer = (sink.named(each) for each in ("model", "chain", "program"))
    assert (first.parent_id, model.parent_id) == (model.span_id, chain.span_id)
    assert len({span.trace_id for span in sink.spans}) == 1
    assert model.attributes[semconv.KIND] == "chain"
    assert second.parent_id == outer.span_id


def test_a_run_of_another_trace_is_no_parent(sink: Sink, otel: TracerProvider, provider: Provider) -> None:
    run = otel.get_tracer("openinference.instrumentation.langchain").start_span("left open")
    with otel.get_tracer("request").start_as_current_span("request"):
        ask(provider)
    spans = arrived(sink)
    assert spans["chat gpt-4o"].parent_id == spans["request"].span_id
    run.end()


def test_a_span_of_no_such_framework_is_no_parent(sink: Sink, otel: TracerProvider, provider: Provider) -> None:
    run = otel.get_tracer("some.framework").start_span("left open")
    ask(provider)
    assert arrived(sink)["chat gpt-4o"].parent_id == ""
    run.end()


@pytest.mark.filterwarnings("ignore:The model .* is deprecated:DeprecationWarning")
@pytest.mark.parametrize("ours", [True, False])
def test_a_clients_own_spans_are_not_told_twice(
    sink: Sink, start: Callable[..., TracerProvider], provider: Provider, ours: bool
) -> None:
    otel = start(instrument="anthropic,own" if ours else "off")
    undo = None if ours else clients.complete("anthropic")
    settings: Any = {"tracer_provider": otel}
    options: Any = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": MESSAGES}
    with anthropic.Anthropic(api_key="k", base_url=provider, open_telemetry=settings) as client:
        client.messages.create(**options)
        assert list(arrived(sink)) == (["chat claude-sonnet-4-5"] if ours else [])
        if undo is not None:
            undo()
        else:
            spanledger.shutdown(timeout=5)
            start(tracer_provider=otel)
        client.messages.create(**options)
        assert "anthropic.messages.create" in arrived(sink)


def test_a_stream_that_another_instrumentation_cannot_count_is_counted_inside_it(
    sink: Sink, start: Callable[..., TracerProvider], provider: Provider
) -> None:
    otel = start()
    undo = clients.complete("openai")
    options: Any = {"model": "gpt-4o", "messages": MESSAGES}
    asked: Any = {"include_usage": True}
    tracer = otel.get_tracer("some.instrumentation")
    with openai.OpenAI(api_key="k", base_url=f"{provider}/v1") as client:
        with tracer.start_as_current_span("unasked", attributes=LLM):
            assert len(list(client.chat.completions.create(**options, stream=True))) == 3
        with tracer.start_as_current_span("asked", attributes=COUNTED):
            assert len(list(client.chat.completions.create(**options, stream=True, stream_options=asked))) == 4
        with tracer.start_as_current_span("whole", attributes=COUNTED):
            client.chat.completions.create(**options)
    undo()
    spans = arrived(sink)
    assert set(spans) == {"unasked", "chat gpt-4o", "asked", "whole"}
    assert spans["chat gpt-4o"].parent_id == spans["unasked"].span_id
    assert spans["chat gpt-4o"].attributes[semconv.COST_USD] == "0.003"
    assert spans["unasked"].attributes[semconv.KIND] == "chain"
    for name in ("asked", "whole"):
        assert spans[name].attributes["openinference.span.kind"] == "LLM"
