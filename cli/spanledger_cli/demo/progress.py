"""How far a demo is: two bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from spanledger_cli.demo.run import Watch
from spanledger_cli.output import console

_LINE_EVERY: Final = 10.0


@contextmanager
def bars(stream: TextIO, expected: int) -> Generator[Watch]:
    """Something to call with the counts of spans sent, stored and expected."""
    if not stream.isatty():
        yield _lines(stream)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} spans"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stream)) as progress:
        sending = progress.add_task("sent", total=expected)
        storing = progress.add_task("stored", total=expected)

        def watch(sent: int, stored: int, total: int) -> None:
            progress.update(sending, completed=sent, total=total)
            progress.update(storing, completed=min(stored, total), total=total)

        yield watch


def _lines(stream: TextIO) -> Watch:
    due = time.monotonic() + _LINE_EVERY

    def watch(sent: int, stored: int, total: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + _LINE_EVERY
            stream.write(f"{sent:,} spans sent, {min(stored, total):,} stored, of about {total:,}\n")
            stream.flush()

    return watch
