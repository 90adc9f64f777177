"""The endpoint of every SDK under measurement: answers each vendor's ingestion as that vendor would, and counts calls.

    python endpoint.py

Says its port on the first line of its output, then obeys lines on its input: `down` (connections are cut and refused,
the port stays its own), `up`, `hang` (requests are taken and never answered), `count` (one line of JSON) and the end of
the input, which ends it.

What is counted are calls, not requests: a call has arrived where its answer stands in a request that carries spans.
Bodies are only kept while they arrive and are read when asked, so that counting costs the SDKs no processor.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import socket
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import facts

SPANS = re.compile(r"/v1/traces$|/spans(/batch)?$")
REPLY = re.compile(rb"reply-(\d{8})")
OTLP = "application/x-protobuf"


class State:
    """What has arrived, and who is connected."""

    def __init__(self) -> None:
        self.hang = False
        self.lock = threading.Lock()
        self.bodies: list[tuple[str, str, bytes]] = []
        self.requests: dict[str, int] = {}
        self.connections: set[socket.socket] = set()


def plain(encoding: str, body: bytes) -> bytes:
    """The body without its compression."""
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "deflate":
        return zlib.decompress(body)
    if encoding == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return body


def reply(path: str, kind: str, encoding: str, body: bytes) -> tuple[int, str, bytes]:
    """(status, content type, body) as the vendor whose path it is would answer."""
    if path.endswith(("/v1/traces", "/v1/metrics", "/v1/logs")):
        return (200, "application/json", b"{}") if "json" in kind else (200, OTLP, b"")
    if path == "/version":  # MLflow: from 3.4 on spans are sent as they end
        return 200, "text/plain", b"3.17.2"
    if path == "/api/3.0/mlflow/traces":  # MLflow wants its trace back, with the word that spans need no file
        asked: dict[str, Any] = json.loads(plain(encoding, body))
        asked["trace"]["trace_info"].setdefault("tags", {})["mlflow.trace.spansLocation"] = "TRACKING_STORE"
        return 200, "application/json", json.dumps(asked).encode()
    if path.startswith("/api/2.0/mlflow/experiments/"):
        found = {"experiment_id": "1", "name": "benchmark", "lifecycle_stage": "active", "artifact_location": "none:/"}
        return 200, "application/json", json.dumps({"experiment": found}).encode()
    if path == "/v1/info":  # Logfire checks its token
        return 200, "application/json", b'{"project_name": "benchmark", "project_url": "http://127.0.0.1/"}'
    if "/v1/private/" in path:  # Opik's writes have no body
        return 204, "application/json", b""
    return 200, "application/json", b"{}"


def handler(state: State) -> type[BaseHTTPRequestHandler]:
    """The handler of one endpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with state.lock:
                state.connections.add(self.connection)

        def finish(self) -> None:
            with state.lock:
                state.connections.discard(self.connection)
            super().finish()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0].rstrip("/")
            encoding = self.headers.get("content-encoding", "")
            while state.hang:
                time.sleep(1)
            status, kind, said = reply(path, self.headers.get("content-type", ""), encoding, body)
            with state.lock:
                state.requests[path] = state.requests.get(path, 0) + 1
                if SPANS.search(path):
                    state.bodies.append((path, encoding, body))
            # In one write: a body that waits for the acknowledgement of its headers would cost every SDK 40 ms.
            length = "" if status == 204 else f"content-length: {len(said)}\r\n"
            head = f"HTTP/1.1 {status} OK\r\ncontent-type: {kind}\r\n{length}\r\n"
            self.wfile.write(head.encode() + said)

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Handler


class Server(ThreadingHTTPServer):
    """Ends with its process, and takes a client that goes away as no news."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was cut."""


class Endpoint:
    """A server whose port stays its own while it is down."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._socket = self._bound(0)
        self.port: int = self._socket.getsockname()[1]
        self._server: Server | None = None
        self.up()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
        return made

    def up(self) -> None:
        """Take connections."""
        server = Server(("127.0.0.1", self.port), handler(self._state), bind_and_activate=False)
        server.socket.close()
        server.socket = self._socket
        server.server_activate()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self._server = server

    def down(self) -> None:
        """Cut every connection and refuse new ones: a socket that is bound and does not listen."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        with self._state.lock:
            for connection in self._state.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        self._socket = self._bound(self.port)


def count(state: State) -> dict[str, Any]:
    """How many calls have arrived, and which of their facts: the first body tells what an SDK sends."""
    with state.lock:
        bodies = list(state.bodies)
        requests = dict(state.requests)
    arrived: set[bytes] = set()
    facts_found = {"prompt": False, "answer": False, "model": False, "tokens": False, "cost": False}
    for _, encoding, body in bodies:
        text = plain(encoding, body)
        found = REPLY.findall(text)
        if found and not all(facts_found.values()) and len(arrived) < 1000:
            number = found[0].decode()
            asked = f"ask-{number}"
            facts_found["prompt"] |= facts.prompt(int(number)).encode() in text
            facts_found["answer"] |= facts.answer(asked).encode() in text
            facts_found["model"] |= facts.MODEL.encode() in text
            facts_found["tokens"] |= all(
                _varint(n) in text or str(n).encode() in text for n in (facts.INPUT_TOKENS, facts.OUTPUT_TOKENS)
            )
            facts_found["cost"] |= bool(re.search(rb"cost", text))
        arrived.update(found)
    size = sum(len(body) for _, _, body in bodies)
    return {"calls": len(arrived), "requests": requests, "bytes": size, "captured": facts_found}


def _varint(number: int) -> bytes:
    """An OTLP attribute's integer value: field 3 of AnyValue."""
    return bytes([0x18, number & 0x7F | 0x80, number >> 7])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    state = State()
    endpoint = Endpoint(state)
    print(endpoint.port, flush=True)
    for line in sys.stdin:
        word = line.strip()
        if word == "down":
            endpoint.down()
        elif word == "up":
            endpoint.up()
        elif word == "hang":
            state.hang = True
        print(json.dumps(count(state)) if word == "count" else "{}", flush=True)


if __name__ == "__main__":
    main()
