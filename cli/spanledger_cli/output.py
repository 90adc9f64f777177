"""Rows on the terminal, as a table, JSON or CSV; what arrives as a string of digits leaves as the same string."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TextIO

from spanledger_cli.options import Format

if TYPE_CHECKING:
    from rich.console import Console

Column = tuple[str, str]
"""Name and ClickHouse type."""

_NUMERIC = ("Int", "UInt", "Float", "BFloat", "Decimal", "Nullable(Int", "Nullable(UInt", "Nullable(Float",
            "Nullable(Decimal")  # fmt: skip
# Wider than any row: a table that goes to a file or a pipe is not folded to a terminal it does not have.
_UNBOUNDED = 10_000


def console(stream: TextIO | None = None) -> Console:
    """A console on `stream` (standard output), as wide as its terminal, or unbounded without one."""
    from rich.console import Console

    target = stream or sys.stdout
    return Console(file=target, width=None if target.isatty() else _UNBOUNDED, highlight=False, soft_wrap=False)


@contextmanager
def busy(what: str) -> Generator[None]:
    """Shows on a terminal that work is going on; silent in a pipe, and never on standard output."""
    with console(sys.stderr).status(what) if sys.stderr.isatty() else nullcontext():
        yield


def write_rows(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    form: Format,
    *,
    total: Sequence[str] | None = None,
) -> None:
    """Print rows; `total`, one text per column, closes a table and is left out of JSON and CSV."""
    if form is Format.JSON:
        _write_json(columns, rows)
    elif form is Format.CSV:
        _write_csv(columns, rows)
    else:
        _write_table(columns, rows, total)


def write_document(found: Any) -> None:
    """Print what is no list of rows as JSON."""
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")


def _write_json(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    names = [name for name, _ in columns]
    lines = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows)
    sys.stdout.write("[\n" + ",\n".join(lines) + "\n]\n" if rows else "[]\n")


def _write_csv(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([name for name, _ in columns])
    writer.writerows([_text(value) for value in row] for row in rows)


def _write_table(columns: Sequence[Column], rows: Sequence[Sequence[Any]], total: Sequence[str] | None) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_footer=total is not None, header_style="bold", pad_edge=False)
    for i, (name, kind) in enumerate(columns):
        table.add_column(
            escape(name),
            footer=escape(total[i]) if total else "",
            justify="right" if kind.startswith(_NUMERIC) else "left",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(escape(_text(value)) for value in row))
    console().print(table)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
