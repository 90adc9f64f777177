"""The API's routes that change what is stored: for the command line on this machine, and for nobody else."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request

from spanledger_collector.collector import Collector
from spanledger_collector.ingest import bearer
from spanledger_store import deletion, repricing
from spanledger_store.deletion import Subject, SubjectInvalid
from spanledger_store.errors import StoreError
from spanledger_store.repricing import Period

INTERFACE = "api"


class DeleteBody(BaseModel):
    """Whose data to remove; with `dry_run` it is only counted."""

    kind: Literal["customer", "user", "trace"]
    value: str = Field(min_length=1, max_length=10_000)
    project: str = "default"
    dry_run: bool = False


class RepriceBody(BaseModel):
    """Which calls get the current prices; with `dry_run` it is only computed."""

    start: AwareDatetime
    end: AwareDatetime
    project: str = "default"
    customer: str = ""
    model: str = ""
    dry_run: bool = False


def add_lifecycle(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.post("/api/v1/delete", tags=["operations"])
    async def delete(body: DeleteBody, request: Request) -> dict[str, Any]:
        """Remove what is stored of a customer, a user or a trace, with a proof. Needs this process's local token."""
        _local_only(collector, request)
        return await _answer(_delete, collector, body)

    @router.post("/api/v1/reprice", tags=["operations"])
    async def reprice(body: RepriceBody, request: Request) -> list[dict[str, Any]]:
        """Give stored calls the current prices. Needs this process's local token."""
        _local_only(collector, request)
        return await _answer(_reprice, collector, body)


def _local_only(collector: Collector, request: Request) -> None:
    # A read key opens pages; it must not change a row. On loopback without keys nobody may, but who can read up.json.
    if not collector.access.is_local(bearer(request.headers)):
        raise HTTPException(
            403,
            "only the command line on the server's own machine may do this: spanledger delete or reprice --data DIR",
        )


async def _answer(work: Any, collector: Collector, body: BaseModel) -> Any:
    try:
        return await asyncio.to_thread(work, collector, body)
    except SubjectInvalid as error:
        raise HTTPException(400, str(error)) from error
    except StoreError as error:
        raise HTTPException(503, str(error)) from error


def _delete(collector: Collector, body: DeleteBody) -> dict[str, Any]:
    subject = Subject(body.kind, body.value, body.project)
    if body.dry_run:
        return {"tables": deletion.preview(collector.engine, subject)}
    proof = deletion.delete(collector.engine, collector.control, subject, interface=INTERFACE)
    return proof.as_json() | {"waiting": collector.spool.stats().spans}


def _reprice(collector: Collector, body: RepriceBody) -> list[dict[str, Any]]:
    period = Period(body.start, body.end, body.project, body.customer, body.model)
    found = repricing.reprice(collector.engine, collector.control, period, interface=INTERFACE, dry_run=body.dry_run)
    return repricing.as_json(found)
