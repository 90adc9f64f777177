import asyncio
import gc
import inspect
import json
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest
from opentelemetry import trace

import spanledger
from spanledger import semconv

from .sink import Sink
from .test_responses import CHAT


def text(attribute: str) -> str:
    """The text of the one message in a content attribute."""
    (message,) = json.loads(attribute)
    (part,) = message["parts"]
    assert part["type"] == "text"
    return part["content"]


def test_arguments_result_and_time_are_recorded(sdk: Sink) -> None:
    @spanledger.observe
    def double(number: int, *, note: str = "") -> dict[str, int]:
        return {"twice": number * 2}

    assert double(4, note="é") == {"twice": 8}
    assert spanledger.flush()
    span = sdk.named("double")
    assert json.loads(text(span.attributes[semconv.INPUT_MESSAGES])) == {"number": 4, "note": "é"}
    assert json.loads(text(span.attributes[semconv.OUTPUT_MESSAGES])) == {"twice": 8}
    assert span.attributes[semconv.KIND] == "chain"
    assert semconv.OPERATION_NAME not in span.attributes
    assert span.start <= span.end
    assert span.scope == "spanledger"


def test_a_single_text_is_recorded_as_it_is(sdk: Sink) -> None:
    @spanledger.observe(name="greeting")
    def greet(name: str) -> str:
        return f"Hello {name}"

    greet("Ada")
    spanledger.flush()
    span = sdk.named("greeting")
    assert text(span.attributes[semconv.INPUT_MESSAGES]) == "Ada"
    assert text(span.attributes[semconv.OUTPUT_MESSAGES]) == "Hello Ada"


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("llm", "chat"),
        ("agent", "invoke_agent"),
        ("tool", "execute_tool"),
        ("retrieval", "retrieval"),
        ("embedding", "embeddings"),
        ("guardrail", None),
        ("chain", None),
    ],
)
def test_operation_agrees_with_kind(sdk: Sink, kind: Any, operation: str | None) -> None:
    @spanledger.observe(kind=kind)
    def work() -> None: ...

    work()
    spanledger.flush()
    span = sdk.named("work")
    assert span.attributes[semconv.KIND] == kind
    assert span.attributes.get(semconv.OPERATION_NAME) == operation
    assert span.kind == (3 if kind in ("llm", "embedding") else 1)


def test_a_result_with_usage_makes_an_llm_span_with_its_cost(sdk: Sink) -> None:
    @spanledger.observe
    def ask(messages: list[dict[str, str]], model: str = "gpt-4o", temperature: float = 0.5) -> Any:
        return CHAT

    ask([{"role": "user", "content": "hi?"}])
    spanledger.flush()
    attributes = sdk.named("ask").attributes
    expected = {
        semconv.KIND: "llm",
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "openai",
        semconv.RESPONSE_MODEL: "gpt-4o-2024-08-06",
        semconv.RESPONSE_ID: "chatcmpl-1",
        semconv.RESPONSE_FINISH_REASONS: ["stop"],
        semconv.USAGE_INPUT_TOKENS: 100,
        semconv.USAGE_CACHE_READ_TOKENS: 30,
        semconv.USAGE_OUTPUT_TOKENS: 50,
        semconv.USAGE_REASONING_TOKENS: 20,
        semconv.COST_USD: "0.0007125",
        semconv.REQUEST_TEMPERATURE: 0.5,
    }
    assert {key: attributes.get(key) for key in expected} == expected
    assert attributes[semconv.REQUEST_MODEL] == "gpt-4o"
    assert json.loads(attributes[semconv.OUTPUT_MESSAGES])[0]["role"] == "assistant"


def test_a_response_handed_outward_is_counted_once(sdk: Sink) -> None:
    nameless = {key: value for key, value in CHAT.items() if key != "id"}

    @spanledger.observe
    def inner() -> Any:
        return nameless

    @spanledger.observe
    def middle() -> Any:
        return inner()

    @spanledger.observe(kind="agent")
    def outer() -> Any:
        return middle()

    outer()
    spanledger.flush()
    assert sdk.named("inner").attributes[semconv.USAGE_INPUT_TOKENS] == 100
    for name in ("middle", "outer"):
        assert semconv.USAGE_INPUT_TOKENS not in sdk.named(name).attributes
        assert semconv.COST_USD not in sdk.named(name).attributes
    assert sdk.named("middle").attributes[semconv.KIND] == "chain"


def test_another_librarys_span_of_the_same_response_is_counted_once(sdk: Sink, start: Callable[..., Any]) -> None:
    from spanledger._internal import runtime

    assert runtime.active is not None
    tracer = runtime.active.tracer

    @spanledger.observe
    def ask() -> Any:
        reported = {semconv.RESPONSE_ID: "chatcmpl-1", semconv.USAGE_INPUT_TOKENS: 100}
        with tracer.start_as_current_span("chat gpt-4o", attributes=reported):
            return CHAT

    ask()
    spanledger.flush()
    assert semconv.USAGE_INPUT_TOKENS not in sdk.named("ask").attributes


def test_what_was_passed_is_recorded_whatever_happens_to_it_later(sdk: Sink) -> None:
    @spanledger.observe
    def extend(messages: list[dict[str, str]]) -> list[str]:
        messages.append({"role": "assistant", "content": "changed"})
        return out

    out = ["first"]
    extend([{"role": "user", "content": "as passed"}])
    out.append("later")
    spanledger.flush()
    attributes = sdk.named("extend").attributes
    assert text(attributes[semconv.INPUT_MESSAGES]) == "as passed"
    assert text(attributes[semconv.OUTPUT_MESSAGES]) == '["first"]'


def test_exceptions_pass_through_and_are_recorded(sdk: Sink) -> None:
    class Refused(Exception): ...

    @spanledger.observe
    def fail() -> None:
        raise Refused("no")

    with pytest.raises(Refused, match="no"):
        fail()
    spanledger.flush()
    span = sdk.named("fail")
    assert span.attributes[semconv.ERROR_TYPE].endswith("Refused")
    assert (span.status, span.message, span.events) == (2, "Refused: no", ["exception"])


def test_methods_do_not_record_their_self(sdk: Sink) -> None:
    class Bot:
        @spanledger.observe
        def say(self, what: str) -> str:
            return what

        @classmethod
        @spanledger.observe
        def make(cls, what: str) -> str:
            return what

        @spanledger.observe  # type: ignore[arg-type]
        @staticmethod
        def free(what: str) -> str:
            return what

    assert (Bot().say("a"), Bot.make("b"), Bot.free("c")) == ("a", "b", "c")
    spanledger.flush()
    assert [text(span.attributes[semconv.INPUT_MESSAGES]) for span in sdk.spans] == ["a", "b", "c"]
    assert sdk.spans[0].name == "Bot.say"


def test_coroutines_nest_across_tasks(sdk: Sink) -> None:
    @spanledger.observe(kind="tool")
    async def leaf(number: int) -> int:
        await asyncio.sleep(0)
        return number

    @spanledger.observe(kind="agent")
    async def root() -> list[int]:
        return await asyncio.gather(*(leaf(number) for number in range(3)))

    assert asyncio.run(root()) == [0, 1, 2]
    spanledger.flush()
    parent = sdk.named("root")
    assert {span.parent_id for span in sdk.spans if span is not parent} == {parent.span_id}


def test_a_cancelled_coroutine_ends_its_span(sdk: Sink) -> None:
    @spanledger.observe
    async def slow() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(slow())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    spanledger.flush()
    assert sdk.named("slow").attributes[semconv.ERROR_TYPE].endswith("CancelledError")


@spanledger.observe
def child() -> None: ...


def test_a_generator_is_one_span_and_leaks_no_context(sdk: Sink) -> None:
    @spanledger.observe
    def stream(count: int) -> Generator[str, str | None, str]:
        for index in range(count):
            child()
            yield f"{index} "
        return "end"

    seen: list[str] = []

    @spanledger.observe
    def consumer() -> str:
        outside = trace.get_current_span()
        generator = stream(2)
        while True:
            try:
                seen.append(next(generator))
            except StopIteration as stop:
                return stop.value
            assert trace.get_current_span() is outside
            child()

    assert consumer() == "end"
    spanledger.flush()
    assert seen == ["0 ", "1 "]
    own, around = sdk.named("stream"), sdk.named("consumer")
    assert own.parent_id == around.span_id
    assert text(own.attributes[semconv.OUTPUT_MESSAGES]) == "0 1 "
    assert 0 <= own.attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] < 60
    parents = [span.parent_id for span in sdk.spans if span.name == "child"]
    assert parents.count(own.span_id) == 2
    assert parents.count(around.span_id) == 2


def test_generators_keep_send_throw_and_close(sdk: Sink) -> None:
    events: list[object] = []

    @spanledger.observe
    def talk() -> Generator[int, str, None]:
        try:
            events.append((yield 1))
            try:
                yield 2
            except KeyError as error:
                events.append(error)
            yield 3
        finally:
            events.append("closed")

    conversation = talk()
    assert next(conversation) == 1
    assert conversation.send("sent") == 2
    problem = KeyError("thrown")
    assert conversation.throw(problem) == 3
    conversation.close()
    assert events == ["sent", problem, "closed"]
    spanledger.flush()
    span = sdk.named("talk")
    assert span.status == 0


def test_an_abandoned_generator_ends_its_span(sdk: Sink) -> None:
    @spanledger.observe
    def stream() -> Generator[int, None, None]:
        yield 1
        yield 2

    next(stream())
    gc.collect()
    spanledger.flush()
    assert sdk.named("stream").status == 0
    assert spanledger.stats().started == spanledger.stats().ended == 1


def test_a_failing_generator_records_what_came_and_the_error(sdk: Sink) -> None:
    @spanledger.observe
    def stream() -> Generator[str, None, None]:
        yield "part"
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        list(stream())
    spanledger.flush()
    span = sdk.named("stream")
    assert span.status == 2
    assert text(span.attributes[semconv.OUTPUT_MESSAGES]) == "part"


def test_async_generators_nest_and_leak_nothing(sdk: Sink) -> None:
    @spanledger.observe
    async def stream() -> AsyncGenerator[str, str | None]:
        child()
        got = yield "a"
        child()
        yield f"b{got}"

    async def main() -> None:
        generator = stream()
        assert await generator.__anext__() == "a"
        assert not trace.get_current_span().get_span_context().is_valid
        # Another task takes over: each step must attach and detach in the context it runs in.
        second = asyncio.create_task(generator.asend("!"))  # type: ignore[arg-type]
        assert await second == "b!"
        with pytest.raises(StopAsyncIteration):
            await generator.__anext__()

    asyncio.run(main())
    spanledger.flush()
    own = sdk.named("stream")
    assert [span.parent_id for span in sdk.spans if span.name == "child"] == [own.span_id] * 2
    assert text(own.attributes[semconv.OUTPUT_MESSAGES]) == "ab!"


def test_an_abandoned_async_generator_ends_its_span(sdk: Sink) -> None:
    closed: list[bool] = []

    @spanledger.observe
    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def main() -> None:
        async for _ in stream():
            break
        await asyncio.sleep(0)

    asyncio.run(main())
    spanledger.flush()
    assert closed == [True]
    assert sdk.named("stream").status == 0


def test_an_athrow_reaches_the_async_generator(sdk: Sink) -> None:
    @spanledger.observe
    async def stream() -> AsyncGenerator[str, None]:
        try:
            yield "a"
        except KeyError:
            yield "caught"

    async def main() -> str:
        generator = stream()
        await generator.__anext__()
        caught = await generator.athrow(KeyError("x"))
        await generator.aclose()
        return caught

    assert asyncio.run(main()) == "caught"
    spanledger.flush()
    assert sdk.named("stream").status == 0


def test_decoration_keeps_what_tools_look_at() -> None:
    @spanledger.observe
    async def coroutine(a: int, b: str = "x") -> None:
        """Documented."""

    @spanledger.observe
    def generator() -> Generator[int, None, None]:
        yield 1

    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert str(inspect.signature(coroutine)) == "(a: int, b: str = 'x') -> None"
    assert coroutine.__doc__ == "Documented."


def test_undecorated_behaviour_before_init() -> None:
    @spanledger.observe
    def work(x: int) -> int:
        return x

    @spanledger.observe
    def stream() -> Generator[int, None, str]:
        yield 1
        return "end"

    @spanledger.observe
    async def astream() -> AsyncGenerator[int, None]:
        yield 1

    async def collect() -> list[int]:
        return [item async for item in astream()]

    assert work(3) == 3
    assert list(stream()) == [1]
    assert asyncio.run(collect()) == [1]
    spanledger.update(model="x")
    assert spanledger.stats() == spanledger.Stats()


@pytest.mark.parametrize("options", [{"kind": "model"}, {"capture": "sometimes"}])
def test_a_wrong_option_is_named_at_decoration(options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options.values()))):
        spanledger.observe(**options)(lambda: None)


@pytest.mark.parametrize(
    ("capture", "has_input", "has_output"),
    [
        *(("on", True, True), (True, True, True), ("off", False, False), (False, False, False)),
        *(("input", True, False), ("output", False, True), ("embedding", False, False)),
    ],
)
def test_capture_per_function(sdk: Sink, capture: Any, has_input: bool, has_output: bool) -> None:
    @spanledger.observe(capture=capture)
    def work(secret: str) -> str:
        return secret

    work("s")
    spanledger.flush()
    attributes = sdk.named("work").attributes
    assert (semconv.INPUT_MESSAGES in attributes) is has_input
    assert (semconv.OUTPUT_MESSAGES in attributes) is has_output


def test_a_span_that_somebody_else_ended_is_sent_once(sdk: Sink) -> None:
    @spanledger.observe
    def work() -> str:
        trace.get_current_span().end()
        return "done"

    assert work() == "done"
    spanledger.flush()
    assert sdk.named("work")


def test_capture_off_still_reads_the_model_that_was_asked_for(start: Callable[..., Any], sink: Sink) -> None:
    start(capture_content="off")

    @spanledger.observe(kind="llm")
    def ask(prompt: str, model: str) -> str:
        spanledger.update(input_tokens=1000, output_tokens=0)
        return "x"

    ask("p", model="gpt-4o")
    spanledger.flush()
    attributes = sink.named("ask").attributes
    assert attributes[semconv.REQUEST_MODEL] == "gpt-4o"
    assert attributes[semconv.COST_USD] == "0.0025"


def test_capture_off_leaves_no_trace_of_content(start: Callable[..., Any], sink: Sink) -> None:
    start(capture_content="off", embedder=lambda texts: [[1.0]] * len(texts))

    @spanledger.observe(capture="on")
    def work(secret: str) -> Any:
        if secret == "raise the secret":
            raise ValueError(secret)
        return {**CHAT, "secret": secret}

    work("the secret")
    with pytest.raises(ValueError, match="secret"):
        work("raise the secret")
    spanledger.flush()
    assert len(sink.spans) == 2
    assert "secret" not in repr([(s.attributes, s.message, s.events) for s in sink.spans])
    assert sink.spans[0].attributes[semconv.USAGE_INPUT_TOKENS] == 100


def test_long_content_is_cut_with_its_length_kept(
    start: Callable[..., Any], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANLEDGER_MAX_CONTENT_CHARS", "100")
    start()

    @spanledger.observe
    def work(messages: list[dict[str, str]]) -> str:
        return "y" * 250

    work([{"role": "user", "content": "a" * 200}, {"role": "user", "content": "b" * 60}])
    spanledger.flush()
    attributes = sink.named("work").attributes
    contents = [message["parts"][0]["content"] for message in json.loads(attributes[semconv.INPUT_MESSAGES])]
    assert contents == ["a" * 40, "b" * 60]
    assert attributes[semconv.INPUT_LENGTH] == 260
    assert text(attributes[semconv.OUTPUT_MESSAGES]) == "y" * 100
    assert attributes[semconv.OUTPUT_LENGTH] == 250


def test_strange_values_do_not_cost_the_span(sdk: Sink) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    @spanledger.observe
    def work(value: Any) -> Any:
        return value

    for value in ("\ud800 lone", b"\x00\xff", float("nan"), {1: {2, 3}}, Broken(), 10**400):
        work(value)
    assert spanledger.flush()
    assert len(sdk.spans) == 6
    assert text(sdk.spans[0].attributes[semconv.INPUT_MESSAGES]) == "? lone"
