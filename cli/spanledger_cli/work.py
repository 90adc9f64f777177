"""Work that may take long: here or in the running `up`, with a bar once it has taken two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spanledger_cli import running
from spanledger_cli.errors import CliError
from spanledger_cli.output import console

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine
    from spanledger_store.settings import StoreSettings

Progress = Callable[[str, int, int], None]
PATIENCE = 2.0
_PAUSE = 0.1


def done(
    settings: StoreSettings,
    path: str,
    body: dict[str, Any],
    work: Callable[[Engine, Control, Progress], Any],
) -> Any:
    """The result of a task of the running `up`, begun by posting `body` to `path`, or of `work` where none runs.

    Raises CliError or StoreError.
    """
    up = running.find(settings.data)
    with bar() as progress:
        if up is not None:
            return _followed(up, up.post(path, body)["task"], progress)
        from spanledger_cli.reader import opened

        with opened(settings) as (engine, control):
            return work(engine, control, progress)


@contextmanager
def bar() -> Generator[Progress]:
    """A function to tell progress to; on a terminal it is shown, once two seconds have passed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(sys.stderr),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = shown.add_task("", total=None)
    begun, started = time.monotonic(), False

    def tell(doing: str, so_far: int, total: int) -> None:
        nonlocal started
        shown.update(task, description=doing, completed=so_far, total=total or None)
        if not started and time.monotonic() - begun > PATIENCE:
            shown.start()
            started = True

    try:
        yield tell
    finally:
        if started:
            shown.stop()


def _followed(up: running.Running, task: str, progress: Progress) -> Any:
    while True:
        found = up.get(f"/api/v1/tasks/{task}")
        if found["error"]:
            raise CliError(found["error"])
        if found["finished"]:
            return found["result"]
        progress(found["doing"], found["done"], found["total"])
        time.sleep(_PAUSE)
