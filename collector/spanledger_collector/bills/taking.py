"""Storing bills from files: read, counted, and put in place of what earlier exports of the same said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spanledger_collector.backfill.errors import FileRefused
from spanledger_collector.bills.reading import Tally, read
from spanledger_collector.bills.sources import SOURCES
from spanledger_store.billing import bills
from spanledger_store.billing.billnames import provider_of
from spanledger_store.billing.bills import BillLine
from spanledger_store.control import Control, projects
from spanledger_store.control.budgets import plain
from spanledger_store.engine import Engine

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files to import, and how; `kind` is one of SOURCES, '' to look at them."""

    files: Sequence[Path]
    project: str = "default"
    kind: str = ""
    provider: str = ""
    account: str = ""
    replace: bool = False
    dry_run: bool = False


def take(engine: Engine, control: Control, wanted: Wanted, *, interface: str, progress: Progress) -> dict[str, Any]:
    """Import bills; what became of each file's rows, and of all lines together.

    A file that cannot be read is named in `errors`, and what was read of the others is stored. Again, it changes
    nothing. Raises ProjectInvalid or StoreError.
    """
    if not wanted.dry_run:
        projects.ensure(control, wanted.project)
    tallies: list[tuple[Path, Tally]] = []
    errors: list[str] = []
    lines: list[BillLine] = []
    seen: dict[int, Any] = {}
    source = SOURCES.get(wanted.kind)
    provider = provider_of(wanted.provider) if wanted.provider else ""
    for path in wanted.files:
        tally = Tally()
        tallies.append((path, tally))
        try:
            for line in read(path, tally, seen, source, provider, wanted.account):
                lines.append(line)
                if not tally.rows % 1000:
                    progress(f"reading {path.name}", tally.rows, 0)
        except FileRefused as error:
            errors.append(str(error))
    progress("storing", 0, len(lines))
    stored = bills.put(
        engine, wanted.project, lines, interface=interface, replace=wanted.replace, dry_run=wanted.dry_run
    )
    return {
        "files": [_told(path, tally) for path, tally in tallies],
        "stored": stored.as_json(),
        "errors": errors,
    }


def _told(path: Path, tally: Tally) -> dict[str, Any]:
    return {
        "file": str(path),
        "source": tally.source,
        "rows": tally.rows,
        "taken": tally.taken,
        "lines": tally.lines,
        "repeated": tally.repeated,
        "left_out": dict(tally.left_out),
        "refused": [list(each) for each in tally.refused],
        "amounts": {name: plain(each) for name, each in tally.amounts.items()},
        "from": _date(tally.first_ns) if tally.lines else None,
        "to": _date(tally.last_ns) if tally.lines else None,
    }


def _date(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).isoformat()
