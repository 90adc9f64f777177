"""The real OpenAI and Anthropic clients, used without a decorator, against a local fake provider."""

import asyncio
import copy
import functools
import gc
import inspect
import json
import pickle
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import anthropic
import openai
import pytest

import spanledger
from spanledger import semconv
from spanledger._internal.instrument import asking, clients

from .provider import Provider, serving
from .sink import Received, Sink, running

MESSAGES: Any = [{"role": "user", "content": "Capital of France?"}]
CLAUDE: Any = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": MESSAGES}
GPT: Any = {"model": "gpt-4o", "messages": MESSAGES}
CHAT = {"input": 1000, "output": 100, "cost": "0.003", "said": "Paris"}
BRIEF = '[{"type": "text", "content": "Be brief."}]'
CHUNKS = 3  # of OpenAI's stream that a consumer sees who did not ask for usage

pytestmark = pytest.mark.filterwarnings("ignore:The model .* is deprecated:DeprecationWarning")


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A fake of its own."""
    clients._without_usage_option.clear()
    with serving() as url:
        yield url


@pytest.fixture
def spans(sink: Sink, start: Callable[..., Any]) -> Sink:
    """Where the spans of the instrumented clients arrive."""
    start(instrument="openai,anthropic")
    return sink


def gpt(provider: str, way: str = "x", **options: Any) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url=f"{provider}/{way}/v1", **options)


def claude(provider: str, way: str = "x", **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=f"{provider}/{way}", **options)


def only(sink: Sink) -> Received:
    """The one span that was sent."""
    spanledger.flush()
    assert len(sink.spans) == 1, [span.name for span in sink.spans]
    return sink.spans[0]


def told(span: Received) -> dict[str, Any]:
    """Tokens, money and text of a span."""
    attributes = span.attributes
    said = json.loads(attributes.get(semconv.OUTPUT_MESSAGES, "[]"))
    return {
        "input": attributes.get(semconv.USAGE_INPUT_TOKENS),
        "output": attributes.get(semconv.USAGE_OUTPUT_TOKENS),
        "cost": attributes.get(semconv.COST_USD),
        "said": said[0]["parts"][0]["content"] if said else None,
    }


def test_a_chat_is_one_whole_span(spans: Sink, provider: Provider) -> None:
    with gpt(provider) as client:
        answer = client.chat.completions.create(**GPT, temperature=0.5)
    assert type(answer).__name__ == "ChatCompletion"
    span = only(spans)
    assert told(span) == CHAT
    expected = {
        semconv.OPERATION_NAME: "chat",
        semconv.KIND: "llm",
        semconv.PROVIDER_NAME: "openai",
        semconv.REQUEST_MODEL: "gpt-4o",
        semconv.RESPONSE_MODEL: "gpt-4o-2024-08-06",
        semconv.RESPONSE_ID: answer.id,
        semconv.REQUEST_TEMPERATURE: 0.5,
        semconv.USAGE_CACHE_READ_TOKENS: 400,
    }
    assert {name: span.attributes.get(name) for name in expected} == expected
    assert (span.name, span.kind, span.status) == ("chat gpt-4o", 3, 0)
    assert json.loads(span.attributes[semconv.INPUT_MESSAGES])[0]["parts"][0]["content"] == "Capital of France?"
    assert semconv.HTTP_RESEND_COUNT not in span.attributes
    assert semconv.STREAM_INTERRUPTED not in span.attributes


def _parsed(client: openai.OpenAI) -> None:
    client.chat.completions.parse(**GPT)


def _raw(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(**GPT)
    assert raw.status_code == 200
    assert raw.parse() is raw.parse()


def _unread_raw(client: openai.OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**GPT) as response:
        assert response.json()["object"] == "chat.completion"  # pyright: ignore


def _streamed(client: openai.OpenAI) -> None:
    assert len(list(client.chat.completions.create(**GPT, stream=True))) == CHUNKS


def _asked_for(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(**GPT, stream=True, stream_options=options))
    assert len(chunks) == CHUNKS + 1
    assert chunks[-1].usage is not None


def _next(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(**GPT, stream=True)
    for _ in range(CHUNKS):
        next(stream)
    with pytest.raises(StopIteration):
        next(stream)


def _helper(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(**GPT) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds[-1] == "content.done"
    assert final.choices[0].message.content == "Paris"


def _raw_stream(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(**GPT, stream=True)
    stream = raw.parse()
    assert raw.parse() is stream
    assert len(list(stream)) == CHUNKS


def _streaming_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(**GPT, stream=True) as response:
        assert len(list(response.parse())) == CHUNKS


SYNC = [_parsed, _raw, _unread_raw, _streamed, _asked_for, _next, _helper, _raw_stream, _streaming_stream]


@pytest.mark.parametrize("use", SYNC)
def test_every_way_to_call_a_chat(spans: Sink, provider: Provider, use: Callable[[openai.OpenAI], None]) -> None:
    with gpt(provider) as client:
        use(client)
    span = only(spans)
    assert told(span) == CHAT
    assert (span.status, span.attributes.get(semconv.STREAM_INTERRUPTED)) == (0, None)
    assert (semconv.RESPONSE_TIME_TO_FIRST_CHUNK in span.attributes) is (use not in (_parsed, _raw, _unread_raw))


async def _async_parsed(client: openai.AsyncOpenAI) -> None:
    await client.chat.completions.parse(**GPT)


async def _async_raw(client: openai.AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(**GPT)
    assert raw.parse().choices


async def _async_unread(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**GPT) as response:
        assert (await response.parse()).choices


async def _async_streamed(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(**GPT, stream=True)
    assert len([chunk async for chunk in stream]) == CHUNKS


async def _async_helper(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.stream(**GPT) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == "Paris"


async def _async_raw_stream(client: openai.AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(**GPT, stream=True)
    assert len([chunk async for chunk in raw.parse()]) == CHUNKS


async def _async_streaming_stream(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(**GPT, stream=True) as response:
        assert len([chunk async for chunk in await response.parse()]) == CHUNKS


ASYNC = [
    *(_async_parsed, _async_raw, _async_unread, _async_streamed, _async_helper),
    *(_async_raw_stream, _async_streaming_stream),
]


@pytest.mark.parametrize("use", ASYNC)
def test_every_way_to_call_a_chat_async(spans: Sink, provider: Provider, use: Callable[..., Any]) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{provider}/v1") as client:
            await use(client)

    asyncio.run(main())
    assert told(only(spans)) == CHAT


def test_responses_and_embeddings(spans: Sink, provider: Provider) -> None:
    with gpt(provider) as client:
        client.responses.create(model="o3", input="Capital of France?", instructions="Be brief.")
        assert list(client.responses.create(model="o3", input="Q", stream=True))[-1].type == "response.completed"
        with client.responses.stream(model="o3", input="Q") as stream:
            assert stream.get_final_response().output_text == "Paris"
        client.embeddings.create(model="text-embedding-3-small", input="Q")
    spanledger.flush()
    whole = {"input": 100, "output": 60, "cost": "0.00068", "said": "Paris"}
    assert [told(span) for span in spans.spans[:3]] == [whole] * 3
    assert spans.spans[0].attributes[semconv.SYSTEM_INSTRUCTIONS] == BRIEF
    assert spans.spans[3].attributes[semconv.KIND] == "embedding"
    assert told(spans.spans[3])["cost"] == "0.000001"
    assert [asked.get("stream_options") for asked in provider.asked] == [None] * 4


def test_anthropic(spans: Sink, provider: Provider) -> None:
    system: Any = [{"type": "text", "text": "Be brief."}]
    with claude(provider) as client:
        client.messages.create(**CLAUDE, system=system)
        client.messages.with_raw_response.create(**CLAUDE).parse()
        list(client.messages.create(**CLAUDE, stream=True))
        with client.messages.stream(**CLAUDE) as stream:
            assert "".join(stream.text_stream) == "Paris"
        with client.messages.stream(**CLAUDE) as stream:
            assert stream.get_final_text() == "Paris"
    spanledger.flush()
    whole = {"input": 1110, "output": 20, "cost": "0.001005", "said": "Paris"}
    streamed = {"input": 10, "output": 20, "cost": "0.00033", "said": "Paris"}
    assert [told(span) for span in spans.spans] == [whole] * 2 + [streamed] * 3
    assert spans.spans[0].attributes[semconv.SYSTEM_INSTRUCTIONS] == BRIEF
    assert {span.attributes[semconv.PROVIDER_NAME] for span in spans.spans} == {"anthropic"}


def test_anthropic_async(spans: Sink, provider: Provider) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=provider) as client:
            await client.messages.create(**CLAUDE)
            async with client.messages.stream(**CLAUDE) as stream:
                assert [text async for text in stream.text_stream] == ["Pa", "ris"]
            async for _ in await client.messages.create(**CLAUDE, stream=True):
                pass

    asyncio.run(main())
    spanledger.flush()
    assert [told(span)["cost"] for span in spans.spans] == ["0.001005", "0.00033", "0.00033"]


@pytest.mark.parametrize("retries", [1, 2])
def test_retries_are_one_call_and_visible(spans: Sink, provider: Provider, retries: int) -> None:
    with gpt(provider, f"busy{retries}") as client:
        client.chat.completions.create(**GPT)
    span = only(spans)
    assert told(span) == CHAT
    assert span.attributes[semconv.HTTP_RESEND_COUNT] == retries
    assert len(provider.asked) == retries + 1


def test_retries_of_anthropic_and_async(spans: Sink, provider: Provider) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=f"{provider}/busy2") as client:
            await client.messages.create(**CLAUDE)

    asyncio.run(main())
    assert only(spans).attributes[semconv.HTTP_RESEND_COUNT] == 2


def test_an_error_is_told_with_its_status(spans: Sink, provider: Provider) -> None:
    with gpt(provider, "down") as client, pytest.raises(openai.InternalServerError):
        client.chat.completions.create(**GPT)
    with claude(provider, "busy9", max_retries=0) as other, pytest.raises(anthropic.RateLimitError):
        other.messages.create(**CLAUDE)
    spanledger.flush()
    first, second = spans.spans
    assert (first.status, first.attributes[semconv.HTTP_STATUS]) == (2, 500)
    assert (second.status, second.attributes[semconv.HTTP_STATUS]) == (2, 429)
    assert first.attributes[semconv.ERROR_TYPE] == "openai.InternalServerError"
    assert first.attributes[semconv.REQUEST_MODEL] == "gpt-4o"
    assert semconv.COST_USD not in first.attributes
    assert semconv.RESPONSE_MODEL not in first.attributes


def test_an_error_inside_a_stream(spans: Sink, provider: Provider) -> None:
    with gpt(provider, "broken") as client, pytest.raises(openai.APIError, match="overloaded"):
        list(client.chat.completions.create(**GPT, stream=True))
    with claude(provider, "broken") as other, pytest.raises(anthropic.APIStatusError):
        list(other.messages.create(**CLAUDE, stream=True))
    spanledger.flush()
    first, second = spans.spans
    assert [first.status, second.status] == [2, 2]
    assert told(first) == {"input": None, "output": None, "cost": None, "said": "Paris"}
    assert (told(second)["input"], told(second)["output"]) == (10, None)


@pytest.mark.parametrize("leave", ["close", "with", "drop"])
def test_a_stream_that_is_left_says_what_is_known(spans: Sink, provider: Provider, leave: str) -> None:
    with gpt(provider) as client, claude(provider) as other:
        streams: list[Any] = [
            client.chat.completions.create(**GPT, stream=True),
            other.messages.create(**CLAUDE, stream=True),
            client.responses.create(model="o3", input="Q", stream=True),
        ]
        for stream in streams:
            if leave == "with":
                with stream:
                    next(stream)
            else:
                next(stream)
            if leave == "close":
                stream.close()
        del stream, streams
        gc.collect()
    spanledger.flush()
    named = {span.name: span for span in spans.spans}
    first, second, third = (named[name] for name in ("chat gpt-4o", "chat claude-sonnet-4-5", "chat o3"))
    assert [told(span)["cost"] for span in (first, third)] == [None, None]
    for span in (first, second, third):
        assert span.attributes[semconv.STREAM_INTERRUPTED] is True
        assert span.status == 0
    assert told(first) == {"input": None, "output": None, "cost": None, "said": "Pa"}
    assert first.attributes[semconv.RESPONSE_ID].startswith("answer-")
    assert first.attributes[semconv.RESPONSE_MODEL] == "gpt-4o-2024-08-06"
    assert third.attributes[semconv.RESPONSE_MODEL] == "o3"
    assert told(second)["input"] == 10
    assert semconv.USAGE_OUTPUT_TOKENS not in second.attributes


def test_a_cancelled_task_ends_its_stream(spans: Sink, provider: Provider) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=f"{provider}/v1") as client:

            async def read() -> None:
                async for _ in await client.chat.completions.create(**GPT, stream=True):
                    started.set()
                    await asyncio.sleep(60)

            started = asyncio.Event()
            task = asyncio.create_task(read())
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gc.collect()

    asyncio.run(main())
    gc.collect()
    assert only(spans).attributes[semconv.STREAM_INTERRUPTED] is True


def test_a_stream_left_after_its_last_event_is_whole(spans: Sink, provider: Provider) -> None:
    with claude(provider) as client, client.messages.create(**CLAUDE, stream=True) as stream:
        for event in stream:
            if event.type == "message_stop":
                break
    span = only(spans)
    assert told(span)["output"] == 20
    assert semconv.STREAM_INTERRUPTED not in span.attributes


def test_an_endpoint_that_knows_no_stream_options_is_asked_without(spans: Sink, provider: Provider) -> None:
    with gpt(provider, "plain") as client:
        for _ in range(2):
            assert len(list(client.chat.completions.create(**GPT, stream=True))) == CHUNKS
    assert ["stream_options" in asked for asked in provider.asked] == [True, False, False]
    spanledger.flush()
    assert [told(span)["said"] for span in spans.spans] == ["Paris", "Paris"]
    assert [span.status for span in spans.spans] == [0, 0]


def test_what_the_user_says_of_usage_is_left_alone(spans: Sink, provider: Provider) -> None:
    options: Any = {"include_usage": False}
    with gpt(provider) as client:
        list(client.chat.completions.create(**GPT, stream=True, stream_options=options))
        list(client.chat.completions.create(**GPT, stream=True, extra_body={"stream_options": options}))
    assert [asked["stream_options"] for asked in provider.asked] == [options, options]
    spanledger.flush()
    assert [told(span)["cost"] for span in spans.spans] == [None, None]


@pytest.mark.parametrize("kind", [None, "llm", "agent"])
@pytest.mark.parametrize("returns", ["response", "text"])
def test_a_call_inside_an_observed_function_is_counted_once(
    spans: Sink, provider: Provider, kind: Any, returns: str
) -> None:
    with gpt(provider) as client:

        @spanledger.observe(kind=kind)
        def ask() -> Any:
            answer = client.chat.completions.create(**GPT)
            return answer if returns == "response" else answer.choices[0].message.content

        ask()
    spanledger.flush()
    inner, outer = spans.spans
    assert told(inner) == CHAT
    assert inner.parent_id == outer.span_id
    assert outer.attributes[semconv.KIND] == ("agent" if kind == "agent" else "chain")
    assert outer.attributes.get(semconv.OPERATION_NAME) == ("invoke_agent" if kind == "agent" else None)
    assert semconv.USAGE_INPUT_TOKENS not in outer.attributes
    assert semconv.COST_USD not in outer.attributes
    assert told(outer)["said"] == "Paris"


def test_a_stream_inside_an_observed_generator_is_counted_once(spans: Sink, provider: Provider) -> None:
    with gpt(provider) as client:

        @spanledger.observe(kind="llm")
        def ask() -> Iterator[str]:
            for chunk in client.chat.completions.create(**GPT, stream=True):
                yield chunk.choices[0].delta.content or ""

        assert "".join(ask()) == "Paris"
    spanledger.flush()
    inner, outer = spans.spans
    assert (told(inner), outer.attributes[semconv.KIND]) == (CHAT, "chain")
    assert inner.parent_id == outer.span_id


def test_an_embedding_inside_leaves_a_model_of_ones_own_counted(spans: Sink, provider: Provider) -> None:
    with gpt(provider) as client:

        @spanledger.observe(kind="llm")
        def answer() -> str:
            client.embeddings.create(model="text-embedding-3-small", input="Q")
            return "local"

        answer()
    spanledger.flush()
    assert spans.named("answer").attributes[semconv.KIND] == "llm"


def test_context_reaches_the_call(spans: Sink, provider: Provider) -> None:
    with gpt(provider) as client, spanledger.context(customer="acme"):
        client.chat.completions.create(**GPT)
    assert only(spans).attributes[semconv.CUSTOMER_ID] == "acme"


def test_content_stays_where_it_is_not_wanted(start: Callable[..., Any], provider: Provider) -> None:
    with running() as arrived:
        start(endpoint=arrived.url, capture_content="off", instrument="auto")
        with gpt(provider, "down") as client, pytest.raises(openai.InternalServerError):
            client.chat.completions.create(**GPT)
        with gpt(provider) as client:
            client.chat.completions.create(**GPT)
        spanledger.flush()
        assert "France" not in repr(arrived.spans)
        assert "Paris" not in repr(arrived.spans)
        assert told(arrived.spans[1])["cost"] == "0.003"


def test_the_clients_stay_what_they_are(spans: Sink, provider: Provider) -> None:
    plain = inspect.signature(openai.OpenAI.request)
    assert list(plain.parameters) == ["self", "cast_to", "options", "stream", "stream_cls"]
    with gpt(provider) as client:
        assert type(client) is openai.OpenAI
        assert pickle.loads(pickle.dumps(openai.OpenAI)) is openai.OpenAI
        stream = client.chat.completions.create(**GPT, stream=True)
        assert type(stream) is openai.Stream
        stream.close()
        assert copy.copy(client).api_key == "k"
        with pytest.raises(TypeError):
            client.chat.completions.create()  # type: ignore[call-overload] # pyright: ignore


def test_other_requests_are_no_spans(spans: Sink, provider: Provider) -> None:
    with claude(provider) as client:
        client.messages.count_tokens(model="claude-sonnet-4-5", messages=MESSAGES)
    spanledger.flush()
    assert spans.spans == []


def test_shutdown_takes_the_wrapping_back(start: Callable[..., Any], provider: Provider) -> None:
    before = {
        name: vars(owner)[name]
        for name in ("request", "_build_request", "_tracer")
        for owner in anthropic.Anthropic.__mro__
        if name in vars(owner)
    }
    start(instrument="auto")
    wrapped = anthropic.Anthropic.request
    assert wrapped is not before["request"]
    spanledger.shutdown(timeout=0)
    assert anthropic.Anthropic.request is before["request"]
    assert openai.AsyncOpenAI.request.__module__.startswith("openai")
    assert not hasattr(openai.AsyncOpenAI.request, clients._MARK)
    with gpt(provider) as client:
        assert client.chat.completions.create(**GPT).id


def test_a_wrapping_that_somebody_wrapped_is_left_and_used_again(
    start: Callable[..., Any], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(instrument="openai")
    owner = next(base for base in openai.OpenAI.__mro__ if "request" in vars(base))
    ours = owner.request
    original = ours.__wrapped__
    seen: list[int] = []

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        return ours(self, *args, **kwargs)

    monkeypatch.setattr(owner, "request", functools.wraps(ours)(theirs))
    spanledger.shutdown(timeout=0)
    assert owner.request.__wrapped__ is ours
    start(instrument="openai")
    with gpt(provider) as client:
        client.chat.completions.create(**GPT)
    spanledger.flush()
    assert seen == [1]
    assert spanledger.stats().ended == 1
    monkeypatch.undo()
    owner.request = original


def test_a_program_may_change_a_call_that_its_budget_forbids() -> None:
    options: Any = SimpleNamespace(url="/chat/completions", method="post", json_data={**GPT, "n": 1}, extra_json=None)
    client: Any = SimpleNamespace(base_url=SimpleNamespace(host="api.openai.com"))
    request = asking.read(client, (None, options), {})
    assert request is not None
    asked = dict(request.asked)
    assert request.changed(asked) == options.json_data
    asked["model"] = "gpt-4o-mini"
    del asked["n"]
    args, _ = asking.with_body((None, options), {}, options, request.changed(asked))
    assert args[1].json_data == {**GPT, "model": "gpt-4o-mini"}
    assert options.json_data["model"] == "gpt-4o"


@pytest.mark.parametrize(
    ("client", "provider"),
    [
        (openai.OpenAI(api_key="k"), "openai"),
        (openai.OpenAI(api_key="k", base_url="https://api.mistral.ai/v1"), "mistral_ai"),
        (openai.OpenAI(api_key="k", base_url="http://gateway.example/v1"), None),
        (openai.AzureOpenAI(api_key="k", api_version="1", azure_endpoint="https://a.example"), "azure.ai.openai"),
        (anthropic.AsyncAnthropic(api_key="k"), "anthropic"),
    ],
)
def test_who_charges(client: Any, provider: str | None) -> None:
    options: Any = SimpleNamespace(url="/chat/completions", method="post", json_data=GPT, extra_json=None)
    request = asking.read(client, (None, options), {})
    assert request is not None
    assert request.provider == provider


def test_azure_is_charged_as_azure(spans: Sink, provider: Provider) -> None:
    with openai.AzureOpenAI(api_key="k", api_version="2024-10-21", azure_endpoint=f"{provider}/x") as client:
        client.chat.completions.create(**GPT)
    span = only(spans)
    assert span.attributes[semconv.PROVIDER_NAME] == "azure.ai.openai"
    assert span.attributes[semconv.COST_SOURCE].startswith("genai-prices")
    assert told(span)["input"] == 1000
