"""The codebooks of a project's queries, what people have made of its clusters, and what became of these.

clusters.keep(control, Codebook(...))
clusters.say(control, "default", 17, name="Late parcels", who="Jo")
clusters.said(control, "default")[17].name
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import delete, func, select, update

from spanledger_store.control import jobs, projects
from spanledger_store.control.database import Control
from spanledger_store.control.errors import ControlError
from spanledger_store.control.quality_models import assignment_hours, cluster_events, cluster_words, codebooks
from spanledger_store.control.upsert import insert

# A codebook that is no longer in use is of interest for its numbers alone.
_KEPT: Final = 3
_LONGEST: Final = 200
NONE: Final = 0
"""The number of what is in no cluster."""
Fate = Literal["hidden", "unknown", "kept"]
ASKED: Final = "asked"
"""The kind of event by which people ask for a refit."""
_ENDING: Final = ("death", "split", "merge")
# A name stands in one line: controls, separators of lines and paragraphs, and what is half a character cannot.
_NOT_IN_A_LINE: Final = ("Cc", "Zl", "Zp", "Cs")
JOB: Final = "clusters"
"""The job that makes codebooks."""


class ClusterInvalid(ControlError):
    """A name or a merger that cannot be."""


class ClusterUnknown(ControlError):
    """The project has no cluster of this number."""


@dataclass(frozen=True, slots=True)
class Codebook:
    """What queries are assigned by: made of the vectors of `model` in [start, end), `calls` of them.

    `next_cluster` is the first number that was never given, `outside` the share that was in no cluster, `body` whatever
    made it needs to read it again.
    """

    id: str
    project: str
    model: str
    made_at: datetime
    start: datetime
    end: datetime
    calls: int
    clusters: int
    next_cluster: int
    outside: float
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: bytes = field(default=b"", repr=False)

    def as_json(self) -> dict[str, Any]:
        """Every field but the body as JSON takes it."""
        out = asdict(self)
        del out["body"]
        return out | {name: out[name].isoformat() for name in ("made_at", "start", "end")}


@dataclass(frozen=True, slots=True)
class Said:
    """What people have made of a cluster; `merged_into` is the number it is shown under, NONE for its own."""

    cluster: int
    name: str = ""
    is_hidden: bool = False
    merged_into: int = NONE
    who: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that became of clusters: a birth, death, split or merge at a refit, or a new topic between two.

    `share` is the share of the project's queries that it is about, where that is known.
    """

    project: str
    at: datetime
    kind: str
    codebook: str
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    share: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def id(self) -> str:
        """Follows from what it is about, so that telling it again replaces it."""
        told = json.dumps(
            [self.project, self.kind, self.codebook, self.before, self.after, self.details.get("key", "")]
        )
        return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it."""
        return {"id": self.id, **asdict(self), "at": self.at.isoformat()}


def newest(control: Control, project: str) -> Codebook | None:
    """The project's codebook in use, or None."""
    statement = select(codebooks).where(codebooks.c.project_id == project).order_by(codebooks.c.made_at.desc()).limit(1)
    with control.read() as connection:
        row = connection.execute(statement).mappings().one_or_none()
    return None if row is None else _codebook(row)


def next_cluster(control: Control, project: str) -> int:
    """The first number of a cluster that the project has never given."""
    with control.read() as connection:
        found = connection.execute(
            select(func.max(codebooks.c.next_cluster)).where(codebooks.c.project_id == project)
        ).scalar_one()
    return int(found or 1)


def keep(control: Control, made: Codebook, events: Iterable[Event] = ()) -> None:
    """Put a codebook in use, with what became of clusters by it, all or nothing; only the newest few are kept."""
    row = asdict(made) | {"project_id": made.project, "details": json.dumps(dict(made.details))}
    del row["project"]
    with control.write() as connection:
        connection.execute(codebooks.insert().values(row))
        for each in events:
            connection.execute(insert(connection, cluster_events).values(_event_row(each)).on_conflict_do_nothing())
        old = (
            connection.execute(
                select(codebooks.c.id)
                .where(codebooks.c.project_id == made.project)
                .order_by(codebooks.c.made_at.desc())
            )
            .scalars()
            .all()[_KEPT:]
        )
        connection.execute(delete(codebooks).where(codebooks.c.id.in_(old)))
        connection.execute(delete(assignment_hours).where(assignment_hours.c.codebook.in_(old)))


def said(control: Control, project: str) -> dict[int, Said]:
    """What people have made of the project's clusters, by number."""
    table = cluster_words
    with control.read() as connection:
        rows = connection.execute(select(table).where(table.c.project_id == project)).mappings().all()
    return {
        row["cluster"]: Said(
            row["cluster"], row["name"], bool(row["is_hidden"]), row["merged_into"], row["who"], row["changed_at"]
        )
        for row in rows
    }


def check_known(control: Control, project: str, cluster: int, least: int = NONE) -> None:
    """Raises ClusterUnknown for a number that the project has never given, or below `least`."""
    highest = next_cluster(control, project) - 1
    if not least <= cluster <= highest:
        known = f"its numbers are 1 to {highest}" if highest else "it has none yet"
        raise ClusterUnknown(f"project {project!r} has no cluster {cluster}; {known}.")


def say(
    control: Control,
    project: str,
    cluster: int,
    *,
    name: str | None = None,
    is_hidden: bool | None = None,
    merged_into: int | None = None,
    who: str = "",
) -> Said:
    """Keep what somebody makes of a cluster; what is None stays as it was. It holds for all codebooks to come.

    Raises ProjectUnknown, ClusterUnknown for a number that was never given, ClusterInvalid for a name that is too long
    or of more than a line, a merger in a circle, or one into a cluster that a refit has ended.
    """
    projects.get(control, project)
    for number in (cluster, *(() if not merged_into else (merged_into,))):
        check_known(control, project, number, least=1)
    if name is not None and not _fits(name):
        raise ClusterInvalid(
            f"the name {name[:50]!r} cannot be: use up to {_LONGEST} characters in one line, no space at an end."
        )
    _by(who)
    held = said(control, project)
    if merged_into == cluster:
        raise ClusterInvalid(f"cluster {cluster} cannot be a part of itself; name another one, or 0 for none.")
    if merged_into and cluster in _chain(held, merged_into):
        raise ClusterInvalid(f"cluster {merged_into} is shown as part of {cluster} already; merge the other way round.")
    if merged_into and merged_into in (ended := gone(events(control, project))):
        raise ClusterInvalid(
            f"cluster {merged_into} is gone since {ended[merged_into]:%Y-%m-%d}: no new call will be in it; merge into "
            "one that goes on."
        )
    before = held.get(cluster, Said(cluster))
    kept = replace(
        before,
        name=before.name if name is None else name,
        is_hidden=before.is_hidden if is_hidden is None else is_hidden,
        merged_into=before.merged_into if merged_into is None else merged_into,
        who=who,
        changed_at=datetime.now(UTC),
    )
    put(control, project, [kept])
    return kept


def put(control: Control, project: str, listed: Iterable[Said]) -> None:
    """Keep these words in place of earlier ones about the same clusters."""
    with control.write() as connection:
        for each in listed:
            row = {"project_id": project, **asdict(each)} | {"changed_at": each.changed_at or datetime.now(UTC)}
            statement = insert(connection, cluster_words).values(row)
            changed = {key: statement.excluded[key] for key in row if key not in ("project_id", "cluster")}
            connection.execute(statement.on_conflict_do_update(index_elements=["project_id", "cluster"], set_=changed))


def fate(control: Control, project: str, cluster: int) -> Fate:
    """Whether a cluster, or the one it is shown as part of, is hidden, or its number was never given."""
    if not NONE <= cluster < next_cluster(control, project):
        return "unknown"
    held = said(control, project)
    found = held.get(shown(held).get(cluster, cluster))
    return "hidden" if found is not None and found.is_hidden else "kept"


def gone(told: Iterable[Event]) -> dict[int, datetime]:
    """Clusters that a refit has ended, and that none has brought back -> when."""
    ended: dict[int, datetime] = {}
    for each in sorted(told, key=lambda event: event.at):
        ended.update({number: each.at for number in each.before if each.kind in _ENDING and number not in each.after})
        for number in each.after:
            ended.pop(number, None)
    return ended


def shown(held: Mapping[int, Said]) -> dict[int, int]:
    """cluster -> the number it is shown under, for those that are shown as part of another."""
    return {number: chain[-1] for number in held if (chain := _chain(held, number))}


def _chain(held: Mapping[int, Said], number: int) -> list[int]:
    """What a cluster is part of, one after the other."""
    found: list[int] = []
    while (each := held.get(number)) is not None and each.merged_into not in (NONE, number, *found):
        number = each.merged_into
        found.append(number)
    return found


def tell(control: Control, event: Event) -> bool:
    """Keep an event; False where it has been told before."""
    with control.write() as connection:
        statement = insert(connection, cluster_events).values(_event_row(event)).on_conflict_do_nothing()
        return connection.execute(statement.returning(cluster_events.c.id)).first() is not None


def retell(control: Control, changed: Iterable[Event]) -> None:
    """Keep other details of events that have been told."""
    with control.write() as connection:
        for each in changed:
            row = _event_row(each)
            statement = update(cluster_events).where(cluster_events.c.id == row["id"])
            connection.execute(statement.values(details=row["details"]))


def ask(control: Control, project: str, now: datetime, who: str = "") -> Event:
    """Ask for a refit at the clusters job's next run, which comes at once; as it is kept.

    Raises ProjectUnknown and ClusterInvalid.
    """
    projects.get(control, project)
    _by(who)
    kept = newest(control, project)
    told = Event(project, now, ASKED, kept.id if kept else "", details={"who": who, "key": now.isoformat()})
    tell(control, told)
    if any(each.name == JOB for each in jobs.states(control)):
        jobs.ask(control, JOB)
    return told


def events(control: Control, project: str, since: datetime | None = None) -> list[Event]:
    """What became of the project's clusters, newest first."""
    table = cluster_events
    statement = select(table).where(table.c.project_id == project).order_by(table.c.at.desc(), table.c.id)
    if since is not None:
        statement = statement.where(table.c.at >= since)
    with control.read() as connection:
        return [
            Event(
                row["project_id"], row["at"], row["kind"], row["codebook"], tuple(json.loads(row["before"])),
                tuple(json.loads(row["after"])), row["share"], json.loads(row["details"]),
            )
            for row in connection.execute(statement).mappings()
        ]  # fmt: skip


def _fits(text: str) -> bool:
    """Whether a text may stand as a name."""
    in_line = all(unicodedata.category(letter) not in _NOT_IN_A_LINE for letter in text)
    return in_line and len(text) <= _LONGEST and text == text.strip()


def _by(who: str) -> None:
    if not _fits(who):
        raise ClusterInvalid(
            f"{who[:50]!r} of {len(who):,} characters cannot be who says so: use up to {_LONGEST} in one line, no "
            "space at an end."
        )


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "project_id": event.project,
        "at": event.at,
        "kind": event.kind,
        "codebook": event.codebook,
        "before": json.dumps(list(event.before)),
        "after": json.dumps(list(event.after)),
        "share": event.share,
        "details": json.dumps(dict(event.details), ensure_ascii=False),
    }


def _codebook(row: Mapping[Any, Any]) -> Codebook:
    return Codebook(
        id=row["id"],
        project=row["project_id"],
        model=row["model"],
        made_at=row["made_at"],
        start=row["start"],
        end=row["end"],
        calls=row["calls"],
        clusters=row["clusters"],
        next_cluster=row["next_cluster"],
        outside=row["outside"],
        details=json.loads(row["details"]),
        body=bytes(row["body"]),
    )
