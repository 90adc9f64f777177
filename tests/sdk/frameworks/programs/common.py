"""Runs the one case of a program that its argument names. The programs know nothing of Spanledger."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

QUESTION = "Capital of France?"
MESSAGES = [{"role": "user", "content": QUESTION}]
URL = os.environ["FAKE_URL"]  # of the provider, without a version


def main(
    sync: Callable[[], object],
    asynchronous: Callable[[], Awaitable[object]] | None = None,
    stream: Callable[[], object] | None = None,
) -> None:
    """Do what the case says, and say if it did not do what it should."""
    case = sys.argv[1]
    if case == "error":
        try:
            sync()
        except Exception as error:
            print(f"failed as it should: {type(error).__name__}")
            return
        sys.exit("the provider's error did not arrive")
    if case == "async" and asynchronous is not None:
        answer = asyncio.run(_awaited(asynchronous))
    elif case == "stream" and stream is not None:
        answer = stream()
    elif case == "sync":
        answer = sync()
    else:
        sys.exit(77)  # there is no such thing
    if "Paris" not in str(answer):
        sys.exit(f"the answer was {answer!r}")


async def _awaited(make: Callable[[], Awaitable[object]]) -> object:
    return await make()
