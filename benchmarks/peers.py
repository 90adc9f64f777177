"""Spanledger, Phoenix and MLflow under the same load, and after a kill -9, as JSON.

    python benchmarks/peers.py [--seconds 15] [--only spanledger phoenix mlflow] [--markdown]

Each peer is installed from the package index into an environment of its own (under --cache, kept between runs), started
as its documentation says for one machine, and sent the load generator's OTLP spans over HTTP by four connections. It is
then given time to store what it has acknowledged. In a second run it is killed with SIGKILL as soon as a number of
spans has been acknowledged, and started again: what is missing then was acknowledged and lost. Everything runs on this
machine, one system after another.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOADGEN = ROOT.parent / "shared" / "tools" / "loadgen.py"
sys.path.insert(0, str(ROOT))

from benchmarks import documents  # noqa: E402
from tests.line.process import free_port  # noqa: E402

START_SECONDS = 180
SETTLE_SECONDS = 300
KILL_AFTER = 10_000


@dataclass(frozen=True)
class System:
    """How one system is started, reached and counted."""

    name: str
    package: str
    command: Callable[[Path, Path, int], Sequence[str]]
    environment: Callable[[Path, int], Mapping[str, str]]
    count: Callable[[Path, int], int]
    headers: Sequence[str] = ()
    flavor: str = "genai"


def _rows(path: Path) -> int:
    """Rows of `spans` in an SQLite file that another process has open."""
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        return int(connection.execute("SELECT count(*) FROM spans").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def _ours(_: Path, port: int) -> int:
    body = json.dumps({"sql": "SELECT count() FROM spans"}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/query", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(json.load(answer)["rows"][0][0])


SYSTEMS = (
    System(
        "spanledger",
        "",
        lambda _, data, port: [sys.executable, "-m", "spanledger_cli", "up", "--data", str(data), "--port", str(port)],
        lambda _, __: {"SPANLEDGER_GRPC_PORT": "0"},
        _ours,
    ),
    System(
        "phoenix",
        "arize-phoenix",
        lambda venv, _, __: [str(venv / "bin" / "phoenix"), "serve"],
        lambda data, port: {
            "PHOENIX_WORKING_DIR": str(data),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        },
        lambda data, _: _rows(data / "phoenix.db"),
        flavor="openinference",
    ),
    System(
        "mlflow",
        "mlflow",
        lambda venv, data, port: [
            str(venv / "bin" / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{data / 'mlflow.db'}", "--artifacts-destination", str(data / "files"),
        ],
        lambda _, __: {"MLFLOW_DISABLE_TELEMETRY": "true"},
        lambda data, _: _rows(data / "mlflow.db"),
        headers=("x-mlflow-experiment-id=0",),
    ),
)  # fmt: skip


@dataclass
class Running:
    """A started system; its whole process group ends with it."""

    system: System
    venv: Path
    data: Path
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        log = (self.data.parent / f"{self.system.name}.log").open("a")
        self.process = subprocess.Popen(
            self.system.command(self.venv, self.data, self.port),
            env={**os.environ, **self.system.environment(self.data, self.port)},
            cwd=self.data,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.system.name} did not start:\n{Path(log.name).read_text()[-2000:]}")
            time.sleep(0.5)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def end(self, how: signal.Signals) -> None:
        """Signal every process of the group, and wait for the first one."""
        os.killpg(self.process.pid, how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def load(self, seconds: float, spans: int = 0) -> dict[str, Any]:
        """What the load generator says."""
        command = [
            sys.executable, str(LOADGEN), "--url", f"http://127.0.0.1:{self.port}", "--concurrency", "4",
            "--batch", "100", "--seconds", str(seconds), "--flavor", self.system.flavor, "--pid",
            str(self.process.pid),
        ]  # fmt: skip
        for header in self.system.headers:
            command += ["--header", header]
        if spans:
            command += ["--max-requests", str(spans // 100)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def settled(self, expected: int) -> tuple[int, float]:
        """(spans stored, when the last came): once there are `expected`, or nothing has changed for twenty seconds."""
        deadline = time.monotonic() + SETTLE_SECONDS
        last, since = -1, time.monotonic()
        while last < expected and time.monotonic() < min(deadline, since + 20):
            now = self.system.count(self.data, self.port)
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.5)
        return last, since


def uv(*words: str | Path) -> str:
    """What a uv command says."""
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise SystemExit("uv is needed to install the peers: pip install uv")
    return subprocess.run([found, *map(str, words)], capture_output=True, text=True, check=True).stdout


def installed(package: str, cache: Path, *others: str, wheel: Path | None = None) -> tuple[Path, str]:
    """(the environment of this package with what it needs and `others`, its version): made where it is missing.

    With a wheel, that is what is installed, in an environment made anew each time: what it needs may have changed.
    """
    venv = cache / package
    python = venv / "bin" / "python"
    if wheel is not None or not python.exists():
        uv("venv", "--quiet", "--clear", "--python", sys.executable, venv)
        uv("pip", "install", "--quiet", "--compile-bytecode", "--python", python, wheel or package, *others)
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return venv, subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def environment(system: System, cache: Path) -> tuple[Path, str]:
    """The system's own environment, made where it is missing, and the version in it."""
    return installed(system.package, cache) if system.package else (Path(sys.prefix), "this checkout")


def measure(system: System, cache: Path, seconds: float) -> dict[str, Any]:
    """One system's row."""
    venv, version = environment(system, cache)
    found: dict[str, Any] = {"system": system.name, "version": version}
    with tempfile.TemporaryDirectory(prefix=f"peer-{system.name}-") as directory:
        running = Running(system, venv, Path(directory) / "load")
        began = time.monotonic()
        said = running.load(seconds)
        accepted = said["accepted_spans"]
        stored, at = running.settled(accepted)
        found |= {
            "accepted_spans_s": round(said["accepted_spans_s"]),
            "p50_ms": said.get("lat_ms", {}).get("p50"),
            "p99_ms": said.get("lat_ms", {}).get("p99"),
            "durable_spans_s": round(stored / (at - began)),
            "accepted": accepted,
            "stored": stored,
            "server_rss_mb": said.get("server_peak_rss_mb"),
        }
        running.end(signal.SIGTERM)
        running = Running(system, venv, Path(directory) / "kill")
        accepted = running.load(60, KILL_AFTER)["accepted_spans"]
        running.end(signal.SIGKILL)
        again = Running(system, venv, Path(directory) / "kill")
        kept, _ = again.settled(accepted)
        found |= {"killed_after": accepted, "kept": kept, "lost": accepted - kept}
        again.end(signal.SIGTERM)
    return found


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as Markdown."""
    names = ("system", "version", "accepted_spans_s", "p50_ms", "p99_ms", "durable_spans_s", "killed_after", "lost")
    heads = ("system", "version", "acknowledged spans/s", "p50 ms", "p99 ms", "stored spans/s",
             "acknowledged before kill -9", "lost of these")  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [
        "| " + " | ".join(f"{row[n]:,}" if isinstance(row[n], int) else str(row[n]) for n in names) + " |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--only", nargs="+", choices=[each.name for each in SYSTEMS])
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "spanledger-peers")
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    if not LOADGEN.exists():
        print(f"skipped: no load generator at {LOADGEN}")
        return 0
    rows = [
        measure(each, options.cache, options.seconds)
        for each in SYSTEMS
        if not options.only or each.name in options.only
    ]
    print(json.dumps(rows, indent=2))
    if options.markdown:
        documents.renew(documents.DOCS / "performance.md", "peers", table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
