import base64
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import spanledger
from spanledger import Usage, semconv
from spanledger._internal import runtime

from .sink import Received, Sink
from .test_observe import text
from .test_responses import CHAT


def updated(sink: Sink, kind: Any = "llm", **facts: Any) -> Received:
    @spanledger.observe(kind=kind)
    def work(question: str) -> str:
        spanledger.update(**facts)
        return "plain text"

    work("q")
    spanledger.flush()
    return sink.named("work")


def test_facts_set_by_hand_are_priced(sdk: Sink) -> None:
    attributes = updated(
        sdk, model="gpt-4o", provider="openai", input_tokens=100, output_tokens=10, cache_read_tokens=40
    ).attributes
    assert attributes[semconv.USAGE_INPUT_TOKENS] == 100
    assert attributes[semconv.COST_USD] == "0.0003"
    assert text(attributes[semconv.OUTPUT_MESSAGES]) == "plain text"


def test_an_undeclared_call_with_usage_set_by_hand_is_an_llm_call(sdk: Sink) -> None:
    attributes = updated(sdk, kind=None, model="gpt-4o", usage=Usage(5)).attributes
    assert attributes[semconv.KIND] == "llm"


def test_unknown_models_have_no_cost(sdk: Sink) -> None:
    attributes = updated(sdk, model="mine", provider="ollama", input_tokens=100, output_tokens=10).attributes
    assert semconv.COST_USD not in attributes


@pytest.mark.parametrize(("cost", "said"), [(Decimal("0.10"), "0.10"), (0.1, "0.1"), ("1e-7", "0.0000001"), (0, "0")])
def test_a_given_cost_wins_and_stays_exact(sdk: Sink, cost: Any, said: str) -> None:
    attributes = updated(sdk, model="gpt-4o", input_tokens=5, cost=cost).attributes
    assert attributes[semconv.COST_USD] == said
    assert attributes[semconv.COST_SOURCE] == "set by the application"


@pytest.mark.parametrize("cost", [-1, float("nan"), "much"])
def test_a_cost_that_is_none_is_refused_quietly(sdk: Sink, cost: Any) -> None:
    assert semconv.COST_USD not in updated(sdk, cost=cost).attributes


def test_a_cache_hit_costs_nothing(sdk: Sink) -> None:
    attributes = updated(sdk, model="gpt-4o", input_tokens=5, cache_hit=True).attributes
    assert (attributes[semconv.CACHE_HIT], attributes[semconv.COST_USD]) == (True, "0")


def test_the_response_can_be_given_where_the_result_is_text(sdk: Sink) -> None:
    attributes = updated(sdk, response=CHAT).attributes
    assert attributes[semconv.USAGE_OUTPUT_TOKENS] == 50
    assert text(attributes[semconv.OUTPUT_MESSAGES]) == "hi"


def test_the_rest(sdk: Sink) -> None:
    attributes = updated(
        sdk, input="asked", output="said", time_to_first_chunk=0.25, tags="one", metadata={"k": "v"}
    ).attributes
    assert text(attributes[semconv.INPUT_MESSAGES]) == "asked"
    assert text(attributes[semconv.OUTPUT_MESSAGES]) == "said"
    assert attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] == 0.25
    assert attributes[semconv.TAGS] == ["one"]
    assert attributes[semconv.METADATA_PREFIX + "k"] == "v"


def floats(attributes: dict[str, Any]) -> tuple[float, ...]:
    letter = {"float16": "e", "float32": "f"}[attributes[semconv.EMBEDDING_DTYPE]]
    raw = base64.b64decode(attributes[semconv.EMBEDDING])
    return struct.unpack(f"<{len(raw) // struct.calcsize(letter)}{letter}", raw)


def test_embeddings_are_little_endian_floats(sdk: Sink) -> None:
    attributes = updated(sdk, embedding=[0.5, -0.25, 1], embedding_model="mini").attributes
    assert floats(attributes) == (0.5, -0.25, 1.0)
    assert attributes[semconv.EMBEDDING_MODEL] == "mini"


def test_large_values_need_float32_and_nonsense_is_refused(sdk: Sink) -> None:
    assert floats(updated(sdk, embedding=[100_000.0, 1.0]).attributes) == (100_000.0, 1.0)
    sdk.spans.clear()
    assert semconv.EMBEDDING not in updated(sdk, embedding=[float("nan")]).attributes


@pytest.mark.parametrize("capture", ["on", "embedding"])
def test_the_embedder_runs_beside_the_export_in_batches(start: Callable[..., Any], sink: Sink, capture: Any) -> None:
    import threading

    seen: list[tuple[str, list[str]]] = []

    def embedder(texts: list[str]) -> list[list[float]]:
        seen.append((threading.current_thread().name, texts))
        ask("inside the embedder is not observed")
        return [[float(len(text)), 0.0] for text in texts]

    start(embedder=embedder, capture_content=capture)

    @spanledger.observe(kind="llm")
    def ask(question: str) -> str:
        return "answer"

    ask("four")
    ask("sixsix")
    spanledger.flush()
    assert seen == [("spanledger-embed", ["four", "sixsix"])]
    assert [floats(span.attributes) for span in sink.spans] == [(4.0, 0.0), (6.0, 0.0)]
    assert sink.spans[0].attributes[semconv.EMBEDDING_MODEL] == "embedder"
    assert (semconv.INPUT_MESSAGES in sink.spans[0].attributes) is (capture == "on")


def test_a_failing_embedder_costs_the_vector_only(start: Callable[..., Any], sink: Sink) -> None:
    def embedder(texts: list[str]) -> list[list[float]]:
        raise OSError("model is away")

    start(embedder=embedder)
    assert text(updated(sink).attributes[semconv.OUTPUT_MESSAGES]) == "plain text"


def test_a_handle_is_of_the_innermost_observed_call(sdk: Sink) -> None:
    @spanledger.observe
    def inner() -> str:
        return spanledger.current().span_id

    @spanledger.observe
    def outer() -> tuple[str, str, spanledger.Handle]:
        return inner(), spanledger.current().span_id, spanledger.current()

    first, second, handle = outer()
    handle.update(model="too late")
    spanledger.flush()
    assert first == sdk.named("inner").span_id
    assert second == sdk.named("outer").span_id
    assert handle.trace_id == sdk.named("outer").trace_id
    assert semconv.RESPONSE_MODEL not in sdk.named("outer").attributes


def test_another_librarys_span_is_updated_at_once(sdk: Sink) -> None:
    assert runtime.active is not None
    with runtime.active.tracer.start_as_current_span("third"):
        spanledger.update(model="gpt-4o", input_tokens=5, tags=["t"])
    spanledger.flush()
    attributes = sdk.named("third").attributes
    assert attributes[semconv.USAGE_INPUT_TOKENS] == 5
    assert attributes[semconv.TAGS] == ["t"]


def test_a_misspelt_fact_is_said_and_does_not_raise(sdk: Sink, caplog: pytest.LogCaptureFixture) -> None:
    updated(sdk, modle="gpt-4o")
    assert "knows no modle" in caplog.text
