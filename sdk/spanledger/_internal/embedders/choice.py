"""From what `init` was given to vectors of texts."""

from __future__ import annotations

from typing import Any

from spanledger._internal.content.vectors import Embedder, name_of
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.embedders.background import PATIENCE, Vectors
from spanledger._internal.embedders.spec import chosen
from spanledger._internal.log import warn_once
from spanledger._internal.settings import Settings


def vectors_for(
    settings: Settings, embedder: Embedder | None, model: str | None, queue: SpanQueue[Any] | None
) -> Vectors | None:
    """Return what makes the vectors; None where nothing is embedded. A callable wins over the settings' word for one.

    With a queue it works on a thread of its own, and is waited for less when the queue fills up or somebody waits
    for it to empty; without one it works in the calling thread.
    """
    if embedder is None and settings.embedder is not None:
        embedder, named, problem = chosen(settings.embedder, settings.embedder_key)
        if problem:
            warn_once("embedder", "%s", problem)
        model = model or named
    if embedder is None or settings.capture == "off":
        return None
    model = model or name_of(embedder)
    if queue is None:
        return Vectors(embedder, model, patience=None)
    half = settings.max_queue_size // 2
    return Vectors(embedder, model, PATIENCE, lambda: queue.is_awaited, lambda: queue.stats().queued > half)
