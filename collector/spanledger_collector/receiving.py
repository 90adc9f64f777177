"""From a message's bytes to an acknowledgement, whatever protocol carried them: check, make durable, then say so.

taken = await receiver.take(otlp.TRACES, project, key, body, otlp.PROTOBUF)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spanledger_collector import otlp
from spanledger_collector.access import Access
from spanledger_collector.admission import Verdict, admit
from spanledger_collector.admission_beside import admit_logs, admit_metrics
from spanledger_collector.errors import Busy, Unauthorized
from spanledger_collector.metrics import Metrics
from spanledger_collector.otlp import Signal
from spanledger_collector.pipeline import Pipeline
from spanledger_collector.spool import Spool
from spanledger_collector.tally import slot
from spanledger_store.control import Control, quarantine
from spanledger_store.errors import StoreError

DEFAULT_PROJECT = "default"

_ADMIT: dict[str, Callable[[Any, int], Verdict]] = {"traces": admit, "logs": admit_logs, "metrics": admit_metrics}
_REFUSED = {"traces": "refused_span", "logs": "refused_log", "metrics": "refused_point"}


@dataclass(frozen=True, slots=True)
class Taken:
    """An acknowledgement: everything but `rejected` items is on disk, or is not for us; `message` says why or warns."""

    rejected: int
    message: str


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes messages of any signal. What it returned for is durable; what it raised for was not taken.

    Raises CollectorError, whose subclasses carry the codes of both protocols.
    """

    access: Access
    control: Control
    spool: Spool
    pipeline: Pipeline
    metrics: Metrics

    def sender(self, secret: str) -> tuple[str, str]:
        """(project, key id) of whoever sends `secret`, '' for none. Raises Unauthorized; Busy where none can tell."""
        try:
            return self._sender(secret)
        except StoreError as error:
            raise Busy(f"keys cannot be checked now: {error}") from error

    def _sender(self, secret: str) -> tuple[str, str]:
        if secret and self.access.is_local(secret):
            return DEFAULT_PROJECT, ""
        key = self.access.key(secret, "ingest") if secret else None
        if key is not None:
            return key.project_id, key.id
        if self.access.needed("ingest"):
            raise Unauthorized(
                "this collector needs an ingest key: send it as 'Authorization: Bearer KEY' (SPANLEDGER_API_KEY in the "
                "SDK); make one with: spanledger keys create NAME"
                if not secret
                else "this key is not a valid ingest key here: it may be revoked, mistyped or for reading only"
            )
        return DEFAULT_PROJECT, ""

    async def take(self, signal: Signal, project: str, key: str, body: bytes, kind: str) -> Taken:
        """Make one request's items durable; `body` is of media type `kind` and no longer compressed."""
        message = otlp.decode(body, kind, signal)
        now = time.time_ns()
        verdict = _ADMIT[signal.name](message, now)
        if verdict.refused is not None:
            await asyncio.to_thread(self._set_aside, signal, project, verdict)
        if verdict.accepted:
            if verdict.changed or kind == otlp.JSON:
                body = message.SerializeToString()
            durable = self.spool.put(
                project=project,
                key=key,
                body=body,
                spans=verdict.accepted,
                received_at=now,
                signal=signal.name,
                refused=verdict.rejected,
            )
            # A sender that gives up must not take the entry back while it is being written.
            if await asyncio.shield(asyncio.wrap_future(durable)):
                self.metrics.count("accepted", signal.name, verdict.accepted)
                self.pipeline.wake()
        elif verdict.rejected:
            counted = self.spool.count_refused(slot(project, key, now, signal.name), verdict.rejected)
            await asyncio.shield(asyncio.wrap_future(counted))
        return Taken(verdict.rejected, verdict.message)

    def _set_aside(self, signal: Signal, project: str, verdict: Verdict) -> None:
        assert verdict.refused is not None
        try:
            quarantine.add(
                self.control,
                project_id=project,
                reason=_REFUSED[signal.name],
                detail=verdict.message,
                span_count=verdict.rejected,
                payload=verdict.refused.SerializeToString(),
            )
        except StoreError as error:
            raise Busy(f"the quarantine cannot be written: {error}") from error
        self.metrics.count("refused", signal.name, verdict.rejected)
        self.metrics.count("quarantined", signal.name, verdict.rejected)
