"""Vectors of texts, made on a thread of their own and remembered; delivery waits for them only so long."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

from opentelemetry import context as otel_context
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - OpenTelemetry offers no other name
)

from spanledger._internal.content.vectors import Embedder, vector_attributes
from spanledger._internal.delivery.courier import Courier
from spanledger._internal.log import warn_once

Missing = Literal["late", "failed"]
Vector = dict[str, Any]
"""A vector's attributes."""

PATIENCE: Final = 10.0
"""Seconds a batch of spans waits for its vectors where nothing presses."""
HASTE: Final = 1.0
"""Seconds it waits where somebody waits for the spans: a flush, the program's end."""
_REMEMBERED_BYTES: Final = 16 * 1024 * 1024
_FIRST_REST: Final = 1.0
_LONGEST_REST: Final = 60.0


class Vectors:
    """Gives the vectors of texts, or says why one is missing; used by the export thread.

    An embedder that is slow or hangs costs vectors, never spans and never their delivery: after `patience` seconds
    (fewer when `is_pressed` says so) the batch goes on without, and while the embedder still works on what it was
    given, later batches do not wait at all. One that fails is left alone for a growing while, up to a minute.
    Where `patience` is None the embedder works in the calling thread.
    """

    def __init__(
        self,
        embedder: Embedder,
        model: str | None,
        patience: float | None = PATIENCE,
        is_awaited: Callable[[], bool] = lambda: False,
        is_crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._embedder = embedder
        self._model = model
        self._patience = patience
        self._is_awaited = is_awaited
        self._is_crowded = is_crowded
        self._courier: Courier[bool] = Courier("spanledger-embed")
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, Vector] = OrderedDict()
        self._bytes = 0
        self._is_busy = threading.Event()
        self._rest = 0.0
        self._rests_until = 0.0

    def of(self, texts: Sequence[str]) -> list[Vector | Missing]:
        """Return each text's vector, or why it has none. Raises nothing."""
        keys = [hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() for text in texts]
        made: dict[bytes, Vector] = {}
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._known.move_to_end(key)
                    made[key] = self._known[key]
        wanted = {key: text for key, text in zip(keys, texts, strict=True) if key not in made}
        reason: Missing = "late"
        if wanted:
            reason = self._make(wanted, made)
        return [made.get(key, reason) for key in keys]

    def _make(self, wanted: dict[bytes, str], made: dict[bytes, Vector]) -> Missing:
        if self._is_busy.is_set():
            return "late"
        if time.monotonic() < self._rests_until:
            return "failed"
        failed: list[BaseException] = []

        def work() -> bool:
            # An embedder's own model calls must not become spans.
            token = otel_context.attach(otel_context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
            try:
                self._embed(wanted, made)
                self._rest = 0.0
            except Exception as error:
                failed.append(error)
                self._rest = min(max(self._rest * 2, _FIRST_REST), _LONGEST_REST)
                self._rests_until = time.monotonic() + self._rest
                warn_once("embed", "%d texts could not be embedded: %s", len(wanted), error, error=error)
            finally:
                otel_context.detach(token)
                self._is_busy.clear()
            return True

        self._is_busy.set()
        if self._patience is None:
            work()
        else:
            begun = time.monotonic()
            try:
                in_time = self._courier.run(
                    work,
                    self._patience,
                    lambda: self._is_crowded() or (self._is_awaited() and time.monotonic() - begun > HASTE),
                )
            except RuntimeError:  # the interpreter is ending and starts no thread
                self._is_busy.clear()
                return "late"
            if not in_time:
                warn_once("embed-late", "embeddings are late; spans are sent without them: %r", self._embedder)
        return "failed" if failed else "late"

    def _embed(self, wanted: dict[bytes, str], made: dict[bytes, Vector]) -> None:
        vectors: Iterable[Iterable[float]] = self._embedder(list(wanted.values()))
        found = {key: vector_attributes(vector, self._model) for key, vector in zip(wanted, vectors, strict=True)}
        with self._lock:
            made.update(found)
            for key, vector in found.items():
                self._known[key] = vector
                self._bytes += _weight(vector)
            while self._bytes > _REMEMBERED_BYTES:
                self._bytes -= _weight(self._known.popitem(last=False)[1])


def _weight(vector: Vector) -> int:
    return 600 + sum(len(value) for value in vector.values() if isinstance(value, str))
