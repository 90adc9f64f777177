"""Which extra brings a library that is not installed, for what a base install cannot do without it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_BROUGHT: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("numba", "llvmlite", "scipy", "umap", "sklearn", "pynndescent"), "analytics")
)
_SAID: Final = re.compile(r"^(?:No module named '([\w.]+)'|import of ([\w.]+) halted)")


def missing(error: ImportError) -> str | None:
    """What is missing and how to install it, where an extra brings it; None for any other failure to import."""
    return remedy(str(error)) or (_told(error.name) if error.name else None)


def remedy(text: str) -> str | None:
    """The same for what Python says of a module that is not there."""
    found = _SAID.match(text)
    return _told(found[1] or found[2]) if found else None


def _told(module: str) -> str | None:
    top = module.partition(".")[0]
    extra = _BROUGHT.get(top)
    if extra is None:
        return None
    return f"this needs the package {top!r}, which is not installed. Install it with: pip install 'spanledger[{extra}]'"
