"""What `init(mask=...)` may say, read without loading the detectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, cast

Hook = Callable[[str], str]
"""A masker of the user's own: takes a text, returns it without what must not be sent."""

MaskChoice = bool | str | Hook | Sequence[str | Hook]

NAMES: Final = ("secret", "email", "iban", "card", "ip", "phone")
_ALL: Final = frozenset({"all", "on", "true", "1", "yes"})
_NONE: Final = frozenset({"off", "none", "false", "0", "no"})


class Masking(NamedTuple):
    """Which detectors and maskers are used; false where there are none."""

    names: tuple[str, ...] = ()
    hooks: tuple[Hook, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names or self.hooks)


def chosen(source: str, given: MaskChoice | None, problems: list[str]) -> Masking:
    """Return what `given` asks for; what it names and nobody knows is said in `problems` and means all detectors.

    What was meant is unknown then, and a text once sent cannot be called back.
    """
    if given is None:
        return Masking()
    if isinstance(given, bool):
        return Masking(NAMES) if given else Masking()
    items: Sequence[Any] = [given] if callable(given) else _words(given) if isinstance(given, str) else list(given)
    hooks: tuple[Hook, ...] = tuple(cast("Hook", item) for item in items if callable(item))
    words = [str(item).strip().lower() for item in items if not callable(item)]
    names = set(words)
    unknown = sorted(names - set(NAMES) - _ALL - _NONE)
    if unknown:
        problems.append(
            f"{source}={', '.join(unknown)!r} is no detector; all are used. They are {', '.join(NAMES)}, or all, or off"
        )
    if unknown or names & _ALL:
        return Masking(NAMES, hooks)
    return Masking(tuple(name for name in NAMES if name in names), hooks)


def _words(text: str) -> list[str]:
    return [word for word in text.replace(";", ",").split(",") if word.strip()]
