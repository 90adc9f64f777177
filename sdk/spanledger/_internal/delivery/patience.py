"""Waiting that is not deceived by a process that was frozen meanwhile."""

from __future__ import annotations

import threading
import time
from typing import Final

_SLICE: Final = 0.1


class Patience:
    """A number of seconds to wait on conditions or events, of which only those count in which we could run.

        patience = Patience(2.0)
        while not done and patience.wait(condition): ...

    A machine that sleeps, a container that is paused or a function that is frozen between two requests lets
    the clock jump: such a jump counts as one tenth of a second, so that nobody is given up for having been slow
    while nothing could happen.
    """

    __slots__ = ("left",)

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def wait(self, on: threading.Condition | threading.Event) -> bool:
        """Wait a moment, or less if notified; False, at once, when no time is left."""
        if self.left <= 0:
            return False
        part = min(self.left, _SLICE)
        before = time.monotonic()
        on.wait(part)
        self.left -= min(time.monotonic() - before, part)
        return True
