"""OTLP/HTTP on the wire: bodies to messages, answers and refusals to bodies (OTLP 1.x, "OTLP/HTTP")."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import zstandard
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanledger_collector.errors import BadRequest, CollectorError, TooLarge, UnsupportedMedia

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


def media_type(content_type: str) -> str:
    """The one of our two types that `content_type` names.

    Raises UnsupportedMedia for anything else.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in (PROTOBUF, "application/protobuf"):
        return PROTOBUF
    if kind == JSON:
        return JSON
    raise UnsupportedMedia(f"content type {content_type!r} is not OTLP: send {PROTOBUF} or {JSON}")


def _inflate(wbits: int) -> Callable[[bytes, int], bytes]:
    def unpack(body: bytes, limit: int) -> bytes:
        engine = zlib.decompressobj(wbits)
        out = engine.decompress(body, limit + 1)
        if len(out) <= limit and not engine.eof:
            raise BadRequest("the compressed body ends too early")
        return out

    return unpack


def _zstd(body: bytes, limit: int) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as reader:
        return reader.read(limit + 1)


def _deflate(body: bytes, limit: int) -> bytes:
    # "deflate" means zlib in the standard and a raw stream in some clients.
    try:
        return _inflate(15)(body, limit)
    except zlib.error:
        return _inflate(-15)(body, limit)


ENCODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "": lambda body, _: body,
    "identity": lambda body, _: body,
    "gzip": _inflate(31),
    "deflate": _deflate,
    "zstd": _zstd,
}


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before `encoding`, never more than `limit` bytes.

    Raises UnsupportedMedia for an encoding we do not read, BadRequest for a broken stream, TooLarge over the limit.
    """
    unpack = ENCODINGS.get(encoding.strip().lower())
    if unpack is None:
        raise UnsupportedMedia(f"content encoding {encoding!r} is unknown: use gzip, deflate, zstd or none")
    try:
        out = unpack(body, limit)
    except (zlib.error, zstandard.ZstdError) as error:
        raise BadRequest(f"the body is not valid {encoding}: {error}") from error
    if len(out) > limit:
        raise TooLarge(too_large(limit))
    return out


def too_large(limit: int) -> str:
    """What to tell a sender whose body is over the limit."""
    return (
        f"the body is larger than {limit} bytes: send smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE) "
        "or raise SPANLEDGER_MAX_BODY_BYTES"
    )


def _spans(payload: Any) -> Iterator[Any]:
    for resource in payload.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield span
                yield from span.get("links", ())


def _records(payload: Any) -> Iterator[Any]:
    for resource in payload.get("resourceLogs", ()):
        for scope in resource.get("scopeLogs", ()):
            yield from scope.get("logRecords", ())


def _exemplars(payload: Any) -> Iterator[Any]:
    for resource in payload.get("resourceMetrics", ()):
        for scope in resource.get("scopeMetrics", ()):
            for metric in scope.get("metrics", ()):
                for data in metric.values():
                    for point in data.get("dataPoints", ()) if isinstance(data, dict) else ():
                        yield from point.get("exemplars", ())


@dataclass(frozen=True, slots=True)
class Signal:
    """One of OTLP's kinds of data, with its messages; `items` is what its senders call what it is made of."""

    name: str
    items: str
    field: str
    request: type[Message]
    response: type[Message]
    rejected: str
    holders: Callable[[Any], Iterator[Any]]


TRACES = Signal(
    "traces",
    "spans",
    "resourceSpans",
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    "rejected_spans",
    _spans,
)
LOGS = Signal(
    "logs",
    "log records",
    "resourceLogs",
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    "rejected_log_records",
    _records,
)
METRICS = Signal(
    "metrics",
    "data points",
    "resourceMetrics",
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    "rejected_data_points",
    _exemplars,
)
SIGNALS = {signal.name: signal for signal in (TRACES, LOGS, METRICS)}


def _ids_to_base64(payload: Any, signal: Signal) -> None:
    """OTLP/JSON writes ids in hex where protobuf's own JSON wants base64."""
    for holder in signal.holders(payload):
        for key in ("traceId", "spanId", "parentSpanId"):
            if value := holder.get(key):
                holder[key] = base64.b64encode(binascii.unhexlify(value)).decode()


def decode(body: bytes, kind: str, signal: Signal = TRACES) -> Any:
    """The signal's request in `body`, which is of media type `kind` and not compressed.

    Raises BadRequest with the decoder's own words.
    """
    request = signal.request()
    if kind == PROTOBUF:
        try:
            request.ParseFromString(body)
        except DecodeError as error:
            raise BadRequest(f"the body is not an {signal.request.DESCRIPTOR.name}: {error}") from error
        return request
    try:
        payload = orjson.loads(body)
        if not isinstance(payload, dict):
            raise BadRequest(f"the body is not a JSON object with {signal.field}")
        _ids_to_base64(payload, signal)
        json_format.ParseDict(payload, request, ignore_unknown_fields=True)
    except (
        orjson.JSONDecodeError,
        json_format.ParseError,
        binascii.Error,
        AttributeError,
        TypeError,
    ) as error:
        raise BadRequest(f"the body is not OTLP/JSON: {error}") from error
    return request


def answer(kind: str, rejected: int, message: str, signal: Signal = TRACES) -> bytes:
    """A success body; `rejected` items were not taken, `message` says why or warns."""
    response: Any = signal.response()
    if rejected or message:
        setattr(response.partial_success, signal.rejected, rejected)
        response.partial_success.error_message = message
    if kind == JSON:
        return json_format.MessageToJson(response, indent=None).encode()
    return response.SerializeToString()


def refusal(kind: str, error: CollectorError) -> bytes:
    """A `google.rpc.Status` body for an error answer."""
    if kind == JSON:
        return orjson.dumps({"code": error.grpc_code, "message": str(error)})
    return Status(code=error.grpc_code, message=str(error)).SerializeToString()
