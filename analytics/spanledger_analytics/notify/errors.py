"""What can go wrong on the way to a channel."""

from __future__ import annotations


class NotSent(Exception):
    """A channel's server has not taken a notice; `wait_seconds` is what it asked for before the next attempt.

    The message says why, and holds no secret: it is kept, and shown to people.
    """

    def __init__(self, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
