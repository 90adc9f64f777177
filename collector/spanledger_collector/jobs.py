"""The API's routes about jobs: how they went, and asking for a run."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.requests import Request

from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import local_only
from spanledger_store.control import jobs
from spanledger_store.control.errors import JobUnknown
from spanledger_store.errors import StoreError


def add_jobs(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.get("/api/v1/jobs", tags=["operations"])
    async def states() -> list[dict[str, Any]]:
        """Every job: who holds it, when it is due, how its last run went and how far one is that runs now."""
        try:
            found = await asyncio.to_thread(jobs.states, collector.control)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        return [asdict(each) for each in found]

    @router.post("/api/v1/jobs/{name}/run", tags=["operations"])
    async def run(name: str, request: Request) -> dict[str, Any]:
        """Ask for a run as soon as its worker can; ask for its state afterwards. Needs this process's local token."""
        local_only(collector, request)
        try:
            return {"asked_at": await asyncio.to_thread(jobs.ask, collector.control, name)}
        except JobUnknown as error:
            raise HTTPException(404, str(error)) from error
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
