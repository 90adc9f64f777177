"""Security headers for everything that is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SecurityHeaders:
    """An ASGI layer that sets a strict Content-Security-Policy and its companions.

    `script_hashes` is asked once, at the first response: by then every callback is registered.
    """

    def __init__(self, app: ASGIApp, script_hashes: Callable[[], Sequence[str]]) -> None:
        self.app = app
        self._hashes = script_hashes

    @cached_property
    def policy(self) -> str:
        """No script, style sheet, font, image or connection from anywhere else; no framing."""
        scripts = " ".join(["'self'", *self._hashes()])
        return "; ".join(
            [
                "default-src 'self'",
                f"script-src {scripts}",
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data: blob:",
                "font-src 'self'",
                "connect-src 'self'",
                "worker-src 'self' blob:",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "object-src 'none'",
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", self.policy)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "same-origin")
                headers.setdefault("cross-origin-opener-policy", "same-origin")
                headers.setdefault("permissions-policy", "camera=(), microphone=(), geolocation=()")
            await send(message)

        await self.app(scope, receive, secured)
