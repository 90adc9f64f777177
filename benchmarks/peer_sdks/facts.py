"""The one model call that every SDK observes: 1 KB in, 1 KB out, a model and two counts of tokens."""

from __future__ import annotations

MODEL = "gpt-4o-mini"
PROVIDER = "openai"
INPUT_TOKENS = 1217
OUTPUT_TOKENS = 311
KILOBYTE = 1024
_FILLER = "the quick brown fox jumps over the lazy dog, " * 23


def prompt(number: int) -> str:
    """One KB that says which call it belongs to."""
    return f"ask-{number:08d} {_FILLER}"[:KILOBYTE]


def answer(given: str) -> str:
    """One KB that says which prompt it answers: where it arrives, the whole call has arrived."""
    return f"reply-{given[4:12]} {_FILLER}"[:KILOBYTE]
