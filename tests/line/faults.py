"""What goes wrong on real machines, done to a real `spanledger up` under load; each ends with a count.

outcome = FAULTS["kill -9"](directory, seconds=2)
outcome.check()
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.line.load import TOKENS, Load
from tests.line.process import Server, Up, free_port
from tests.line.proxy import Proxy

# gpt-4o: 2.50 and 10 dollars a million tokens, half as many out as in.
PICODOLLARS_A_CALL: Final = TOKENS * 2_500_000 + TOKENS // 2 * 10_000_000
MIB: Final = 1 << 20
PAGE: Final = 16384


class Impossible(Exception):
    """This machine does not let the fault be made; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Spans of one run, counted in four places, and the words that whoever runs it got to see.

    `equal` is whether tokens and cost of spans and ledger are those of `stored` calls, to the last digit.
    """

    happened: str
    sent: int
    acknowledged: int
    stored: int
    quarantined: int
    equal: bool
    message: str

    @property
    def lost(self) -> int:
        """Spans that were acknowledged and are nowhere."""
        return self.acknowledged - self.stored - self.quarantined

    def check(self) -> None:
        """Raises AssertionError where anything is missing, double or unequal."""
        assert self.sent == self.acknowledged > 0, self
        assert self.lost == 0, self
        assert self.equal, self


def conclude(up: Up, load: Load, happened: str, message: str) -> Outcome:
    """Stop sending, wait for everything to be stored and booked, and count."""
    load.stop()
    sums = "toInt64(count()), toInt64(sum(input_tokens)), toInt64(sum(cost_usd) * 1000000000000)"
    books = "toInt64(sum(calls)), toInt64(sum(input_tokens)), toInt64(sum(cost_usd) * 1000000000000)"
    wanted, spans = [[0, 0, 0]], [[-1, 0, 0]]
    for _ in range(90):
        aside = quarantined(up.data)
        expected = load.acknowledged - aside
        wanted = [[expected, expected * TOKENS, expected * PICODOLLARS_A_CALL]]
        spans = up.settled(f"SELECT {sums} FROM spans", wanted, seconds=1)
        if spans == wanted:
            break
    equal = spans == wanted == up.settled(f"SELECT {books} FROM ledger", wanted)
    return Outcome(happened, load.sent, load.acknowledged, spans[0][0], quarantined(up.data), equal, message)


def quarantined(data: Path) -> int:
    """Spans in the quarantine of an installation."""
    with closing(sqlite3.connect(f"file:{data / 'control.db'}?mode=ro", uri=True, timeout=30)) as control:
        return int(control.execute("SELECT coalesce(sum(span_count), 0) FROM quarantine").fetchone()[0])


def wait(seconds: float) -> None:
    """Let time pass."""
    threading.Event().wait(seconds)


def found(pattern: str, text: str) -> str:
    """The line of a text that a pattern matches. Raises AssertionError where none does."""
    for line in text.splitlines():
        if re.search(pattern, line):
            # Without the time and the logger's name: what it says.
            return re.sub(r"^\S+ \S+ (\w+) [\w.]+: ", r"\1: ", line.strip())
    raise AssertionError(f"no line matches {pattern!r} in:\n{text[-3000:]}")


def eventually(look: Callable[[], str], pattern: str, seconds: float = 60) -> str:
    """The line that matches once there is one. Raises AssertionError when time is up."""
    for _ in range(int(seconds / 0.2)):
        try:
            return found(pattern, look())
        except (AssertionError, OSError):
            wait(0.2)
    return found(pattern, look())


@contextmanager
def small_disk(at: Path, megabytes: int) -> Generator[Path]:
    """A file system of its own. Raises Impossible where this user may not mount one."""
    at.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(at)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Impossible("a full disk needs the command `mount`, which is not here") from error
    if done.returncode:
        raise Impossible(f"a full disk needs the right to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@contextmanager
def server(directory: Path) -> Generator[Server]:
    """A ClickHouse server that is gone afterwards."""
    started = Server(directory / "server")
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.stop()


@contextmanager
def proxied(directory: Path) -> Generator[Proxy]:
    """A way to a ClickHouse server, both gone afterwards."""
    with server(directory) as started:
        proxy = Proxy(started.port)
        try:
            yield proxy
        finally:
            proxy.close()


@contextmanager
def running(data: Path, port: int = 0, **variables: str) -> Generator[Up]:
    """An `up` that is gone afterwards, whatever happens."""
    up = Up(data, port, **variables)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.process.kill()
            up.process.wait()


def kill_9(directory: Path, seconds: float) -> Outcome:
    """The process is killed again and again while it receives."""
    port, rounds = free_port(), max(3, int(seconds))
    load = Load(f"http://127.0.0.1:{port}")
    for _ in range(rounds):
        with running(directory / "data", port) as up:
            load.more(2000)
            up.kill()
    with running(directory / "data", port) as up:
        load.more(1000)
        outcome = conclude(up, load, f"killed {rounds} times under load, started again", "")
        assert up.stop() == 0
    return outcome


def sigterm(directory: Path, seconds: float) -> Outcome:
    """The process is asked to end again and again while it receives."""
    port, rounds = free_port(), max(2, int(seconds))
    load = Load(f"http://127.0.0.1:{port}")
    for _ in range(rounds):
        with running(directory / "data", port) as up:
            load.more(2000)
            assert up.stop() == 0, up.said()
    with running(directory / "data", port) as up:
        outcome = conclude(up, load, f"stopped {rounds} times under load, started again", "exit code 0")
        assert up.stop() == 0
    return outcome


def spool_full(directory: Path, seconds: float) -> Outcome:
    """The disk of the spool fills up while the store is held; then the store goes on."""
    with (
        proxied(directory) as store,
        small_disk(directory / "data", 160) as data,
        running(data, SPANLEDGER_CLICKHOUSE_URL=store.url) as up,
    ):
        load = Load(up.url, text=os.urandom(100_000).hex(), pause=0)
        load.more(500)
        store.hold()
        message = eventually(lambda: "\n".join(load.answers), r"^50\d")
        wait(seconds)
        store.release()
        load.more(500)
        outcome = conclude(up, load, "the spool's disk full while the store hung, then the store went on", message)
        assert up.stop() == 0
    return outcome


def store_full(directory: Path, seconds: float) -> Outcome:
    """The disk of the embedded store fills up; then somebody frees space."""
    with small_disk(directory / "data" / "engine", 256) as disk, running(directory / "data") as up:
        load = Load(up.url)
        load.more(500)
        filler = disk / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(bytes(MIB))
                    file.flush()
            except OSError:
                pass
        message = eventually(lambda: up.unready() + "\n" + up.said(), r"(?i)no space|not enough space|cannot reserve")
        wait(seconds)
        load.more(500)
        filler.unlink()
        outcome = conclude(up, load, "the store's disk full, spans kept arriving, then space was freed", message)
        assert up.stop() == 0
    return outcome


def store_down(directory: Path, seconds: float) -> Outcome:
    """The store is stopped and comes back."""
    with server(directory) as store, running(directory / "data", SPANLEDGER_CLICKHOUSE_URL=store.url) as up:
        load = Load(up.url)
        load.more(1000)
        store.stop()
        message = eventually(lambda: up.said(), r"the store did not take")
        wait(seconds)
        load.more(1000)
        store.start()
        outcome = conclude(up, load, f"the store down for {seconds:.0f} s, spans kept arriving", message)
        assert up.stop() == 0
    return outcome


def store_hangs(directory: Path, seconds: float) -> Outcome:
    """The store answers nothing and keeps its connections; then it goes on."""
    with proxied(directory) as store, running(directory / "data", SPANLEDGER_CLICKHOUSE_URL=store.url) as up:
        load = Load(up.url)
        load.more(1000)
        store.hold()
        wait(seconds)
        load.more(1000)
        store.release()
        outcome = conclude(up, load, f"the store hung for {seconds:.0f} s, spans kept arriving", "")
        # Nor does a store that hangs keep the process from ending.
        store.hold()
        assert up.stop() == 0
    return outcome


def store_slow(directory: Path, seconds: float) -> Outcome:
    """The way to the store is slow."""
    with proxied(directory) as store, running(directory / "data", SPANLEDGER_CLICKHOUSE_URL=store.url) as up:
        load = Load(up.url)
        store.pause = 0.3
        wait(seconds)
        load.more(1000)
        store.pause = 0.0
        outcome = conclude(up, load, f"0.3 s more for every piece sent to the store and back, {seconds:.0f} s long", "")
        assert up.stop() == 0
    return outcome


def clock_jumps(directory: Path, seconds: float) -> Outcome:
    """The machine's clock is set forwards and backwards, by an hour, days and years."""
    offset = directory / "offset"
    offset.write_text("0")
    data, program = directory / "data", (str(Path(__file__).with_name("clock.py")),)
    up = Up(data, program=program, CLOCK_OFFSET=str(offset))
    jumps = (3600, -3600, 3 * 86400, -2 * 86400, 2 * 365 * 86400, -3 * 365 * 86400, 0)
    try:
        load = Load(up.url)
        for jump in jumps:
            load.more(500)
            offset.write_text(str(jump))
            wait(seconds / len(jumps))
        load.more(500)
        outcome = conclude(up, load, "the clock set by hours, days and years, forwards and backwards", "")
        assert up.stop() == 0
    finally:
        if up.process.poll() is None:
            up.kill()
    return outcome


def two_processes(directory: Path, seconds: float) -> Outcome:
    """A second process is started on a directory that is in use."""
    with running(directory / "data") as up:
        load = Load(up.url)
        load.more(1000)
        # Without the note of the first one it meets the lock itself.
        (directory / "data" / "up.json").rename(directory / "up.json")
        command = [sys.executable, "-m", "spanledger_cli", "up", "--data", str(directory / "data"), "--port", "0"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 3, second
        said = " ".join((second.stdout + second.stderr).split())
        assert str(up.process.pid) in said, said
        (directory / "up.json").rename(directory / "data" / "up.json")
        third = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert third.returncode == 3, third
        wait(seconds / 10)
        load.more(1000)
        hidden = (
            said[said.index("error:") :].replace(str(directory / "data"), "DIR").replace(str(up.process.pid), "PID")
        )
        outcome = conclude(up, load, "a second `spanledger up` on the same directory, twice", hidden)
        assert up.stop() == 0
    return outcome


def damaged_spool(directory: Path, seconds: float) -> Outcome:
    """Pages in the middle of the spool's file are overwritten while nobody runs."""
    port = free_port()
    with proxied(directory) as store:
        with running(directory / "data", port, SPANLEDGER_CLICKHOUSE_URL=store.url) as up:
            load = Load(up.url, text=os.urandom(20_000).hex())
            load.more(500)
            store.hold()
            load.more(int(2000 + 500 * seconds))
            load.stop()
            up.kill()
        store.release()
        spool = directory / "data" / "spool.db"
        with closing(sqlite3.connect(spool)) as connection:
            # Into the file itself: what is damaged in its log is another matter (see docs/reliability.md).
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        pages = spool.stat().st_size // PAGE
        with spool.open("r+b") as file:
            for page in (pages // 3, pages // 2, pages // 2 + 1, pages * 2 // 3):
                file.seek(page * PAGE)
                file.write(os.urandom(PAGE))
        with running(directory / "data", port, SPANLEDGER_CLICKHOUSE_URL=store.url) as up:
            message = eventually(up.said, r"the spool at .* was damaged")
            outcome = conclude(up, load, "four pages of the stopped spool overwritten with noise", message)
            assert outcome.quarantined > 0
            assert up.stop() == 0
    return outcome


FAULTS: Final[Mapping[str, Callable[[Path, float], Outcome]]] = {
    "kill -9": kill_9,
    "SIGTERM": sigterm,
    "disk of the spool full": spool_full,
    "disk of the store full": store_full,
    "store down": store_down,
    "store hangs": store_hangs,
    "store slow": store_slow,
    "clock jumps": clock_jumps,
    "two processes": two_processes,
    "damaged spool": damaged_spool,
}
