"""Questions to the store: through the running `up` where there is one, straight to the engine otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spanledger_cli import running
from spanledger_cli.errors import CliError
from spanledger_cli.output import Column, busy

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine
    from spanledger_store.settings import StoreSettings


def answer(
    settings: StoreSettings, sql: str, params: Mapping[str, str] | None = None
) -> tuple[list[Column], list[Any]]:
    """Columns and rows of one reading statement, ready for JSON; the ledger in them is up to date.

    Raises CliError or StoreError.
    """
    up = running.find(settings.data)
    if up is not None:
        document = up.post("/api/v1/query", {"sql": sql, "params": dict(params or {})})
        return [(column["name"], column["type"]) for column in document["columns"]], document["rows"]
    # The engine is a large library: loaded only where it is opened.
    from spanledger_analytics.jobs import ledger
    from spanledger_store import sqlgate

    with opened(settings) as (engine, control):
        ledger.run(engine, control)
        found = sqlgate.run_readonly(engine, sql, params)
    return list(found.columns), found.as_json()


def of_store(
    settings: StoreSettings,
    there: Callable[[running.Running], Any],
    here: Callable[[Engine, Control], Any],
    doing: str = "reading",
) -> Any:
    """The answer of the running `up`, or else of this installation's databases; says on a terminal what it is doing."""
    up = running.find(settings.data)
    with busy(doing):
        if up is not None:
            return there(up)
        with opened(settings) as (engine, control):
            return here(engine, control)


def of_control(settings: StoreSettings, there: Callable[[running.Running], Any], here: Callable[[Control], Any]) -> Any:
    """The answer of the running `up`, or else of the control database alone."""
    up = running.find(settings.data)
    if up is not None:
        return there(up)
    from spanledger_store.control import Control

    with Control.open(settings) as control:
        return here(control)


@contextmanager
def opened(settings: StoreSettings) -> Generator[tuple[Engine, Control]]:
    """This installation's databases, at this release's schema; raises CliError where there is none yet."""
    if settings.embedded and not (settings.data / "engine").exists():
        raise CliError(
            f"there is no data in {settings.data} yet. Start `spanledger up` or `spanledger demo` there, "
            "or name another directory with --data."
        )
    from spanledger_store import health, migrate
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine

    with Engine(settings) as engine, Control.open(settings) as control:
        if migrate.pending(engine):
            raise CliError("the schema is older than this release. Run: spanledger migrate")
        waiting = health.spool_check(settings.data / "spool.db", running=False)
        if waiting.state != "ok":
            sys.stderr.write(f"note: not stored yet: {waiting.detail}. {waiting.remedy}\n")
        yield engine, control
