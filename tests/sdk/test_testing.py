import asyncio
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

import spanledger
from spanledger import semconv, testing
from spanledger._internal import clock, runtime
from spanledger.testing import capture

from .sink import Sink
from .test_lifecycle import program
from .test_responses import CHAT


@spanledger.observe
def child() -> None: ...


@spanledger.observe(kind="agent")
def parent(depth: int = 1) -> None:
    for _ in range(depth):
        child()


def test_a_span_is_a_plain_dict_as_the_collector_would_receive_it() -> None:
    @spanledger.observe
    def ask(prompt: str, model: str = "gpt-4o") -> Any:
        return CHAT

    with capture() as recorded, spanledger.context(customer="acme"):
        ask("hi?")
    (span,) = recorded.spans
    attributes = span.pop("attributes")  # type: ignore[misc]
    assert span == {
        "name": "ask",
        "kind": "llm",
        "parent": None,
        "trace_id": "00000000000000000000000000000001",
        "span_id": "0000000000000001",
        "parent_id": None,
        "status": "ok",
        "error": None,
        "start_ns": 1_767_225_600_000_000_000,
        "duration_ns": 0,
        "model": "gpt-4o-2024-08-06",
        "usage": {"input_tokens": 100, "output_tokens": 50, "cache_read_tokens": 30, "reasoning_tokens": 20},
        "cost": Decimal("0.0007125"),
        "input": [{"role": "user", "parts": [{"type": "text", "content": "hi?"}]}],
        "output": json.loads(attributes[semconv.OUTPUT_MESSAGES]),
    }
    assert attributes[semconv.CUSTOMER_ID] == "acme"
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ["stop"]


def test_calls_nest_and_ids_count() -> None:
    with capture() as recorded:
        parent(2)
        parent()
    assert [(span["name"], span["parent"], span["span_id"][-1], span["trace_id"][-1]) for span in recorded] == [
        ("child", "parent", "2", "1"),
        ("child", "parent", "3", "1"),
        ("parent", None, "1", "1"),
        ("child", "parent", "5", "2"),
        ("parent", None, "4", "2"),
    ]


def test_two_recordings_are_equal_and_apart() -> None:
    with capture() as first:
        parent(2)
    with capture() as second:
        parent(2)
    assert first.spans == second.spans
    assert len(first) == 3


def test_recordings_nest() -> None:
    with capture() as outer:
        child()
        with capture() as inner:
            parent()
        child()
    assert ([span["name"] for span in outer], [span["name"] for span in inner]) == (
        ["child", "child"],
        ["child", "parent"],
    )


def test_time_stands_still_until_it_is_advanced() -> None:
    @spanledger.observe
    def slow() -> None:
        recorded.advance(0.8)

    with capture(start=datetime(2025, 6, 1, tzinfo=UTC)) as recorded:
        slow()
    assert recorded[0]["duration_ns"] == 800_000_000
    assert recorded[0]["start_ns"] == 1_748_736_000_000_000_000
    with pytest.raises(ValueError, match="backwards"):
        recorded.advance(-1)


def test_errors_pass_through_and_are_recorded() -> None:
    @spanledger.observe
    def fail() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError), capture() as recorded:
        fail()
    assert (recorded[0]["status"], recorded[0]["error"]) == ("error", "KeyError: 'no'")
    assert recorded[0]["attributes"][semconv.ERROR_TYPE] == "KeyError"
    assert runtime.active is None


def test_streams_and_coroutines() -> None:
    @spanledger.observe
    def stream() -> Generator[str, None, None]:
        yield "a"
        recorded.advance(1)
        yield "b"

    @spanledger.observe
    async def astream() -> AsyncGenerator[str, None]:
        child()
        yield "c"

    @spanledger.observe
    async def main() -> list[str]:
        await asyncio.gather(leaf(), leaf())
        return [item async for item in astream()]

    @spanledger.observe(kind="tool")
    async def leaf() -> None:
        await asyncio.sleep(0)

    with capture() as recorded:
        assert list(stream()) == ["a", "b"]
        assert asyncio.run(main()) == ["c"]
    output = recorded.named("stream")["output"]
    assert output is not None
    assert output[0]["parts"] == [{"type": "text", "content": "ab"}]
    assert recorded.named("stream")["duration_ns"] == 1_000_000_000
    assert [(span["name"], span["parent"]) for span in recorded[1:]] == [
        ("leaf", "main"),
        ("leaf", "main"),
        ("child", "astream"),
        ("astream", "main"),
        ("main", None),
    ]


def test_parallel_threads_lose_nothing() -> None:
    with capture() as recorded, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: parent(2), range(200)))
    assert len(recorded) == 600
    assert len({span["span_id"] for span in recorded}) == 600
    spans = {span["span_id"]: span for span in recorded}
    for span in recorded.spans:
        if span["parent_id"] is not None:
            assert spans[span["parent_id"]]["trace_id"] == span["trace_id"]


def test_readers_and_writers_do_not_disturb_each_other() -> None:
    with capture() as recorded:
        threads = [threading.Thread(target=parent, args=(50,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert len(recorded) <= 204
        for thread in threads:
            thread.join()
    assert len(recorded) == 204


def test_reading_clearing_and_finding() -> None:
    with capture() as recorded:
        parent()
        assert len(recorded.spans) == 2
        recorded.clear()
        assert recorded.spans == []
        child()
    assert repr(recorded) == "<Recorder: child>"
    with pytest.raises(LookupError, match="0 spans are named 'parent'; recorded are: child"):
        recorded.named("parent")


def test_options_are_those_of_init() -> None:
    @spanledger.observe(kind="llm")
    def ask(prompt: str) -> str:
        return "secret"

    with capture(capture_content=False, environment="ci", release="1") as recorded:
        ask("secret")
    assert "secret" not in repr(recorded.spans)
    assert (recorded[0]["input"], recorded[0]["attributes"][semconv.ENVIRONMENT]) == (None, "ci")
    with capture(capture_content="embedding", embedder=lambda texts: [[1.0]] * len(texts)) as recorded:
        ask("secret")
    assert semconv.EMBEDDING in recorded[0]["attributes"]
    for options in ({"capture_content": "some"}, {"start": datetime(2026, 1, 1)}):  # noqa: DTZ001
        with pytest.raises(ValueError, match="capture"), capture(**options):  # type: ignore[arg-type]
            raise AssertionError


def test_nothing_is_left_behind() -> None:
    def state() -> tuple[Any, ...]:
        threads = {thread.ident for thread in threading.enumerate()}
        return runtime.active, runtime._last, clock.time_ns, trace._TRACER_PROVIDER, threads

    before = state()
    with capture() as recorded:
        parent()
        assert threading.active_count() == len(before[-1])
    assert recorded.spans
    assert state() == before
    parent()
    assert len(recorded) == 2


def test_a_running_sdk_goes_on_afterwards(sdk: Sink) -> None:
    child()
    with capture() as recorded:
        parent()
    child()
    assert spanledger.flush()
    assert [span.name for span in sdk.spans] == ["child", "child"]
    assert all(span.start != recorded[0]["start_ns"] for span in sdk.spans)
    assert spanledger.stats().acknowledged == 2


def test_the_program_under_test_may_start_and_stop_the_sdk(caplog: pytest.LogCaptureFixture) -> None:
    def program() -> None:
        spanledger.init("http://127.0.0.1:9")
        child()
        assert spanledger.flush()
        spanledger.shutdown()

    with capture() as recorded:
        program()
        program()
        assert spanledger.stats().acknowledged == 2
    assert len(recorded) == 2
    assert caplog.text == ""


def test_other_libraries_are_recorded_and_then_left_alone() -> None:
    early = trace.get_tracer("early")
    with capture() as first:
        late = trace.get_tracer("late")
        with late.start_as_current_span("late"):
            child()
        early.start_span("early").end()
    assert [(span["name"], span["parent"]) for span in first] == [("child", "late"), ("late", None), ("early", None)]
    assert not late.start_span("outside").is_recording()
    assert not early.start_span("outside").is_recording()
    with capture() as second:
        early.start_span("early").end()
        late.start_span("late").end()
    assert [span["name"] for span in second] == ["early", "late"]
    assert len(first) == 3


def test_an_installed_provider_gets_its_place_back() -> None:
    done = program("""
        import spanledger
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from spanledger.testing import capture

        @spanledger.observe
        def work(): ...

        exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        with capture() as recorded:
            inside = trace.get_tracer("library")
            with inside.start_as_current_span("inside"):
                work()
        assert trace.get_tracer_provider() is provider
        inside.start_span("outside").end()
        work()
        assert [span["name"] for span in recorded] == ["work", "inside"]
        assert [span.name for span in exporter.get_finished_spans()] == ["outside"]
    """)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_forked_child_records_for_itself() -> None:
    done = program("""
        import os, spanledger
        from spanledger.testing import capture

        @spanledger.observe
        def work(): ...

        with capture() as recorded:
            work()
            if (pid := os.fork()) == 0:
                work()
                os._exit(0 if len(recorded) == 1 else 3)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert len(recorded) == 1
    """)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_embedder_that_flushes_and_fails_costs_its_vector_only() -> None:
    def embed(texts: list[str]) -> list[list[float]]:
        assert spanledger.flush()
        raise OSError("down")

    @spanledger.observe(kind="llm")
    def ask(prompt: str) -> str:
        return prompt

    with capture(embedder=embed) as recorded:
        ask("x")
    assert semconv.EMBEDDING not in recorded[0]["attributes"]


@pytest.mark.parametrize("name", ["OTEL_SDK_DISABLED", "SPANLEDGER_ENABLED"])
def test_the_environment_does_not_turn_it_off(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "true" if name.startswith("OTEL") else "false")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with capture() as recorded:
        child()
    assert len(recorded) == 1


def run_pytest(folder: Path, conftest: str) -> str:
    (folder / "conftest.py").write_text(conftest)
    (folder / "test_it.py").write_text(
        textwrap.dedent("""
        import spanledger

        @spanledger.observe
        def work(): ...

        def test_one(spanledger_spans):
            work()
            assert [span["name"] for span in spanledger_spans] == ["work"]

        def test_two(spanledger_spans):
            assert not spanledger_spans
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:dash", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env=dict(os.environ),
    )
    return done.stdout


@pytest.mark.parametrize(
    "conftest",
    [
        'pytest_plugins = ["spanledger.testing.pytest"]',
        "from spanledger.testing.pytest import spanledger_spans",
    ],
)
def test_the_fixture(tmp_path: Path, conftest: str) -> None:
    said = run_pytest(tmp_path, conftest)
    assert "2 passed" in said, said


def test_only_the_fixtures_module_imports_pytest(tmp_path: Path) -> None:
    code = "import sys, spanledger.testing; assert not {'pytest', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_public_names() -> None:
    assert sorted(testing.__all__) == testing.__all__
    assert all(getattr(testing, name).__doc__ for name in testing.__all__)


def test_a_generator_that_outlives_the_recording_disturbs_nobody() -> None:
    @spanledger.observe
    def stream() -> Generator[int, None, None]:
        yield 1
        yield 2

    opened: Callable[[], int] = stream().__next__
    with capture() as recorded:
        assert opened() == 1
    assert opened() == 2
    with pytest.raises(StopIteration):
        opened()
    assert recorded.spans == []
