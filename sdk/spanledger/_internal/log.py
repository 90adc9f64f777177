"""The SDK's one logger, and warnings that are said once."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

logger = logging.getLogger("spanledger")

_said: set[str] = set()


def warn_once(key: str, message: str, *args: object, error: BaseException | None = None) -> None:
    """Log `message` as a warning the first time for this `key`, as debug (with its traceback) afterwards.

    A failure inside the SDK happens on every call or on none: once is news, ten thousand times is noise.
    """
    if key in _said:
        logger.debug(message, *args, exc_info=error)
        return
    _said.add(key)
    logger.warning(message, *args)
    if error is not None:
        logger.debug("details of the warning above", exc_info=error)


def forget() -> None:
    """Make every warning news again (a new `init`, a test)."""
    _said.clear()


@contextmanager
def afresh() -> Generator[None]:
    """Make every warning news inside the block, and what was said before it said again afterwards."""
    before = set(_said)
    _said.clear()
    try:
        yield
    finally:
        _said.clear()
        _said.update(before)
