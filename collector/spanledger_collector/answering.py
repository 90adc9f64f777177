"""How routes of the API answer: off the event loop, and with a status for what the stores refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import HTTPException

from spanledger_store import extras
from spanledger_store.errors import StoreError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answering:
    """Runs work on a thread: what is `invalid` answers 400, what is `unknown` 404, a store that is away 503, and
    what takes a library that is not installed 501."""

    invalid: tuple[type[Exception], ...] = ()
    unknown: tuple[type[Exception], ...] = ()

    async def __call__(self, work: Callable[[], T]) -> T:
        """What `work` returns. Raises HTTPException with the refusal's own words."""
        try:
            return await asyncio.to_thread(work)
        except self.invalid as error:
            raise HTTPException(400, str(error)) from error
        except self.unknown as error:
            raise HTTPException(404, str(error)) from error
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        except ModuleNotFoundError as error:
            told = extras.missing(error)
            if told is None:
                raise
            raise HTTPException(501, told) from error
