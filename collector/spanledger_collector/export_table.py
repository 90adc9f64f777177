"""The API's route by which any table is downloaded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime
from starlette.responses import StreamingResponse

from spanledger_collector.collector import Collector
from spanledger_store import tables
from spanledger_store.errors import StoreError
from spanledger_store.lifecycle.parquet import ExportInvalid, Selection
from spanledger_store.tables import Asked, Form


def add_export_table(router: APIRouter, collector: Collector) -> None:
    """Add the route to a router."""

    @router.get("/api/v1/export/{table}", tags=["data"], response_class=StreamingResponse)
    async def export(
        table: str,
        form: Annotated[Form, Query(alias="format")] = Form.CSV,
        project: str = "default",
        start: Annotated[AwareDatetime | None, Query(alias="from")] = None,
        end: Annotated[AwareDatetime | None, Query(alias="to", description="not included")] = None,
        where: Annotated[list[str] | None, Query(description="COLUMN=VALUE; of one column, alternatives")] = None,
    ) -> StreamingResponse:
        """Every row of a table, as a file that is made while it is sent."""
        try:
            asked = Asked(table, form, selection_of(project, start, end), tables.filters(where or []))
            # What cannot be is refused before the first byte: afterwards nothing can be said any more.
            await asyncio.to_thread(tables.prepared, collector.engine, asked)
        except ExportInvalid as error:
            raise HTTPException(400, str(error)) from error
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        return StreamingResponse(
            tables.chunks(collector.engine, asked),
            media_type=form.media_type,
            headers={"content-disposition": f'attachment; filename="{table}.{form.value}"'},
        )


def selection_of(project: str, start: datetime | None, end: datetime | None) -> Selection:
    """What began in a stretch of time; without a bound, everything on that side."""
    bounds = {"start": start, "end": end}
    return Selection(project, **{name: at.astimezone(UTC) for name, at in bounds.items() if at is not None})
