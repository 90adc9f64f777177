"""`POST /v1/traces`, `/v1/logs` and `/v1/metrics`: OTLP over HTTP, in front of the receiver."""

from __future__ import annotations

import time
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from spanledger_collector import otlp
from spanledger_collector.errors import Busy, CollectorError, TooLarge, Unauthorized
from spanledger_collector.metrics import Metrics
from spanledger_collector.otlp import Signal
from spanledger_collector.receiving import Receiver


def bearer(headers: object) -> str:
    """The key a request carries, as `Authorization: Bearer KEY` or `x-api-key: KEY`; '' for none."""
    get = getattr(headers, "get")  # noqa: B009 - any mapping of headers
    scheme, _, secret = (get("authorization") or "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else (get("x-api-key") or "")


@dataclass(frozen=True, slots=True)
class Ingest:
    """The endpoint of one signal.

    A 200 means that every item not named in the answer is on disk. Any other answer means nothing was taken, and
    says whether to come back (429 and 503, with Retry-After) or what to mend (400, 401, 413, 415).
    """

    signal: Signal
    receiver: Receiver
    metrics: Metrics
    max_body_bytes: int

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
        self.metrics.requests.labels(self.signal.name, status).inc()
        self.metrics.acknowledge.observe(time.perf_counter() - started)
        return Response(body, status, headers, media_type=kind)

    async def _take(self, request: Request, kind: str) -> bytes:
        project, key = self.receiver.sender(bearer(request.headers))
        raw = await self._read(request)
        body = otlp.decompress(raw, request.headers.get("content-encoding", ""), self.max_body_bytes)
        taken = await self.receiver.take(self.signal, project, key, body, kind)
        return otlp.answer(kind, taken.rejected, taken.message, self.signal)

    async def _read(self, request: Request) -> bytes:
        limit = self.max_body_bytes
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
