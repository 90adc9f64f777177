"""`spanledger worker`: the jobs alone, beside collectors that share a ClickHouse server."""

from __future__ import annotations

import signal
import threading

from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, store_settings
from spanledger_cli.output import console


def worker(data: DataOption = None) -> None:
    """Run the jobs, and nothing else, until Ctrl+C or SIGTERM.

    For installations on a ClickHouse server (SPANLEDGER_CLICKHOUSE_URL, SPANLEDGER_CONTROL_URL): start any number, each
    job runs in one of them at a time. With the embedded engine `spanledger up` runs them itself.

    Exit codes: 0 stopped, 1 failed, 2 refused (the embedded engine belongs to one process).

    Example: spanledger worker
    """
    settings = store_settings(data)
    if settings.embedded:
        raise Usage(
            "the embedded engine belongs to one process, and `spanledger up` runs the jobs in it. "
            "A worker of its own needs SPANLEDGER_CLICKHOUSE_URL."
        )
    from spanledger_analytics.jobs.scheduler import Scheduler
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine
    from spanledger_store.migrate import migrate

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Control.open(settings) as control, Engine(settings) as engine:
        migrate(engine)
        scheduler = Scheduler(engine, control)
        scheduler.start()
        console().print("Jobs run; press Ctrl+C to stop.")
        ended.wait()
        scheduler.stop()
