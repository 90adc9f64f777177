"""Spans into the line, as any client sends them: to the running `up`, or through a line of this process's own."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

from spanledger_cli import running
from spanledger_cli.errors import CliError
from spanledger_cli.options import checked

if TYPE_CHECKING:
    from spanledger_cli.running import Running
    from spanledger_collector.collector import Collector
    from spanledger_store.settings import StoreSettings

_LOOK_EVERY = 0.1
# Without any progress for this long, whoever waits is told instead.
_STALLED_SECONDS = 120.0


class Line(Protocol):
    """Takes OTLP requests in protobuf. What `send` returned for is on disk, but for the spans it counts as rejected."""

    def send(self, body: bytes) -> tuple[int, str]:
        """(spans rejected, why). Raises CliError where nothing was taken."""
        ...

    def settle(self) -> None:
        """Return once what was sent is in the store. Raises CliError where it does not get there."""
        ...


@contextmanager
def line(settings: StoreSettings, project: str) -> Generator[Line]:
    """The line of this installation, for spans of `project`, which is created where it is missing.

    Where no `up` runs, the books are recomputed at the end; a running one does that itself within a minute.
    Raises CliError or StoreError.
    """
    up = running.find(settings.data)
    if up is not None:
        yield _There(up, project)
        return
    # The engine is a large library: loaded only where it is opened.
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_collector import CollectorSettings
    from spanledger_collector.collector import Collector
    from spanledger_store.control import projects
    from spanledger_store.lock import DirectoryLock

    # With ClickHouse elsewhere the engine locks nothing, and yet a spool has one owner.
    lock = None if settings.embedded else DirectoryLock(settings.data)
    if lock is not None:
        lock.acquire()
    try:
        with opened(settings) as (engine, control):
            projects.ensure(control, project)
            collector = Collector(engine, control, checked(CollectorSettings, processes=0))
            collector.start()
            try:
                yield _Here(collector, project)
            finally:
                collector.stop()
            ledger.run(engine, control)
    finally:
        if lock is not None:
            lock.release()


@dataclass(frozen=True, slots=True)
class _Here:
    collector: Collector
    project: str

    def send(self, body: bytes) -> tuple[int, str]:
        from spanledger_collector import otlp
        from spanledger_collector.errors import Busy, CollectorError

        until = time.monotonic() + _STALLED_SECONDS
        while True:
            try:
                taken = asyncio.run(self.collector.receiver.take(otlp.TRACES, self.project, "", body, otlp.PROTOBUF))
            except Busy as error:
                if time.monotonic() > until:
                    raise CliError(f"it does not go on: {error}") from error
                time.sleep(_LOOK_EVERY)
            except CollectorError as error:
                raise CliError(str(error)) from error
            else:
                return taken.rejected, taken.message

    def settle(self) -> None:
        _wait(lambda: self.collector.spool.stats().spans, lambda: self.collector.pipeline.last_error or "")


@dataclass(frozen=True, slots=True)
class _There:
    up: Running
    project: str

    def send(self, body: bytes) -> tuple[int, str]:
        answer = self._post(body)
        return answer["rejected"], answer["message"]

    def settle(self) -> None:
        # A request without spans takes nothing, and tells what waits.
        _wait(lambda: self._post(b"")["waiting"], lambda: "see: spanledger doctor")

    def _post(self, body: bytes) -> Any:
        until = time.monotonic() + _STALLED_SECONDS
        while True:
            status, pause, answer = self._once(body)
            if status == 200:
                return answer
            if status not in (429, 503) or time.monotonic() > until:
                raise CliError(str(answer.get("detail", answer)))
            time.sleep(min(pause, 5.0))

    def _once(self, body: bytes) -> tuple[int, float, Any]:
        parts = urlsplit(self.up.url)
        connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=running.ANSWER_SECONDS
        )
        headers = {"authorization": f"Bearer {self.up.token}", "content-type": "application/x-protobuf"}
        try:
            connection.request("POST", f"/api/v1/import/usage?project={quote(self.project)}", body, headers)
            answer = connection.getresponse()
            content = answer.read()
            pause = answer.headers.get("retry-after", "")
            return answer.status, float(pause) if pause.isdigit() else 1.0, json.loads(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CliError(
                f"Spanledger at {self.up.url} does not answer any more: {error or type(error).__name__}. What it "
                "acknowledged is safe; start it and run the command again, which imports nothing twice."
            ) from error
        finally:
            connection.close()


def _wait(waiting: Callable[[], int], why: Callable[[], str]) -> None:
    """Until nothing waits. Others may be sending too: it is enough that all that waited at first has gone by."""
    least, since = waiting(), time.monotonic()
    while least:
        time.sleep(_LOOK_EVERY)
        now = waiting()
        if now < least:
            least, since = now, time.monotonic()
        elif time.monotonic() - since > _STALLED_SECONDS:
            raise CliError(f"{now} spans are safe in the spool and not stored yet: {why()}.")
