"""One process per embedded directory: the engine demands it, this says so clearly."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from spanledger_store.errors import StoreLocked


class DirectoryLock:
    """An advisory lock that the system drops when its process ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock, or raise StoreLocked naming the process that holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise StoreLocked(
                f"{self.path.parent} is in use by process {holder}. Talk to that process over HTTP, stop it, "
                "or choose another directory with --data."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let the directory go; harmless when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None
