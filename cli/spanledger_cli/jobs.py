"""`spanledger jobs`: what runs in the background, how it went, and running it now."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spanledger_cli import running, work
from spanledger_cli.errors import CliError, Usage
from spanledger_cli.options import DataOption, Format, FormatOption, store_settings
from spanledger_cli.output import console, write_rows
from spanledger_cli.reader import of_control

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.settings import StoreSettings

app = typer.Typer(no_args_is_help=True, help="What runs in the background.")

COLUMNS = [("job", "String"), ("state", "String"), ("every_seconds", "Float64"), ("last_success", "Nullable(String)"),
           ("seconds", "Nullable(Float64)"), ("changed", "Nullable(UInt64)"), ("due", "String"), ("runs", "UInt64"),
           ("failures", "UInt64"), ("error", "String"), ("worker", "String")]  # fmt: skip
_PAUSE = 0.2


@app.command(name="list")
def show(form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """Show every job: whether it runs, its last success, how long that took and what it changed, its last error.

    Exit codes: 1 where the last run of a job failed.

    Example: spanledger jobs list
    """
    found = _states(store_settings(data))
    rows = [
        [each["name"], _word(each), each["every_seconds"], _moment(each["succeeded_at"]), _rounded(each["seconds"]),
         each["changed"], _moment(each["due_at"]), each["runs"], each["failures"], each["error"], each["owner"]]
        for each in found
    ]  # fmt: skip
    write_rows(COLUMNS, rows, form)
    if any(each["failures"] for each in found):
        raise typer.Exit(1)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The job, as `spanledger jobs list` names it.")],
    data: DataOption = None,
) -> None:
    """Run one job now: in the running `up` or worker, or here where none runs.

    Exit codes: 1 where it failed.

    Example: spanledger jobs run ledger
    """
    settings = store_settings(data)
    up = running.find(settings.data)
    with work.bar() as progress:
        changed = _asked(up, name, progress) if up is not None else _here(settings, name, progress)
    console().print(f"{name}: {changed} changed", markup=False)


def _states(settings: StoreSettings) -> list[dict[str, Any]]:
    def here(control: Control) -> Any:
        from spanledger_store.control import jobs

        return [asdict(each) for each in jobs.states(control)]

    return of_control(settings, lambda up: up.get("/api/v1/jobs"), here)


def _asked(up: running.Running, name: str, progress: work.Progress) -> int:
    before = next((each["runs"] for each in up.get("/api/v1/jobs") if each["name"] == name), 0)
    up.post(f"/api/v1/jobs/{name}/run", {})
    while True:
        each = next(each for each in up.get("/api/v1/jobs") if each["name"] == name)
        if each["runs"] > before and not each["is_asked_for"] and not each["is_running"]:
            if each["error"]:
                raise CliError(f"{name}: {each['error']}")
            return each["changed"]
        progress(each["doing"] or ("running" if each["is_running"] else "waiting"), each["done"], each["total"])
        time.sleep(_PAUSE)


def _here(settings: StoreSettings, name: str, progress: work.Progress) -> int:
    from spanledger_analytics.jobs.registry import JOBS
    from spanledger_cli.reader import opened

    found = next((job for job in JOBS if job.name == name), None)
    if found is None:
        raise Usage(f"there is no job {name!r}. There are: {', '.join(sorted(job.name for job in JOBS))}.")
    with opened(settings) as (engine, control):
        return found.run(engine, control, progress)


def _word(state: dict[str, Any]) -> str:
    if state["is_running"]:
        far = f" {state['done']}/{state['total']}" if state["total"] else ""
        return f"running {state['doing']}{far}".strip()
    if state["failures"]:
        return "failed"
    return "idle" if state["owner"] else "no worker"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _moment(value: datetime | str | None) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value
