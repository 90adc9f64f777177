"""The API's routes that import bills and revenue and write FOCUS: tasks, for the command line on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request

from spanledger_collector import bills
from spanledger_collector.bills import income, taking
from spanledger_collector.collector import Collector
from spanledger_collector.tasks import Progress
from spanledger_store.finance import focus_export

_INTERFACE = "api"
Begin = Callable[[Request, Callable[[Progress], Any]], dict[str, str]]
"""Starts a task for whoever may, and says its id."""


class BillBody(BaseModel):
    """Which files on the server's machine to import; `kind` is one of the formats, '' to look at them."""

    files: list[Path]
    project: str = "default"
    kind: str = ""
    provider: str = ""
    account: str = ""
    replace: bool = False
    dry_run: bool = False


class RevenueBody(BaseModel):
    """Which files on the server's machine to import."""

    files: list[Path]
    project: str = "default"
    dry_run: bool = False


class FocusBody(BaseModel):
    """What to write, and into which file on the server's machine."""

    target: Path
    start: AwareDatetime
    end: AwareDatetime
    project: str = "default"
    hourly: bool = False
    account: str = ""


def add_bill_tasks(router: APIRouter, collector: Collector, begin: Begin) -> None:
    """Add the routes to a router; `begin` decides who may, and starts a task."""
    engine, control = collector.engine, collector.control

    @router.post("/api/v1/import/bill", tags=["finance"])
    async def import_bill(body: BillBody, request: Request) -> dict[str, str]:
        """Begin to import bills; ask the task. Needs this process's local token."""
        wanted = bills.Wanted(**{name: getattr(body, name) for name in BillBody.model_fields})
        return begin(
            request, lambda progress: taking.take(engine, control, wanted, interface=_INTERFACE, progress=progress)
        )

    @router.post("/api/v1/import/revenue", tags=["finance"])
    async def import_revenue(body: RevenueBody, request: Request) -> dict[str, str]:
        """Begin to import what customers paid; ask the task. Needs this process's local token."""
        return begin(
            request,
            lambda _: income.take(
                engine, control, body.project, body.files, interface=_INTERFACE, dry_run=body.dry_run
            ),
        )

    @router.post("/api/v1/export/focus", tags=["finance"])
    async def export_focus(body: FocusBody, request: Request) -> dict[str, str]:
        """Begin to write the ledger as FOCUS; ask the task. Needs this process's local token."""

        def work(progress: Progress) -> dict[str, Any]:
            wanted = focus_export.Wanted(**{name: getattr(body, name) for name in FocusBody.model_fields})
            return focus_export.write(engine, control, wanted, progress)

        return begin(request, work)
