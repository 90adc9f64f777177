"""What is fetched beside the pages: downloads, exact and of what the page shows, and rows too many for a callback.

All of it passes the same service layer as the pages.
"""

from __future__ import annotations

import csv
import io
import logging
import shutil
import tempfile
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.fmt import exact
from spanledger_dashboard.view import View
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.errors import StoreError
from spanledger_store.finance.focus_export import FocusInvalid, Wanted
from spanledger_store.reports.calls import COST_CLASSES, EVERY_GROUP, TOKEN_CLASSES, totals_of
from spanledger_store.scope import LEDGER_DIMENSIONS, Dimension

logger = logging.getLogger(__name__)
EXPORTABLE = tuple(sorted(d.value for d in LEDGER_DIMENSIONS))
FOCUS_KINDS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
# A spreadsheet would run a cell that begins like this as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def register(server: FastAPI, data: Data) -> None:
    """Add the download routes."""

    @server.get("/export/spend.csv", include_in_schema=False)
    async def spend(request: Request) -> Response:
        """The table of the Spend page, every digit the ledger holds."""
        try:
            view = View.parse({"path": "/spend", "search": request.url.query}, data.settings.project)
            by = view.choice("by", EXPORTABLE, "customer")
            text = spend_csv(by, await data.groups(view.scope, Dimension(by), EVERY_GROUP, brief=True))
        except BadView as error:
            return JSONResponse({"error": str(error)}, 400)
        except StoreError:
            return unavailable()
        return download(text.encode(), "text/csv; charset=utf-8", f"spend_by_{by}.csv")

    @server.get("/export/spend.parquet", include_in_schema=False)
    async def spend_parquet(request: Request) -> Response:
        """The same table as Parquet: decimals stay decimals."""
        try:
            view = View.parse({"path": "/spend", "search": request.url.query}, data.settings.project)
            by = view.choice("by", EXPORTABLE, "customer")
            frame = await data.groups(view.scope, Dimension(by), EVERY_GROUP, brief=True)
        except BadView as error:
            return JSONResponse({"error": str(error)}, 400)
        except StoreError:
            return unavailable()
        out = io.BytesIO()
        table(by, frame).write_parquet(out)
        return download(out.getvalue(), "application/vnd.apache.parquet", f"spend_by_{by}.parquet")

    @server.get("/export/focus.{suffix}", include_in_schema=False)
    async def focus(suffix: str, request: Request) -> Response:
        """What the page shows in the FinOps Foundation's format, as CSV or Parquet: the UTC days of its range."""
        if suffix not in FOCUS_KINDS:
            return JSONResponse({"error": f"focus.{suffix}: only {' and '.join(FOCUS_KINDS)} can be had"}, 404)
        folder = Path(tempfile.mkdtemp(prefix="spanledger-focus-"))
        try:
            view = View.parse({"path": "/spend", "search": request.url.query}, data.settings.project)
            start, end = whole_days(view.range.start, view.range.end)
            name = f"{view.project}_{start:%Y-%m-%d}_{end - timedelta(days=1):%Y-%m-%d}_focus.{suffix}"
            target = folder / f"focus.{suffix}"
            await data.focus(Wanted(view.project, start, end, target, filters=view.filters))
            return download(target.read_bytes(), FOCUS_KINDS[suffix], name)
        except (BadView, FocusInvalid, ProjectUnknown, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        except StoreError:
            return unavailable()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @server.get("/export/trace/{trace_id}.json", include_in_schema=False)
    async def trace(trace_id: str, request: Request) -> Response:
        """One trace with everything its spans carried."""
        project = request.query_params.get("project") or data.settings.project
        try:
            spans = await data.trace_spans(project, trace_id)
            if spans.is_empty():
                return JSONResponse({"error": f"project {project} has no trace {trace_id}"}, 404)
            contents = {c.span_id: asdict(c) for c in await data.trace_contents(project, trace_id)}
            scores = await data.trace_scores(project, trace_id)
        except StoreError:
            return unavailable()
        body = trace_json(trace_id, spans, contents, scores)
        return download(body, "application/json", f"trace_{trace_id}.json")

    @server.get("/ui/trace/{trace_id}/rows", include_in_schema=False)
    async def rows(trace_id: str, request: Request) -> Response:
        """The lines of one trace's waterfall, as the page draws them."""
        project = request.query_params.get("project") or data.settings.project
        try:
            body = await data.waterfall_rows(project, trace_id.lower())
        except StoreError:
            return unavailable()
        # The page says that there is no such trace; a browser would note a 404 as an error of its own.
        return Response(body, 204 if body is None else 200, {"cache-control": "no-store"}, "application/json")


def spend_csv(by: str, frame: pl.DataFrame) -> str:
    """A `groups` report as CSV: one line per value, money with all its decimals, unknown money as an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    tokens = [f"{name}_tokens" for name in TOKEN_CLASSES]
    costs = [f"{name}_cost_usd" for name in COST_CLASSES]
    counts = ["calls", "errors", "unpriced_calls", "cache_hits"]
    writer.writerow([by, *counts, *tokens, "cost_usd", *costs])
    for row in frame.iter_rows(named=True):
        known = totals_of(row).cost is not None
        money = [exact(row[name]) if known else "" for name in ("cost_usd", *costs)]
        writer.writerow([harmless(row["label"]), *(row[name] for name in [*counts, *tokens]), *money])
    return out.getvalue()


def table(by: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A `groups` report with the columns of `spend_csv`; unknown money is null."""
    known = ~((pl.col("unpriced_calls") > 0) & (pl.col("cost_usd") == 0))
    money = [
        pl.when(known).then(pl.col(name)).alias(name) for name in ("cost_usd", *(f"{c}_cost_usd" for c in COST_CLASSES))
    ]
    counts = ["calls", "errors", "unpriced_calls", "cache_hits", *(f"{name}_tokens" for name in TOKEN_CLASSES)]
    return frame.select(pl.col("label").alias(by), *counts, *money)


def whole_days(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The stretch widened to whole UTC days, which is what a charge period of FOCUS is here."""
    first = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return first, last if last >= end else last + timedelta(days=1)


def harmless(text: str) -> str:
    """The text, marked as text where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def trace_json(trace_id: str, spans: pl.DataFrame, contents: dict[str, Any], scores: pl.DataFrame) -> bytes:
    """A trace as one JSON object; money is text, so that nothing is rounded on the way."""
    rows = [row | {"content": contents.get(row["span_id"])} for row in spans.iter_rows(named=True)]
    body = {"trace_id": trace_id, "spans": rows, "scores": scores.to_dicts()}
    return orjson.dumps(body, default=str, option=orjson.OPT_INDENT_2)


def download(body: bytes, kind: str, name: str) -> Response:
    """A file for the browser to save."""
    plain = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)
    return Response(body, media_type=kind, headers={"content-disposition": f'attachment; filename="{plain}"'})


def unavailable() -> Response:
    """The store failed; the log has the reason under the id that the answer carries."""
    request = uuid.uuid4().hex[:12]
    logger.exception("export %s failed", request)
    return JSONResponse({"error": "the store is not available", "request": request}, 503)
