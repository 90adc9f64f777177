"""Every kind of bill there is, and which one a row comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote

from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import FileRefused
from spanledger_collector.backfill.sources import SOURCES as USAGE
from spanledger_collector.bills.anthropic import ANTHROPIC
from spanledger_collector.bills.aws import COST_EXPLORER, CUR
from spanledger_collector.bills.azure import AZURE
from spanledger_collector.bills.focus import FOCUS
from spanledger_collector.bills.gcp import GCP
from spanledger_collector.bills.openai import OPENAI
from spanledger_collector.bills.source import BillSource

SOURCES: Mapping[str, BillSource] = {
    source.name: source for source in (FOCUS, CUR, COST_EXPLORER, AZURE, GCP, ANTHROPIC, OPENAI)
}


def detect(row: Cells, path: Path) -> BillSource:
    """The kind of bill whose rows look like this one. Raises FileRefused, saying what the file holds instead."""
    for source in SOURCES.values():
        if source.fits(row):
            return source
    usage = next((source.name for source in USAGE.values() if source.fits(row)), "")
    if usage:
        raise FileRefused(
            f"{path} holds usage of {usage}, not costs. Import it with: spanledger import usage {quote(str(path))}"
        )
    raise FileRefused(
        f"{path} looks like no bill that is known ({', '.join(SOURCES)}): its first row has "
        f"{', '.join(list(row)[:8]) or 'nothing'}. Name its kind with --format if it is one."
    )
