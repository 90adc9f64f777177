"""A local OTLP server that decodes real protobuf, answers as told, and keeps what arrived."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Reply = tuple[int, dict[str, str], bytes]
OK: Reply = (200, {}, b"")


@dataclass
class Received:
    """One span as it arrived, in plain Python."""

    name: str
    scope: str
    span_id: str
    parent_id: str
    trace_id: str
    kind: int
    status: int
    message: str
    start: int
    end: int
    events: list[str]
    attributes: dict[str, Any]
    resource: dict[str, Any]
    raw: str  # all of it, as protobuf prints it


@dataclass
class Told:
    """One log record as it arrived, in plain Python."""

    event: str
    time: int
    trace_id: str
    span_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Sink:
    """What arrived, and what to answer: `answer` is called per request and may hold it up."""

    url: str = ""
    spans: list[Received] = field(default_factory=list)
    logs: list[Told] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    requests: int = 0
    reports: list[ExportMetricsServiceRequest] = field(default_factory=list)
    takes_reports: bool = True
    answer: Callable[[int], Reply] = lambda _number: OK

    def named(self, name: str) -> Received:
        """The one span of this name."""
        found = [span for span in self.spans if span.name.rpartition(".")[2] == name]
        assert len(found) == 1, [span.name for span in self.spans]
        return found[0]


def _value(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, which) if which else None


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def decode(body: bytes) -> list[Received]:
    """Return the spans of one request body."""
    return [
        Received(
            name=span.name,
            scope=scope.scope.name,
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            trace_id=span.trace_id.hex(),
            kind=span.kind,
            status=span.status.code,
            message=span.status.message,
            start=span.start_time_unix_nano,
            end=span.end_time_unix_nano,
            events=[event.name for event in span.events],
            attributes=_attributes(span.attributes),
            resource=_attributes(resource.resource.attributes),
            raw=str(span),
        )
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def decode_logs(body: bytes) -> list[Told]:
    """Return the log records of one request body."""
    return [
        Told(
            event=record.event_name,
            time=record.time_unix_nano,
            trace_id=record.trace_id.hex(),
            span_id=record.span_id.hex(),
            attributes=_attributes(record.attributes),
            resource=_attributes(resource.resource.attributes),
        )
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


@contextmanager
def running() -> Iterator[Sink]:
    """A sink on a port of its own until the block ends."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
            if self.path == "/v1/metrics":
                self.report(body)
                return
            sink.bodies.append(body)
            sink.requests += 1
            status, headers, content = sink.answer(sink.requests)
            if status == 200:
                sink.headers.append({k.lower(): v for k, v in self.headers.items()})
                if self.path == "/v1/logs":
                    sink.logs.extend(decode_logs(body))
                else:
                    sink.spans.extend(decode(body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def report(self, body: bytes) -> None:
            """What the SDK says of itself: kept apart from what it is asked to deliver."""
            if sink.takes_reports:
                sink.reports.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200 if sink.takes_reports else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
