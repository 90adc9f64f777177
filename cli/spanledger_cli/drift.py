"""`spanledger drift`: whether what is asked has changed, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from spanledger_cli import running
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, write_rows
from spanledger_cli.reprice import moment

app = typer.Typer(no_args_is_help=True, help="Changes of what is asked, and every look at them.")

_PATH = "/api/v1/drift"
_FOUND: list[Column] = [
    ("id", "String"), ("state", "String"), ("since", "String"), ("slice", "String"), ("effect", "Float64"),
    ("p_value", "Nullable(Float64)"), ("what", "String"),
]  # fmt: skip
_LOOKS: list[Column] = [
    ("day", "String"), ("slice", "String"), ("sessions", "UInt64"), ("baseline_sessions", "UInt64"),
    ("p_value", "Nullable(Float64)"), ("effect", "Nullable(Float64)"), ("leading", "String"), ("evidence", "Float64"),
    ("threshold", "Float64"), ("alarmed", "Bool"), ("note", "String"),
]  # fmt: skip
_DAYS = 30

FromOption = Annotated[str | None, typer.Option("--from", metavar="TIME", help="UTC without a zone.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Not included; else now.")]


@app.command(name="list")
def list_(
    start: FromOption = None,
    end: ToOption = None,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """List changes of what is asked, newest first: since when, in which slice, how far.

    JSON has all of it: each statistic, sessions on both sides, the questions that are least like before.

    Example: spanledger drift list --format json
    """

    def here(engine: Any, control: Any, first: datetime | None, last: datetime | None) -> Any:
        from spanledger_store.reports.findings import report

        return report(engine, control, project, start=first, end=last, kinds=("drift",))

    found = _answer("", start, end, project, data, here)
    rows = [
        [x["id"], x["state"], x["start"][:10], _slice(x["slice"]), round(x["score"], 4), x["p_value"],
         x["evidence"]["sentence"]]
        for x in found
    ]  # fmt: skip
    if form is Format.JSON:
        _print(found)
    else:
        write_rows(_FOUND, rows, form)


@app.command()
def looks(
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"UTC without a zone; else {_DAYS} days before --to.")
    ] = None,
    end: ToOption = None,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """List every day that was compared with its baseline: an alarm is raised where evidence reaches its threshold.

    Example: spanledger drift looks --from 2026-11-01
    """

    def here(engine: Any, _control: Any, first: datetime | None, last: datetime | None) -> Any:
        from spanledger_store import drift

        until = last or datetime.now(UTC)
        listed = drift.listing(engine, project, first or until - timedelta(days=_DAYS), until)
        return [each.as_json() for each in listed]

    found = _answer("/looks", start, end, project, data, here)
    if form is Format.JSON:
        _print(found)
        return
    rows = [[x["start"][:10], _slice(x["slice"]), *(x[name] for name, _ in _LOOKS[2:])] for x in found]
    write_rows(_LOOKS, [[_short(value) for value in row] for row in rows], form)


def _answer(path: str, start: str | None, end: str | None, project: str, data: Any, here: Any) -> Any:
    first = None if start is None else moment(start, "--from")
    last = None if end is None else moment(end, "--to")
    settings = store_settings(data)
    up = running.find(settings.data)
    with busy("looking"):
        if up is not None:
            asked = {"project": project, "from": first and first.isoformat(), "to": last and last.isoformat()}
            return up.get(f"{_PATH}{path}?{urlencode({name: value for name, value in asked.items() if value})}")
        from spanledger_cli.reader import opened

        with opened(settings) as (engine, control):
            return here(engine, control, first, last)


def _slice(where: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in where.items()) or "everything"


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _print(found: Any) -> None:
    import json
    import sys

    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
