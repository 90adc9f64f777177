import asyncio
import contextvars
import threading

from opentelemetry import trace

import spanledger
from spanledger import semconv
from spanledger._internal import runtime

from .sink import Sink


@spanledger.observe
def work() -> None: ...


def test_every_name_has_its_attribute(sdk: Sink) -> None:
    with spanledger.context(
        customer="acme",
        user=7,
        session="s-1",
        feature="support",
        team="care",
        environment="test",
        release="1.2",
        prompt=("greeting", 3),
        tags=["a", "b"],
        metadata={"plan": "pro", "seats": 5, "trial": False, "list": [1], "none": None, "big": 2**70},
    ):
        work()
    spanledger.flush()
    expected = {
        semconv.CUSTOMER_ID: "acme",
        semconv.USER_ID: "7",
        semconv.CONVERSATION_ID: "s-1",
        semconv.FEATURE: "support",
        semconv.TEAM: "care",
        semconv.ENVIRONMENT: "test",
        semconv.RELEASE: "1.2",
        semconv.PROMPT_NAME: "greeting",
        semconv.PROMPT_VERSION: "3",
        semconv.TAGS: ["a", "b"],
        semconv.METADATA_PREFIX + "plan": "pro",
        semconv.METADATA_PREFIX + "seats": 5,
        semconv.METADATA_PREFIX + "trial": False,
        semconv.METADATA_PREFIX + "list": "[1]",
        semconv.METADATA_PREFIX + "big": str(2**70),
    }
    attributes = sdk.named("work").attributes
    assert {key: attributes.get(key) for key in expected} == expected
    assert semconv.METADATA_PREFIX + "none" not in attributes


def test_blocks_nest_merge_and_end(sdk: Sink) -> None:
    with spanledger.context(customer="acme", tags=["a"], metadata={"x": 1}):
        with spanledger.context(feature="f", tags=["b", "a"], metadata={"x": 2}, prompt="p"):
            work()
        work()
    work()
    spanledger.flush()
    inner, outer, outside = (span.attributes for span in sdk.spans)
    assert (inner[semconv.CUSTOMER_ID], inner[semconv.FEATURE], inner[semconv.TAGS]) == ("acme", "f", ["a", "b"])
    assert inner[semconv.METADATA_PREFIX + "x"] == 2
    assert semconv.PROMPT_VERSION not in inner
    assert (outer[semconv.TAGS], outer.get(semconv.FEATURE)) == (["a"], None)
    assert semconv.CUSTOMER_ID not in outside


def test_spans_of_other_libraries_are_stamped_even_under_a_remote_parent(sdk: Sink) -> None:
    assert runtime.active is not None
    tracer = runtime.active.tracer
    remote = trace.set_span_in_context(
        trace.NonRecordingSpan(trace.SpanContext(5, 6, is_remote=True, trace_flags=trace.TraceFlags(1))),
        context=__import__("opentelemetry.context", fromlist=["Context"]).Context(),
    )
    with spanledger.context(customer="acme"):
        tracer.start_span("third").end()
        tracer.start_span("remote", context=remote).end()
    spanledger.flush()
    assert [span.attributes[semconv.CUSTOMER_ID] for span in sdk.spans] == ["acme", "acme"]


def test_tasks_inherit_and_do_not_disturb_each_other(sdk: Sink) -> None:
    async def serve(customer: str) -> None:
        with spanledger.context(customer=customer):
            await asyncio.sleep(0.001)
            work()

    async def main() -> None:
        with spanledger.context(feature="f"):
            await asyncio.gather(*(serve(f"c{number}") for number in range(5)))

    asyncio.run(main())
    spanledger.flush()
    assert {span.attributes[semconv.CUSTOMER_ID] for span in sdk.spans} == {f"c{number}" for number in range(5)}
    assert {span.attributes[semconv.FEATURE] for span in sdk.spans} == {"f"}


def test_threads_see_it_where_the_context_is_copied(sdk: Sink) -> None:
    with spanledger.context(customer="acme"):
        copied = contextvars.copy_context()
        for target in (work, lambda: copied.run(work)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    spanledger.flush()
    assert [span.attributes.get(semconv.CUSTOMER_ID) for span in sdk.spans] == [None, "acme"]


def test_wrong_arguments_do_not_reach_the_program(sdk: Sink) -> None:
    with spanledger.context(customer="acme", prompt=5, tags=5):  # type: ignore[arg-type]
        work()
    spanledger.flush()
    assert sdk.named("work").attributes[semconv.CUSTOMER_ID] == "acme"
