"""`spanledger import usage`: what providers, gateways and other tools say was used before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spanledger_cli import sending, work
from spanledger_cli.errors import CliError
from spanledger_cli.options import DataOption, Format, ProjectOption, store_settings
from spanledger_cli.output import write_rows

if TYPE_CHECKING:
    from spanledger_collector.backfill import Record, Tally

# A request fits into the smallest spool there can be, and is large enough that its fsync does not matter.
_SPANS_A_REQUEST = 1000
_BYTES_A_REQUEST = 1_000_000
_COLUMNS = [
    ("file", "String"),
    ("source", "String"),
    ("rows", "UInt64"),
    ("spans", "UInt64"),
    ("calls", "UInt64"),
    ("repeated", "UInt64"),
    ("left_out", "UInt64"),
    ("refused", "UInt64"),
    ("stated_usd", "Decimal"),
    ("from", "String"),
    ("to", "String"),
]


class Kind(StrEnum):
    """Which export a file is."""

    AUTO = "auto"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    LITELLM = "litellm"
    LANGFUSE = "langfuse"


def usage(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON, JSON lines or CSV; gzip as well.")],
    kind: Annotated[Kind, typer.Option("--format", help="What the files are; auto looks at them.")] = Kind.AUTO,
    project: ProjectOption = "default",
    customer_from: Annotated[
        str,
        typer.Option(
            "--customer-from",
            metavar="NAME",
            help="The value that names the customer: project_id, metadata.tenant, ...",
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count, and store nothing.")] = False,
    output: Annotated[Format, typer.Option("--output", help="How to print the summary.")] = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Store the usage that OpenAI, Anthropic, LiteLLM or Langfuse have exported; again, it changes nothing.

    Each row becomes a span and goes the way of every other; a bucket of many calls is one span that counts as many.
    Rows that cannot be read are named on standard error, and the others are imported.

    Exit codes: 0 all is stored, 1 something was refused or failed, 2 wrong request, 3 the data directory is in use.

    Example: spanledger import usage openai-usage.json --customer-from project_id --dry-run
    """
    from spanledger_collector.backfill import SOURCES, FileRefused, Tally, read, request

    settings = store_settings(data)
    source = SOURCES.get(kind.value)
    now = datetime.now(UTC).isoformat()
    tallies: list[tuple[Path, Tally]] = []
    complaints: list[str] = []
    with ExitStack() as stack:
        progress = stack.enter_context(work.bar())
        # Closed before the bar: what was sent is then in the books.
        line = None if dry_run else stack.enter_context(sending.line(settings, project))
        for path in files:
            tally = Tally()
            tallies.append((path, tally))
            try:
                for batch in _batches(read(path, tally, source, customer_from)):
                    if line is not None:
                        rejected, why = line.send(request(batch, now).SerializeToString())
                        if rejected:
                            complaints.append(f"{path}: {rejected} span(s) were not taken: {why}")
                    progress(f"reading {path.name}", tally.rows, 0)
            except FileRefused as error:
                complaints.append(str(error))
            if customer_from and tally.spans and tally.without_customer == tally.spans:
                complaints.append(f"{path}: no row has a value {customer_from!r}, so no customer is known")
        if line is not None:
            progress("storing", sum(tally.spans for _, tally in tallies), 0)
            line.settle()
    _tell(tallies, customer_from)
    write_rows(_COLUMNS, [_summary(path, tally) for path, tally in tallies], output)
    for complaint in complaints:
        sys.stderr.write(f"error: {complaint}\n")
    if complaints or any(tally.refused for _, tally in tallies):
        raise typer.Exit(CliError.code)


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Records by the request. Those before a damaged end of the file come, then the error.

    Neighbours of one trace stay together: one call told twice is found inside one request.
    """
    from spanledger_collector.backfill import FileRefused

    batch: list[Record] = []
    size = 0
    damage: FileRefused | None = None
    try:
        for record in records:
            full = len(batch) >= _SPANS_A_REQUEST or size >= _BYTES_A_REQUEST
            apart = batch and record.span.trace_id != batch[-1].span.trace_id
            if full and (apart or size >= 2 * _BYTES_A_REQUEST):
                yield batch
                batch, size = [], 0
            batch.append(record)
            size += record.span.ByteSize()
    except FileRefused as error:
        damage = error
    if batch:
        yield batch
    if damage is not None:
        raise damage


def _tell(tallies: list[tuple[Path, Tally]], customer_from: str) -> None:
    """What became of rows that are not spans, and what to know of those that are; on standard error."""
    for path, tally in tallies:
        for where, reason in tally.refused:
            sys.stderr.write(f"refused: {path}, {where}: {reason}\n")
        for reason, count in tally.left_out.most_common():
            sys.stderr.write(f"left out: {path}: {count} row(s): {reason}\n")
        for note, count in tally.notes.most_common():
            sys.stderr.write(f"note: {path}: {count} row(s): {note}\n")
        if 0 < tally.without_customer < tally.spans:
            sys.stderr.write(f"note: {path}: {tally.without_customer} row(s) have no {customer_from}\n")


def _summary(path: Path, tally: Tally) -> list[Any]:
    stated = None if tally.stated_usd is None else f"{tally.stated_usd:f}"
    return [
        str(path),
        tally.source,
        tally.rows,
        tally.spans,
        tally.calls,
        tally.repeated,
        tally.left_out.total(),
        len(tally.refused),
        stated,
        *(_time(at) if tally.spans else None for at in (tally.first_ns, tally.last_ns)),
    ]


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).isoformat()
