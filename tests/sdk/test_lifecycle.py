"""The SDK inside programs of its own: start, fork, exit."""

import subprocess
import sys
import textwrap

import pytest

from .sink import Sink


def program(source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it said."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_importing_loads_nothing_heavy() -> None:
    done = program("""
        import sys, spanledger, spanledger.pricing, spanledger.responses
        heavy = {"opentelemetry.sdk", "genai_prices", "requests", "pydantic", "google.protobuf", "numpy"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """)
    assert done.returncode == 0, done.stderr


def test_the_exit_delivers_what_is_queued(sink: Sink) -> None:
    done = program(
        """
        import spanledger
        @spanledger.observe
        def work(): ...
        spanledger.init()
        for _ in range(1000):
            work()
        """,
        SPANLEDGER_ENDPOINT=sink.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(sink.spans) == 1000


def test_a_dead_endpoint_costs_one_line_and_is_counted() -> None:
    done = program(
        """
        import spanledger
        @spanledger.observe
        def work(): ...
        spanledger.init("http://127.0.0.1:9")
        for _ in range(50):
            work()
        """
    )
    assert done.returncode == 0
    lines = [line for line in done.stderr.splitlines() if "lost" in line]
    assert len(lines) == 1, done.stderr
    assert "50 of 50 spans were lost (50 shutdown); last error: ConnectionError" in lines[0]


def test_a_forked_child_sends_its_own_spans_and_only_those(sink: Sink) -> None:
    done = program(
        """
        import os, spanledger
        @spanledger.observe
        def parent(): ...
        @spanledger.observe
        def child(): ...
        spanledger.init()
        parent()
        pid = os.fork()
        if pid == 0:
            assert spanledger.stats().ended == 0
            child()
            assert spanledger.flush()
            assert spanledger.stats().acknowledged == 1
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        parent()
        assert spanledger.flush()
        assert spanledger.stats().acknowledged == 2
        """,
        SPANLEDGER_ENDPOINT=sink.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(span.name for span in sink.spans) == ["child", "parent", "parent"]


def test_a_provider_that_is_installed_is_joined_and_not_replaced(sink: Sink) -> None:
    done = program(
        """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        memory = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(memory))
        trace.set_tracer_provider(provider)
        import spanledger
        spanledger.init(environment="prod")
        assert trace.get_tracer_provider() is provider
        spanledger.init()
        @spanledger.observe
        def work(): ...
        with spanledger.context(customer="acme"), trace.get_tracer("other").start_as_current_span("outer"):
            work()
        inner, outer = memory.get_finished_spans()
        assert inner.parent.span_id == outer.context.span_id
        assert dict(outer.attributes) == {"spanledger.customer.id": "acme"}
        provider.shutdown()
        """,
        SPANLEDGER_ENDPOINT=sink.url,
    )
    assert done.returncode == 0, done.stderr
    assert "called again" in done.stderr
    assert {span.name for span in sink.spans} == {"work", "outer"}
    assert {span.attributes["deployment.environment.name"] for span in sink.spans} == {"prod"}


def test_a_provider_is_installed_where_there_is_none(sink: Sink) -> None:
    done = program(
        """
        import spanledger
        from opentelemetry import trace
        early = trace.get_tracer("early")
        spanledger.init(service_name="shop", environment="prod", release="7")
        early.start_span("third").end()
        """,
        SPANLEDGER_ENDPOINT=sink.url,
        OTEL_RESOURCE_ATTRIBUTES="team=a",
    )
    assert (done.returncode, done.stderr) == (0, "")
    resource = sink.named("third").resource
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("shop", "prod")
    assert (resource["service.version"], resource["team"]) == ("7", "a")


@pytest.mark.parametrize("variable", [("SPANLEDGER_ENABLED", "false"), ("OTEL_SDK_DISABLED", "true")])
def test_switched_off_it_does_nothing(sink: Sink, variable: tuple[str, str]) -> None:
    done = program(
        """
        import sys, spanledger
        spanledger.init()
        @spanledger.observe
        def work(): return 5
        assert work() == 5
        assert spanledger.stats().started == 0
        assert "opentelemetry.sdk" not in sys.modules
        """,
        SPANLEDGER_ENDPOINT=sink.url,
        **dict([variable]),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sink.requests == 0


def test_bad_settings_are_named_and_do_not_stop_the_program(sink: Sink) -> None:
    done = program(
        """
        import spanledger
        spanledger.init()
        @spanledger.observe
        def work(): return 5
        assert work() == 5
        """,
        SPANLEDGER_ENDPOINT=sink.url,
        SPANLEDGER_CAPTURE_CONTENT="maybe",
        OTEL_BSP_MAX_QUEUE_SIZE="many",
    )
    assert done.returncode == 0
    assert "SPANLEDGER_CAPTURE_CONTENT='maybe'" in done.stderr
    assert "OTEL_BSP_MAX_QUEUE_SIZE='many'" in done.stderr
    assert "gen_ai.input.messages" not in sink.named("work").attributes


def test_a_hanging_endpoint_does_not_hold_the_program() -> None:
    done = program(
        """
        import socket, threading, time, spanledger
        server = socket.create_server(("127.0.0.1", 0))  # accepts in the kernel and never answers
        @spanledger.observe
        def work(): ...
        spanledger.init(f"http://127.0.0.1:{server.getsockname()[1]}")
        work()
        assert not spanledger.flush(0.2)
        assert not spanledger.shutdown()
        stats = spanledger.stats()
        assert (stats.ended, stats.dropped, stats.in_flight) == (1, {"shutdown": 1}, 0), stats
        server.close()
        """
    )
    assert done.returncode == 0, done.stderr
    assert "1 of 1 spans were lost" in done.stderr
