"""Work that outlasts a request: begun by one, asked after by others."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spanledger_store.errors import StoreError

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


@dataclass
class Task:
    """One piece of work; `done` of `total` (0: unknown) while it runs, then `result` or `error`."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    doing: str = ""
    done: int = 0
    total: int = 0
    finished: bool = False
    result: Any = None
    error: str = ""

    def progress(self, doing: str, done: int, total: int) -> None:
        """Say how far it is."""
        self.doing, self.done, self.total = doing, done, total


class Tasks:
    """The tasks of this process, the last few finished ones among them."""

    KEPT = 20

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._guard = threading.Lock()

    def begin(self, work: Callable[[Progress], Any]) -> Task:
        """Start `work` in a thread of its own; what it returns, or the StoreError it raises, is kept for its caller."""
        task = Task()
        with self._guard:
            finished = [each.id for each in self._tasks.values() if each.finished]
            for old in finished[: max(0, len(finished) - self.KEPT)]:
                del self._tasks[old]
            self._tasks[task.id] = task
        threading.Thread(target=self._run, args=(task, work), name=f"task-{task.id}", daemon=True).start()
        return task

    def get(self, identity: str) -> Task | None:
        """The task with this id, or None."""
        return self._tasks.get(identity)

    def _run(self, task: Task, work: Callable[[Progress], Any]) -> None:
        try:
            task.result = work(task.progress)
        except (StoreError, OSError) as error:
            task.error = str(error)
        except Exception as error:
            logger.exception("task %s failed", task.id)
            task.error = f"it failed: {error!r}"
        task.finished = True
