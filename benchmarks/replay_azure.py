#!/usr/bin/env python3
"""Replay 28,185 real requests through SDK and collector, and compare the books with arithmetic of its own.

    python benchmarks/replay_azure.py [--engine chdb|server|both] [--twice] [--data DIR] [--source DIR]

Reads azure_llm/conv.csv and code.csv (when and how long real requests were) and clinc150/data_full.json (what
people ask, as prompts) from ../shared/data or --source. Each request is played through the real SDK on a
simulated clock, with the file's own times to the tenth of a microsecond, shifted as a whole by full days so
that the first day is two days ago; models, customers and features are assigned by the request's number. A real
`spanledger up` stores it, embedded or with a ClickHouse server behind it.

What must come out is added up here from the CSV with prices copied by hand from the price list (genai-prices
0.2.3) and Decimal; nothing of Spanledger's pricing takes part. Prints JSON; exits 1 on any inequality, 0 with a
message where the source is absent.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT.parent / "shared" / "data"
FIRST_DAY = datetime(2023, 11, 16, tzinfo=UTC)
DAY_NS = 86_400 * 10**9
MILLION = Decimal(1_000_000)
# provider, model, US dollars per million tokens in and out: read off the price list, not asked of our code.
MODELS = (
    ("openai", "gpt-4o", Decimal("2.5"), Decimal(10)),
    ("anthropic", "claude-sonnet-4-6", Decimal(3), Decimal(15)),
    ("gcp.gemini", "gemini-2.5-flash", Decimal("0.3"), Decimal("2.5")),
    ("mistral_ai", "mistral-small-2603", Decimal("0.15"), Decimal("0.6")),
)
PATIENCE_SECONDS = 300
SUMS = "count(), sum(input_tokens), sum(output_tokens), sum(cost_usd)"
LEDGER_SUMS = "sum(calls), sum(input_tokens), sum(output_tokens), sum(cost_usd)"


@dataclass(frozen=True)
class Request:
    """One line of a file, and who it is said to be from."""

    number: int
    file: str
    start_ns: int
    input_tokens: int
    output_tokens: int

    @property
    def model(self) -> tuple[str, str, Decimal, Decimal]:
        return MODELS[self.number % len(MODELS)]

    @property
    def customer(self) -> str:
        # Sizes as unequal as customers are: squares of a number that runs evenly.
        return f"tenant-{int((self.number * 37 % 100) ** 2 / 900):02d}"

    @property
    def cost(self) -> Decimal:
        _, _, price_in, price_out = self.model
        return (self.input_tokens * price_in + self.output_tokens * price_out) / MILLION


def nanoseconds(text: str) -> int:
    """`2023-11-16 18:15:46.6805900` in UTC; its seven digits do not fit into a datetime's microseconds."""
    seconds, _, fraction = text.partition(".")
    whole = datetime.strptime(seconds, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(whole.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def requests(source: Path, shift_days: int) -> list[Request]:
    lines: list[tuple[str, int, int, int]] = []
    for name in ("conv", "code"):
        with (source / "azure_llm" / f"{name}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                at = nanoseconds(row["TIMESTAMP"]) + shift_days * DAY_NS
                lines.append((name, at, int(row["ContextTokens"]), int(row["GeneratedTokens"])))
    return [Request(number, *line) for number, line in enumerate(lines)]


def prompts(source: Path) -> list[str]:
    content = json.loads((source / "clinc150" / "data_full.json").read_text("utf-8"))
    return [text for part in sorted(content) for text, _ in content[part]]


# --- playing: a process of its own, because a process has one SDK ------------------------------------------


def play(source: Path, shift_days: int, endpoint: str) -> None:
    """Send everything; exits 1 if the SDK lost a span."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    import spanledger
    from spanledger._internal import clock

    class Ids(IdGenerator):
        """The same ids for the same request, whenever it is replayed."""

        request = ""

        def generate_trace_id(self) -> int:
            return int.from_bytes(hashlib.sha256(f"trace {self.request}".encode()).digest()[:16], "big")

        def generate_span_id(self) -> int:
            return int.from_bytes(hashlib.sha256(f"span {self.request}".encode()).digest()[:8], "big")

    ids = Ids()
    now = 0
    provider = TracerProvider(
        resource=Resource({"service.name": "azure-replay"}), id_generator=ids, shutdown_on_exit=False
    )
    spanledger.init(endpoint, tracer_provider=provider, capture_content="on")
    clock.use(lambda: now)

    @spanledger.observe(kind="llm", name="chat")
    def ask(model: str, messages: list[dict[str, str]]) -> dict[str, Any]:
        nonlocal now
        now += 200_000_000 + 20_000_000 * request.output_tokens
        if request.model[0] == "mistral_ai":
            spanledger.update(provider="mistral_ai")
        return answer(request, f"{len(messages[0]['content'])} characters understood.")

    texts = prompts(source)
    for request in requests(source, shift_days):
        while spanledger.stats().queued > 4000:
            time.sleep(0.005)
        ids.request = f"{request.file} {request.number}"
        now = request.start_ns
        feature = {"conv": "chat", "code": "code-completion"}[request.file]
        with spanledger.context(
            customer=request.customer, feature=feature, session=f"{request.file}-{request.number // 5}"
        ):
            ask(model=request.model[1], messages=[{"role": "user", "content": texts[request.number % len(texts)]}])
    while not spanledger.flush(5):
        pass
    state = spanledger.stats()
    print(json.dumps({"acknowledged": state.acknowledged, "lost": state.lost}))
    sys.exit(1 if state.lost else 0)


def answer(request: Request, text: str) -> dict[str, Any]:
    """A response in the provider's own shape."""
    provider, model, _, _ = request.model
    identity = f"{request.file}-{request.number}"
    given, made = request.input_tokens, request.output_tokens
    if provider == "anthropic":
        return {
            "id": identity,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "usage": {"input_tokens": given, "output_tokens": made},
        }
    if provider == "gcp.gemini":
        return {
            "response_id": identity,
            "model_version": model,
            "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}],
            "usage_metadata": {"prompt_token_count": given, "candidates_token_count": made},
        }
    return {
        "id": identity,
        "object": "chat.completion",
        "model": model,
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": given, "completion_tokens": made},
    }


# --- checking ------------------------------------------------------------------------------------------------


def expected(all_requests: list[Request]) -> dict[str, Any]:
    """The sums, by arithmetic on the files alone."""
    groups: defaultdict[tuple[str, str, str], list[Any]] = defaultdict(lambda: [0, 0, 0, Decimal(0)])
    total: list[Any] = [0, 0, 0, Decimal(0)]
    for request in all_requests:
        hour = datetime.fromtimestamp(request.start_ns // 10**9 // 3600 * 3600, UTC)
        for sums in (total, groups[f"{hour:%Y-%m-%dT%H:%M:%SZ}", request.customer, request.model[1]]):
            for index, value in enumerate((1, request.input_tokens, request.output_tokens, request.cost)):
                sums[index] += value
    return {"total": exact(total), "groups": {key: exact(sums) for key, sums in groups.items()}}


def exact(sums: list[Any]) -> list[str]:
    return [str(int(value)) for value in sums[:3]] + [plain(Decimal(sums[3]))]


def plain(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("1e-12")), "f")


class Up:
    """A running `spanledger up`, asked as its command line asks it."""

    def __init__(self, data: Path) -> None:
        from spanledger_cli import running

        until = time.monotonic() + 60
        while (found := running.find(data)) is None:
            if time.monotonic() > until:
                raise SystemExit("spanledger up did not start within a minute")
            time.sleep(0.2)
        self._running = found
        self.url = found.url

    def ask(self, sql: str) -> list[list[Any]]:
        return self._running.post("/api/v1/query", {"sql": sql})["rows"]

    def settle(self) -> None:
        """Wait until nothing received is still on its way to the store or to the ledger."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            report = self._running.get("/api/v1/doctor")
            dirty = next(check for check in report["checks"] if check["name"] == "dirty hours")
            if report["spool"]["entries"] == 0 and dirty["detail"].startswith("none"):
                return
            time.sleep(0.5)
        raise SystemExit(f"the collector did not settle within {PATIENCE_SECONDS} s: {report}")

    def state(self) -> dict[str, Any]:
        """Every number that is compared, as stored now."""
        where = "WHERE service = 'azure-replay'"
        by = "customer, model ORDER BY 1, 2, 3"
        spans = (
            f"SELECT toStartOfHour(start_time) AS hour, customer, model, {SUMS} FROM spans {where} GROUP BY hour, {by}"
        )
        ledger = f"SELECT hour, customer, model, {LEDGER_SUMS} FROM ledger GROUP BY hour, {by}"
        return {
            "spans": exact(self.ask(f"SELECT {SUMS} FROM spans")[0]),
            "ledger": exact(self.ask(f"SELECT {LEDGER_SUMS} FROM ledger")[0]),
            "span_groups": {(moment(row[0]), *row[1:3]): exact(row[3:]) for row in self.ask(spans)},
            "ledger_groups": {(moment(row[0]), *row[1:3]): exact(row[3:]) for row in self.ask(ledger)},
            "times": self.ask(
                "SELECT sum(toInt128(toUnixTimestamp64Nano(start_time))), sum(duration_ns), "
                f"uniqExact(trace_id) FROM spans {where}"
            )[0],
            "texts": self.ask("SELECT count() FROM span_content WHERE input != '' AND output != ''")[0][0],
        }


def moment(text: str) -> str:
    return text if text.endswith("Z") else f"{text.replace(' ', 'T')}Z"


def compare(found: dict[str, Any], wanted: dict[str, Any], all_requests: list[Request]) -> dict[str, bool]:
    starts = sum(request.start_ns for request in all_requests)
    durations = sum(200_000_000 + 20_000_000 * request.output_tokens for request in all_requests)
    return {
        "spans_equal_files": found["spans"] == wanted["total"],
        "ledger_equals_files": found["ledger"] == wanted["total"],
        "spans_by_hour_customer_model": found["span_groups"] == wanted["groups"],
        "ledger_by_hour_customer_model": found["ledger_groups"] == wanted["groups"],
        "times_exact_to_the_nanosecond": [int(value) for value in found["times"]]
        == [starts, durations, len(all_requests)],
        "every_call_has_its_text": int(found["texts"]) == len(all_requests),
    }


# --- running ---------------------------------------------------------------------------------------------------


@contextmanager
def clickhouse(data: Path) -> Iterator[str]:
    """A ClickHouse server in a process of its own, as the tests start it."""
    launcher = ROOT / "tests" / "support" / "clickhouse_server.py"
    process = subprocess.Popen(
        [sys.executable, str(launcher), "--data", str(data / "server"), "--stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018 - both come from PIPE
    try:
        ready = json.loads(process.stdout.readline().removeprefix("READY "))
        yield f"http://{ready['host']}:{ready['ports']['http']}"
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


@contextmanager
def up(data: Path, clickhouse_url: str | None) -> Iterator[Up]:
    """`spanledger up` on a free port."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPANLEDGER_")}
    if clickhouse_url:
        environment["SPANLEDGER_CLICKHOUSE_URL"] = clickhouse_url
    process = subprocess.Popen(
        [sys.executable, "-m", "spanledger_cli", "up", "--port", "0", "--data", str(data)],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield Up(data)
    finally:
        process.terminate()
        process.wait(60)


def replay(engine: str, data: Path, source: Path, twice: bool) -> dict[str, Any]:
    """One engine's account."""
    data.mkdir(parents=True, exist_ok=True)
    shift = shift_of(data)
    all_requests = requests(source, shift)
    wanted = expected(all_requests)
    report: dict[str, Any] = {"engine": engine, "requests": len(all_requests), "shift_days": shift}
    with clickhouse(data) if engine == "server" else nothing() as url, up(data, url) as line:
        states: list[dict[str, Any]] = []
        for _ in range(2 if twice else 1):
            started = time.monotonic()
            arguments = ["--play", line.url, "--shift", str(shift), "--source", str(source)]
            done = subprocess.run([sys.executable, __file__, *arguments], check=False, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"the replay failed: {done.stderr or done.stdout}")
            line.settle()
            report.setdefault("seconds", []).append(round(time.monotonic() - started, 1))
            report["sdk"] = json.loads(done.stdout)
            states.append(line.state())
        checks = compare(states[0], wanted, all_requests)
        if twice:
            checks["again_changes_nothing"] = states[0] == states[1]
    return {
        **report,
        "files": wanted["total"],
        "spans": states[-1]["spans"],
        "ledger": states[-1]["ledger"],
        "checks": checks,
        "equal": all(checks.values()),
    }


@contextmanager
def nothing() -> Iterator[None]:
    yield None


def shift_of(data: Path) -> int:
    """Days to shift by, the same for everything that is ever sent into one directory."""
    note = data / "replay.json"
    if not note.exists():
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        note.write_text(json.dumps({"shift_days": (today - timedelta(days=2) - FIRST_DAY).days}))
    return int(json.loads(note.read_text())["shift_days"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("chdb", "server", "both"), default="both")
    parser.add_argument("--twice", action="store_true", help="send everything again and compare")
    parser.add_argument("--data", type=Path, help="where to store; a temporary directory if not given")
    parser.add_argument("--source", type=Path, default=SOURCE)
    parser.add_argument("--play", help=argparse.SUPPRESS)
    parser.add_argument("--shift", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (options.source / "azure_llm" / "conv.csv").exists():
        print(f"skipped: there is no azure_llm/conv.csv in {options.source}; name the folder with --source")
        return 0
    if options.play:
        play(options.source, options.shift, options.play)
    engines = ("chdb", "server") if options.engine == "both" else (options.engine,)
    with tempfile.TemporaryDirectory() as temporary:
        base: Path = options.data or Path(temporary)
        reports = [replay(engine, base / engine, options.source, options.twice) for engine in engines]
    print(json.dumps(reports, indent=2))
    return 0 if all(report["equal"] for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
