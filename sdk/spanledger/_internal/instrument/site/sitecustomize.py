"""Starts the SDK in a program that `spanledger-run` started: Python imports this before the program itself."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_here = str(Path(__file__).parent)


def _run_the_hidden_one() -> None:
    """Run the `sitecustomize` that this one hides, which the program would have had."""
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _start() -> None:
    try:
        import spanledger
    except ImportError:  # a child of another Python, which has not installed it
        return
    spanledger.init()


# The environment keeps it for what the program starts in turn; the program's own path is as it would have been.
sys.path[:] = [entry for entry in sys.path if entry != _here]
try:
    _run_the_hidden_one()
finally:
    _start()
