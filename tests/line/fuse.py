"""Real parts that a fuse may stop between any two steps, as kill -9 would: before a step, or after it took effect."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pyarrow as pa
from sqlalchemy import Connection

from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.settings import StoreSettings

Result = TypeVar("Result")


class Crash(BaseException):
    """The end of a process: nothing may catch it, and nothing that runs on the way out has any effect."""


class Fuse:
    """Counts steps; at the step it is set to, it lets something happen or ends everything.

    fuse.set(3, after=True)      # the fourth step from now takes effect, then the process is gone
    """

    def __init__(self) -> None:
        self.dead = False
        self._left: int | None = None
        self._after = False
        self._meanwhile: tuple[int, Callable[[], None]] | None = None
        self.written: list[str] = []

    def set(self, steps: int, *, after: bool) -> None:
        """End at the step that `steps` others come before; its own effect is kept with `after`."""
        self._left, self._after = steps, after

    def meanwhile(self, steps: int, work: Callable[[], None]) -> None:
        """Let another thread's work happen before that step."""
        self._meanwhile = (steps, work)

    def reset(self) -> None:
        """A new process: nothing is set, and `written` is empty."""
        self.dead, self._left, self._meanwhile = False, None, None
        self.written.clear()

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """One step, with whatever is set to happen at it."""
        self._others()
        ends = False
        if self._left is not None:
            ends, self._left = self._left == 0, self._left - 1
        if self.dead or (ends and not self._after):
            self.dead = True
            raise Crash(name)
        yield
        self.written.append(name)
        if ends:
            self.dead = True
            raise Crash(name)

    def _others(self) -> None:
        if self._meanwhile is None or self.dead:
            return
        left, work = self._meanwhile
        self._meanwhile = None if left == 0 else (left - 1, work)
        if left == 0:
            work()


class FusedEngine(Engine):
    """The real engine behind a fuse; each statement and each insert is a step, reading included."""

    def __init__(self, real: Engine, fuse: Fuse, data: Path) -> None:
        # Deliberately without the parent's connection and lock: the real engine has them.
        self._real = real
        self._fuse = fuse
        self.settings = StoreSettings(data=data)
        self.database = real.database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def query(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> pl.DataFrame:
        with self._fuse.step("query"):
            return self._real.query(sql, params, settings)

    def arrow(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> pa.Table:
        with self._fuse.step("query"):
            return self._real.arrow(sql, params, settings)

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        with self._fuse.step("query"):
            return self._real.rows(sql, params)

    def command(
        self, sql: str, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        with self._fuse.step("command"):
            self._real.command(sql, params, settings)

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], token: str) -> None:
        with self._fuse.step(f"insert {table}"):
            self._real.insert(table, columns, token)

    def insert_native(self, table: str, names: Sequence[str], payload: bytes | Path, token: str) -> None:
        with self._fuse.step(f"insert {table}"):
            self._real.insert_native(table, names, payload, token)

    def close(self) -> None:
        """Nothing: the real engine belongs to somebody else."""


class FusedControl(Control):
    """A real control database behind a fuse; each transaction is a step that is committed whole or not at all."""

    fuse: Fuse

    @classmethod
    def behind(cls, fuse: Fuse, data: Path) -> FusedControl:
        """The control database of a directory, created where there is none."""
        opened = cls.open(StoreSettings(data=data))
        assert isinstance(opened, FusedControl)
        opened.fuse = fuse
        return opened

    @contextmanager
    def read(self) -> Generator[Connection]:
        with self.fuse.step("control read"), super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        with self.fuse.step("control write"), super().write() as connection:
            yield connection
