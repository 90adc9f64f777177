"""A callback for the moment when a module has been imported, so that nothing is imported for its own sake.

Instrumenting a library imports it. A program that has fifteen libraries installed and uses one must not pay for
the others, so each is instrumented when the program itself imports it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Callback = Callable[[], None]


class Waiting(MetaPathFinder):
    """Runs a callback once, right after the module it waits for is imported. Installed from `when` to `stop`."""

    def __init__(self) -> None:
        self._callbacks: dict[str, Callback] = {}
        self._within: dict[str, str] = {}
        self._looking = threading.local()

    def when(self, module: str, callback: Callback, *, within: str | None = None) -> None:
        """Call `callback` after the import of `module`, or at once if it has been imported.

        `within` is waited for instead where `module` turns out to be a namespace, whose import says nothing.
        """
        if (imported := sys.modules.get(module)) is not None:
            if within is None or getattr(imported, "__file__", None) is not None:
                callback()
            else:
                self.when(within, callback)
            return
        self._callbacks[module] = callback
        if within is not None:
            self._within[module] = within
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._callbacks.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders give, its loader told to call back; None for other modules."""
        if fullname not in self._callbacks or getattr(self._looking, "name", None) == fullname:
            return None
        self._looking.name = fullname
        try:
            spec = _found(fullname, path, target)
        finally:
            self._looking.name = None
        if spec is not None and spec.loader is not None:
            self._listen(fullname, spec.loader)
        elif spec is not None and (within := self._within.pop(fullname, None)) is not None:
            self.when(within, self._callbacks.pop(fullname))
        return spec

    def _listen(self, fullname: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            name = getattr(module.__spec__, "name", None)
            callback = self._callbacks.pop(fullname, None) if name == fullname else None
            if callback is not None:
                loader.__dict__.pop("exec_module", None)
                callback()

        try:
            # On this one loader, which stays what it is to everybody who asks for it.
            loader.exec_module = exec_module
        except AttributeError:  # a loader that takes no attributes: the module is not instrumented
            self._callbacks.pop(fullname, None)


def _found(fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    for finder in list(sys.meta_path):
        find = getattr(finder, "find_spec", None)
        if find is None or isinstance(finder, Waiting):
            continue
        spec = find(fullname, path, target)
        if spec is not None:
            return spec
    return None
