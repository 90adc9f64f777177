"""Takes OTLP/HTTP exports on 127.0.0.1 and turns them into one small JSON document that is the same on every run."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

START = 1_793_491_200_000_000_000
STEP = 10_000_000
KEPT_RESOURCE = ("service.name", "telemetry.sdk.", "deployment.environment", "langfuse.environment")
DROPPED = (
    "langsmith.metadata.LANGSMITH",
    "logfire.metrics",
    "code.",
    "thread.",
    "process.",
    "host.",
    "os.",
    "gen_ai.sdk.",
    "ai.request.headers.",
)
# Measured seconds differ on every run.
MEASURED = ("time_to_first_token", "time_to_first_chunk", "msToFirstChunk", "msToFinish", "time_per_output_token",
            "duration", "client.operation.duration", "avgOutputTokensPerSecond", "outputTokensPerSecond")  # fmt: skip
MOMENT = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PORT = re.compile(r"(127\.0\.0\.1|localhost):\d+")


class Sink:
    """Collects every trace request; `url` is where to send them."""

    def __init__(self) -> None:
        bodies: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self._body()
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path.endswith("/traces") and body:
                    bodies.append(body)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("transfer-encoding", ""):
                    return self.rfile.read(int(self.headers.get("content-length") or 0))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def do_GET(self) -> None:
                self.send_response(404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._bodies = bodies
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> ExportTraceServiceRequest:
        """Everything received, as one request."""
        self._server.shutdown()
        self._server.server_close()
        whole = ExportTraceServiceRequest()
        for body in self._bodies:
            whole.MergeFromString(body)
        return whole


def frozen(request: ExportTraceServiceRequest) -> list[dict[str, Any]]:
    """The request's `resourceSpans` as OTLP/JSON; ids, times, ports and whatever was measured are counted through."""
    groups = json_format.MessageToDict(request)["resourceSpans"]
    spans = [span for group in groups for scope in group["scopeSpans"] for span in scope["spans"]]
    _hex_ids(spans)
    _after_their_parents(spans)
    spans.sort(key=lambda span: int(span["startTimeUnixNano"]))
    _drop(groups, spans)
    text = _count_through(json.dumps(groups), spans)
    groups = _merged(json.loads(text))
    _freeze_times(groups)
    return groups


def _hex_ids(spans: list[dict[str, Any]]) -> None:
    for span in spans:
        for holder in (span, *span.get("links", ())):
            for key in ("traceId", "spanId", "parentSpanId"):
                if key in holder:
                    holder[key] = base64.b64decode(holder[key]).hex()


def _after_their_parents(spans: list[dict[str, Any]]) -> None:
    """JavaScript's clock counts milliseconds: a child may seem to start with its parent, or before it."""
    by_id = {(span["traceId"], span["spanId"]): span for span in spans}

    def start(span: dict[str, Any]) -> int:
        parent = by_id.get((span["traceId"], span.get("parentSpanId", "")))
        own = int(span["startTimeUnixNano"])
        return max(own, start(parent) + 1) if parent else own

    starts = [start(span) for span in spans]
    for span, moment in zip(spans, starts, strict=True):
        span["startTimeUnixNano"] = str(moment)
        span["endTimeUnixNano"] = str(max(int(span["endTimeUnixNano"]), moment + 1))


def _drop(groups: list[dict[str, Any]], spans: list[dict[str, Any]]) -> None:
    for group in groups:
        group["resource"]["attributes"] = [
            item for item in group["resource"].get("attributes", ()) if item["key"].startswith(KEPT_RESOURCE)
        ]
        for scope in group["scopeSpans"]:
            scope["scope"].pop("attributes", None)
    for span in spans:
        span.pop("flags", None)
        for holder in (span, *span.get("events", ())):
            kept = []
            for item in holder.get("attributes", ()):
                if item["key"].startswith(DROPPED) or item["key"] == "exception.stacktrace":
                    continue
                if item["key"].endswith(MEASURED):
                    kind = next(iter(item["value"]))
                    item["value"] = {kind: "250" if kind == "intValue" else 0.25 if kind == "doubleValue" else "0.25"}
                if item["key"] == "server.port":
                    item["value"] = {"intValue": "8000"}
                kept.append(item)
            if "attributes" in holder:
                holder["attributes"] = kept


def _count_through(text: str, spans: list[dict[str, Any]]) -> str:
    names: dict[str, str] = {}
    for span in spans:
        names.setdefault(span["traceId"], f"{0xA0000000 + len(names):032x}")
    for number, span in enumerate(spans, 1):
        names.setdefault(span["spanId"], f"{0xB0000000 + number:016x}")
    for span in spans:
        if parent := span.get("parentSpanId"):
            names.setdefault(parent, f"{0xC0000000 + len(names):016x}")
    for old, new in names.items():
        text = text.replace(old, new)
    for number, old in enumerate(dict.fromkeys(UUID.findall(text)), 1):
        text = text.replace(old, f"00000000-0000-4000-8000-{number:012}")
    return PORT.sub(r"\1:8000", text)


def _merged(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One group per resource and scope, however many requests carried them."""
    resources: dict[str, dict[str, Any]] = {}
    for group in groups:
        key = json.dumps(group["resource"], sort_keys=True)
        held = resources.setdefault(key, {"resource": group["resource"], "scopeSpans": []})
        for scope in group["scopeSpans"]:
            for other in held["scopeSpans"]:
                if other["scope"] == scope["scope"]:
                    other["spans"].extend(scope["spans"])
                    break
            else:
                held["scopeSpans"].append({"scope": scope["scope"], "spans": scope["spans"]})
    for group in resources.values():
        for scope in group["scopeSpans"]:
            scope["spans"].sort(key=lambda span: (int(span["startTimeUnixNano"]), span["spanId"]))
        group["scopeSpans"].sort(key=lambda scope: scope["spans"][0]["spanId"])
    return list(resources.values())


def _nanoseconds(moment: str) -> int:
    parsed = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp()) * 1_000_000_000 + parsed.microsecond * 1000


def _freeze_times(groups: list[dict[str, Any]]) -> None:
    """Every moment becomes its rank, ten milliseconds apart: the order stays, the clock does not."""
    spans = [span for group in groups for scope in group["scopeSpans"] for span in scope["spans"]]
    holders = [(holder, key) for span in spans for holder, key in _clocks(span)]
    texts = [(item["value"], text) for span in spans for item in _attributes(span) if (text := _dated(item["value"]))]
    moments = {int(holder[key]) for holder, key in holders}
    moments.update(_nanoseconds(found) for _, text in texts for found in MOMENT.findall(text))
    ranks = {moment: START + rank * STEP for rank, moment in enumerate(sorted(moments))}
    for holder, key in holders:
        holder[key] = str(ranks[int(holder[key])])
    for value, text in texts:
        value["stringValue"] = MOMENT.sub(lambda found: _like(found.group(), ranks[_nanoseconds(found.group())]), text)


def _clocks(span: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    events = [(event, "timeUnixNano") for event in span.get("events", ())]
    return [(span, "startTimeUnixNano"), (span, "endTimeUnixNano"), *events]


def _attributes(span: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for holder in (span, *span.get("events", ())) for item in holder.get("attributes", ())]


def _dated(value: dict[str, Any]) -> str:
    text = value.get("stringValue", "")
    return text if MOMENT.search(text) else ""


def _like(old: str, moment: int) -> str:
    zone = "Z" if old.endswith("Z") else "+00:00" if old.endswith("+00:00") else ""
    made = datetime.fromtimestamp(moment / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return made.replace("T", old[10]) + zone
