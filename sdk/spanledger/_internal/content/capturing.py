"""What of a call's content may leave the program: the least that the settings, the function and the block allow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

CaptureChoice = Literal["on", "off", "embedding", "input", "output"]


class Permission(NamedTuple):
    """What may be sent of one span."""

    input: bool
    output: bool
    vector: bool

    def __and__(self, other: Permission) -> Permission:
        return Permission(self.input and other.input, self.output and other.output, self.vector and other.vector)

    @property
    def errors(self) -> bool:
        """True if messages of errors and their tracebacks may be sent: they quote what went in and what came out."""
        return self.input and self.output


PERMISSIONS: Final[Mapping[str, Permission]] = {
    "on": Permission(input=True, output=True, vector=True),
    "input": Permission(input=True, output=False, vector=True),
    "output": Permission(input=False, output=True, vector=False),
    "embedding": Permission(input=False, output=False, vector=True),
    "off": Permission(input=False, output=False, vector=False),
}
NOTHING: Final = PERMISSIONS["off"]


@lru_cache(maxsize=256)  # asked of every span; there are few answers
def permitted(*choices: object) -> Permission:
    """Return what all choices allow; None says nothing, and a word that is none of ours allows nothing."""
    allowed = PERMISSIONS["on"]
    for choice in choices:
        if choice is not None:
            allowed &= PERMISSIONS.get(choice, NOTHING) if isinstance(choice, str) else NOTHING
    return allowed


_WORDS: Final[Mapping[Permission, str]] = {permission: word for word, permission in PERMISSIONS.items()}


def narrower(*choices: object) -> str:
    """Return the one word for what all choices allow."""
    return _WORDS[permitted(*choices)]
