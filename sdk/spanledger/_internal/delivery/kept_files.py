"""Files of a disk buffer: there whole or not at all, named by age and count, in directories that one process locks."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_NAME: Final = re.compile(r"(\d{20}-\d{6})-(\d{1,9})\.otlp\.gz(\.tmp)?")


@dataclass(order=True, slots=True)
class Kept:
    """One request on disk; they order by age."""

    age: str
    path: Path = field(compare=False)
    count: int = field(compare=False)
    size: int = field(compare=False)
    is_own: bool = field(compare=False)  # or of a process that has ended
    is_sent: bool = field(compare=False, default=False)  # this process has tried to send it


def files(directory: Path) -> Iterator[Path]:
    """Requests of one process, in no order; none where there is no such directory."""
    with suppress(FileNotFoundError, NotADirectoryError):
        yield from (each for each in list(directory.iterdir()) if _NAME.fullmatch(each.name))


def left(path: Path) -> Kept | None:
    """Return a file of a process that has ended; None if it never became whole."""
    named = _NAME.fullmatch(path.name)
    if named is None:
        return None
    if named[3]:  # not named yet when the process ended, but perhaps written
        try:
            gzip.decompress(path.read_bytes())
        except (EOFError, zlib.error, gzip.BadGzipFile):
            path.unlink()
            return None
        path = path.rename(path.with_suffix(""))
    return Kept(named[1], path, int(named[2]), path.stat().st_size, is_own=False)


def write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whatever happens."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        unfinished.rename(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(directory: Path) -> None:
    """Make sure that the names in a directory outlast the power."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock_of(directory: Path) -> Path:
    """The file that whoever holds a directory has locked."""
    return directory.with_name(f"{directory.name}.lock")


def lock(directory: Path) -> int | None:
    """Return the held lock of a process's directory; None if it is another's."""
    if fcntl is None:
        return None
    handle = os.open(lock_of(directory), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        os.close(handle)
        raise
    return handle
