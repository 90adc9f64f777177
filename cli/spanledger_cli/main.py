"""The `spanledger` command."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from spanledger_cli import (
    anomalies,
    bills,
    budgets,
    centers,
    channels,
    clusters,
    currencies,
    drift,
    embeddings,
    exporting,
    importing,
    jobs,
    keys,
    prices,
    retention,
    statements,
)
from spanledger_cli.accounting import accounting
from spanledger_cli.advice import advice
from spanledger_cli.backup import backup, restore
from spanledger_cli.delete import delete
from spanledger_cli.demo.command import demo
from spanledger_cli.doctor import doctor
from spanledger_cli.errors import CliError
from spanledger_cli.forecast import forecast
from spanledger_cli.margin import margin
from spanledger_cli.migrate import migrate
from spanledger_cli.query import query
from spanledger_cli.reconcile import reconcile
from spanledger_cli.reprice import reprice
from spanledger_cli.spend import spend
from spanledger_cli.up import up
from spanledger_cli.why import why
from spanledger_cli.worker import worker
from spanledger_store import extras
from spanledger_store.errors import StoreError, StoreLocked


class _Group(TyperGroup):
    """Turns what the parts raise into one line and an exit code."""

    def invoke(self, ctx: Any) -> object:
        """The command's result; exits with the error's code where it fails in a way we know."""
        try:
            return super().invoke(ctx)
        except CliError as error:
            code, message = error.code, str(error)
        except StoreLocked as error:
            code, message = 3, str(error)
        except StoreError as error:
            code, message = 1, str(error)
        except ModuleNotFoundError as error:
            told = extras.missing(error)
            if told is None:
                raise
            code, message = 1, told
        sys.stderr.write(f"error: {message}\n")
        raise typer.Exit(code)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"spanledger {version('spanledger')}\n")
        raise typer.Exit


@app.callback()
def spanledger(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """LLM observability and cost analytics: from one decorator to an exact ledger.

    Exit codes: 0 done, 1 failed, 2 wrong or unsafe request, 3 the data directory or the port is in use, 4 a budget that
    blocks is used up (budgets state), or something of a bill is unexplained (reconcile).
    """


app.command()(up)
app.command()(worker)
app.command()(demo)
app.command()(migrate)
app.command()(query)
app.command()(spend)
app.command()(why)
app.command()(forecast)
app.command()(advice)
app.command()(reprice)
app.command()(reconcile)
app.command()(margin)
app.add_typer(bills.app, name="bills")
app.add_typer(budgets.app, name="budgets")
app.add_typer(prices.app, name="prices")
app.add_typer(anomalies.app, name="anomalies")
app.add_typer(clusters.app, name="clusters")
app.add_typer(drift.app, name="drift")
app.add_typer(embeddings.app, name="embeddings")
app.add_typer(channels.app, name="channels")
app.command()(statements.statement)
app.add_typer(statements.app, name="statements")
app.add_typer(currencies.app, name="currencies")
app.add_typer(centers.app, name="centers")
app.add_typer(keys.app, name="keys")
app.add_typer(jobs.app, name="jobs")
app.command()(doctor)
app.command()(accounting)
app.command()(delete)
app.add_typer(retention.app, name="retention")
app.command()(backup)
app.command()(restore)
app.add_typer(exporting.app, name="export")
app.add_typer(importing.app, name="import")
