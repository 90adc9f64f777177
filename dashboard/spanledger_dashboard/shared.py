"""Answers that several parts of a page ask for at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Makes each answer once for all who ask while it is made, or within `seconds` of that; failures are not kept."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._making: dict[Hashable, asyncio.Task[T]] = {}

    async def of(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The answer for `key`: that which stands, or that of `make`."""
        task = self._making.get(key)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = self._making[key] = asyncio.ensure_future(self._made(key, make))
        # One reader who leaves does not take the others' answer away.
        return await asyncio.shield(task)

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        keep = 0.0
        try:
            answer = await make()
            keep = self._seconds
        finally:
            asyncio.get_running_loop().call_later(keep, self._making.pop, key, None)
        return answer
