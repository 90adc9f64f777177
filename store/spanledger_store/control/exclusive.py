"""One at a time, over all processes of an installation: for work on stored data that must not overlap."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from spanledger_store.control.database import Control
from spanledger_store.errors import StoreError

# Any number will do that nothing else on a shared PostgreSQL server is likely to lock.
_LOCK = 0x5BA71ED6E5
_PAUSE = 0.1


class Occupied(StoreError):
    """Another delete, reprice, retention, import, backup or restore is at work."""


@contextmanager
def exclusively(control: Control, *, patience: float = 60.0) -> Generator[None]:
    """Nobody else who asks for this is at work until the block ends; the system takes it from a process that dies.

    Raises Occupied after `patience` seconds of waiting.
    """
    until = time.monotonic() + patience
    if control.kind == "sqlite":
        with control.read() as connection:
            path = Path(connection.engine.url.database or "")
        handle = os.open(path.with_name(f"{path.name}.exclusive"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _locked(handle):
                _wait(until)
            yield
        finally:
            os.close(handle)
        return
    # The session holds the lock, and the server drops it with the connection.
    with control.read() as connection:
        while not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}).scalar_one():
            _wait(until)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(until: float) -> None:
    if time.monotonic() >= until:
        raise Occupied(
            "another delete, reprice, retention, import or backup is still at work here. Try again when it is done."
        )
    time.sleep(_PAUSE)
