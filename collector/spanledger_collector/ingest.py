"""`POST /v1/traces`: read, check, make durable, then acknowledge."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from spanledger_collector import otlp
from spanledger_collector.access import Access
from spanledger_collector.admission import admit
from spanledger_collector.errors import Busy, CollectorError, TooLarge, Unauthorized
from spanledger_collector.metrics import Metrics
from spanledger_collector.pipeline import Pipeline
from spanledger_collector.settings import CollectorSettings
from spanledger_collector.spool import Spool
from spanledger_store.control import Control, quarantine
from spanledger_store.errors import StoreError

logger = logging.getLogger(__name__)

DEFAULT_PROJECT = "default"


def bearer(headers: object) -> str:
    """The key a request carries, as `Authorization: Bearer KEY` or `x-api-key: KEY`; '' for none."""
    get = getattr(headers, "get")  # noqa: B009 - any mapping of headers
    scheme, _, secret = (get("authorization") or "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else (get("x-api-key") or "")


@dataclass(frozen=True, slots=True)
class Ingest:
    """The endpoint that takes spans.

    A 200 means that every span not named in the answer is on disk. Any other answer means nothing was taken, and
    says whether to come back (429 and 503, with Retry-After) or what to mend (400, 401, 413, 415).
    """

    access: Access
    control: Control
    spool: Spool
    pipeline: Pipeline
    metrics: Metrics
    settings: CollectorSettings

    async def __call__(self, request: Request) -> Response:
        started = time.perf_counter()
        kind = otlp.PROTOBUF
        headers = {}
        try:
            kind = otlp.media_type(request.headers.get("content-type", ""))
            body, status = await self._take(request, kind), 200
        except ClientDisconnect:
            return Response(status_code=499)
        except CollectorError as error:
            body, status = otlp.refusal(kind, error), error.status
            if isinstance(error, Busy):
                headers["retry-after"] = str(error.retry_after)
            if isinstance(error, Unauthorized):
                headers["www-authenticate"] = "Bearer"
        self.metrics.requests.labels("traces", status).inc()
        self.metrics.acknowledge.observe(time.perf_counter() - started)
        return Response(body, status, headers, media_type=kind)

    async def _take(self, request: Request, kind: str) -> bytes:
        project, key = self._sender(request)
        raw = await self._read(request)
        limit = self.settings.max_body_bytes
        body = otlp.decompress(raw, request.headers.get("content-encoding", ""), limit)
        message = otlp.decode(body, kind)
        now = time.time_ns()
        verdict = admit(message, now)
        if verdict.refused is not None:
            try:
                await asyncio.to_thread(
                    quarantine.add,
                    self.control,
                    project_id=project,
                    reason="refused_span",
                    detail=verdict.message,
                    span_count=verdict.rejected,
                    payload=verdict.refused.SerializeToString(),
                )
            except StoreError as error:
                raise Busy(f"the quarantine cannot be written: {error}") from error
            self.metrics.refused.inc(verdict.rejected)
            self.metrics.quarantined.inc(verdict.rejected)
        if verdict.accepted:
            if verdict.refused is not None or kind == otlp.JSON:
                body = message.SerializeToString()
            durable = self.spool.put(project=project, key=key, body=body, spans=verdict.accepted, received_at=now)
            if await asyncio.wrap_future(durable):
                self.metrics.accepted.inc(verdict.accepted)
                self.pipeline.wake()
        return otlp.answer(kind, verdict.rejected, verdict.message)

    def _sender(self, request: Request) -> tuple[str, str]:
        """(project, key id) of the sender. Raises Unauthorized."""
        secret = bearer(request.headers)
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

    async def _read(self, request: Request) -> bytes:
        limit = self.settings.max_body_bytes
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise TooLarge(otlp.too_large(limit))
        chunks: list[bytes] = []
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise TooLarge(otlp.too_large(limit))
            chunks.append(chunk)
        return b"".join(chunks)
