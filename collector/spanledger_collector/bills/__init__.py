"""Providers' bills, read from what they export: line by line, and nothing lost in silence."""

from spanledger_collector.backfill.errors import FileRefused
from spanledger_collector.bills.reading import Tally, read
from spanledger_collector.bills.sources import SOURCES
from spanledger_collector.bills.taking import Wanted, take

__all__ = ["SOURCES", "FileRefused", "Tally", "Wanted", "read", "take"]
