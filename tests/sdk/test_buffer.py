"""What cannot be delivered lies on disk, and is sent once somebody can."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import spanledger
from spanledger._internal import log
from spanledger._internal.delivery import backlog, exporter, queue
from spanledger._internal.delivery.account import Stats
from spanledger._internal.delivery.bodies import halves
from spanledger._internal.delivery.buffer import Buffer, identity
from spanledger._internal.delivery.exporter import Exporter
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.delivery.transport import Answer, Transport

from .sink import OK, Sink, running

Start = Callable[..., Any]
HERE = "http://c.example/v1/traces"


@spanledger.observe
def work(text: str = "") -> str:
    return text


@pytest.fixture
def dead() -> Iterator[str]:
    """An address that refuses every connection: bound, and nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


def buffer(directory: Path, endpoint: str = HERE, key: str = "", size: int = 10**6) -> Buffer:
    return Buffer(directory, endpoint, {"authorization": key}, size)


def balanced(stats: Stats | None = None) -> Stats:
    """The account, after checking that it adds up."""
    stats = stats or spanledger.stats()
    places = stats.queued + stats.held + stats.in_flight + stats.buffered
    assert stats.ended + stats.inherited == places + stats.acknowledged + stats.sampled_out + stats.lost
    return stats


def program(source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that observes `work` to its end."""
    head = "import os, signal, sys, time, spanledger\n@spanledger.observe\ndef work(text=''): ...\n"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", head + textwrap.dedent(source)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


# One call of its own, and as long as it takes to send what others have left.
SUCCESSOR = """
spanledger.init()
work()
while spanledger.stats().buffered or not spanledger.stats().inherited: time.sleep(0.05)
"""


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*/*/*.otlp.gz"))


# --- the files ---------------------------------------------------------------------------------------


def test_a_request_comes_back_byte_for_byte_oldest_first(tmp_path: Path) -> None:
    held = buffer(tmp_path)
    bodies = [os.urandom(300), b"", b"x" * 100_000]
    for index, body in enumerate(bodies):
        held.keep(body, index + 1, is_sent=False)
    held.close()
    later = buffer(tmp_path)
    assert [kept.count for kept in later.adopt()] == [1, 2, 3]
    read: list[bytes | None] = []
    while (kept := later.oldest) is not None:
        read.append(later.read(kept))
        later.forget(kept)
    assert read == bodies
    later.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_belongs_to_a_living_process_is_left_alone(tmp_path: Path) -> None:
    living = buffer(tmp_path)
    living.keep(b"mine", 1, is_sent=True)
    other = buffer(tmp_path)
    assert other.has_leftovers()
    assert other.adopt() == []
    living.close()
    (adopted,) = other.adopt()
    assert other.read(adopted) == b"mine"
    assert not adopted.is_sent
    assert not adopted.is_own
    # And who comes third finds it taken.
    assert buffer(tmp_path).adopt() == []
    other.close()


def test_endpoints_and_keys_do_not_mix_and_are_not_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for endpoint, key in ((HERE, "Bearer sl-secret"), (HERE, "Bearer other"), ("http://d.example", "Bearer sl-secret")):
        one = buffer(tmp_path, endpoint, key)
        one.keep(f"{endpoint} {key[-6:]}".encode(), 1, is_sent=False)
        one.close()
    assert len(list(tmp_path.iterdir())) == 3
    for path in tmp_path.rglob("*"):
        assert "secret" not in str(path)
        assert "example" not in str(path)
        assert path.is_dir() or b"sl-secret" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    mine = buffer(tmp_path, HERE, "Bearer other")
    (kept,) = mine.adopt()
    assert mine.read(kept) == f"{HERE}  other".encode()
    assert len(mine.of_other_keys()) == 1
    mine.close()
    assert identity(HERE, {"a": "1"})[0] == identity(HERE, {"a": "2"})[0]


def test_the_oldest_make_room_and_are_returned(tmp_path: Path) -> None:
    held = buffer(tmp_path, size=5000)
    gone: list[int] = []
    for index in range(10):
        kept, dropped = held.keep(os.urandom(1000), index, is_sent=False)
        assert kept is not None
        gone += [each.count for each in dropped]
    assert gone == [0, 1, 2, 3, 4, 5]
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 5000
    # What another living process keeps counts, and is not touched.
    other = buffer(tmp_path, size=5000)
    assert other.keep(os.urandom(2000), 1, is_sent=False) == (None, [])
    held.close()
    other.close()


def test_a_request_that_is_larger_than_the_whole_buffer_stays_in_memory(tmp_path: Path) -> None:
    held = buffer(tmp_path, size=500)
    assert held.keep(os.urandom(1000), 1, is_sent=False) == (None, [])
    assert files(tmp_path) == []
    held.close()


def test_a_damaged_file_is_set_aside_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log.forget()
    held = buffer(tmp_path)
    for index in range(3):
        held.keep(os.urandom(1000), index + 1, is_sent=False)
    held.close()
    for path in files(tmp_path)[:2]:
        content = bytearray(path.read_bytes())
        content[500] ^= 1
        path.write_bytes(content)
    spans: SpanQueue[Any] = SpanQueue(10, 10**6, 10)
    waiting = backlog.Backlog(buffer(tmp_path), spans)
    waiting.adopt()
    found = waiting.next()
    assert found is not None
    assert found[0].count == 3
    stats = balanced(spans.stats())
    assert (stats.inherited, stats.buffered, stats.dropped) == (6, 3, {"buffer_damaged": 3})
    assert len(list(tmp_path.glob("*/damaged/*"))) == 2
    assert len([r for r in caplog.records if "set aside" in r.message and r.levelno == logging.WARNING]) == 1
    waiting.close()


def test_a_file_that_was_being_written_is_taken_only_if_it_is_whole(tmp_path: Path) -> None:
    held = buffer(tmp_path)
    for index in range(2):
        held.keep(b"body" * 1000, index + 1, is_sent=False)
    held.close()
    whole, half = files(tmp_path)
    whole.rename(whole.with_name(whole.name + ".tmp"))
    half.write_bytes(half.read_bytes()[:-9])
    half.rename(half.with_name(half.name + ".tmp"))
    later = buffer(tmp_path)
    (kept,) = later.adopt()
    assert (kept.count, later.read(kept)) == (1, b"body" * 1000)
    later.close()


def test_halves_hold_every_span_once() -> None:
    request = ExportTraceServiceRequest()
    for group in range(3):
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="g").value.int_value = group
        for scope in range(2):
            held = resource.scope_spans.add()
            held.scope.name = f"{group}.{scope}"
            for number in range(group + scope):
                held.spans.add(name=f"{group}.{scope}.{number}")

    def names(body: bytes) -> list[tuple[int, str, str]]:
        return [
            (resource.resource.attributes[0].value.int_value, scope.scope.name, span.name)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    whole = request.SerializeToString()
    parts = [(whole, 9)]
    while any(count > 1 for _, count in parts):
        parts = [half for body, _ in parts for half in halves(body)]
        assert [name for body, _ in parts for name in names(body)] == names(whole)
        assert [len(names(body)) for body, _ in parts] == [count for _, count in parts]
    assert len(parts) == 9


# --- the account -------------------------------------------------------------------------------------


class Script(Transport):
    """Answers as it is told, and keeps what it said it took."""

    def __init__(self, answers: Iterator[str]) -> None:
        super().__init__(HERE, {}, 1)
        self.answers = answers
        self.taken: Counter[bytes] = Counter()
        self.meanwhile: Callable[[], None] = lambda: None

    def post(self, body: bytes, meanwhile: Callable[[], bool] | None = None) -> Answer:
        self.meanwhile()
        if meanwhile is not None and meanwhile():
            return Answer(retryable=True, error="hastened")
        answer = next(self.answers)
        if answer == "later":
            return Answer(retryable=True, error="later")
        if answer == "busy":
            return Answer(retryable=True, retry_after=0.0, error="busy")
        if answer == "large":
            return Answer(too_large=True, error="large", reason="too_large")
        if answer == "refused":
            return Answer(error="refused", reason="http_400")
        ids = spans_of(body)
        self.taken.update(ids[1:] if answer == "partial" else ids)
        return Answer(ok=True, rejected=answer == "partial", error="no", reason="rejected_by_collector")

    def report(self, body: bytes) -> Answer:
        return Answer(ok=True)


def spans_of(body: bytes) -> list[bytes]:
    request = ExportTraceServiceRequest.FromString(body)
    return [s.span_id for resource in request.resource_spans for scope in resource.scope_spans for s in scope.spans]


ANSWERS = st.sampled_from(["ok", "later", "later", "busy", "large", "refused", "partial"])
# Long ones: a short history is over before anything of interest can have happened.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("spans"), st.integers(1, 30)),
        st.tuples(st.just("spans"), st.integers(1, 30)),
        st.tuples(st.just("deliver"), st.just(0)),
        st.tuples(st.just("deliver"), st.just(0)),
        st.tuples(st.just("kept"), st.just(0)),
        st.tuples(st.just("disk"), st.sampled_from([0, 1])),
        st.tuples(st.just("damage"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("kill"), st.just(0)),
    ),
    min_size=15,
    max_size=40,
)


@given(steps=STEPS, answers=st.lists(ANSWERS, min_size=15, max_size=60), size=st.sampled_from([2000, 10**6]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_span_is_in_one_place_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], answers: list[str], size: int
) -> None:
    """Random histories of programs that share a buffer: answers, full disks, damage, ends in order and by kill -9."""
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

    log.forget()
    directory = tmp_path_factory.mktemp("buffer")
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    script = Script(iter([*answers, *["ok"] * 100_000]))
    ids: list[bytes] = []
    past: list[Stats] = []
    given_up = 0

    def begin() -> tuple[SpanQueue[Any], Exporter, Buffer]:
        spans: SpanQueue[Any] = SpanQueue(10_000, 10**9, 16)
        spans.pause = lambda seconds: False  # type: ignore[method-assign] - a refusing disk and collector: no time
        files = buffer(directory, size=size)
        made = Exporter(spans, script, lambda batch: [span for span, _ in batch], 0, files)
        made._backlog.adopt()  # type: ignore[union-attr]
        return spans, made, files

    def deliver() -> None:
        while spans.stats().queued:
            made.deliver_batch(spans.take(0))

    spans, made, files_of = begin()
    for step, number in steps:
        if step == "spans":
            for _ in range(number):
                span = tracer.start_span("s")
                span.end()
                assert isinstance(span, ReadableSpan)
                ids.append(span.context.span_id.to_bytes(8))
                spans.put((span, None), 1)
        elif step == "deliver":
            if spans.stats().queued:
                made.deliver_batch(spans.take(0))
        elif step == "kept":
            made._backlog.relax()  # type: ignore[union-attr]
            made._send_what_was_kept()
        elif step == "disk":
            files_of._max_bytes = size if number else 0  # no room at all: as a disk that is full
        elif step == "damage":
            for path in files(directory)[:1]:
                path.write_bytes(b"\0" * 20)
        else:
            if step == "restart":
                if files_of._max_bytes:  # as the end of a program does; a full disk is the end of the rest
                    made.hasten()
                    deliver()
                    assert not spans.stats().queued
                given_up += spans.close()
            else:
                at_once = spans.stats()
                assert spans.close() == at_once.queued + at_once.in_flight
                given_up += at_once.queued + at_once.in_flight
            balanced(spans.stats())
            past.append(spans.stats())
            files_of.close()
            spans, made, files_of = begin()
            # What one process leaves is what the next one finds.
            assert spans.stats().inherited == past[-1].buffered
        balanced(spans.stats())
    # The end, in peace: everything that is anywhere is delivered.
    files_of._max_bytes = 10**9
    deliver()
    script.answers = iter(["ok"] * 100_000)
    while waiting := spans.stats().buffered:
        made._backlog.relax()  # type: ignore[union-attr]
        made._send_what_was_kept()
        assert spans.stats().buffered < waiting
    stats = balanced(spans.stats())
    assert (stats.queued, stats.in_flight) == (0, 0)
    files_of.close()
    every = [*past, stats]
    assert sum(each.ended for each in every) == len(ids)
    dropped: Counter[str] = Counter()
    for each in every:
        dropped.update(each.dropped)
    assert sum(each.acknowledged for each in every) + sum(dropped.values()) == len(ids)
    # Acknowledged is what arrived. More can have arrived only where a part of a larger request was repeated.
    assert set(script.taken) <= set(ids)
    assert len(script.taken) >= sum(each.acknowledged for each in every)
    assert dropped["shutdown"] == given_up


# --- the running SDK ---------------------------------------------------------------------------------


def test_a_collector_that_comes_back_gets_everything_from_the_same_process(
    start: Start, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "_FIRST_BACKOFF", 0.01)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    is_up = threading.Event()
    sink.answer = lambda _number: OK if is_up.is_set() else (503, {}, b"")
    start(buffer_dir=tmp_path)
    for _ in range(1000):
        work("x" * 100)
    assert not spanledger.flush(0.3)
    stats = balanced()
    assert stats.buffered > 900
    assert stats.dropped == {}
    assert sink.spans == []
    is_up.set()
    assert spanledger.flush(30)
    stats = balanced()
    assert (stats.ended, stats.sent, stats.acknowledged, stats.buffered, stats.dropped) == (1000, 1000, 1000, 0, {})
    assert len({span.span_id for span in sink.spans}) == 1000
    assert files(tmp_path) == []


def test_a_collector_that_hangs_fills_the_disk_and_stops_nobody(
    start: Start, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setattr(queue, "PATIENCE", 20.0)
    release = threading.Event()

    def hold(_number: int) -> Any:
        release.wait(30)
        return OK

    sink.answer = hold
    start(buffer_dir=tmp_path)
    for _ in range(2000):
        work()
    stats = balanced()
    assert (stats.ended, stats.dropped) == (2000, {})
    assert stats.buffered >= 1800
    release.set()
    assert spanledger.flush(30)
    assert balanced().acknowledged == len({span.span_id for span in sink.spans}) == 2000


def test_the_end_leaves_everything_on_disk_and_the_next_run_sends_it(tmp_path: Path, dead: str) -> None:
    done = program(
        "spanledger.init()\nfor _ in range(1500): work()",
        SPANLEDGER_ENDPOINT=dead,
        SPANLEDGER_BUFFER_DIR=str(tmp_path),
        SPANLEDGER_API_KEY="sl-very-secret",
    )
    assert done.returncode == 0
    (line,) = [line for line in done.stderr.splitlines() if "for the next run" in line]
    assert f"1500 spans are kept in {tmp_path}" in line
    assert "lost" not in done.stderr
    assert "secret" not in done.stderr
    with running() as sink:
        moved = tmp_path / "-".join(identity(f"{sink.url}/v1/traces", {"authorization": "Bearer k"}))
        next(path for path in tmp_path.iterdir() if path.is_dir()).rename(moved)  # as if it were that address
        done = program(
            """
            spanledger.init(api_key="k")
            for _ in range(100):
                if not spanledger.stats().buffered and spanledger.stats().inherited: break
                time.sleep(0.1)
            stats = spanledger.stats()
            assert (stats.ended, stats.inherited, stats.acknowledged, stats.sent) == (0, 1500, 1500, 1500), stats
            """,
            SPANLEDGER_ENDPOINT=sink.url,
            SPANLEDGER_BUFFER_DIR=str(tmp_path),
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert len({span.span_id for span in sink.spans}) == 1500
    assert files(tmp_path) == []


def test_a_kill_loses_nothing_that_is_on_disk(tmp_path: Path, sink: Sink) -> None:
    sink.answer = lambda _number: (503, {}, b"")
    environment = {"SPANLEDGER_ENDPOINT": sink.url, "SPANLEDGER_BUFFER_DIR": str(tmp_path)}
    done = program(
        """
        spanledger.init()
        for _ in range(700): work()
        while spanledger.stats().buffered < 700: spanledger.flush(0.05)
        print(spanledger.stats().buffered, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        **environment,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "700\n")
    sink.answer = lambda _number: OK
    done = program(SUCCESSOR, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert len({span.span_id for span in sink.spans}) == 701


def test_processes_at_once_send_what_was_left_exactly_once(tmp_path: Path, sink: Sink) -> None:
    sink.answer = lambda _number: (503, {}, b"")
    environment = {"SPANLEDGER_ENDPOINT": sink.url, "SPANLEDGER_BUFFER_DIR": str(tmp_path)}
    for _ in range(3):
        assert program("spanledger.init()\nfor _ in range(200): work()", **environment).returncode == 0
    sink.answer = lambda _number: OK
    source = """
        import glob, json
        spanledger.init()
        for _ in range(50): work()
        spanledger.flush()
        deadline = time.time() + 20
        while glob.glob(os.environ["SPANLEDGER_BUFFER_DIR"] + "/*/*/*.gz") and time.time() < deadline: time.sleep(0.05)
        spanledger.shutdown()
        stats = spanledger.stats()
        print(json.dumps([stats.ended, stats.inherited, stats.acknowledged, stats.buffered]))
    """
    threads = [threading.Thread(target=lambda: results.append(program(source, **environment))) for _ in range(3)]
    results: list[subprocess.CompletedProcess[str]] = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(each.returncode, each.stderr) for each in results] == [(0, "")] * 3
    totals = [sum(column) for column in zip(*(eval(each.stdout) for each in results), strict=True)]
    assert totals == [150, 600, 750, 0]
    assert len(sink.spans) == len({span.span_id for span in sink.spans}) == 750


def test_a_forked_child_leaves_its_parents_files_alone(tmp_path: Path, sink: Sink) -> None:
    sink.answer = lambda _number: (503, {}, b"")
    done = program(
        """
        spanledger.init()
        for _ in range(20): work()
        while spanledger.stats().buffered < 20: spanledger.flush(0.05)
        pid = os.fork()
        if pid == 0:
            stats = spanledger.stats()
            assert (stats.buffered, stats.inherited) == (0, 0), stats
            for _ in range(5): work()
            while spanledger.stats().buffered < 5: spanledger.flush(0.05)
            assert spanledger.stats().inherited == 0
            spanledger.shutdown()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        stats = spanledger.stats()
        assert (stats.buffered, stats.ended) == (20, 20), stats
        """,
        SPANLEDGER_ENDPOINT=sink.url,
        SPANLEDGER_BUFFER_DIR=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    sink.answer = lambda _number: OK
    done = program(SUCCESSOR, SPANLEDGER_ENDPOINT=sink.url, SPANLEDGER_BUFFER_DIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert len({span.span_id for span in sink.spans}) == 26


@pytest.mark.parametrize("trouble", ["no directory", "a full disk"])
def test_a_disk_that_refuses_costs_one_line_and_memory_takes_over(tmp_path: Path, sink: Sink, trouble: str) -> None:
    directory = tmp_path / "buffer"
    limit = ""
    if trouble == "no directory":
        directory.write_text("a file")
    else:
        # Every write beyond the first bytes of a file fails, as on a disk without room.
        limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    sink.answer = lambda number: (503, {"retry-after": "0"}, b"") if number < 4 else OK
    done = program(
        f"""
        {limit}
        spanledger.init()
        for _ in range(300): work()
        assert spanledger.flush(20)
        stats = spanledger.stats()
        assert (stats.acknowledged, stats.buffered, stats.dropped) == (300, 0, {{}}), stats
        """,
        SPANLEDGER_ENDPOINT=sink.url,
        SPANLEDGER_BUFFER_DIR=str(directory),
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "cannot be buffered" in line]
    assert len(said) == 1, done.stderr
    assert str(directory) in said[0]
    assert len({span.span_id for span in sink.spans}) == 300
    assert files(directory) == []


def test_the_bound_holds_and_what_makes_room_is_counted(tmp_path: Path, sink: Sink) -> None:
    sink.answer = lambda _number: (503, {}, b"")
    done = program(
        """
        import random
        spanledger.init()
        for _ in range(400):
            work(random.randbytes(2000).hex())
        spanledger.shutdown()
        stats = spanledger.stats()
        assert stats.buffered + stats.dropped["buffer_full"] == stats.ended == 400, stats
        assert list(stats.dropped) == ["buffer_full"]
        assert stats.buffered > 20
        print(stats.buffered)
        """,
        SPANLEDGER_ENDPOINT=sink.url,
        SPANLEDGER_BUFFER_DIR=str(tmp_path),
        SPANLEDGER_BUFFER_MAX_BYTES="200000",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="16",
    )
    assert done.returncode == 0, done.stderr
    assert "were lost" in done.stderr
    assert "are kept in" in done.stderr
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 200_000
    sink.answer = lambda _number: OK
    program(SUCCESSOR, SPANLEDGER_ENDPOINT=sink.url, SPANLEDGER_BUFFER_DIR=str(tmp_path))
    assert len({span.span_id for span in sink.spans}) == int(done.stdout) + 1


def test_a_process_that_dies_is_inherited_by_one_that_lives(
    start: Start, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "_ADOPT_EVERY", 0.1)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    start(buffer_dir=tmp_path)
    work()
    assert spanledger.flush()
    dying = Buffer(tmp_path, f"{sink.url}/v1/traces", {}, 10**6)
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name="orphan", span_id=b"12345678", trace_id=b"1" * 16)
    dying.keep(request.SerializeToString(), 1, is_sent=True)
    dying.close()
    deadline = time.monotonic() + 20
    while balanced().inherited < 1 or balanced().buffered:
        assert time.monotonic() < deadline, spanledger.stats()
        time.sleep(0.02)
    assert balanced().acknowledged == 2
    assert sink.named("orphan")
