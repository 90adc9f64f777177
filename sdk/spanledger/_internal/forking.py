"""What forks do to programs with threads, and the ends of child processes, which Python's exit hooks do not see.

A child that is forked while another thread imports a module can never import it: the lock of that module is held by
a thread that the child has not. So the export thread makes its imports at once, and forks wait for them.

A child of `multiprocessing` (and of billiard, which is Celery's) leaves by `os._exit` when its work is done; before
that it runs its own finalizers, of which it forgets those that were registered before it began.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

_LIBRARIES: Final = ("multiprocessing", "billiard")
# Before the finalizers of queues and pools, which have no say in where spans go.
_FIRST: Final = 1000


# Longer than any import takes; a fork that cannot wait for it goes on all the same.
_IMPORT_PATIENCE: Final = 5.0
_importing = threading.RLock()  # reentrant: what is imported may fork itself
_is_held = False


def import_undisturbed(*modules: str) -> None:
    """Import these; no fork of this process happens meanwhile."""
    with _importing:
        for module in modules:
            import_module(module)


def _before_fork() -> None:
    global _is_held
    _is_held = _importing.acquire(timeout=_IMPORT_PATIENCE)


def _after_fork_in_parent() -> None:
    if _is_held:
        _importing.release()


def _after_fork_in_child() -> None:
    global _importing
    _importing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


class _Anchor:
    """What the hooks hang on: the libraries keep weak references only."""


_anchor = _Anchor()
_hooked: set[str] = set()


def watch_children(end: Callable[[], object]) -> None:
    """Make `end` run at the end of this process and of those it starts, where a library of processes starts them.

    Costs nothing where no such library is imported; may be called any number of times.
    """
    for name in _LIBRARIES:
        util: Any = sys.modules.get(f"{name}.util")
        if util is None:
            continue

        def at_end(_anchor: object, util: Any = util) -> None:
            util.Finalize(None, end, exitpriority=_FIRST)

        if name not in _hooked:
            _hooked.add(name)
            util.register_after_fork(_anchor, at_end)
        process: Any = sys.modules.get(f"{name}.process")
        if process is not None and getattr(process.current_process(), "_parent_pid", None) is not None:
            at_end(_anchor)
