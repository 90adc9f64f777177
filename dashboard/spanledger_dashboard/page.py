"""What a page is, and how its callback is wired."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from spanledger_dashboard import markup
from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.parts import states
from spanledger_dashboard.view import View
from spanledger_store.errors import QueryError, StoreError

logger = logging.getLogger(__name__)

Render = Callable[[Data, View], Awaitable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its address, its place in the navigation, its skeleton and its callbacks.

    A `path` that ends in `/` (other than the root) stands for everything below it. A page without a `section` is
    reached from other pages only.
    """

    path: str
    title: str
    skeleton: Callable[[], Component]
    register: Callable[[Dash, Data], None]
    icon: str = ""
    section: str = ""
    also: str = ""

    def holds(self, path: str) -> bool:
        """True where this page answers for `path`."""
        return path == self.path or (self.path != "/" and self.path.endswith("/") and path.startswith(self.path))


def content(app: Dash, data: Data, path: str, outputs: Sequence[Output], render: Render, *, after: str = "") -> None:
    """Draw with `render` whenever the view changes to or within the page at `path`.

    The last output is the page's body: failures are told there, and the other outputs then stay as they are. `after`
    is the id of what must be there first, which `first` has been told of.
    """
    page = Page(path, "", lambda: states.bone(1), lambda _app, _data: None)

    @app.callback(list(outputs), Input(_drawn(after), "data") if after else Input("view", "data"))
    async def draw(view: dict[str, Any] | None) -> Sequence[Any]:
        if not view or not page.holds(str(view.get("path"))):
            raise PreventUpdate
        return markup.drawn(await guarded(data, view, render, len(outputs)))


def first(app: Dash, body: str) -> None:
    """What is drawn `after` this body waits for it, so that what lies further down never keeps the top waiting."""
    app.clientside_callback(
        ClientsideFunction("spanledger", "drawn"),
        Output(_drawn(body), "data"),
        Input(body, "children"),
        State("view", "data"),
        prevent_initial_call=True,
    )


def drawn(body: str) -> Component:
    """What notices that a body is there; it belongs into the page's skeleton."""
    return dcc.Store(id=_drawn(body))


def _drawn(body: str) -> str:
    return f"{body}-drawn"


async def guarded(data: Data, view: dict[str, Any], render: Render, outputs: int) -> Sequence[Any]:
    """What `render` returns; or, where that fails, an explanation as the last of `outputs` values.

    What is no mistake in the URL is logged, with the number that the explanation shows.
    """
    try:
        return await render(data, View.parse(view, data.settings.project))
    except BadView as error:
        return failure(str(error), outputs)
    except PreventUpdate:
        raise
    except Exception as error:
        request = uuid.uuid4().hex[:12]
        logger.exception("request %s for %s%s failed", request, view.get("path"), view.get("search"))
        return failure(_reason(error), outputs, request)


def _reason(error: Exception) -> str:
    if isinstance(error, QueryError):
        return "The store refused the query. This is a fault of Spanledger, not of yours."
    if isinstance(error, StoreError):
        return "The store is not available just now. Nothing is lost; it can be tried again."
    return "This part could not be drawn. This is a fault of Spanledger, not of yours; its log says more."


def failure(reason: str, outputs: int, request: str = "") -> Sequence[Any]:
    """Outputs left as they are, and the reason in the last."""
    return [*[no_update] * (outputs - 1), states.failed(reason, request or uuid.uuid4().hex[:12])]
