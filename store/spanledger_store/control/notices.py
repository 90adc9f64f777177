"""The outbox: what is to be sent, where, and what became of it.

    with control.write() as connection:
        notices.enqueue(connection, "default", notice, ["ops"])      # with whatever else must happen with it, or not
    for each in notices.claim(control, worker):
        ...                                                          # send it, then one of:
        notices.delivered(control, worker, each.id)
        notices.failed(control, worker, each, "503 Service Unavailable")

A notice is kept once per `key` and channel, whoever asks and how often, and is sent at least once: who dies between
sending and noting it leaves it to the next, who sends it again under the same id. A receiver that remembers ids gets
each once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, delete, func, or_, select, update

from spanledger_store.control.database import Control
from spanledger_store.control.finance_models import notices as table
from spanledger_store.control.upsert import add

# Long enough for the slowest server, short enough that a crash delays a notice by minutes only.
CLAIM_SECONDS: Final = 120
# Seconds before the second, third, ... attempt: about a day in all.
PAUSES: Final = (10, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
MOST_ATTEMPTS: Final = len(PAUSES) + 1
# What was delivered is kept so long, for people who ask; what was not, until somebody looks.
KEPT: Final = timedelta(days=90)
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_c = table.c


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; of some kind of text, such as `text/csv`."""

    name: str
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told, in every form that a channel may want.

    | field | |
    |---|---|
    | kind | what it is, for programs: `budget.alert`, `statement`, ... |
    | key | names it for good: another notice with this key is the same one |
    | subject, text | one line, and what people read without HTML |
    | html | the same for mail; '' for none |
    | payload | the facts for programs, as JSON takes them |
    | link | a page with more |
    | about | the customer it names; '' for none. Deleting the customer deletes it |
    """

    kind: str
    key: str
    subject: str
    text: str
    html: str = ""
    payload: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    link: str = ""
    about: str = ""
    attachments: Sequence[Attachment] = ()
    most_attempts: int = MOST_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way to one channel; `attempts` counts those that began, `dead_at` is when it was given up."""

    id: str
    project: str
    channel: str
    kind: str
    about: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    payload: Mapping[str, Any] = field(repr=False)
    link: str = field(repr=False)
    attachments: Sequence[Attachment] = field(repr=False)
    created_at: datetime
    due_at: datetime
    attempts: int
    most_attempts: int
    last_error: str
    delivered_at: datetime | None
    dead_at: datetime | None

    @property
    def state(self) -> str:
        """`delivered`, `given up` or `waiting`."""
        return "delivered" if self.delivered_at else "given up" if self.dead_at else "waiting"

    def as_json(self) -> dict[str, Any]:
        """What people and pages ask of it, without the contents."""
        moments = {"created_at": self.created_at, "due_at": self.due_at, "delivered_at": self.delivered_at,
                   "dead_at": self.dead_at}  # fmt: skip
        return {
            "id": self.id,
            "project": self.project,
            "channel": self.channel,
            "kind": self.kind,
            "subject": self.subject,
            "state": self.state,
            "attempts": self.attempts,
            "last_error": self.last_error,
            **{name: None if at is None else at.isoformat() for name, at in moments.items()},
        }


def identity(project: str, key: str, channel: str) -> str:
    """The id of a notice to a channel: the same for the same, on every worker."""
    return hashlib.sha256("\0".join((project, key, channel)).encode()).hexdigest()[:32]


def enqueue(connection: Connection, project: str, notice: Notice, to: Sequence[str]) -> int:
    """Keep a notice for each of these channels that has not got it yet, in the caller's transaction; for how many."""
    now = datetime.now(UTC)
    shared = {
        "project_id": project,
        "kind": notice.kind,
        "about": notice.about,
        "subject": " ".join(notice.subject.split()),
        "text": notice.text,
        "html": notice.html,
        "payload": json.dumps(dict(notice.payload), ensure_ascii=False),
        "link": notice.link,
        "attachments": json.dumps([asdict(each) for each in notice.attachments], ensure_ascii=False),
        "created_at": now,
        "due_at": now,
        "claimed_by": "",
        "claimed_until": _NEVER,
        "attempts": 0,
        "most_attempts": notice.most_attempts,
        "last_error": "",
    }
    fresh = 0
    for channel in to:
        row = {"id": identity(project, notice.key, channel), "channel": channel, **shared}
        fresh += add(connection, table, row)
    return fresh


def put(control: Control, project: str, notice: Notice, to: Sequence[str]) -> list[str]:
    """`enqueue` in a transaction of its own; the ids."""
    with control.write() as connection:
        enqueue(connection, project, notice, to)
    return [identity(project, notice.key, channel) for channel in to]


def claim(control: Control, worker: str, limit: int = 50, now: datetime | None = None) -> list[Delivery]:
    """What is due and nobody else is sending, the longest due first; `worker` has it for CLAIM_SECONDS.

    Each counts as an attempt from now on, whatever becomes of it.
    """
    now = now or datetime.now(UTC)
    free = (_c.delivered_at.is_(None), _c.dead_at.is_(None), _c.due_at <= now, _c.claimed_until <= now)
    # What another worker is taking at this moment is passed over, on a database where two can.
    wanted = select(_c.id).where(*free).order_by(_c.due_at, _c.id).limit(limit).with_for_update(skip_locked=True)
    with control.write() as connection:
        taken = connection.execute(
            update(table)
            .where(_c.id.in_(wanted), *free)
            .values(claimed_by=worker, claimed_until=now + timedelta(seconds=CLAIM_SECONDS), attempts=_c.attempts + 1)
            .returning(table)
        )
        found = [_delivery(row) for row in taken.mappings()]
    return sorted(found, key=lambda each: (each.due_at, each.id))


def delivered(control: Control, worker: str, identity: str, but: str = "") -> bool:
    """Note that it was taken, and `but` for whom; False where another worker has it by now."""
    return _settle(control, worker, identity, delivered_at=datetime.now(UTC), last_error=but[:2000])


def failed(control: Control, worker: str, each: Delivery, error: str, *, wait_seconds: float = 0.0) -> bool:
    """Note why it was not taken. It is due again after a pause that grows, and at least `wait_seconds`; or given up."""
    now = datetime.now(UTC)
    if each.attempts >= each.most_attempts:
        return _settle(control, worker, each.id, last_error=error[:2000], dead_at=now)
    pause = max(PAUSES[min(each.attempts, len(PAUSES)) - 1], wait_seconds)
    return _settle(control, worker, each.id, last_error=error[:2000], due_at=now + timedelta(seconds=pause))


def release(control: Control, worker: str, unsent: Sequence[Delivery], *, wait_seconds: float = 0.0) -> None:
    """Give back what was claimed and not attempted; nobody tries it before `wait_seconds` have passed."""
    mine = (_c.id.in_([each.id for each in unsent]), _c.claimed_by == worker, _c.delivered_at.is_(None))
    values = {"claimed_until": _NEVER, "attempts": _c.attempts - 1}
    with control.write() as connection:
        due = datetime.now(UTC) + timedelta(seconds=wait_seconds)
        connection.execute(update(table).where(*mine).values(values | ({"due_at": due} if wait_seconds else {})))


def get(control: Control, identity: str) -> Delivery | None:
    """The notice with this id, or None."""
    with control.read() as connection:
        row = connection.execute(select(table).where(_c.id == identity)).mappings().one_or_none()
    return None if row is None else _delivery(row)


def listing(control: Control, project: str, limit: int = 100) -> list[Delivery]:
    """The project's newest notices, with what became of each."""
    statement = select(table).where(_c.project_id == project).order_by(_c.created_at.desc(), _c.id).limit(limit)
    with control.read() as connection:
        return [_delivery(row) for row in connection.execute(statement).mappings()]


def retry(control: Control, project: str, channel: str = "") -> int:
    """Have everything that was given up (of one channel, with a name) tried again from the beginning; how many."""
    where = [_c.project_id == project, _c.dead_at.is_not(None)]
    if channel:
        where.append(_c.channel == channel)
    with control.write() as connection:
        values = {"dead_at": None, "attempts": 0, "due_at": datetime.now(UTC), "claimed_until": _NEVER}
        return connection.execute(update(table).where(*where).values(values)).rowcount


def next_due(control: Control) -> datetime | None:
    """When the next attempt is due; None where nothing waits."""
    with control.read() as connection:
        return connection.execute(
            select(func.min(_c.due_at)).where(_c.delivered_at.is_(None), _c.dead_at.is_(None))
        ).scalar_one()


@dataclass(frozen=True, slots=True)
class Trouble:
    """What does not arrive at one channel: `dead` were given up, `waiting` failed and will be tried again."""

    project: str
    channel: str
    dead: int
    waiting: int
    last_error: str


def troubles(control: Control) -> list[Trouble]:
    """Every channel to which something could not be sent, by project and name. Tests of a channel do not count."""
    undelivered = (_c.delivered_at.is_(None), _c.kind != "test", or_(_c.dead_at.is_not(None), _c.last_error != ""))
    statement = select(_c.project_id, _c.channel, _c.dead_at, _c.last_error).where(*undelivered).order_by(_c.due_at)
    found: dict[tuple[str, str], Trouble] = {}
    with control.read() as connection:
        for project, channel, dead_at, error in connection.execute(statement):
            known = found.get((project, channel), Trouble(project, channel, 0, 0, ""))
            found[project, channel] = Trouble(
                project, channel, known.dead + (dead_at is not None), known.waiting + (dead_at is None), error
            )
    return [found[at] for at in sorted(found)]


def forget(connection: Connection, project: str, customer: str) -> int:
    """Remove what names a customer, sent or not, in the caller's transaction; how many rows."""
    return connection.execute(delete(table).where(_c.project_id == project, _c.about == customer)).rowcount


def tidy(control: Control, now: datetime) -> int:
    """Remove what was delivered, or given up, longer ago than it is kept; how many rows."""
    past = now - KEPT
    with control.write() as connection:
        return connection.execute(delete(table).where(or_(_c.delivered_at < past, _c.dead_at < past))).rowcount


def _settle(control: Control, worker: str, identity: str, **values: Any) -> bool:
    mine = (_c.id == identity, _c.claimed_by == worker, _c.delivered_at.is_(None))
    with control.write() as connection:
        return connection.execute(update(table).where(*mine).values(claimed_until=_NEVER, **values)).rowcount == 1


def _delivery(row: Mapping[Any, Any]) -> Delivery:
    return Delivery(
        **{name: row[name] for name in _AS_STORED},
        project=row["project_id"],
        payload=json.loads(row["payload"]),
        attachments=[Attachment(**each) for each in json.loads(row["attachments"])],
    )


_AS_STORED: Final = ("id", "channel", "kind", "about", "subject", "text", "html", "link", "created_at", "due_at",
                     "attempts", "most_attempts", "last_error", "delivered_at", "dead_at")  # fmt: skip
