"""`spanledger up` and a ClickHouse server as processes that may be stopped, held or killed at any moment."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SERVER = Path(__file__).parents[1] / "support" / "clickhouse_server.py"


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_started: list[subprocess.Popen[bytes]] = []


@atexit.register
def _end() -> None:
    """What a test that failed has left running does not outlive the run."""
    for process in _started:
        if process.poll() is None:
            process.kill()


class Up:
    """A running `spanledger up` on a data directory; `program` may be another one that ends up in its `main`."""

    def __init__(
        self, data: Path, port: int = 0, program: Sequence[str] = ("-m", "spanledger_cli"), **variables: str
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, *program, "up", "--data", str(data), "--port", str(self.port)]
        self._log = data.parent / f"up-{self.port}.log"
        # gRPC's usual port only one can have.
        environment = {**os.environ, "SPANLEDGER_GRPC_PORT": "0", **variables}
        with self._log.open("a") as log:
            self._begin = log.tell()
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        _started.append(self.process)
        deadline = time.monotonic() + 180
        while not self.healthy():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)

    def said(self) -> str:
        """What it has written to its log."""
        return self._log.read_text()[self._begin :]

    def healthy(self) -> bool:
        """True once the server answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def unready(self) -> str:
        """What /readyz complains of; empty where it does not."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10):
                return ""
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def query(self, sql: str) -> list[list[Any]]:
        """Rows of one statement, over HTTP."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/query", json.dumps({"sql": sql}).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["rows"]

    def settled(self, sql: str, expected: list[list[Any]], seconds: float = 60) -> list[list[Any]]:
        """Rows once they are as expected, or as they are when time is up."""
        deadline = time.monotonic() + seconds
        while (rows := self.query(sql)) != expected and time.monotonic() < deadline:
            time.sleep(0.2)
        return rows

    def kill(self) -> None:
        """kill -9, and wait until the process is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code after draining."""
        self.process.terminate()
        return self.process.wait(60)


class Server:
    """A ClickHouse server of its own, on a port that stays the same from one start to the next."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, str(SERVER), "--data", str(self.data), "--stdin", "--http-port", str(self.port)]
        started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert started.stdout is not None
        line = started.stdout.readline()
        assert line.startswith("READY "), line
        return started

    def start(self) -> None:
        """Start again what has been stopped."""
        self.process = self._start()

    def stop(self) -> None:
        """End it in order, and wait."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(90)
        self.process.stdout.close()
