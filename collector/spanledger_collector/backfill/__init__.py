"""What providers and gateways say was used, read as spans: for the time before anything was instrumented."""

from spanledger_collector.backfill.errors import FileRefused
from spanledger_collector.backfill.reading import Tally, read
from spanledger_collector.backfill.sources import SOURCES
from spanledger_collector.backfill.spans import Record, request

__all__ = ["SOURCES", "FileRefused", "Record", "Tally", "read", "request"]
