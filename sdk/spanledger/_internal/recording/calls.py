"""By what a recorded call is found again: the function's name and its arguments."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from spanledger._internal.observing.declaration import Declaration
from spanledger._internal.recording.values import canonical

_SHOWN: Final = 300


class Asked:
    """One call: which function, with which arguments."""

    __slots__ = ("arguments", "function", "key", "kind")

    def __init__(self, declaration: Declaration, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = declaration.name
        self.kind = declaration.kind
        signature = declaration.signature
        named: dict[str, Any] = {f"arg{index}": value for index, value in enumerate(args)} | kwargs
        if signature is not None:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:  # called wrongly: the function says so itself
                pass
            else:
                bound.apply_defaults()
                named = dict(bound.arguments)
                if declaration.skip_first:
                    named.pop(next(iter(signature.parameters)), None)
        self.arguments = canonical(named)
        text = json.dumps(self.arguments, sort_keys=True, ensure_ascii=False)
        self.key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def shown(arguments: Any) -> str:
    """Return the arguments as a person would write them, shortened."""
    text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
