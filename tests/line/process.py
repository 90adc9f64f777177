"""`spanledger up` as a process that may be killed at any moment."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Up:
    """A running `spanledger up` on a data directory."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "spanledger_cli", "up", "--data", str(data), "--port", str(self.port)]
        self.log = (data.parent / f"up-{self.port}.log").open("w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env={**os.environ, **variables})
        deadline = time.monotonic() + 60
        while not self.healthy():
            assert self.process.poll() is None, Path(self.log.name).read_text()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)

    def healthy(self) -> bool:
        """True once the server answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

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
        self.log.close()

    def stop(self) -> int:
        """SIGTERM; the exit code after draining."""
        self.process.terminate()
        code = self.process.wait(60)
        self.log.close()
        return code
