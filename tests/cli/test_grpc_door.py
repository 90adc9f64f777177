"""Where `up` takes OTLP over gRPC: chosen, taken, missing, off."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanledger_cli import grpc_door
from spanledger_cli.errors import InUse, Usage
from tests.cli.conftest import start
from tests.line.process import free_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_was_asked_for_must_be_free(taken: int) -> None:
    with pytest.raises(InUse, match=rf"127.0.0.1:{taken} .*SPANLEDGER_GRPC_PORT"):
        grpc_door.choose("127.0.0.1", taken)
    free = free_port()
    assert grpc_door.choose("127.0.0.1", free) == free
    assert grpc_door.choose("127.0.0.1", 0) == 0


def test_the_usual_port_may_be_taken_on_loopback_only(
    taken: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(grpc_door, "USUAL", taken)
    assert grpc_door.choose("127.0.0.1", None) == 0
    assert f"127.0.0.1:{taken}" in caplog.text
    assert "going on without gRPC" in caplog.text
    with pytest.raises(InUse):
        grpc_door.choose("0.0.0.0", None)


def test_without_the_extra_only_asking_for_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_door, "INSTALLED", False)
    assert grpc_door.choose("127.0.0.1", None) == 0
    with pytest.raises(Usage, match=r"spanledger\[grpc\]"):
        grpc_door.choose("127.0.0.1", 4317)


@pytest.mark.parametrize("on", [True, pytest.param(False, marks=pytest.mark.long)])
def test_up_says_where_it_is(tmp_path: Path, on: bool) -> None:
    port = free_port() if on else 0
    up = start(tmp_path / "data", SPANLEDGER_GRPC_PORT=str(port))
    try:
        told = json.loads((tmp_path / "data" / "up.json").read_text())["grpc"]
        assert told == (f"127.0.0.1:{port}" if on else "")
        if on:
            socket.create_connection(("127.0.0.1", port)).close()
    finally:
        up.process.terminate()
    assert up.process.wait() == 0
    said = (tmp_path / "data.log").read_text()
    assert ("OTLP over gRPC" in said) is on
    assert (f"OTLP over gRPC at 127.0.0.1:{port}," in said) is on
