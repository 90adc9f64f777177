"""The SDK without a collector, a thread or real time: what `spanledger.testing` is made of.

Spans go the way they always go (processor, queue, enrichment, protobuf), except that nothing is exported until
somebody looks: the export thread's work is then done in the looking thread, and the request's bytes are read
instead of posted.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Final, overload

from opentelemetry import context as otel_context
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - OpenTelemetry offers no other name
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from spanledger._internal import clock, following, log, runtime
from spanledger._internal.content.vectors import Embedder
from spanledger._internal.delivery.exporter import Ended, Exporter
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.delivery.transport import Answer, Transport
from spanledger._internal.embedders.choice import vectors_for
from spanledger._internal.enrich import Enricher
from spanledger._internal.masking.names import MaskChoice, chosen
from spanledger._internal.processor import LedgerProcessor
from spanledger._internal.recording import received
from spanledger._internal.recording.received import CapturedSpan
from spanledger._internal.recording.scores import CapturedScore, Kept, scored
from spanledger._internal.settings import CaptureMode, Settings
from spanledger._internal.setup import SCOPE

_BOUNDLESS: Final = 2**62
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Recorder(Sequence[CapturedSpan]):
    """The spans that ended inside a `capture` block so far, in the order they ended; a sequence of dicts.

    | | |
    |---|---|
    | `recorder.spans` | all of them, as a list |
    | `recorder.scores` | scores and feedback, as a list of dicts |
    | `recorder.named("ask")` | the one span of that name (or of that function's last name part) |
    | `recorder.advance(0.8)` | 0.8 seconds pass on the spans' clock |
    | `recorder.clear()` | forget what was recorded |

    Can be read inside the block and after it.
    """

    def __init__(self, start: datetime) -> None:
        self._now = _nanoseconds(start)
        self._received: list[CapturedSpan] = []
        self.evaluations = Kept()
        self._runtime: runtime.Runtime | None = None

    @property
    def spans(self) -> list[CapturedSpan]:
        """All spans that ended so far, as the collector would receive them."""
        if self._runtime is not None:
            self._runtime.queue.flush(0)
        names = {span["span_id"]: span["name"] for span in self._received}
        for span in self._received:
            if span["parent_id"] is not None:
                span["parent"] = names.get(span["parent_id"])
        return list(self._received)

    @property
    def scores(self) -> list[CapturedScore]:
        """All scores and feedback so far, in the order they were sent."""
        return [scored(each) for each in self.evaluations.taken]

    def named(self, name: str) -> CapturedSpan:
        """Return the one span of this name, with or without what precedes its last dot; LookupError otherwise."""
        spans = self.spans
        found = [span for span in spans if name in (span["name"], span["name"].rpartition(".")[2])]
        if len(found) != 1:
            there = ", ".join(span["name"] for span in spans) or "none"
            raise LookupError(f"{len(found)} spans are named {name!r}; recorded are: {there}")
        return found[0]

    def advance(self, seconds: float) -> None:
        """Let time pass: spans that are open now last that much longer."""
        if seconds < 0:
            raise ValueError(f"advance({seconds!r}): time does not go backwards; pass zero or more seconds")
        self._now += round(seconds * 1e9)

    def clear(self) -> None:
        """Forget the spans that ended so far."""
        _ = self.spans
        self._received.clear()
        self.evaluations.taken.clear()

    def __len__(self) -> int:
        return len(self.spans)

    @overload
    def __getitem__(self, index: int) -> CapturedSpan: ...
    @overload
    def __getitem__(self, index: slice) -> list[CapturedSpan]: ...
    def __getitem__(self, index: int | slice) -> CapturedSpan | list[CapturedSpan]:
        return self.spans[index]

    def __repr__(self) -> str:
        return f"<Recorder: {', '.join(span['name'] for span in self.spans) or 'no spans'}>"

    def time_ns(self) -> int:
        """Return the clock's nanoseconds since the epoch."""
        return self._now

    def receive(self, body: bytes) -> None:
        """Keep the spans of one request."""
        self._received.extend(received.read(body))

    def watch(self, running: runtime.Runtime | None) -> None:
        """Look into this runtime's queue from now on; None when the block has ended."""
        self._runtime = running


@contextmanager
def capture(
    *,
    capture_content: CaptureMode | bool = "on",
    embedder: Embedder | str | None = None,
    embedding_model: str | None = None,
    mask: MaskChoice | None = None,
    environment: str | None = None,
    release: str | None = None,
    start: datetime = _START,
) -> Generator[Recorder]:
    """Record the spans of everything observed inside the block, in memory, with a clock that stands still.

    Arguments are those of `init`, which reads nothing from the environment here; `start` is the time the clock
    shows (prices are those of that day) until `Recorder.advance` moves it. Ids count from 1. Spans of other
    libraries are recorded where they take their tracer from OpenTelemetry's global provider inside the block,
    or took it while none was installed; their times are their own. `init` and `shutdown` inside the block do
    nothing. Process-wide: all threads record into the innermost open block. Blocks nest; each leaves
    everything as it found it.
    """
    if isinstance(capture_content, bool):
        capture_content = "on" if capture_content else "off"
    if capture_content not in ("on", "off", "embedding"):
        raise ValueError(f"capture(capture_content={capture_content!r}): it is on, off or embedding")
    problems: list[str] = []
    settings = Settings(
        capture=capture_content,
        environment=environment,
        release=release,
        mask=chosen("mask", mask, problems),
        embedder=embedder if isinstance(embedder, str) else None,
    )
    if problems:
        raise ValueError(f"capture({problems[0]})")
    embeds = None if isinstance(embedder, str) else embedder
    recorder = Recorder(start)

    def build() -> tuple[SpanQueue[Ended], Exporter]:
        enrich = Enricher(settings, vectors_for(settings, embeds, embedding_model, None))
        queue = _Queue()
        queue.exporter = _Exporter(queue, _Inbox(recorder), enrich, 0)
        return queue, queue.exporter

    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource({}), id_generator=_Counting(), shutdown_on_exit=False
    )
    # A test suite that runs with OTEL_SDK_DISABLED=true still tests its instrumentation.
    if getattr(provider, "_disabled", False):
        provider._disabled = False  # pyright: ignore[reportPrivateUsage]
    running = runtime.Runtime(settings, build, lambda: recorder.evaluations)
    running.is_pinned = True
    processor = LedgerProcessor(running.queue, running.exporter, running.calls)
    running.processor = processor
    provider.add_span_processor(processor)
    running.tracer = provider.get_tracer(SCOPE)
    recorder.watch(running)
    with ExitStack() as stack:
        stack.enter_context(log.afresh())
        stack.enter_context(clock.using(recorder.time_ns))
        stack.enter_context(following.installed(provider))
        stack.enter_context(runtime.replaced(running))
        try:
            yield recorder
        finally:
            running.queue.flush(0)
            running.queue.close()
            recorder.watch(None)


class _Queue(SpanQueue[Ended]):
    """Nobody waits for an export thread: whoever wants the queue empty does its work."""

    exporter: _Exporter

    def __init__(self) -> None:
        super().__init__(_BOUNDLESS, _BOUNDLESS, 512)

    def flush(self, timeout: float) -> bool:
        del timeout  # nothing is waited for
        self.exporter.work()
        return True

    def drain(self, patience: float) -> bool:
        return self.flush(patience)


class _Exporter(Exporter):
    def __init__(self, queue: _Queue, inbox: _Inbox, enrich: Enricher, schedule_delay: float) -> None:
        super().__init__(queue, inbox, enrich, schedule_delay)
        self._working = threading.RLock()
        self._is_working = False

    def ensure_started(self) -> None:
        """Start nothing."""

    def work(self) -> None:
        """Deliver all that is queued."""
        with self._working:
            if self._is_working:  # an embedder that flushes
                return
            self._is_working = True
            token = otel_context.attach(otel_context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
            try:
                while self._queue.stats().queued:
                    self.deliver_batch(self._queue.take(0))
            finally:
                otel_context.detach(token)
                self._is_working = False


class _Inbox(Transport):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__("", {}, 0)
        self._recorder = recorder

    def post(self, body: bytes, meanwhile: Callable[[], bool] | None = None) -> Answer:
        del meanwhile  # nothing is waited for
        self._recorder.receive(body)
        return Answer(ok=True)


class _Counting(IdGenerator):
    def __init__(self) -> None:
        self._spans = itertools.count(1)
        self._traces = itertools.count(1)

    def generate_span_id(self) -> int:
        return next(self._spans)

    def generate_trace_id(self) -> int:
        return next(self._traces)


def _nanoseconds(start: datetime) -> int:
    if start.tzinfo is None:
        raise ValueError(f"capture(start={start!r}): it needs a time zone, such as datetime(2026, 1, 1, tzinfo=UTC)")
    return int(start.timestamp()) * 1_000_000_000 + start.microsecond * 1000
