"""Reports as coroutines, on a bounded pool of threads: the event loop never waits for the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from spanledger_store.control import Control
from spanledger_store.engine import Engine

P = ParamSpec("P")
T = TypeVar("T")


class PooledReads:
    """Both databases, and the threads that ask them."""

    def __init__(self, engine: Engine, control: Control, threads: int) -> None:
        self._engine = engine
        self._control = control
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="dashboard-query")

    async def _run(self, report: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: report(self._engine, *args, **kwargs))

    def close(self) -> None:
        """Let the threads go; queries under way finish first."""
        self._pool.shutdown()
