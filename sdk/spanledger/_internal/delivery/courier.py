"""A thread that does one thing at a time, so that whoever waits for it can stop waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from spanledger._internal.delivery.patience import Patience

T = TypeVar("T")


class _Errand(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.is_done = threading.Event()
        self.result: T | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.work()
        except BaseException as error:
            self.error = error
        self.is_done.set()


class Courier(Generic[T]):
    """Runs errands on one daemon thread, which is left behind when an errand takes too long.

    Used by one thread. What an errand waits on has to end by itself, or be ended by whoever gave it out.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._errands: SimpleQueue[_Errand[T] | None] | None = None

    def run(self, work: Callable[[], T], seconds: float, meanwhile: Callable[[], bool] | None = None) -> T | None:
        """Return what `work` returned; None where it was not done in time or `meanwhile` said stop.

        `meanwhile` is called about ten times a second in the waiting thread. Raises what `work` raised, and
        RuntimeError where the interpreter starts no threads any more.
        """
        if self._errands is None:
            errands: SimpleQueue[_Errand[T] | None] = SimpleQueue()
            threading.Thread(target=_serve, args=(errands,), name=self._name, daemon=True).start()
            self._errands = errands
        errand = _Errand(work)
        self._errands.put(errand)
        patience = Patience(seconds)
        while not errand.is_done.is_set():
            is_left = patience.wait(errand.is_done)
            if errand.is_done.is_set():
                break
            if not is_left or (meanwhile is not None and meanwhile()):
                self.leave()
                return None
        if errand.error is not None:
            raise errand.error
        return errand.result

    def leave(self) -> None:
        """Let the thread end when it has done what it is doing; the next errand gets a new one."""
        if self._errands is not None:
            self._errands.put(None)
            self._errands = None


def _serve(errands: SimpleQueue[_Errand[T] | None]) -> None:
    while (errand := errands.get()) is not None:
        errand.run()
