"""Every source there is, and which one a row comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from spanledger_collector.backfill.anthropic import ANTHROPIC
from spanledger_collector.backfill.cells import Cells
from spanledger_collector.backfill.errors import FileRefused
from spanledger_collector.backfill.langfuse import LANGFUSE
from spanledger_collector.backfill.litellm import LITELLM
from spanledger_collector.backfill.openai import OPENAI
from spanledger_collector.backfill.source import Source

SOURCES: Mapping[str, Source] = {source.name: source for source in (OPENAI, ANTHROPIC, LITELLM, LANGFUSE)}


def detect(row: Cells, path: Path) -> Source:
    """The source whose rows look like this one. Raises FileRefused, saying what the file holds instead."""
    refuse_without_usage(row, path)
    for source in SOURCES.values():
        if source.fits(row):
            return source
    raise FileRefused(
        f"{path} looks like no export that is known ({', '.join(SOURCES)}): its first row has "
        f"{', '.join(list(row)[:8]) or 'nothing'}. Name its kind with --format if it is one."
    )


def refuse_without_usage(row: Cells, path: Path) -> None:
    """Raises FileRefused for a row that tells costs or traces, and no usage."""
    if any(source.fits(row) for source in SOURCES.values()):
        return
    for source in SOURCES.values():
        if source.has_no_usage(row):
            raise FileRefused(
                f"{path} holds {source.name}'s costs or summaries without the usage of single models or calls: "
                f"nothing a call could be made of. Export this instead: {source.instead}."
            )
