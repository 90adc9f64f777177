"""Downloads: exact, and of what the page shows. They pass the same service layer as the pages."""

from __future__ import annotations

import csv
import io
import logging
import uuid
from dataclasses import asdict
from typing import Any

import orjson
import polars as pl
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from spanledger_dashboard.data import Data
from spanledger_dashboard.errors import BadView
from spanledger_dashboard.fmt import exact
from spanledger_dashboard.view import View
from spanledger_store.errors import StoreError
from spanledger_store.reports.calls import COST_CLASSES, EVERY_GROUP, TOKEN_CLASSES, totals_of
from spanledger_store.reports.scope import LEDGER_DIMENSIONS, Dimension

logger = logging.getLogger(__name__)
EXPORTABLE = tuple(sorted(d.value for d in LEDGER_DIMENSIONS))
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
