"""The one door: every request, page, API call and WebSocket passes here before anything else sees it."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from spanledger_collector.access import Access, is_loopback
from spanledger_collector.ingest import bearer
from spanledger_collector.otlp import SIGNALS
from spanledger_collector.signin import signin_page

COOKIE = "spanledger_session"
LOCAL = "local"
SESSION_SECONDS = 12 * 3600
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/signin", "/signout"})
SELF_CHECKED = frozenset(f"/v1/{signal}" for signal in SIGNALS)
# What senders may ask: an ingest key opens it, for that key's project.
FOR_SENDERS = frozenset({"/api/v1/budgets/state"})


class Guard:
    """Lets a request through when it may read, or when its path needs no reading right.

    Where no key is needed (loopback, no read key made), the Host header must name this machine, so that a web page
    elsewhere cannot reach in by pointing a name of its own at 127.0.0.1.
    """

    def __init__(self, app: ASGIApp, access: Access, secret: bytes) -> None:
        self._app = app
        self._access = access
        self._sessions = URLSafeTimedSerializer(secret, salt="spanledger-session")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path in ("/signin", "/signout") and scope["type"] == "http":
            await (await self._session(Request(scope, receive)))(scope, receive, send)
            return
        allowed = path in OPEN_PATHS or path in SELF_CHECKED or self._may_read(scope)
        if allowed or (path in FOR_SENDERS and self._may_send(scope)):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4401})
            return
        await self._refusal(scope)(scope, receive, send)

    def _may_read(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        secret = bearer(headers)
        if secret:
            return self._access.is_local(secret) or self._access.key(secret, "read") is not None
        if not self._access.needed("read"):
            return is_loopback(headers.get("host", "").rsplit(":", 1)[0])
        return self._signed_in(headers)

    def _may_send(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        secret = bearer(headers)
        if secret:
            return self._access.key(secret, "ingest") is not None
        return not self._access.needed("ingest") and is_loopback(headers.get("host", "").rsplit(":", 1)[0])

    def _signed_in(self, headers: Headers) -> bool:
        cookie = Request({"type": "http", "headers": headers.raw}).cookies.get(COOKIE, "")
        try:
            session = self._sessions.loads(cookie, max_age=SESSION_SECONDS)
        except BadSignature:
            return False
        return session == LOCAL or self._access.active(str(session))

    def _refusal(self, scope: Scope) -> Response:
        path = scope["path"]
        headers = Headers(scope=scope)
        if not self._access.needed("read") and not bearer(headers):
            detail = f"the Host header {headers.get('host', '')!r} does not name this machine; use 127.0.0.1"
            return JSONResponse({"detail": detail}, 403)
        if "text/html" in headers.get("accept", "") and scope["method"] == "GET":
            return RedirectResponse(f"/signin?next={quote(path)}", 303)
        detail = (
            "sign in at /signin, or send a read key as 'Authorization: Bearer KEY' "
            "(spanledger keys create NAME --scope read)"
        )
        return JSONResponse({"detail": detail}, 401, {"www-authenticate": "Bearer"})

    async def _session(self, request: Request) -> Response:
        if request.url.path == "/signout":
            answer = RedirectResponse("/signin", 303)
            answer.delete_cookie(COOKIE)
            return answer
        target = _local_path(request.query_params.get("next", "/"))
        if request.method != "POST":
            return HTMLResponse(signin_page(target, failed=False), headers=_SIGNIN_HEADERS)
        form = parse_qs((await request.body())[:4096].decode("utf-8", "replace"))
        secret = form.get("key", [""])[0].strip()
        key = self._access.key(secret, "read") if secret else None
        if key is None and not (secret and self._access.is_local(secret)):
            return HTMLResponse(signin_page(target, failed=True), 401, headers=_SIGNIN_HEADERS)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(
            COOKIE,
            str(self._sessions.dumps(key.id if key else LOCAL)),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer


_SIGNIN_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
}


def _local_path(target: str) -> str:
    """The path, if it stays on this host; the start page otherwise."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"
