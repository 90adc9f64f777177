"""What this process has spent that the collector's last answer may not include yet.

Each round of spending is remembered with the number of spans that had ended by then. It is forgotten once the collector
has said that it includes everything acknowledged at a moment at which all those spans had been acknowledged. So a
call's cost is never missing, and is counted twice for the few seconds between the two at most.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from spanledger._internal.budgets.limits import Limit, Slice, add

_ZERO: Final = Decimal(0)


class OwnSpend:
    """Sums of known costs by slice; safe to use from all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Slice, Decimal] = {}
        self._rounds: deque[tuple[int, dict[Slice, Decimal]]] = deque()
        # (moment, spans settled by then), of the moments at which rounds were closed.
        self._settled: deque[tuple[float, int]] = deque()
        self._total = _ZERO

    def add(self, of: Slice, cost: Decimal) -> None:
        """Count a call that has just ended."""
        with self._lock:
            self._open[of] = add(self._open.get(of, _ZERO), cost)
            self._total = add(self._total, cost)

    def close_round(self, counts: Callable[[], tuple[int, int]]) -> None:
        """Begin a new round; `counts` tells how many spans have ended, and how many of these have been settled."""
        with self._lock:
            closed, self._open = self._open, {}
            # A call is added after its span is counted, so whatever is in the round is among those that have ended.
            ended, settled = counts()
            if closed:
                self._rounds.append((ended, closed))
            self._settled.append((time.monotonic(), settled))
            # Without answers, rounds would pile up: old ones become one, which is forgotten with the newer of them.
            if len(self._rounds) > 32:
                (_, first), (mark, second) = self._rounds.popleft(), self._rounds.popleft()
                for of, cost in first.items():
                    second[of] = add(second.get(of, _ZERO), cost)
                self._rounds.appendleft((mark, second))
            while len(self._settled) > 64:
                self._settled.popleft()

    def forget(self, complete_to: float) -> None:
        """Drop what the collector includes: all that had been acknowledged at `complete_to` (monotonic)."""
        with self._lock:
            included = -1
            while self._settled and self._settled[0][0] <= complete_to:
                included = self._settled.popleft()[1]
            if included < 0:
                return
            # The last moment stays: the next answer may include no more than this one.
            self._settled.appendleft((complete_to, included))
            while self._rounds and self._rounds[0][0] <= included:
                for cost in self._rounds.popleft()[1].values():
                    self._total = add(self._total, -cost)

    def towards(self, limit: Limit, value: str | None, room: Decimal) -> Decimal:
        """What counts towards a budget; not told exactly where all together is less than `room`."""
        with self._lock:
            if self._total < room:
                return self._total
            mine = _ZERO
            for of, cost in self._sums():
                if limit.covers(of) and limit.value_of(of) == value:
                    mine = add(mine, cost)
            return mine

    def _sums(self) -> Iterator[tuple[Slice, Decimal]]:
        for _, sums in self._rounds:
            yield from sums.items()
        yield from self._open.items()
