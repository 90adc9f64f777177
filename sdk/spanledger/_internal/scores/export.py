"""Scores on their way to the collector's /v1/logs: a queue and a thread of their own, in the manner of spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from spanledger._internal.delivery.buffer import Buffer, buffer_of
from spanledger._internal.delivery.exporter import Exporter
from spanledger._internal.delivery.queue import SpanQueue
from spanledger._internal.delivery.transport import Transport
from spanledger._internal.log import warn_once
from spanledger._internal.scores.evaluation import Evaluation, encode

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from spanledger._internal.settings import Settings

Mask = Callable[[str], str]

_TRACES: Final = "/v1/traces"
_LOGS: Final = "/v1/logs"
_BATCH: Final = 512


class Scores:
    """What sends scores: bounded, counted, repeated while the collector is away; nothing runs before the first."""

    __slots__ = ("exporter", "has_address", "queue")

    def __init__(self, settings: Settings, resource: Resource | None, mask: Mask | None = None) -> None:
        self.queue: SpanQueue[Evaluation] = SpanQueue(
            settings.max_queue_size, settings.max_queue_bytes, min(_BATCH, settings.max_batch_size)
        )
        base, found, rest = settings.endpoint.rpartition(_TRACES)
        # An endpoint of another shape takes spans, and would take scores for them.
        self.has_address = bool(found) and not rest
        endpoint = base + _LOGS
        transport = Transport(endpoint, settings.headers, settings.timeout)
        buffer = buffer_of(settings, endpoint)
        self.exporter = ScoreExporter(self.queue, transport, _Masking(mask), settings.schedule_delay, resource, buffer)


class ScoreExporter(Exporter):
    """Sends evaluations where the other one sends spans; everything else is the same."""

    def __init__(
        self,
        queue: SpanQueue[Any],
        transport: Transport,
        prepare: Callable[[Sequence[Any]], list[Any]],
        schedule_delay: float,
        resource: Resource | None,
        buffer: Buffer | None = None,
    ) -> None:
        super().__init__(queue, transport, prepare, schedule_delay, buffer)
        self._resource = resource

    def _encode(self, spans: Sequence[Any]) -> bytes:
        return encode(spans, self._resource)

    def _know(self, item: Any) -> None:
        """Reports are about spans."""


class _Masking:
    """What a person wrote is masked like any other text; where the mask fails the number goes without it."""

    def __init__(self, mask: Mask | None) -> None:
        self._mask = mask

    def __call__(self, batch: Sequence[Evaluation]) -> list[Evaluation]:
        mask = self._mask
        if mask is None:
            return list(batch)
        return [self._masked(each, mask) for each in batch]

    @staticmethod
    def _masked(evaluation: Evaluation, mask: Mask) -> Evaluation:
        try:
            return replace(evaluation, label=mask(evaluation.label), explanation=mask(evaluation.explanation))
        except Exception as error:
            warn_once("mask-score", "a score's text could not be masked and is left out: %s", error, error=error)
            return replace(evaluation, label="", explanation="")
