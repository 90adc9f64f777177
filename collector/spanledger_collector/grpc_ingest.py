"""OTLP over gRPC: the three export services in front of the receiver. Importing this needs the extra `[grpc]`."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from spanledger_collector import otlp
from spanledger_collector.errors import BadRequest, Busy, CollectorError
from spanledger_collector.ingest import bearer
from spanledger_collector.metrics import Metrics
from spanledger_collector.otlp import Signal
from spanledger_collector.receiving import Receiver

logger = logging.getLogger(__name__)

METHODS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": otlp.TRACES,
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": otlp.LOGS,
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": otlp.METRICS,
}
CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
# Collectors in front keep idle connections alive; the library's own patience is one ping in five minutes.
PING_MILLISECONDS = 10_000


class GrpcIngest(grpc.GenericRpcHandler):
    """A gRPC server in the event loop that opens it; web pages cannot speak to it, so it asks for a key and no more.

    OK means that every item not named in the answer is on disk. Any other code means nothing was taken, and says
    whether to come back (UNAVAILABLE, with RetryInfo) or what to mend (INVALID_ARGUMENT, UNAUTHENTICATED, and
    RESOURCE_EXHAUSTED for a message over the limit, which comes without RetryInfo and so is not sent again).
    """

    def __init__(self, receiver: Receiver, metrics: Metrics, max_body_bytes: int) -> None:
        self._receiver = receiver
        self._metrics = metrics
        self._options = (
            # Two processes on one port would each get some of the spans, and neither would know.
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", max_body_bytes),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", PING_MILLISECONDS),
        )
        self._server: grpc.aio.Server | None = None

    async def open(self, host: str, port: int) -> None:
        """Take requests from now on. Raises OSError where it cannot listen there."""
        server = grpc.aio.server(handlers=(self,), options=self._options)
        try:
            server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {host}:{port} for gRPC") from error
        await server.start()
        self._server = server

    async def close(self, grace: float) -> None:
        """Take no more; requests under way get `grace` seconds."""
        if self._server is not None:
            await self._server.stop(grace)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The method asked for, or None."""
        signal = METHODS.get(handler_call_details.method)
        if signal is None:
            return None

        async def export(messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            return await self._export(signal, messages, context)

        # One message is a stream of one on the wire. Taken as a stream, it is not read before its sender is known.
        return grpc.stream_unary_rpc_method_handler(export)

    async def _export(
        self, signal: Signal, messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]
    ) -> bytes:
        started = time.perf_counter()
        try:
            answer = await self._take(signal, messages, dict(context.invocation_metadata() or ()))
        except CollectorError as error:
            await self._refuse(signal, context, error)
            raise  # not reached: `abort` raises
        except Exception:
            logger.exception("a %s request over gRPC failed", signal.name)
            await self._refuse(signal, context, CollectorError("this request failed here; the server's log says why"))
            raise
        self._metrics.requests.labels(signal.name, grpc.StatusCode.OK.name).inc()
        self._metrics.acknowledge.observe(time.perf_counter() - started)
        return answer

    async def _take(self, signal: Signal, messages: AsyncIterator[bytes], headers: dict[str, Any]) -> bytes:
        project, key = self._receiver.sender(bearer(headers))
        body = await anext(messages, None)
        if body is None:
            raise BadRequest(f"the request holds no message: send one {signal.request.DESCRIPTOR.name}")
        taken = await self._receiver.take(signal, project, key, body, otlp.PROTOBUF)
        return otlp.answer(otlp.PROTOBUF, taken.rejected, taken.message, signal)

    async def _refuse(self, signal: Signal, context: grpc.aio.ServicerContext[Any, Any], error: CollectorError) -> None:
        code = CODES[error.grpc_code]
        self._metrics.requests.labels(signal.name, code.name).inc()
        await context.abort(code, str(error), _details(error))


def _details(error: CollectorError) -> tuple[tuple[str, bytes], ...]:
    """Trailing metadata that says when to come back, where coming back helps."""
    if not isinstance(error, Busy):
        return ()
    pause = Packed()
    pause.Pack(RetryInfo(retry_delay=Duration(seconds=error.retry_after)))
    status = Status(code=error.grpc_code, message=str(error), details=[pause])
    return (("grpc-status-details-bin", status.SerializeToString()),)
