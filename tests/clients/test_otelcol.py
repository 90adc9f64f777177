"""A real OpenTelemetry Collector in front, with docs/operator.md's configuration, and telemetrygen as the sender."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.clients.conftest import Ledger
from tests.clients.installing import HERE, installed
from tests.line.process import Up, free_port

pytestmark = pytest.mark.clients

VERSION = re.findall(r"^  version: (\S+)$", (HERE / "otelcol/builder.yaml").read_text(), re.MULTILINE)[0]
PAGE = (HERE.parents[1] / "docs/operator.md").read_text()
CALL = {
    "gen_ai.operation.name": '"chat"',
    "gen_ai.provider.name": '"openai"',
    "gen_ai.request.model": '"gpt-4o"',
    "gen_ai.usage.input_tokens": "1000",
    "gen_ai.usage.output_tokens": "100",
}
CALL_USD = Decimal("0.0035")
ENDS = (("kill", "grpc"), ("kill", "http"), ("stop", "grpc"), ("stop", "http"))


@pytest.fixture(scope="module")
def place() -> Path:
    return installed(
        "otelcol",
        ["go"],
        [
            ["go", "install", f"go.opentelemetry.io/collector/cmd/builder@v{VERSION}"],
            [
                "go",
                "install",
                f"github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v{VERSION}",
            ],
            ["bin/builder", "--config", "builder.yaml", "--output-path", "build"],
        ],
        GOBIN="{place}/bin",
    )


def configuration(ledger: Ledger, protocol: str, grpc: int, http: int) -> str:
    """That of the page, with addresses of this test, and without the Collector's own metrics."""
    found = re.findall(r"^```yaml\n(receivers:.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    text = found[0].replace("127.0.0.1:4317", f"127.0.0.1:{grpc}").replace("127.0.0.1:4318", f"127.0.0.1:{http}")
    assert "spanledger.example:4317\n    tls:\n      insecure: true\n" in text
    if protocol == "http":
        text = text.replace("    tls:\n      insecure: true\n", "").replace("otlp_grpc", "otlp_http")
    target = ledger.grpc.removeprefix("http://") if protocol == "grpc" else ledger.http
    text = text.replace("spanledger.example:4317", target)
    return text.replace("service:\n", "service:\n  telemetry:\n    metrics:\n      level: none\n")


class Collector:
    """A running Collector."""

    def __init__(self, place: Path, directory: Path, ledger: Ledger, protocol: str) -> None:
        self.grpc, self.http = free_port(), free_port()
        config = directory / "otelcol.yaml"
        config.write_text(configuration(ledger, protocol, self.grpc, self.http))
        self.log = directory / "otelcol.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [place / "build/otelcol", "--config", f"file:{config}"],
                env={**os.environ, "SPANLEDGER_API_KEY": ledger.key},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while not listening(self.grpc):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> int:
        """In order: it delivers what it holds first."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


def listening(port: int) -> bool:
    """True where somebody answers."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def collector(place: Path, tmp_path: Path) -> Iterator[Callable[[Ledger, str], Collector]]:
    started: list[Collector] = []

    def begin(ledger: Ledger, protocol: str) -> Collector:
        started.append(Collector(place, tmp_path, ledger, protocol))
        return started[-1]

    yield begin
    for each in started:
        assert each.stop() == 0, each.log.read_text()


def generate(
    place: Path, port: int, traces: int, *flags: str, protocol: str = "grpc", key: str = ""
) -> subprocess.Popen[str]:
    """A telemetrygen that sends this many traces, of one call and its parent, with each of its workers.

    Without its own batches: their queue holds 2,048 spans and drops the rest in silence.
    """
    command = [str(place / "bin/telemetrygen"), "traces", "--otlp-insecure", "--otlp-endpoint", f"127.0.0.1:{port}"]
    command += ["--traces", str(traces), "--child-spans", "1", "--batch=false", "--timeout", "60s", *flags]
    for name, value in CALL.items():
        command += ["--telemetry-attributes", f"{name}={value}"]
    if protocol == "http":
        command.append("--otlp-http")
    if key:
        command += ["--otlp-header", f'authorization="Bearer {key}"']
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(generator: subprocess.Popen[str]) -> None:
    """Wait for it to succeed."""
    said, _ = generator.communicate(timeout=300)
    assert generator.returncode == 0, said


def check(up: Up, traces: int) -> int:
    """Each span once, and to the cent what each call cost; the number of calls.

    telemetrygen puts the same call on a trace's two spans: one of them is billed where both came in one request.
    """
    wanted = [[2 * traces, 2 * traces, traces, traces, 2 * traces]]
    found = up.settled(
        "SELECT toInt64(count()), toInt64(uniqExact(trace_id, span_id)), toInt64(uniqExact(trace_id)),"
        " toInt64(uniqExactIf(trace_id, is_billable)),"
        " toInt64(countIf(is_billable) + countIf(arrayExists(each -> each LIKE 'duplicate of %', warnings)))"
        " FROM spans WHERE service = 'telemetrygen'",
        wanted,
        seconds=60,
    )
    assert found == wanted
    calls = int(up.query("SELECT toInt64(countIf(is_billable)) FROM spans")[0][0])
    assert up.query("SELECT toInt64(sum(input_tokens)), toInt64(sum(output_tokens)) FROM spans") == [
        [1000 * calls, 100 * calls]
    ]
    money = str((CALL_USD * calls).normalize())
    assert up.settled("SELECT sum(cost_usd) FROM ledger", [[money]]) == [[money]]
    assert up.query("SELECT sum(cost_usd) FROM spans") == [[money]]
    return calls


@pytest.mark.long
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_telemetrygen_sends_straight_here(place: Path, ledger: Ledger, protocol: str) -> None:
    port = int(ledger.endpoint(protocol).rpartition(":")[2])
    finished(generate(place, port, 250, "--rate", "0", "--workers", "4", protocol=protocol, key=ledger.key))
    assert check(ledger.up, 1000) == 2000  # one request a span


@pytest.mark.long
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_collector_in_front_delivers_everything(
    place: Path, ledger: Ledger, collector: Callable[[Ledger, str], Collector], protocol: str
) -> None:
    front = collector(ledger, protocol)
    finished(generate(place, front.grpc, 1000, "--rate", "0", "--workers", "2"))
    finished(generate(place, front.http, 1000, "--rate", "0", protocol="http"))
    check(ledger.up, 3000)


@pytest.mark.long
@pytest.mark.parametrize(("end", "protocol"), ENDS)
def test_a_restart_behind_a_collector_loses_and_doubles_nothing(
    place: Path, ledger: Ledger, collector: Callable[[Ledger, str], Collector], end: str, protocol: str
) -> None:
    front = collector(ledger, protocol)
    generator = generate(place, front.grpc, 4000, "--rate", "1000", "--workers", "2")
    while ledger.up.query("SELECT count() > 500 FROM spans") != [[1]]:
        assert generator.poll() is None
        time.sleep(0.1)
    getattr(ledger.up, end)()
    assert generator.poll() is None
    time.sleep(2)  # the Collector finds nobody at home
    ledger.start()
    finished(generator)
    check(ledger.up, 8000)
    assert "Retrying" in front.log.read_text() or "retry" in front.log.read_text()
