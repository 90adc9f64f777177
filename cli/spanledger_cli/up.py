"""`spanledger up`: collector, pages and jobs in one process."""

from __future__ import annotations

import logging
import os
import threading
from typing import Annotated

import typer

from spanledger_cli.options import DataOption, store_settings
from spanledger_cli.output import console

logger = logging.getLogger(__name__)

NEXT = """
Send it your calls:

    import spanledger

    spanledger.init({arguments})

    @spanledger.observe
    def answer(question: str): ...

Press Ctrl+C to stop; what has been received is stored first."""


def up(
    host: Annotated[
        str,
        typer.Option("--host", envvar="SPANLEDGER_HOST", help="Address to listen on; off loopback, keys must exist."),
    ] = ("127.0.0.1"),
    port: Annotated[
        int, typer.Option("--port", envvar="SPANLEDGER_PORT", min=0, max=65535, help="Port of everything; 0 takes any.")
    ] = (8787),
    grpc_port: Annotated[
        int | None,
        typer.Option(
            "--grpc-port",
            envvar="SPANLEDGER_GRPC_PORT",
            min=0,
            max=65535,
            help="Port of OTLP over gRPC; 0 is off. Else 4317 where it is free and the extra is installed.",
        ),
    ] = None,
    jobs: Annotated[
        bool,
        typer.Option(
            "--jobs/--no-jobs", envvar="SPANLEDGER_JOBS", help="Run the jobs here too; else `spanledger worker` does."
        ),
    ] = True,
    data: DataOption = None,
) -> None:
    """Run Spanledger: collector, ledger and pages.

    One process receives spans, keeps the ledger and serves the pages, until Ctrl+C or SIGTERM.

    Exit codes: 0 stopped, 1 failed, 2 refused (an address others can reach, and no keys), 3 directory or port in use.

    Example: spanledger up --port 9000 --data ./spanledger-data
    """
    from spanledger_cli.serve import serve

    settings = store_settings(data)

    def ready(url: str, grpc: str) -> None:
        out = console()
        out.print(
            f"Spanledger is up at {url}  ({f'OTLP over gRPC at {grpc}, ' if grpc else ''}data in {settings.data})",
            markup=False,
        )
        out.print(NEXT.format(arguments="" if url.endswith(":8787") else f'endpoint="{url}"'), markup=False)

    serve(settings, host, port, ready, grpc_port, jobs=jobs)
    _leave()


def _leave() -> None:
    """End the process where threads would keep it: they wait for a store that does not answer.

    What has been acknowledged is in the spool by now, and synced.
    """
    waiting = [each for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    if waiting:
        logger.warning("ended without an answer from the store; what is in the spool is stored at the next start")
        logging.shutdown()
        os._exit(0)
