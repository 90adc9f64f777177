"""An OTLP server that keeps whole requests, and what the collector makes of them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from spanledger_collector.normalise import Origin, normalise
from spanledger_collector.otlp import PROTOBUF, decode
from spanledger_store.columns import SPAN_COLUMNS, SpanBatch


class Received:
    """The requests that arrived at `url`, in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[bytes] = []

    def rows(self) -> list[dict[str, Any]]:
        """Every span as the collector stores it, each request by itself as it arrived."""
        found: list[dict[str, Any]] = []
        for body in self.requests:
            batch = SpanBatch("t")
            assert normalise(decode(body, PROTOBUF), Origin("p", "k", 1), batch, 100_000) == []
            found += [dict(zip(SPAN_COLUMNS, row, strict=True)) for row in batch.spans]
        return found

    def scopes(self) -> set[str]:
        """Who made the spans."""
        return {
            scope.scope.name
            for body in self.requests
            for resource in decode(body, PROTOBUF).resource_spans
            for scope in resource.scope_spans
        }


@contextmanager
def receiving() -> Iterator[Received]:
    """A server on a port of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                received.requests.append(gzip.decompress(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received = Received(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
