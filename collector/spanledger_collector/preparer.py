"""Batches made into bytes in this process or in processes beside it, which hand them over in files."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from spanledger.pricebook import Sealed
from spanledger_collector.prepare import Prepared, prepare
from spanledger_collector.spool import Entry
from spanledger_store.native import Types

logger = logging.getLogger(__name__)


class Preparer:
    """Prepares small batches here and large ones in processes beside this one, which start when first needed.

    A process that dies is replaced, and its batch prepared again: nothing depends on it. What it hands over lies in
    files of `directory`, where the embedded engine reads it without this process touching a byte; whatever an earlier
    run has left there is removed.
    """

    def __init__(self, processes: int, limit: int, types: Types, directory: Path) -> None:
        self._processes = processes
        self._limit = limit
        self._types = types
        self._directory = directory
        self._pool: ProcessPoolExecutor | None = None
        shutil.rmtree(directory, ignore_errors=True)

    def submit(self, entries: Sequence[Entry], *, aside: bool, book: Sealed | None = None) -> Future[Prepared]:
        """The prepared batch to come, priced by `book`; `aside` asks for another process, where one is allowed."""
        if aside and self._processes:
            try:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                return self._open().submit(_prepare_aside, entries, self._limit, self._types, self._directory, book)
            except (RuntimeError, OSError) as error:
                logger.warning("no normaliser process can be had (%s); the batch is prepared in this one", error)
        done: Future[Prepared] = Future()
        done.set_result(prepare(entries, self._limit, self._types, book=book))
        return done

    def result(self, future: Future[Prepared], entries: Sequence[Entry], book: Sealed | None = None) -> Prepared:
        """Wait for a batch; prepare it here where its process died."""
        try:
            prepared = future.result()
        except (BrokenProcessPool, CancelledError, OSError) as error:
            logger.warning("a normaliser process ended early (%s); its batch is prepared in this one", error)
            self.close()
            return prepare(entries, self._limit, self._types, book=book)
        prepared.entries, prepared.book = entries, book
        return prepared

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Spawned, not forked: the engine does not survive a fork.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, mp_context=context, initializer=_begin)
        return self._pool

    def close(self) -> None:
        """End the processes; they start again when needed."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    # Ctrl+C reaches the whole group; the parent decides when its helpers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Rows live until their block is made and hold no circles: looking for some would cost a fifth of the time.
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    # A parent that is killed tells nobody, and this process holds the other end of its own queue.
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _prepare_aside(
    entries: Sequence[Entry], limit: int, types: Types, directory: Path, book: Sealed | None
) -> Prepared:
    prepared = prepare(entries, limit, types, directory, book)
    prepared.entries, prepared.book = (), None  # whoever asked has them
    return prepared
