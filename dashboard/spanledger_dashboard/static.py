"""Static files and pages, compressed: what never changes once per process, what does as it passes."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from importlib.resources import files

import brotli
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC_PREFIXES = ("/_dash-component-suites/", "/assets/")
DYNAMIC_PREFIXES = ("/_dash-", "/ui/")
PLOTLY_PATH = "/_dash-component-suites/plotly/package_data/plotly"
COMPRESSIBLE = (b"javascript", b"json", b"css", b"html", b"svg", b"text/")
SMALLEST = 800
MAX_CACHED = 64 * 2**20
BROTLI_STATIC, BROTLI_DYNAMIC = 7, 3
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Stored:
    """A response as it goes over the wire."""

    headers: Headers
    body: bytes


class CompressedStatic:
    """An ASGI layer that answers for static files from memory and compresses what pages ask for.

    Anything else (the API, the collector's routes, exports) passes through untouched and unbuffered. Plotly is
    replaced by the bundle in `vendor/`, which runs under a strict Content-Security-Policy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._stored: dict[tuple[str, bytes, str], Stored] = {}
        self._size = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        static = scope["method"] == "GET" and path.startswith(STATIC_PREFIXES)
        encoding = accepted(dict(scope["headers"]).get(b"accept-encoding", b""))
        key = (path, scope["query_string"], encoding)
        if static and key in self._stored:
            await _send(self._stored[key], send)
        elif static and path.startswith(PLOTLY_PATH) and path.endswith(".js"):
            stored = await asyncio.to_thread(plotly, encoding)
            self._keep(key, stored)
            await _send(stored, send)
        elif encoding and (static or path.startswith(DYNAMIC_PREFIXES) or "html" in _accept(scope)):
            await self._compress(scope, receive, send, static, encoding, key)
        else:
            await self.app(scope, receive, send)

    async def _compress(
        self, scope: Scope, receive: Receive, send: Send, static: bool, encoding: str, key: tuple[str, bytes, str]
    ) -> None:
        start: Message | None = None
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            parts.append(message.get("body", b""))
            if message.get("more_body") or start is None:
                return
            body, headers = b"".join(parts), list(start["headers"])
            kind = dict(headers).get(b"content-type", b"")
            known = {name for name, _ in headers}
            # Dash sends the JSON of its callbacks without a content type.
            text = not kind or any(k in kind for k in COMPRESSIBLE)
            if len(body) >= SMALLEST and b"content-encoding" not in known and text:
                body = await asyncio.to_thread(squeeze, body, encoding, static)
                headers = [h for h in headers if h[0] != b"content-length"]
                headers += [
                    (b"content-length", str(len(body)).encode()),
                    (b"content-encoding", encoding.encode()),
                    (b"vary", b"accept-encoding"),
                ]
            if static and start["status"] == 200:
                if b"cache-control" not in known:
                    # Dash puts a file's time of change or fingerprint into its address, so an address never changes.
                    headers.append((b"cache-control", b"public, max-age=31536000, immutable"))
                self._keep(key, Stored(headers, body))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, collect)

    def _keep(self, key: tuple[str, bytes, str], stored: Stored) -> None:
        if self._size + len(stored.body) <= MAX_CACHED:
            self._stored[key] = stored
            self._size += len(stored.body)


def accepted(header: bytes) -> str:
    """The best encoding both sides know; '' for none."""
    offers = {part.split(b";")[0].strip() for part in header.split(b",") if b"q=0" not in part.replace(b"q=0.", b"")}
    return "br" if b"br" in offers else "gzip" if b"gzip" in offers else ""


def squeeze(body: bytes, encoding: str, lasting: bool) -> bytes:
    """The body compressed: thoroughly where the result is kept, quickly where it is not."""
    if encoding == "br":
        return brotli.compress(body, quality=BROTLI_STATIC if lasting else BROTLI_DYNAMIC)
    return gzip.compress(body, 9 if lasting else 3)


def plotly(encoding: str) -> Stored:
    """The vendored Plotly bundle in the encoding asked for."""
    body = files("spanledger_dashboard").joinpath("vendor", "plotly", "plotly-strict.min.js.br").read_bytes()
    if encoding != "br":
        body = brotli.decompress(body)
        body = gzip.compress(body, 9) if encoding else body
    headers: Headers = [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"public, max-age=31536000, immutable"),
        (b"vary", b"accept-encoding"),
    ]
    if encoding:
        headers.append((b"content-encoding", encoding.encode()))
    return Stored(headers, body)


def _accept(scope: Scope) -> str:
    return dict(scope["headers"]).get(b"accept", b"").decode("latin-1")


async def _send(stored: Stored, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(stored.headers)})
    await send({"type": "http.response.body", "body": stored.body})
