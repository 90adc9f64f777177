"""The one clock of the SDK's spans, which a simulation can replace.

    from spanledger._internal import clock

    clock.use(lambda: simulated_now_ns)   # int nanoseconds since the epoch; from now on every span's
                                          # start, end and time to first item come from this function
    clock.use(None)                       # back to the real clock

    with clock.using(fn):                 # the same, restored on exit
        ...

The replacement is process-wide (one global: the hot path pays one attribute look-up) and may be called from
any thread. It must not go backwards within one span, or the span ends when it started. Durations are
differences of this clock, so a simulated call that should last 800 ms advances it by 800 ms between the start
and the return of the function. Prices are those of the span's own start. Queueing, batching and retries use
real time always. Ids come from the TracerProvider's `id_generator`, so a seeded generator together with this
clock makes whole runs reproducible. Spans of other libraries keep OpenTelemetry's clock.

Call it as `clock.time_ns()`; importing the name itself would freeze the function of that moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

time_ns: Callable[[], int] = time.time_ns


def use(fn: Callable[[], int] | None) -> None:
    """Make `fn` the clock of all spans from now on; None restores the real one."""
    global time_ns
    time_ns = time.time_ns if fn is None else fn


@contextmanager
def using(fn: Callable[[], int]) -> Generator[None]:
    """Make `fn` the clock of all spans inside the block."""
    before = time_ns
    use(fn)
    try:
        yield
    finally:
        use(before)
