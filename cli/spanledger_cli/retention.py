"""`spanledger retention`: how long each project keeps what, and removing what is no longer kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spanledger_cli import running, work
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import write_rows

if TYPE_CHECKING:
    from spanledger_store.settings import StoreSettings

app = typer.Typer(no_args_is_help=True, help="How long each project keeps what.")

FOREVER = "forever"
_LENGTH = re.compile(r"([1-9][0-9]{0,6})([dwy])")
_DAYS = {"d": 1, "w": 7, "y": 365}
_RUN = [("project", "String"), ("class", "String"), ("days", "UInt32"), ("before", "String"), ("rows", "UInt64")]


def _option(what: str) -> Any:
    return typer.Option(metavar="LENGTH", help=f"{what}: 30d, 8w, 2y (of 365 days) or {FOREVER}.")


@app.command()
def show(form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """Show how long each project keeps each class of data.

    Example: spanledger retention show
    """
    settings = store_settings(data)
    up = running.find(settings.data)
    _show(up.get("/api/v1/retention") if up is not None else _chosen(settings), form)


@app.command(name="set")
def choose(
    project: ProjectOption = "default",
    spans: Annotated[str | None, _option("Spans; their money stays in the ledger")] = None,
    content: Annotated[str | None, _option("What was asked and answered, previews included")] = None,
    embeddings: Annotated[str | None, _option("Vectors")] = None,
    scores: Annotated[str | None, _option("Scores")] = None,
    logs: Annotated[str | None, _option("Log records")] = None,
    metrics: Annotated[str | None, _option("Metric points")] = None,
    ledger: Annotated[str | None, _option("The ledger, no shorter than spans")] = None,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Set how long a project keeps the classes named; the others stay as they are.

    Content and embeddings are never kept longer than their spans. Nothing is removed before the daily run, or before
    `spanledger retention run`.

    Example: spanledger retention set --content 30d --spans 395d
    """
    given = {"spans": spans, "content": content, "embeddings": embeddings, "scores": scores, "logs": logs,
             "metrics": metrics, "ledger": ledger}  # fmt: skip
    wanted = {kind: _days(kind, text) for kind, text in given.items() if text is not None}
    if not wanted:
        raise Usage("nothing to set; name a class, such as --content 30d.")
    settings = store_settings(data)
    up = running.find(settings.data)
    if up is not None:
        _show(up.post("/api/v1/retention", {"project": project, "days": wanted}), form)
        return
    from spanledger_store.control import Control
    from spanledger_store.lifecycle import retention

    with Control.open(settings) as control:
        retention.choose(control, project, wanted)
    _show(_chosen(settings), form)


@app.command()
def run(
    project: Annotated[str | None, typer.Option("--project", help="Only this project; else all.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, and remove nothing.")] = False,
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Remove now what is no longer kept; `spanledger up` does so once a day (UTC).

    A class kept 30 days loses what began before midnight UTC 30 days ago. Money of expired spans stays in the ledger.
    Kept in the table audit.

    Example: spanledger retention run --dry-run
    """

    def here(engine: Any, control: Any, progress: work.Progress) -> Any:
        from datetime import UTC, datetime

        from spanledger_analytics.jobs import ledger
        from spanledger_store.lifecycle import retention

        found = retention.run(
            engine,
            control,
            now=datetime.now(UTC),
            interface="command line",
            project=project,
            dry_run=dry_run,
            progress=lambda kind: progress(f"expiring {kind}", 0, 0),
        )
        # Nobody else serves the marks here.
        ledger.run(engine, control)
        return retention.as_json(found)

    body = {"project": project, "dry_run": dry_run}
    found = work.done(store_settings(data), "/api/v1/retention/run", body, here)
    write_rows(_RUN, [[each[name] for name, _ in _RUN] for each in found], form)


def _days(kind: str, text: str) -> int | None:
    if text == FOREVER:
        return None
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise Usage(f"--{kind} {text!r} is no length of time; use 30d, 8w, 2y or {FOREVER}.")
    return int(match[1]) * _DAYS[match[2]]


def _chosen(settings: StoreSettings) -> dict[str, dict[str, int | None]]:
    from spanledger_store.control import Control
    from spanledger_store.lifecycle import retention

    with Control.open(settings) as control:
        return retention.chosen(control)


def _show(chosen: dict[str, dict[str, int | None]], form: Format) -> None:
    columns = [("project", "String"), ("class", "String"), ("kept", "String")]
    rows = [
        [project, kind, FOREVER if days is None else f"{days}d"]
        for project, classes in chosen.items()
        for kind, days in classes.items()
    ]
    write_rows(columns, rows, form)
