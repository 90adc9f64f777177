"""Exactness whatever happens in whatever order: arrivals, repeats, crashes, prices, deletion and retention.

    MACHINE_EXAMPLES=2000 pytest tests/line/test_machine.py

The parts are the product's own: receiver, spool file, preparation, delivery, jobs, control database and engine. Only
the threads are left out, so that every order of steps can be tried; a fuse ends the process between two of them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanledger.pricing import Cost, price
from spanledger_analytics.jobs import ledger as ledger_job
from spanledger_analytics.jobs.registry import JOBS
from spanledger_collector import CollectorSettings, otlp
from spanledger_collector.collector import Collector
from spanledger_collector.normalise import money
from spanledger_store import ledger
from spanledger_store.control import dirty, joins, projects
from spanledger_store.engine import Engine
from spanledger_store.lifecycle import deletion, retention
from spanledger_store.lifecycle.deletion import Subject
from spanledger_store.pricing import repricing
from spanledger_store.pricing.repricing import Period
from tests.collector.otlp_beside import logs, record
from tests.collector.otlp_builder import chat, request, span
from tests.conftest import TABLES
from tests.line.fuse import Crash, Fuse, FusedControl, FusedEngine

Result = TypeVar("Result")

EXAMPLES: Final = int(os.environ.get("MACHINE_EXAMPLES", "12"))
EVERY_STEP: Final = "MACHINE_EXAMPLES" in os.environ
STEPS: Final = 12
KEEP_DAYS: Final = 30
KEYS: Final = 8
CUSTOMERS: Final = ("acme", "globex", "initech")
USERS: Final = ("ann", "bob")
# What books rest on. Retention has days of its own, which the machine sets; other long jobs only read the books.
AFTER_A_START: Final = [job for job in JOBS if job.lane == "quick"]

_examples = itertools.count(1)

# A fuse set beyond the end of an operation does nothing.
fuses = st.none() | st.tuples(st.integers(0, 12) | st.integers(0, 40), st.booleans())
others = st.none() | st.integers(0, 30)
versions = st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from(USERS), st.integers(1, 1000))
batches = st.dictionaries(st.integers(0, KEYS - 1), versions, min_size=1, max_size=4)


@dataclass(frozen=True, slots=True)
class Version:
    """One form of a span, in the order in which it was received."""

    number: int
    customer: str
    user: str
    tokens: int


@dataclass(slots=True)
class Sent:
    """A request in the spool: what it holds, and whether its spans are in the store already."""

    spans: dict[int, Version] = field(default_factory=dict[int, Version])
    told: tuple[int, ...] = ()
    inserted: bool = False


class Machine(RuleBasedStateMachine):
    """The line, and beside it what anybody may expect of it."""

    real: Engine
    factor: Decimal = Decimal(1)

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="machine-"))
        self.project = f"m{next(_examples)}"
        self.now = datetime.now(UTC)
        self.fuse = Fuse()
        for table in (*TABLES, "deletion_rows", "repricing_rows"):
            self.real.command(f"TRUNCATE TABLE {table}")
        Machine.factor = Decimal(1)
        self.order = itertools.count(1)
        self.waiting: list[Sent] = []
        self.bodies: list[tuple[otlp.Signal, bytes]] = []
        self.taken: set[tuple[str, bytes]] = set()
        self.stored: dict[int, Version] = {}
        self.frozen: dict[int, Version] = {}
        self.unsure: set[int] = set()
        self.told: set[int] = set()
        self.untold: set[int] = set()
        self.crashed = False
        self.open()
        projects.ensure(self.control, self.project)
        retention.choose(self.control, self.project, {"spans": KEEP_DAYS})

    # The process: its parts, its end and its beginning.

    def open(self) -> None:
        self.fuse.reset()
        self.control = FusedControl.behind(self.fuse, self.root)
        self.engine = FusedEngine(self.real, self.fuse, self.root)
        self.collector = Collector(self.engine, self.control, CollectorSettings(processes=0))

    def close(self) -> None:
        self.collector.spool.close()
        self.control.close()

    def teardown(self) -> None:
        try:
            self.fuse.reset()
            self.settle()
            self.check()
        finally:
            self.close()
            shutil.rmtree(self.root)

    def restart(self) -> None:
        self.close()
        self.open()
        assert len(self.collector.spool.take(0, 1_000_000)) == len(self.waiting)
        self.jobs()

    def jobs(self) -> None:
        """Every job until none finds anything: what the scheduler does at once after a start, and ever after."""
        for _ in range(6):
            if not sum([job.run(self.engine, self.control, void) for job in AFTER_A_START]):
                return
        raise AssertionError("the jobs never come to rest")

    def attempt(
        self, fuse: tuple[int, bool] | None, work: Callable[[], Result], other: int | None = None
    ) -> Result | None:
        """The result of `work`, or None where the fuse ended the process; then it has been started again."""
        self.fuse.reset()
        self.crashed = False
        if other is not None:
            self.fuse.meanwhile(other, lambda: void(ledger_job.run(self.engine, self.control)))
        if fuse is not None:
            self.fuse.set(fuse[0], after=fuse[1])
        try:
            return work()
        except Crash:
            self.crashed = True
            return None
        finally:
            self.disarm()

    def disarm(self) -> None:
        """What the fuse saw stays; what it was set to is off."""
        written = list(self.fuse.written)
        self.fuse.reset()
        self.fuse.written.extend(written)

    # Spans and what is told of them.

    def start(self, key: int) -> int:
        """Half of the spans are old enough to expire; each has a time of its own."""
        moment = self.now - timedelta(days=KEEP_DAYS + 10 if key % 2 else 1)
        hour = moment.replace(minute=0, second=0, microsecond=0)
        return int(hour.timestamp()) * 10**9 + (key // 4) * 3_600 * 10**9 + key

    def trace(self, key: int) -> bytes:
        # Two spans to a trace, both old or both new.
        return (key // 4 * 2 + key % 2 + 1).to_bytes(16, "big")

    def span(self, key: int, version: Version) -> Span:
        names = {"spanledger.customer.id": version.customer, "user.id": version.user}
        ids = {"trace_id": self.trace(key), "span_id": (key + 1).to_bytes(8, "big")}
        return span(chat(version.tokens, **names), start=self.start(key), **ids)

    def record(self, key: int) -> LogRecord:
        said = [{"role": "user", "parts": [{"type": "text", "content": f"question {key}"}]}]
        return record(
            "gen_ai.client.inference.operation.details",
            {"gen_ai.input.messages": json.dumps(said)},
            trace_id=self.trace(key),
            span_id=(key + 1).to_bytes(8, "big"),
            time=self.start(key),
        )

    def take(self, signal: otlp.Signal, body: bytes, sent: Sent, fuse: tuple[int, bool] | None) -> None:
        """Receive a request; a crash after the spool has it leaves the sender without an answer, not us without it."""

        async def received() -> bool:
            before = self.collector.spool.stats().entries
            with self.fuse.step("spool put"):
                await self.collector.receiver.take(signal, self.project, "", body, otlp.PROTOBUF)
                assert self.collector.spool.stats().entries - before == ((signal.name, body) not in self.taken)
            return True

        answered = self.attempt(fuse, lambda: asyncio.run(received()))
        there = "spool put" in self.fuse.written
        if there and (signal.name, body) not in self.taken:
            self.waiting.append(sent)
            self.taken.add((signal.name, body))
            self.bodies.append((signal, body))
        if answered is None:
            self.restart()

    @rule(batch=batches, fuse=st.none() | st.tuples(st.just(0), st.booleans()))
    def arrive(self, batch: dict[int, tuple[str, str, int]], fuse: tuple[int, bool] | None) -> None:
        """New spans, late ones, and changed copies of spans that came before."""
        number = next(self.order)
        spans = {key: Version(number, *values) for key, values in batch.items()}
        body = request(*(self.span(key, each) for key, each in spans.items())).SerializeToString()
        self.take(otlp.TRACES, body, Sent(spans), fuse)

    @rule(keys=st.lists(st.integers(0, KEYS - 1), min_size=1, max_size=3, unique=True))
    def tell(self, keys: list[int]) -> None:
        """Log records with content, before their spans, after them, or again."""
        body = logs(*(self.record(key) for key in keys), scope=f"told-{next(self.order)}").SerializeToString()
        self.take(otlp.LOGS, body, Sent(told=tuple(keys)), None)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """A request that was sent before is sent again, byte for byte."""
        if self.bodies:
            signal, body = data.draw(st.sampled_from(self.bodies))
            self.take(signal, body, Sent(), None)

    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        """Spans that are stored come unchanged in another request, in another order."""
        if self.stored:
            keys = data.draw(st.lists(st.sampled_from(sorted(self.stored)), min_size=1, max_size=4, unique=True))
            number = next(self.order)
            spans = {key: replace(self.stored[key], number=number) for key in keys}
            made = [self.span(key, each) for key, each in spans.items()]
            scope = f"again-{number}"
            self.take(otlp.TRACES, request(*made, scope=scope).SerializeToString(), Sent(spans), None)

    # The pipeline.

    @rule(most=st.integers(1, 12), fuse=fuses)
    def deliver(self, most: int, fuse: tuple[int, bool] | None) -> None:
        """One batch from the spool to the store; after a crash the batches may be cut elsewhere."""
        entries = self.collector.spool.take(0, most)
        if not entries:
            return
        batch = self.waiting[: len(entries)]

        def work() -> bool:
            pipeline = self.collector.pipeline
            with self.fuse.step("prepare"):
                preparer = pipeline._preparer  # pyright: ignore[reportPrivateUsage]
                future = preparer.submit(entries, aside=False)
                prepared = preparer.result(future, entries)
            aside = pipeline._delivery.deliver(prepared)  # pyright: ignore[reportPrivateUsage]
            assert aside is not None
            with self.fuse.step("spool done"):
                self.collector.spool.done(entries, aside)
            return True

        self.attempt(fuse, work)
        written = set(self.fuse.written)
        if "insert span_rows" in written:
            for sent in batch:
                self.arrived(sent)
        if "insert log_rows" in written:
            for sent in batch:
                self.told.update(sent.told)
                # A repeated block may be known to the engine and not come again.
                self.untold.difference_update(() if sent.inserted else sent.told)
                sent.inserted = True
        if "spool done" in written:
            del self.waiting[: len(entries)]
        else:
            self.restart()

    def arrived(self, sent: Sent) -> None:
        for key, version in sent.spans.items():
            here = self.stored.get(key)
            if here is None and sent.inserted:
                # Deleted since it was first inserted: the engine may know the block, and then it stays away.
                self.unsure.add(key)
            elif here is None or version.number >= here.number:
                if not sent.inserted:
                    self.unsure.discard(key)
                self.stored[key] = version
        sent.inserted = True

    @rule(fuse=fuses)
    def work(self, fuse: tuple[int, bool] | None) -> None:
        """The jobs, to their end or to a crash."""
        self.attempt(fuse, self.jobs)
        self.restart()

    # What changes stored data.

    @rule(
        kind=st.sampled_from(["customer", "user", "trace"]),
        pick=st.integers(0, 3),
        fuse=fuses,
        other=others,
        between=st.booleans(),
    )
    def delete(self, kind: str, pick: int, fuse: tuple[int, bool] | None, other: int | None, between: bool) -> None:
        """A deletion, with jobs running beside it, cut short or not; what was cut short is asked for again."""
        value = {"customer": CUSTOMERS, "user": USERS}.get(kind, [self.trace(key).hex() for key in range(8)])
        subject = Subject(kind, value[pick % len(value)], self.project)  # pyright: ignore[reportArgumentType]
        self.resync()

        def work() -> deletion.Proof:
            return deletion.delete(self.engine, self.control, subject, interface="test")

        proof = self.attempt(fuse, work, other)
        if proof is None:
            self.restart()
            if between:
                self.books()
            proof = work()
        assert proof.complete, proof
        gone = {key for key, each in self.stored.items() if self.names(subject, key, each)}
        if kind == "customer":
            frozen = {key for key, each in self.frozen.items() if each.customer == subject.value}
            for key in frozen:
                del self.frozen[key]
            gone |= frozen
        for key in gone:
            self.stored.pop(key, None)
        self.untold |= {key for key in range(KEYS) if key in gone or kind == "trace"}
        if kind != "trace":
            # An older version alone may have named the subject; its log records are another's as well.
            self.untold |= set(range(KEYS))

    def names(self, subject: Subject, key: int, version: Version) -> bool:
        held = {"customer": version.customer, "user": version.user, "trace": self.trace(key).hex()}
        return held[subject.kind] == subject.value

    @rule(factor=st.sampled_from(["0.5", "1", "2", "3"]), fuse=fuses, other=others, between=st.booleans())
    def reprice(self, factor: str, fuse: tuple[int, bool] | None, other: int | None, between: bool) -> None:
        """New prices for everything stored."""
        Machine.factor = Decimal(factor)
        period = Period(self.now - timedelta(days=400), self.now + timedelta(days=1), self.project)

        def work() -> object:
            return repricing.reprice(self.engine, self.control, period, interface="test")

        if self.attempt(fuse, work, other) is None:
            self.restart()
            if between:
                self.books()
            work()
        for key, cost in self.costs().items():
            if key not in self.frozen:
                assert cost == self.cost(self.stored[key].tokens) if key in self.stored else key in self.unsure

    def cost(self, tokens: int) -> Decimal:
        """A call's cost by the present prices; gpt-4o is 2.50 and 10 dollars a million tokens."""
        return (tokens * Decimal("2.5") + tokens // 2 * Decimal(10)) / 1_000_000 * self.factor

    def costs(self) -> dict[int, Decimal]:
        rows = self.real.rows(
            "SELECT span_id, cost_usd FROM spans WHERE project_id = {project:String}", {"project": self.project}
        )
        return {int(key, 16) - 1: cost for key, cost in rows}

    @rule(fuse=fuses, other=others, between=st.booleans())
    def expire(self, fuse: tuple[int, bool] | None, other: int | None, between: bool) -> None:
        """Retention: old spans go, their money stays."""
        self.resync()

        def work() -> object:
            return retention.run(self.engine, self.control, now=self.now, interface="test", project=self.project)

        if self.attempt(fuse, work, other) is None:
            self.restart()
            if between:
                self.books()
            work()
        for key in [key for key in self.stored if key % 2]:
            self.frozen.setdefault(key, self.stored.pop(key))
            self.stored.pop(key, None)
            self.untold.add(key)

    def resync(self) -> None:
        """Look at what is known to be uncertain, so that what follows can be exact."""
        rows = self.visible()
        for key in list(self.unsure):
            if key in rows:
                number = max((sent.spans[key].number for sent in self.waiting if key in sent.spans), default=0)
                self.stored[key] = Version(number, *rows[key])
            else:
                self.stored.pop(key, None)
        self.unsure.clear()

    # What must hold.

    @invariant()
    def spool_holds_what_is_not_stored(self) -> None:
        assert self.collector.spool.stats().entries == len(self.waiting)

    @invariant()
    def tally_adds_up(self) -> None:
        for line in self.collector.spool.snapshot().lines:
            done = line.counts["stored"] + line.counts["quarantined"]
            assert line.counts["acknowledged"] == line.waiting + done, line

    @rule()
    def settle(self) -> None:
        """Everything that waits is delivered and booked; then all that can be said is said."""
        while self.waiting:
            self.deliver(1_000_000, None)
        self.jobs()
        self.check()

    def visible(self) -> dict[int, tuple[str, str, int]]:
        sql = "SELECT span_id, customer, user, input_tokens FROM spans WHERE project_id = {project:String}"
        found = self.real.rows(sql, {"project": self.project})
        assert len({row[0] for row in found}) == len(found)
        return {int(row[0], 16) - 1: (row[1], row[2], row[3]) for row in found}

    def books(self) -> None:
        assert dirty.pending(self.control) == []
        assert self.real.rows(ledger.differences()) == []
        assert self.real.rows(ledger.day_differences()) == []

    def check(self) -> None:
        """Each acknowledged span once, the ledger their sum and that of expired ones, contents beside their spans."""
        self.books()
        assert joins.pending(self.control) == []
        rows = self.visible()
        sure = set(range(KEYS)) - self.unsure - self.frozen.keys()
        expected = {key: (each.customer, each.user, each.tokens) for key, each in self.stored.items() if key in sure}
        assert {key: row for key, row in rows.items() if key in sure} == expected
        calls = [(each.customer, each.tokens) for each in self.frozen.values()]
        calls += [(customer, tokens) for key, (customer, _, tokens) in rows.items() if key not in self.frozen]
        sql = (
            "SELECT customer, toInt64(sum(calls)), toInt64(sum(input_tokens)) FROM ledger"
            " WHERE project_id = {project:String} GROUP BY customer HAVING sum(calls) > 0 ORDER BY customer"
        )
        assert [tuple(row) for row in self.real.rows(sql, {"project": self.project})] == by_customer(calls)
        self.check_told(rows.keys() & sure)

    def check_told(self, here: Iterable[int]) -> None:
        wanted = {key for key in here if key in self.told - self.untold}
        sql = "SELECT span_id, input FROM span_content WHERE project_id = {project:String} AND input != ''"
        found = {int(key, 16) - 1: text for key, text in self.real.rows(sql, {"project": self.project})}
        for key in wanted:
            assert f"question {key}" in found[key]


def by_customer(calls: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    names = sorted({customer for customer, _ in calls})
    return [
        (name, sum(customer == name for customer, _ in calls), sum(n for customer, n in calls if customer == name))
        for name in names
    ]


def void(*_: object) -> None:
    """What a callback returns to nobody."""


@pytest.fixture
def prices(embedded: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices that a machine may change, on the engine that it works on."""

    def dear(*args: Any, **named: Any) -> Cost | None:
        found = price(*args, **named)
        if found is None:
            return None
        parts = ("total", "input", "cache_read", "cache_write", "output", "other")
        return replace(found, **{part: getattr(found, part) * Machine.factor for part in parts})

    monkeypatch.setattr(money, "price", dear)
    monkeypatch.setattr(repricing, "price", dear)
    Machine.real = embedded


OPERATIONS: Final[dict[str, Callable[[Machine, tuple[int, bool]], None]]] = {
    "deliver": lambda machine, fuse: machine.deliver(1_000_000, fuse),
    "jobs": lambda machine, fuse: machine.work(fuse),
    "delete a customer": lambda machine, fuse: machine.delete("customer", 0, fuse, None, True),
    "delete a user": lambda machine, fuse: machine.delete("user", 0, fuse, None, True),
    "delete a trace": lambda machine, fuse: machine.delete("trace", 0, fuse, None, True),
    "reprice": lambda machine, fuse: machine.reprice("3", fuse, None, True),
    "retention": lambda machine, fuse: machine.expire(fuse, None, True),
}


# Much like deleting a customer, or long.
ALIKE = ("delete a user", "delete a trace", "reprice")


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize(
    "operation", [pytest.param(each, marks=pytest.mark.long if each in ALIKE else ()) for each in OPERATIONS]
)
def test_a_crash_after_any_single_step_leaves_equal_books_and_can_be_repeated(operation: str) -> None:
    """Exhaustive where the machine is random: the steps of an operation one by one, until it runs to its end.

    Every step in the long run; some of them otherwise, fewer where there are many.
    """
    stride = 1 if EVERY_STEP else 7 if operation in ("deliver", "reprice") else 47
    for step in itertools.count(2 if stride > 1 else 0, stride):
        machine = Machine()
        everything = {key: (CUSTOMERS[key % 3], USERS[key % 2], 100 + key) for key in range(KEYS)}
        machine.arrive(everything, None)
        machine.tell([0, 1, 2])
        if operation != "deliver":
            machine.deliver(1_000_000, None)
        if operation not in ("deliver", "jobs"):
            machine.settle()
            machine.expire(None, None, False)
            machine.arrive({1: ("globex", "ann", 7), 2: ("acme", "bob", 8), 9 % KEYS: ("acme", "ann", 9)}, None)
            machine.settle()
        OPERATIONS[operation](machine, (step, True))
        ended = not machine.crashed
        machine.teardown()
        if ended:
            assert step > 3
            return


@pytest.mark.usefixtures("prices")
def test_every_order_of_events_leaves_each_span_once_and_books_that_equal_them() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            print_blob=True,
        ),
    )
