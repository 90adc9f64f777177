"""Other functions in the place of observed ones, for a while, at no cost to anybody before or after.

An observed function is a closure over the function it observes. It is put on a list when it is made; to intercept
calls is to change what these closures hold. So the wrappers ask nothing at call time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import CellType, FunctionType
from typing import Any, Final, cast
from weakref import WeakSet

from spanledger._internal.observing.declaration import Declaration

Instead = Callable[[Callable[..., Any], Declaration], Callable[..., Any]]
"""Takes the observed function and its declaration, returns what is called in its place, of the same kind."""

_made: Final[WeakSet[FunctionType]] = WeakSet()
_instead: list[tuple[Instead, list[tuple[CellType, Any]]]] = []


def note(observed: Callable[..., Any]) -> None:
    """Remember a wrapper that was made; one that is made while calls are intercepted is intercepted as well."""
    if isinstance(observed, FunctionType) and observed.__closure__ is not None:
        _made.add(observed)
        for instead, changed in _instead:
            _put(observed, instead, changed)


@contextmanager
def intercepted(instead: Instead) -> Generator[None]:
    """Call what `instead` returns in the place of every observed function inside the block, in all threads."""
    changed: list[tuple[CellType, Any]] = []
    _instead.append((instead, changed))
    for observed in list(_made):
        _put(observed, instead, changed)
    try:
        yield
    finally:
        _instead.remove((instead, changed))
        for cell, before in reversed(changed):
            cell.cell_contents = before


def _put(observed: FunctionType, instead: Instead, changed: list[tuple[CellType, Any]]) -> None:
    cells = _cells(observed)
    for inner in [each.cell_contents for each in cells.values()]:
        # A stepping wrapper holds what begins its call in a function of its own.
        if "fn" not in cells and isinstance(inner, FunctionType):
            cells = _cells(inner)
    if "fn" not in cells or "declaration" not in cells:
        return
    cell, declaration = cells["fn"], cells["declaration"].cell_contents
    changed.append((cell, cell.cell_contents))
    cell.cell_contents = instead(cell.cell_contents, declaration)


def _cells(function: FunctionType) -> dict[str, CellType]:
    held = cast("tuple[CellType, ...]", function.__closure__ or ())
    return dict(zip(function.__code__.co_freevars, held, strict=True))
