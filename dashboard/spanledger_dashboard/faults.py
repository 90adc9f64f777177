"""A log line for each answer that could not be made: Dash answers 500 and keeps the reason to itself."""

from __future__ import annotations

import logging

from dash.exceptions import PreventUpdate
from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)


class LoggedFaults:
    """An ASGI layer inside of Dash's own, which logs what is raised there and raises it again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except PreventUpdate:
            raise
        except Exception:
            if str(scope.get("path", "")).startswith("/_dash-"):
                logger.exception("%s could not be answered", scope["path"])
            raise
