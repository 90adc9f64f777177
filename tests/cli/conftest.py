"""Commands in this process against a ClickHouse server, and `up` as the process it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from spanledger_cli.main import app

Cli = Callable[..., Result]


def environment(**extra: str) -> dict[str, str]:
    """The environment without this machine's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLEDGER_", "OTEL_"))}
    return kept | extra


def command(*args: str) -> Sequence[str]:
    """The command line as a process of its own would be started."""
    return [sys.executable, "-m", "spanledger_cli", *args]


def run(*args: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """A finished command in a process of its own; only one embedded engine fits into a process."""
    return subprocess.run(command(*args), env=environment(**extra), capture_output=True, text=True, check=False)


@dataclass
class Up:
    """A running `up`."""

    process: subprocess.Popen[str]
    data: Path
    url: str
    token: str


def start(data: Path, *args: str, **extra: str) -> Up:
    """`up` on a free port, from the moment it answers; without gRPC, whose usual port only one can have."""
    path = data.parent / f"{data.name}.log"
    with path.open("w") as log:
        process = subprocess.Popen(
            command("up", "--port", "0", "--data", str(data), *args),
            env=environment(**{"SPANLEDGER_GRPC_PORT": "0"} | extra),
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    while not (data / "up.json").exists():
        if process.poll() is not None:
            pytest.fail(f"up ended with {process.returncode}: {path.read_text()}")
        time.sleep(0.05)
    held = json.loads((data / "up.json").read_text())
    return Up(process, data, held["url"], held["token"])


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Generator[Up]:
    """One `up` that several tests only ask."""
    started = start(tmp_path_factory.mktemp("up") / "data")
    yield started
    started.process.terminate()
    assert started.process.wait() == 0


@pytest.fixture
def cli() -> Cli:
    """Runs a command in this process."""
    runner = CliRunner()

    def invoke(*args: str, **extra: str) -> Result:
        return runner.invoke(app, list(args), env=extra, prog_name="spanledger")

    return invoke
