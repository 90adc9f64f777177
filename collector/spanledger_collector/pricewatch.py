"""The user's own prices, held ready for whoever prices spans: a change is seen within seconds, without being told."""

from __future__ import annotations

import logging
import threading
from typing import Final

from spanledger.pricebook import Sealed
from spanledger_store.control import Control, prices
from spanledger_store.errors import StoreError

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 1.0


class PriceWatch:
    """Asks each second whether the price book has another revision, and reads it where it has.

    `sealed` is None where there are no own prices: spans are then priced as if there were no book. A control database
    that is away leaves the last book standing.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._revision = -1
        self._failing = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name="prices", daemon=True)
        self.sealed: Sealed | None = None

    def start(self) -> None:
        """Read the book, so that no span is priced without it, and begin to watch it. Raises StoreUnavailable."""
        self.read()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(EVERY_SECONDS)

    def read(self) -> None:
        """See to it that the book is the newest, now. Raises StoreUnavailable."""
        with self._lock:
            if prices.revision(self._control) == self._revision:
                return
            book = prices.book(self._control)
            self.sealed = Sealed.of(book) if book else None
            self._revision = book.revision

    def _loop(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.read()
            except StoreError as error:
                if not self._failing:
                    logger.warning("the price book cannot be read, the last one stands: %s", error)
                self._failing = True
            except Exception:
                # Whatever is wrong with one reading, the thread must be there for the next one.
                logger.exception("the price book cannot be read, the last one stands")
            else:
                self._failing = False
