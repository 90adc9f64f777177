"""Decorated functions around the real client packages, against a local fake provider."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import spanledger
from spanledger import semconv

from .provider import serving
from .sink import Sink


@pytest.fixture
def provider() -> Iterator[str]:
    """The fake's base URL."""
    with serving() as url:
        yield url


def told(sink: Sink, name: str) -> dict[str, Any]:
    """What a span says about tokens and money, and its texts."""
    spanledger.flush()
    attributes = sink.named(name).attributes
    return {
        "kind": attributes[semconv.KIND],
        "provider": attributes.get(semconv.PROVIDER_NAME),
        "model": attributes.get(semconv.RESPONSE_MODEL),
        "input": attributes.get(semconv.USAGE_INPUT_TOKENS),
        "output": attributes.get(semconv.USAGE_OUTPUT_TOKENS),
        "cost": attributes.get(semconv.COST_USD),
        "asked": json.loads(attributes[semconv.INPUT_MESSAGES])[-1]["parts"][0]["content"],
        "said": json.loads(attributes[semconv.OUTPUT_MESSAGES])[0]["parts"][0]["content"],
    }


QUESTION = "Capital of France?"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]


def test_openai(sdk: Sink, provider: str) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(api_key="k", base_url=f"{provider}/v1") as client:

        @spanledger.observe
        def chat(messages: Any) -> Any:
            return client.chat.completions.create(model="gpt-4o", messages=messages)

        @spanledger.observe
        def streamed(messages: Any) -> Any:
            yield from client.chat.completions.create(
                model="gpt-4o", messages=messages, stream=True, stream_options={"include_usage": True}
            )

        @spanledger.observe
        def respond(question: str) -> Any:
            return client.responses.create(model="o3", input=question)

        @spanledger.observe(kind="embedding")
        def embed(text: str) -> Any:
            return client.embeddings.create(model="text-embedding-3-small", input=text, encoding_format="float")

        chat(MESSAGES)
        assert len(list(streamed(MESSAGES))) == 4
        respond(QUESTION)
        embed(QUESTION)
    common = {"provider": "openai", "asked": QUESTION}
    whole = {**common, "kind": "llm", "model": "gpt-4o-2024-08-06", "input": 1000, "output": 100, "said": "Paris"}
    assert told(sdk, "chat") == {**whole, "cost": "0.003"}
    assert told(sdk, "streamed") == {**whole, "cost": "0.003"}
    assert semconv.RESPONSE_TIME_TO_FIRST_CHUNK in sdk.named("streamed").attributes
    assert told(sdk, "respond") == {**whole, "model": "o3", "input": 100, "output": 60, "cost": "0.00068"}
    assert sdk.named("respond").attributes[semconv.USAGE_REASONING_TOKENS] == 50
    embedded = told(sdk, "embed")
    assert (embedded["kind"], embedded["input"], embedded["cost"]) == ("embedding", 50, "0.000001")
    assert embedded["said"] == "<1 embeddings>"


@pytest.mark.filterwarnings("ignore:The model .* is deprecated:DeprecationWarning")
def test_anthropic(sdk: Sink, provider: str) -> None:
    anthropic = pytest.importorskip("anthropic")
    with anthropic.Anthropic(api_key="k", base_url=provider) as client:

        @spanledger.observe
        def chat(messages: Any) -> Any:
            return client.messages.create(model="claude-sonnet-4-5", max_tokens=100, messages=messages)

        @spanledger.observe
        def streamed(messages: Any) -> Any:
            yield from client.messages.create(model="claude-sonnet-4-5", max_tokens=100, messages=messages, stream=True)

        chat(MESSAGES)
        list(streamed(MESSAGES))
    common = {"provider": "anthropic", "kind": "llm", "model": "claude-sonnet-4-5-20250929", "said": "Paris"}
    common["asked"] = QUESTION
    assert told(sdk, "chat") == {**common, "input": 1110, "output": 20, "cost": "0.001005"}
    assert told(sdk, "streamed") == {**common, "input": 10, "output": 20, "cost": "0.00033"}


def test_google(sdk: Sink, provider: str) -> None:
    genai = pytest.importorskip("google.genai")
    with genai.Client(api_key="k", http_options={"base_url": provider}) as client:

        @spanledger.observe
        def chat(question: str) -> Any:
            return client.models.generate_content(model="gemini-2.5-flash", contents=question)

        chat(QUESTION)
    assert told(sdk, "chat") == {
        "provider": "gcp.gemini",
        "kind": "llm",
        "model": "gemini-2.5-flash",
        "input": 100,
        "output": 15,
        "cost": "0.0000675",
        "asked": QUESTION,
        "said": "Paris",
    }
