"""One SDK's program, run by `benchmarks/sdk_peers.py` in that SDK's own environment: standard library and the SDK only.

    python program.py CLIENT MODE ENDPOINT --report FD

What was measured goes as one line of JSON each to the file descriptor FD, since SDKs write to the usual ones.

| mode | what it does |
|---|---|
| time | bursts of timed calls, sync then async, with pauses; then the documented flush |
| loss | a tight loop of calls, then the documented flush |
| exit | one call; a line on the input, by which time the endpoint is gone; calls; then the program ends |
| recover | calls at a steady pace, while somebody else takes the endpoint away and gives it back; then the flush |
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import facts

BURST = 10
PAUSE = 0.02
WARMUP = 300

Call = Callable[[str], str]
AsyncCall = Callable[[str], Awaitable[str]]


def load(name: str):
    """The client's module. Its directory is not on the path, where `opik.py` would hide the package `opik`."""
    path = Path(__file__).with_name("clients") / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"client_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def summary(nanoseconds: list[int]) -> dict[str, float]:
    """Microseconds."""
    ordered = sorted(nanoseconds)
    return {
        "p50": statistics.median(ordered) / 1000,
        "mean": statistics.fmean(ordered) / 1000,
        "p99": ordered[len(ordered) * 99 // 100] / 1000,
    }


def time_sync(call: Call, first: int, count: int) -> list[int]:
    """What each call took, in bursts, so that export goes on beside as it does in a program."""
    taken: list[int] = []
    clock = time.perf_counter_ns
    for start in range(first, first + count, BURST):
        for prompt in [facts.prompt(number) for number in range(start, start + BURST)]:
            before = clock()
            call(prompt)
            taken.append(clock() - before)
        time.sleep(PAUSE)
    return taken


async def time_async(call: AsyncCall, first: int, count: int) -> list[int]:
    """The same for the coroutine function."""
    taken: list[int] = []
    clock = time.perf_counter_ns
    for start in range(first, first + count, BURST):
        for prompt in [facts.prompt(number) for number in range(start, start + BURST)]:
            before = clock()
            await call(prompt)
            taken.append(clock() - before)
        await asyncio.sleep(PAUSE)
    return taken


def resident() -> int | None:
    """Bytes of this process in memory; None where the system does not say."""
    table = Path("/proc/self/statm")
    return int(table.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if table.exists() else None


def paced(call: Call, seconds: float, rate: int) -> int:
    """Calls at `rate` a second; how many."""
    begun, done = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds:
        if done < passed * rate:
            call(facts.prompt(done))
            done += 1
        else:
            time.sleep(0.002)
    return done


def main() -> None:
    began = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client")
    parser.add_argument("mode", choices=["time", "loss", "exit", "recover"])
    parser.add_argument("endpoint")
    parser.add_argument("--report", type=int, required=True, help="file descriptor")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=17, help="of the recover mode")
    parser.add_argument("--rate", type=int, default=100, help="calls a second in the recover mode")
    options = parser.parse_args()

    def report(**said: object) -> None:
        os.write(options.report, json.dumps(said).encode() + b"\n")

    call, acall, flush = load(options.client).start(options.endpoint)
    call(facts.prompt(0))
    ready = time.perf_counter() - began
    if options.mode == "time":
        for number in range(1, WARMUP):
            call(facts.prompt(number))
        flush()
        cpu = time.process_time()
        sync = time_sync(call, WARMUP, options.calls)
        coroutine = asyncio.run(time_async(acall, WARMUP + options.calls, options.calls))
        flush()
        cpu = time.process_time() - cpu
        report(
            ready_s=ready,
            sync_us=summary(sync),
            async_us=summary(coroutine),
            cpu_us=cpu / (2 * options.calls) * 1e6,
            calls=WARMUP + 2 * options.calls,
        )
    elif options.mode == "loss":
        before, cpu = time.perf_counter(), time.process_time()
        for number in range(1, options.calls):
            call(facts.prompt(number))
        loop = time.perf_counter() - before
        flush()
        report(loop_s=loop, drained_s=time.perf_counter() - before, cpu_s=time.process_time() - cpu)
    elif options.mode == "exit":
        flush()
        report(begun=time.time())
        sys.stdin.readline()
        before = resident()
        for number in range(1, options.calls):
            call(facts.prompt(number))
        ended, after = time.time(), resident()
        report(ended=ended, grown=None if before is None or after is None else after - before)
    else:
        report(begun=time.time())
        done = paced(call, options.seconds, options.rate)
        flush()
        report(calls=done, flushed=time.time())


if __name__ == "__main__":
    sys.exit(main())
