"""Loops that are compiled to machine code at their first call, and kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The same function compiled by numba, which lets other threads run meanwhile."""
    compiler = cast(Any, numba).njit
    try:
        return cast(Callable[P, R], compiler(cache=True, nogil=True)(function))
    except RuntimeError:
        # Nowhere to keep it, as in a container whose disk is read-only.
        return cast(Callable[P, R], compiler(nogil=True)(function))
