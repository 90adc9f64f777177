"""What a detector of personal data is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

Found = tuple[int, int]
"""Where a value begins and ends in the text."""


class Detector(NamedTuple):
    """One kind of personal data.

    | | |
    |---|---|
    | name | as `init(mask=[...])` names it; in capitals it is the replacement |
    | hints | substrings of the text in lower case of which one is there wherever a value is |
    | glance | or a question about the text whose answer is true wherever a value is |
    | find | where values are; they may overlap |
    """

    name: str
    hints: tuple[str, ...]
    glance: Callable[[str], object] | None
    find: Callable[[str], Iterable[Found]]

    def may_match(self, text: str, lowered: str) -> bool:
        """False only where `find` finds nothing: a cheap question, asked of every text."""
        return any(hint in lowered for hint in self.hints) or (self.glance is not None and bool(self.glance(text)))
