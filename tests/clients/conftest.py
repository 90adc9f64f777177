"""Spanledger as its users run it, waiting for clients that no one here wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spanledger_store.control import Control, keys
from spanledger_store.settings import StoreSettings
from tests.line.process import Up, free_port


class Ledger:
    """A running `up` that wants an ingest key, at addresses that outlive a restart."""

    def __init__(self, data: Path, **variables: str) -> None:
        with Control.open(StoreSettings(data=data)) as control:
            _, self.key = keys.create(control, "default", "clients", "ingest")
        self.data = data
        self.port, grpc = free_port(), free_port()
        self.grpc = f"http://127.0.0.1:{grpc}"
        self.variables = {"SPANLEDGER_GRPC_PORT": str(grpc), **variables}
        self.start()

    def start(self) -> None:
        """Begin, or begin again where the last process ended."""
        self.up = Up(self.data, port=self.port, **self.variables)
        self.http = self.up.url

    def endpoint(self, protocol: str) -> str:
        """Where to send this protocol."""
        return self.grpc if protocol == "grpc" else self.http


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Starts `up`; it must end in order at the end of the test."""
    started: list[Ledger] = []

    def begin(**variables: str) -> Ledger:
        started.append(Ledger(tmp_path / "data", **variables))
        return started[-1]

    yield begin
    for each in started:
        assert each.up.stop() == 0


@pytest.fixture
def ledger(start: Callable[..., Ledger]) -> Ledger:
    """`up` with the embedded engine."""
    return start()
