"""The collector's parts, put together and given a beginning and an end."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from spanledger_collector import salvage
from spanledger_collector.access import Access
from spanledger_collector.board import Board
from spanledger_collector.metrics import Metrics
from spanledger_collector.pipeline import Pipeline
from spanledger_collector.pricewatch import PriceWatch
from spanledger_collector.receiving import Receiver
from spanledger_collector.reporting import Reporter
from spanledger_collector.settings import CollectorSettings
from spanledger_collector.spool import Spool
from spanledger_store import health
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreError

SPOOL_FILE = "spool.db"


class Collector:
    """Spool, pipeline and their counters, over one engine and one control database."""

    def __init__(self, engine: Engine, control: Control, settings: CollectorSettings) -> None:
        self.engine = engine
        self.control = control
        self.settings = settings
        self.metrics = Metrics()
        self.access = Access(control, settings)
        salvage.mend(engine.settings.data / SPOOL_FILE, control)
        self.spool = Spool(engine.settings.data / SPOOL_FILE, settings.spool_max_bytes)
        self.prices = PriceWatch(control)
        self.pipeline = Pipeline(engine, control, self.spool, self.metrics, settings, self.prices)
        self.reporter = Reporter(self.spool, control, lambda: self.pipeline.last_error)
        self.board = Board(engine, control, self.spool)
        self.receiver = Receiver(self.access, control, self.spool, self.pipeline, self.metrics)

    def start(self) -> None:
        """Begin to drain, entries of an earlier process first."""
        self.prices.start()
        self.pipeline.start()
        self.reporter.start()
        self.board.start()

    def stop(self) -> None:
        """Drain within the allowed time and close; what is left is on disk for the next start."""
        self.board.stop()
        self.pipeline.stop(self.settings.drain_seconds)
        self.prices.stop()
        self.reporter.stop()
        self.spool.close()

    def unready(self) -> str | None:
        """Why new spans are not reaching the store right now, or None."""
        if self.pipeline.last_error is not None:
            return self.pipeline.last_error
        try:
            self.engine.rows("SELECT 1")
        except StoreError as error:
            return str(error)
        return None

    def diagnosis(self) -> dict[str, Any]:
        """The checks of `health`, with this process's own counters beside them."""
        self.reporter.report()
        checks = health.checks(self.engine, self.control, self.engine.settings.data / SPOOL_FILE)
        return {
            "checks": [asdict(check) for check in checks],
            "spool": asdict(self.spool.stats()),
            "last_error": self.pipeline.last_error,
        }
