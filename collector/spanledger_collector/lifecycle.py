"""The API's routes that change what is stored: for the command line on this machine, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request

from spanledger_collector import otlp
from spanledger_collector.bill_tasks import add_bill_tasks
from spanledger_collector.collector import Collector
from spanledger_collector.errors import Busy, CollectorError
from spanledger_collector.ingest import bearer
from spanledger_collector.tasks import Progress, Tasks
from spanledger_store import tables
from spanledger_store.control import projects
from spanledger_store.control.errors import ProjectInvalid, ProjectUnknown
from spanledger_store.errors import StoreError
from spanledger_store.lifecycle import backup, deletion, parquet, retention
from spanledger_store.lifecycle.deletion import Subject, SubjectInvalid
from spanledger_store.lifecycle.parquet import Selection
from spanledger_store.lifecycle.retention import RetentionInvalid
from spanledger_store.pricing import repricing
from spanledger_store.pricing.repricing import Period

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


class RetentionBody(BaseModel):
    """Days that a project keeps the classes named; null is for ever."""

    project: str = "default"
    days: dict[str, int | None]


class RetentionRunBody(BaseModel):
    """Whose expired data to remove now, of every project without a name; with `dry_run` it is only counted."""

    project: str | None = None
    dry_run: bool = False


class BackupBody(BaseModel):
    """Where a backup goes, on the server's machine."""

    target: Path
    engine_at: str | None = None


class ExportBody(BaseModel):
    """What of a project to write, and into which directory on the server's machine."""

    target: Path
    project: str = "default"
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class TableBody(ExportBody):
    """Which table to write, how, which of its rows, and into which file on the server's machine."""

    table: str
    format: tables.Form
    where: list[str] = Field(default_factory=list)


class ImportBody(BaseModel):
    """Which directory on the server's machine to read, and the project it becomes; else the one it was."""

    source: Path
    project: str | None = None


def add_lifecycle(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.post("/api/v1/delete", tags=["operations"])
    async def delete(body: DeleteBody, request: Request) -> dict[str, Any]:
        """Remove what is stored of a customer, a user or a trace, with a proof. Needs this process's local token."""
        local_only(collector, request)
        return await _answer(_delete, collector, body)

    @router.post("/api/v1/reprice", tags=["operations"])
    async def reprice(body: RepriceBody, request: Request) -> dict[str, Any]:
        """Give stored calls the current prices; calls whose spans have expired are counted. Needs the local token."""
        local_only(collector, request)
        return await _answer(_reprice, collector, body)

    @router.get("/api/v1/retention", tags=["operations"])
    async def retention_days() -> dict[str, dict[str, int | None]]:
        """How many days each project keeps each class of data; null is for ever."""
        return await asyncio.to_thread(retention.chosen, collector.control)

    @router.post("/api/v1/retention", tags=["operations"])
    async def retention_set(body: RetentionBody, request: Request) -> dict[str, dict[str, int | None]]:
        """Set how long a project keeps what. Needs this process's local token."""
        local_only(collector, request)
        return await _answer(_retention_set, collector, body)

    tasks = Tasks()

    def begun(request: Request, work: Callable[[Progress], Any]) -> dict[str, str]:
        local_only(collector, request)
        return {"task": tasks.begin(work).id}

    add_bill_tasks(router, collector, begun)

    @router.post("/api/v1/retention/run", tags=["operations"])
    async def retention_run(body: RetentionRunBody, request: Request) -> dict[str, str]:
        """Begin to remove what is no longer kept; ask the task. Needs this process's local token."""
        return begun(request, lambda progress: _retention_run(collector, body, progress))

    @router.post("/api/v1/backup", tags=["operations"])
    async def backup_begin(body: BackupBody, request: Request) -> dict[str, str]:
        """Begin a backup; ask the task. Needs this process's local token."""
        engine, control, spool = collector.engine, collector.control, collector.spool.path
        return begun(
            request,
            lambda progress: backup.backup(
                engine, control, spool, body.target, engine_at=body.engine_at, progress=progress
            ),
        )

    @router.post("/api/v1/export/project", tags=["operations"])
    async def export_begin(body: ExportBody, request: Request) -> dict[str, str]:
        """Begin to write a project as Parquet; ask the task. Needs this process's local token."""
        given = {"start": body.start, "end": body.end}
        selection = Selection(body.project, **{name: at for name, at in given.items() if at is not None})
        engine, control = collector.engine, collector.control
        return begun(request, lambda progress: parquet.export(engine, control, selection, body.target, progress))

    @router.post("/api/v1/export/table", tags=["operations"])
    async def export_table_begin(body: TableBody, request: Request) -> dict[str, str]:
        """Begin to write a table into a file; ask the task. Needs this process's local token."""
        given = {"start": body.start, "end": body.end}
        selection = Selection(body.project, **{name: at for name, at in given.items() if at is not None})
        engine = collector.engine

        def work(progress: Progress) -> dict[str, int]:
            asked = tables.Asked(body.table, body.format, selection, tables.filters(body.where))
            return tables.write(engine, asked, body.target, progress)

        return begun(request, work)

    @router.post("/api/v1/import/project", tags=["operations"])
    async def import_begin(body: ImportBody, request: Request) -> dict[str, str]:
        """Begin to read a project from Parquet; ask the task. Needs this process's local token."""
        engine, control = collector.engine, collector.control
        return begun(
            request,
            lambda progress: parquet.load_export(
                engine, control, body.source, project=body.project, interface=INTERFACE, progress=progress
            ),
        )

    @router.post("/api/v1/import/usage", tags=["operations"])
    async def import_usage(request: Request, project: str = "default") -> dict[str, Any]:
        """Take spans of any project, as OTLP in protobuf; what waits to be stored is told. Needs the local token."""
        local_only(collector, request)
        return await _take(collector, project, await request.body())

    @router.get("/api/v1/tasks/{identity}", tags=["operations"])
    async def task(identity: str, request: Request) -> dict[str, Any]:
        """How far a task is, and its result once it is finished. Needs this process's local token."""
        local_only(collector, request)
        found = tasks.get(identity)
        if found is None:
            raise HTTPException(404, f"there is no task {identity}; it may be of an earlier process.")
        return asdict(found)


def local_only(collector: Collector, request: Request) -> None:
    """Raises 403 unless the request is this machine's command line."""
    # A read key opens pages; it must not change a row. On loopback without keys nobody may, but who can read up.json.
    if not collector.access.is_local(bearer(request.headers)):
        raise HTTPException(
            403,
            "only the command line on the server's own machine may do this: spanledger delete, reprice, retention, "
            "backup, export, import, budgets, channels, statements, clusters or drift, with --data DIR",
        )


async def _answer(work: Any, collector: Collector, body: BaseModel) -> Any:
    try:
        return await asyncio.to_thread(work, collector, body)
    except (SubjectInvalid, RetentionInvalid, ProjectUnknown) as error:
        raise HTTPException(400, str(error)) from error
    except StoreError as error:
        raise HTTPException(503, str(error)) from error


async def _take(collector: Collector, project: str, body: bytes) -> dict[str, Any]:
    """The receiver's answer: what it returned for is durable, as for any sender."""
    try:
        await asyncio.to_thread(projects.ensure, collector.control, project)
        taken = await collector.receiver.take(otlp.TRACES, project, "", body, otlp.PROTOBUF)
    except ProjectInvalid as error:
        raise HTTPException(400, str(error)) from error
    except StoreError as error:
        raise HTTPException(503, str(error), {"retry-after": "5"}) from error
    except CollectorError as error:
        headers = {"retry-after": str(error.retry_after)} if isinstance(error, Busy) else None
        raise HTTPException(error.status, str(error), headers) from error
    return asdict(taken) | {"waiting": collector.spool.stats().spans}


def _delete(collector: Collector, body: DeleteBody) -> dict[str, Any]:
    subject = Subject(body.kind, body.value, body.project)
    if body.dry_run:
        return {"tables": deletion.preview(collector.engine, subject)}
    proof = deletion.delete(collector.engine, collector.control, subject, interface=INTERFACE)
    return proof.as_json() | {"waiting": collector.spool.stats().spans}


def _reprice(collector: Collector, body: RepriceBody) -> dict[str, Any]:
    period = Period(body.start, body.end, body.project, body.customer, body.model)
    found = repricing.reprice(collector.engine, collector.control, period, interface=INTERFACE, dry_run=body.dry_run)
    return {"models": repricing.as_json(found), "expired_calls": repricing.expired_calls(collector.engine, period)}


def _retention_set(collector: Collector, body: RetentionBody) -> dict[str, dict[str, int | None]]:
    retention.choose(collector.control, body.project, body.days)
    return retention.chosen(collector.control)


def _retention_run(collector: Collector, body: RetentionRunBody, progress: Progress) -> list[dict[str, Any]]:
    found = retention.run(
        collector.engine,
        collector.control,
        now=datetime.now(UTC),
        interface=INTERFACE,
        project=body.project,
        dry_run=body.dry_run,
        progress=lambda kind: progress(f"expiring {kind}", 0, 0),
    )
    return retention.as_json(found)
