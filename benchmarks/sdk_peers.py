"""Spanledger's SDK beside its peers: cost per call, losses, weight, exits and recovery, in one table.

    python benchmarks/sdk_peers.py [--rounds 3] [--only spanledger langfuse ...] [--markdown] [--json FILE]

Each SDK is installed from the package index into an environment of its own (under --cache, kept between runs; ours as a
wheel built from this checkout), and observes the same function: 1 KB in, 1 KB out, a model, two counts of tokens, by
its own documentation and with its defaults (`peer_sdks/clients/`, one small file each). The endpoint is a process of
this machine that answers each vendor's protocol and counts the calls that arrive (`peer_sdks/endpoint.py`).

Rounds alternate between the SDKs, each in a fresh process, so that a busy machine slows all alike; the best round
counts. Exits and recoveries are mostly waiting, and several run at once. All of it takes about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.peer_sdks import table  # noqa: E402
from benchmarks.peers import installed, uv  # noqa: E402

PROGRAMS = ROOT / "benchmarks" / "peer_sdks"
PAGE = ROOT / "docs" / "sdk-overhead.md"
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "_virtualenv", "distutils-precedence")
IMPORTS = 5
STAGGER = 1.5  # seconds between the starts of programs that will mostly wait
ALONE = 3.0  # seconds that a leaving program has for itself
RECOVERIES = 3  # at once
STEADY, AWAY = 2.0, 5.0  # seconds before the endpoint goes away, and until it is back


@dataclass(frozen=True)
class Sdk:
    """An SDK: its client in `peer_sdks/clients`, its package, and what a program imports of it."""

    name: str
    package: str
    imports: str
    is_ours: bool = False
    others: tuple[str, ...] = ()  # what it imports and does not ask for


SDKS = (
    Sdk("otel", "opentelemetry-exporter-otlp-proto-http",
        "import opentelemetry.sdk.trace.export, opentelemetry.exporter.otlp.proto.http.trace_exporter"),
    Sdk("spanledger", "spanledger", "import spanledger", is_ours=True),
    Sdk("langfuse", "langfuse", "from langfuse import observe"),
    Sdk("opik", "opik", "import opik"),
    Sdk("traceloop", "traceloop-sdk", "from traceloop.sdk import Traceloop", others=("httpx",)),
    Sdk("openlit", "openlit", "import openlit"),
    Sdk("mlflow", "mlflow-tracing", "import mlflow"),
    Sdk("logfire", "logfire", "import logfire"),
    Sdk("phoenix", "arize-phoenix-otel", "from phoenix.otel import register"),
)  # fmt: skip
# Nobody's own telemetry leaves this machine; none of it is part of what is measured.
QUIET = {
    "OPIK_SENTRY_ENABLE": "false",
    "OPIK_ANALYTICS_ENABLE": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "TRACELOOP_TELEMETRY": "false",
    "DO_NOT_TRACK": "true",
}


@dataclass(frozen=True)
class Made:
    """An SDK that is installed."""

    sdk: Sdk
    venv: Path
    version: str

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"


class Endpoint:
    """The endpoint's process."""

    def __init__(self) -> None:
        command = [sys.executable, str(PROGRAMS / "endpoint.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self._line())}"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def say(self, word: str) -> dict[str, Any]:
        """Have it do one thing, and return what it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return json.loads(self._line())

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class Failed(Exception):
    """An SDK's program did not do what it should; its log says why. The others are measured all the same."""


@dataclass
class Ran:
    """What a program reported, when it ended, and the end of its log."""

    said: dict[str, Any]
    ended: float
    timed_out: bool
    log: str


def run(
    made: Made,
    mode: str,
    url: str,
    *words: str,
    cap: float = 300,
    meanwhile: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Ran:
    """Run the SDK's program to its end, or for `cap` seconds after its last report. `meanwhile` gets each report."""
    with tempfile.TemporaryDirectory(prefix=f"sdk-{made.sdk.name}-") as home:
        reading, writing = os.pipe()
        log = Path(home) / "log"
        with log.open("w") as said_there:
            process = subprocess.Popen(
                [str(made.python), str(PROGRAMS / "program.py"), made.sdk.name, mode, url,
                 "--report", str(writing), *words],
                env={"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", **QUIET},
                cwd=home, stdin=subprocess.PIPE, stdout=said_there, stderr=said_there, pass_fds=[writing],
            )  # fmt: skip
            os.close(writing)
            said: dict[str, Any] = {}
            with os.fdopen(reading) as reports:
                for line in reports:
                    said |= json.loads(line)
                    meanwhile(said)
                    if mode in ("time", "loss") or said.keys() & {"calls", "ended"}:
                        break
                    assert process.stdin is not None
                    process.stdin.write(b"go on\n")
                    process.stdin.flush()
                timed_out = False
                try:
                    process.wait(cap)
                except subprocess.TimeoutExpired:
                    timed_out = True
                    process.kill()
                process.communicate()
        ended, logged = time.time(), log.read_text(errors="replace")[-3000:]
        if not said or (process.returncode and not (timed_out and mode == "exit")):
            raise Failed(f"{made.sdk.name} failed in {mode}:\n{logged}")
        return Ran(said, ended, timed_out, logged)


def make(sdk: Sdk, cache: Path) -> Made:
    """The SDK, installed."""
    if not sdk.is_ours:
        return Made(sdk, *installed(sdk.package, cache, *sdk.others))
    with tempfile.TemporaryDirectory(prefix="wheel-") as directory:
        uv("build", "--quiet", "--wheel", "--out-dir", directory, ROOT)
        (wheel,) = Path(directory).glob("*.whl")
        return Made(sdk, *installed(sdk.package, cache, wheel=wheel))


def weight(made: Made) -> dict[str, float]:
    """MB on disk of everything the package brings, as `du` counts them, and how many packages that is."""
    (site,) = made.venv.glob("lib/python*/site-packages")
    held = [path for path in site.iterdir() if not path.name.startswith(TOOLS)]
    files = [file for path in held for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    packages = sum(path.name.endswith(".dist-info") for path in held)
    return {"mb": sum(file.stat().st_blocks * 512 for file in files) / 2**20, "packages": packages}


def import_seconds(made: Made) -> float:
    """Median seconds of a fresh process that imports the SDK, less those of one that imports nothing."""

    def fresh(code: str) -> float:
        before = time.perf_counter()
        subprocess.run([str(made.python), "-c", code], check=True, capture_output=True, env={"PATH": "", **QUIET})
        return time.perf_counter() - before

    fresh(made.sdk.imports)  # from the disk
    return statistics.median(fresh(made.sdk.imports) - fresh("pass") for _ in range(IMPORTS))


def one_round(made: Made, calls: int) -> dict[str, Any]:
    """What one fresh process says of its calls."""
    with Endpoint() as endpoint:
        ran = run(made, "time", endpoint.url, "--calls", str(calls))
        arrived = endpoint.say("count")
    if not arrived["calls"]:  # whoever sends nothing is fast
        raise Failed(f"{made.sdk.name} delivered nothing:\n{ran.log}")
    return {**ran.said, "arrived": arrived["calls"], "captured": arrived["captured"]}


def best(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of each figure its least over the rounds: other work on the machine only ever adds."""
    found: dict[str, Any] = {f"{way}_{name}": min(each[f"{way}_us"][name] for each in rounds)
                             for way in ("sync", "async") for name in ("p50", "mean", "p99")}  # fmt: skip
    return found | {name: min(each[name] for each in rounds) for name in ("cpu_us", "ready_s")}


def loss(made: Made, calls: int) -> dict[str, Any]:
    """What a tight loop loses."""
    with Endpoint() as endpoint:
        ran = run(made, "loss", endpoint.url, "--calls", str(calls))
        arrived = endpoint.say("count")
    return {**ran.said, "calls": calls, "lost": calls - arrived["calls"], "bytes": arrived["bytes"],
            "captured": arrived["captured"]}  # fmt: skip


class Turns:
    """One program at a time makes its calls and has the machine for its first seconds of leaving."""

    def __init__(self) -> None:
        self.all_started = threading.Event()
        self.over = threading.Semaphore(0)
        self._turn = threading.Lock()

    def take(self) -> None:
        """Wait until all programs have started and it is this one's turn."""
        self.all_started.wait()
        self._turn.acquire()

    def give(self) -> None:
        """Let the next one begin."""
        self._turn.release()
        self.over.release()


def leave(made: Made, calls: int, cap: float, turns: Turns, *, hang: bool) -> dict[str, Any]:
    """Seconds from the last call to the end of the process while nobody answers, and MB by which calls made it grow."""
    held = False
    with Endpoint() as endpoint:

        def meanwhile(said: Mapping[str, Any]) -> None:
            nonlocal held
            if "ended" not in said:
                turns.take()
                held = True
                endpoint.say("hang" if hang else "down")
            else:
                held = False
                threading.Timer(ALONE, turns.give).start()

        try:
            ran = run(made, "exit", endpoint.url, "--calls", str(calls), cap=cap, meanwhile=meanwhile)
        finally:
            if held:
                turns.give()
    grown = ran.said["grown"]
    mb = None if grown is None else grown / 2**20 / calls * 1000
    return {"seconds": ran.ended - ran.said["ended"], "capped": ran.timed_out, "mb_per_1000": mb}


def recover(made: Made, cap: float) -> dict[str, Any]:
    """How many calls arrive of a program during which the endpoint is away for a while."""
    with Endpoint() as endpoint:

        def meanwhile(said: Mapping[str, Any]) -> None:
            if "calls" not in said:
                time.sleep(STEADY)
                endpoint.say("down")
                time.sleep(AWAY)
                endpoint.say("up")

        ran = run(made, "recover", endpoint.url, cap=cap, meanwhile=meanwhile)
        arrived = endpoint.say("count")
    return {"calls": ran.said["calls"], "arrived": arrived["calls"], "capped": ran.timed_out}


def note(text: str) -> None:
    """Say how far it has come."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def measure(sdks: Sequence[Made], options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each SDK whose programs all did what they should."""
    rows: dict[str, dict[str, Any]] = {
        made.sdk.name: {"sdk": made.sdk.name, "package": made.sdk.package, "version": made.version, **weight(made)}
        for made in sdks
    }

    def tried(made: Made, what: Callable[[], None]) -> None:
        if made.sdk.name in rows:
            try:
                what()
            except Failed as failure:
                note(str(failure))
                rows.pop(made.sdk.name, None)

    def put(made: Made, **found: object) -> None:
        rows[made.sdk.name] |= found

    for made in sdks:
        put(made, import_s=import_seconds(made), rounds=[])
        note(f"{made.sdk.name} {made.version}: imported")
    for number in range(options.rounds):
        turn = number % len(sdks)
        for made in [*sdks[turn:], *sdks[:turn]]:
            tried(made, lambda made=made: rows[made.sdk.name]["rounds"].append(one_round(made, options.calls)))
        note(f"round {number + 1} of {options.rounds}")
    for made in sdks:
        tried(made, lambda made=made: put(made, **best(rows[made.sdk.name]["rounds"]), loss=loss(made, options.loop)))
        note(f"{made.sdk.name}: tight loop")
    with ThreadPoolExecutor(2 * len(sdks)) as waiting, ThreadPoolExecutor(RECOVERIES) as steady:
        turns = Turns()
        exits: list[tuple[Made, str, Future[dict[str, Any]]]] = []
        for way in ("hanging", "refused"):
            for made in sdks:
                hang = way == "hanging"
                future = waiting.submit(leave, made, options.exit_calls, options.cap, turns, hang=hang)
                exits.append((made, f"exit_{way}", future))
                time.sleep(STAGGER)
        turns.all_started.set()
        for _, _, future in exits:
            while not turns.over.acquire(timeout=1) and not future.done():
                pass
        recoveries = [(made, "recovered", steady.submit(recover, made, options.cap)) for made in sdks]
        for made, what, future in [*recoveries, *exits]:
            tried(made, lambda made=made, what=what, future=future: put(made, **{what: future.result()}))
    note("recoveries and exits")
    return list(rows.values())


def main() -> int:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=[each.name for each in SDKS], metavar="SDK")
    parser.add_argument("--calls", type=int, default=1000, help="timed calls of each kind in a round")
    parser.add_argument("--loop", type=int, default=40_000, help="calls of the tight loop")
    parser.add_argument("--exit-calls", type=int, default=1000, help="calls before the end")
    parser.add_argument("--cap", type=float, default=300, help="seconds to wait for a program's end")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "spanledger-peers")
    parser.add_argument("--json", type=Path, help="write the result there, too")
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/sdk-overhead.md")
    options = parser.parse_args()
    sdks = [make(each, options.cache) for each in SDKS if not options.only or each.name in options.only]
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": sys.version.split()[0],
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rounds": options.rounds,
        "cap": options.cap,
        "rows": measure(sdks, options),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.markdown:
        table.write(PAGE, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
