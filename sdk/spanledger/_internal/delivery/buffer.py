"""Requests that could not be delivered, on disk: what is written here survives the program, kill -9 and the power.

    DIRECTORY/ENDPOINT-KEY/PROCESS/TIME-NUMBER-COUNT.otlp.gz

ENDPOINT and KEY are digests, so that requests for one collector or one of its projects never reach another; neither
the address nor the key is written. PROCESS belongs to one process, which holds the lock on `PROCESS.lock` while it
lives; a directory whose lock is free is of a process that has ended, and whoever takes the lock adopts its files.
A file is one request body under gzip (whose checksum tells a damaged one), named by when it was written, and by
the spans in it; it has this name only once it is on the disk.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import secrets
import time
import zlib
from bisect import insort
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spanledger._internal.delivery import kept_files
from spanledger._internal.delivery.kept_files import Kept
from spanledger._internal.log import logger, warn_once

if TYPE_CHECKING:
    from spanledger._internal.settings import Settings

_DAMAGED: Final = "damaged"


def buffer_of(settings: Settings, endpoint: str) -> Buffer | None:
    """Return the buffer of what goes to this endpoint; None where the settings name no directory."""
    if settings.buffer_dir is None:
        return None
    return Buffer(settings.buffer_dir, endpoint, settings.headers, settings.buffer_max_bytes)


def identity(endpoint: str, headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the digests that tell one endpoint, and one key or tenant of it, from others."""
    address = hashlib.blake2b(endpoint.encode(), digest_size=8, person=b"sl-endpoint").digest()
    sent = "\n".join(f"{name}={value}" for name, value in sorted(headers.items()))
    return address.hex(), hashlib.blake2b(sent.encode(), digest_size=8, key=address, person=b"sl-headers").hexdigest()


class Buffer:
    """The requests of one endpoint that wait on disk, as far as they are this process's to send.

    Holds at most `max_bytes`, with those of other living processes of the same endpoint. Nothing is touched before
    `open`. What the disk refuses is said in one line and returned as None; raises nothing. Used by one thread.
    """

    def __init__(self, directory: Path, endpoint: str, headers: Mapping[str, str], max_bytes: int) -> None:
        self._address, key = identity(endpoint, headers)
        self._root = directory / f"{self._address}-{key}"
        self._max_bytes = max_bytes
        self._own: Path | None = None
        self._locks: dict[Path, int] = {}
        self._kept: list[Kept] = []
        self._number = 0
        self._last_ns = 0

    @property
    def directory(self) -> Path:
        """Where the files are."""
        return self._root

    @property
    def oldest(self) -> Kept | None:
        """What is to be sent first; None where nothing waits."""
        return self._kept[0] if self._kept else None

    def has_leftovers(self) -> bool:
        """True if some process has left, or is keeping, files here."""
        try:
            return any(entry.is_dir() for entry in self._root.iterdir())
        except OSError:
            return False

    # --- writing ---------------------------------------------------------------------------------

    def keep(self, body: bytes, count: int, *, is_sent: bool) -> tuple[Kept | None, list[Kept]]:
        """Write a request of `count` spans; return it, or None if it cannot be kept, and what had to make room."""
        packed = gzip.compress(body, compresslevel=1, mtime=0)
        gone: list[Kept] = []
        try:
            own = self._own_directory()
            if not self._make_room(len(packed), gone):
                raise OSError(f"{self._max_bytes} bytes are taken by other processes or too few for one request")
            self._number += 1
            # A clock that is set back does not change the order of one process's files.
            self._last_ns = max(self._last_ns + 1, time.time_ns())
            age = f"{self._last_ns:020d}-{self._number % 1_000_000:06d}"
            path = own / f"{age}-{count}.otlp.gz"
            kept_files.write(path, packed)
        except OSError as error:
            warn_once(
                "buffer",
                "spans cannot be buffered in %s and wait in memory: %s",
                self._root,
                error.strerror or error,
                error=error,
            )
            return None, gone
        kept = Kept(age, path, count, len(packed), is_own=True, is_sent=is_sent)
        insort(self._kept, kept)
        return kept, gone

    def _own_directory(self) -> Path:
        if self._own is None:
            if not self._root.is_dir():
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                kept_files.sync(self._root.parent)
            own = self._root / f"{os.getpid()}-{secrets.token_hex(6)}"
            # Locked before the directory is there, so that nobody takes it for one that was left.
            lock = kept_files.lock(own)
            if lock is None:
                raise OSError("files cannot be locked here")
            self._locks[own] = lock
            own.mkdir(mode=0o700)
            kept_files.sync(self._root)
            self._own = own
        return self._own

    def _make_room(self, size: int, gone: list[Kept]) -> bool:
        """Remove the oldest requests until `size` bytes fit; False if that is not enough."""
        used = sum(kept.size for kept in self._kept) + self._size_of_others()
        if used + size > self._max_bytes:
            for entry in sorted(kept_files.files(self._root / _DAMAGED)):
                used -= entry.stat().st_size
                entry.unlink()
        while used + size > self._max_bytes and self._kept:
            oldest = self._kept[0]
            self.forget(oldest)
            gone.append(oldest)
            used -= oldest.size
        return used + size <= self._max_bytes

    def _size_of_others(self) -> int:
        total = 0
        for directory in self._root.iterdir():
            if directory not in self._locks:
                for entry in kept_files.files(directory):
                    with suppress(FileNotFoundError):  # sent by its owner just now
                        total += entry.stat().st_size
        return total

    # --- reading ---------------------------------------------------------------------------------

    def adopt(self) -> list[Kept]:
        """Take over the files of processes that have ended, and return them."""
        adopted: list[Kept] = []
        try:
            directories = [each for each in sorted(self._root.iterdir()) if each.is_dir()]
        except OSError:
            return adopted
        for directory in directories:
            if directory in self._locks or directory.name == _DAMAGED:
                continue
            try:
                lock = kept_files.lock(directory)
                if lock is None:
                    continue
                found = [
                    kept for path in sorted(kept_files.files(directory)) if (kept := kept_files.left(path)) is not None
                ]
            except OSError as error:
                warn_once("buffer-adopt", "what is buffered in %s cannot be read: %s", directory, error, error=error)
                continue
            self._locks[directory] = lock
            if not found:
                self._release(directory)
            for kept in found:
                insort(self._kept, kept)
            adopted += found
        if adopted:
            spans = sum(kept.count for kept in adopted)
            logger.info("%d spans of a process that has ended are sent from %s", spans, self._root)
        return adopted

    def read(self, kept: Kept) -> bytes | None:
        """Return the request's bytes as they were written; None if they are damaged, which sets the file aside."""
        try:
            return gzip.decompress(kept.path.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            warn_once("buffer-damaged", "%s cannot be read and is set aside: %s", kept.path, error, error=error)
            with suppress(OSError):
                (self._root / _DAMAGED).mkdir(mode=0o700, exist_ok=True)
                kept.path.rename(self._root / _DAMAGED / kept.path.name)
            self.forget(kept)
            return None

    def forget(self, kept: Kept) -> None:
        """Remove a request that was delivered or given up."""
        self._kept.remove(kept)
        try:
            kept.path.unlink(missing_ok=True)
        except OSError as error:
            # It will be sent once more by a later process, and the collector knows it.
            warn_once("buffer-forget", "%s cannot be removed: %s", kept.path, error, error=error)
        directory = kept.path.parent
        if directory != self._own and not any(other.path.parent == directory for other in self._kept):
            self._release(directory)

    def of_other_keys(self) -> list[Path]:
        """Return directories that hold requests for this endpoint which only another key or tenant may send."""
        with suppress(OSError):
            return [
                each
                for each in sorted(self._root.parent.glob(f"{self._address}-*"))
                if each != self._root and any(True for _ in each.glob("*/*.otlp.gz"))
            ]
        return []

    # --- the end ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave what waits to whoever comes next."""
        for directory in list(self._locks):
            self._release(directory)
        self._own = None
        self._kept.clear()

    def leave_to_parent(self) -> None:
        """In a forked child: the files are the parent's, and its locks stay its own."""
        for lock in self._locks.values():
            with suppress(OSError):
                os.close(lock)  # not unlocked: that would unlock the parent's
        self._locks.clear()
        self._kept.clear()
        self._own = None

    def _release(self, directory: Path) -> None:
        lock = self._locks.pop(directory)
        with suppress(OSError):  # not empty, and somebody else's from now on
            directory.rmdir()
            kept_files.lock_of(directory).unlink(missing_ok=True)
        with suppress(OSError):
            os.close(lock)
