"""Baselines that people have pinned: calls of a period, of a release, a model or a prompt version, that drift is
measured against.

baselines.pin(control, Baseline("default", "before the move", start, end, versions={"release": "2026.10"}))
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import delete, select

from spanledger_store.control import projects
from spanledger_store.control.database import Control
from spanledger_store.control.errors import ControlError
from spanledger_store.control.quality_models import drift_baselines
from spanledger_store.control.upsert import insert

SLICES: Final = ("customer", "feature", "team", "provider", "environment", "model", "release", "prompt_version")
"""What both sides of a comparison may be narrowed by."""
VERSIONS: Final = ("release", "model", "prompt_version")
"""What the baseline's calls alone may be narrowed by: what is rolled out one after the other."""
MOST: Final = 5
"""A project's baselines: the chance of a false alarm is shared out among so many."""
RESERVED: Final = ("previous", "week", "same")
"""Words that name a baseline of their own wherever one may be named."""

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_NAME: Final = re.compile(r"[^\s/@\x00-\x1f]([^/@\x00-\x1f]{0,98}[^\s/@\x00-\x1f])?")
_LONGEST: Final = 200


class BaselineInvalid(ControlError):
    """A baseline that cannot be; the message names the value, and what can."""


class BaselineUnknown(ControlError):
    """The project has no baseline of this name."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The calls of [start, end) that later ones are compared with.

    | field | |
    |---|---|
    | slice | dimension -> value that the calls of both sides have; without any, all calls of the project |
    | versions | dimension -> value that the baseline's calls have, whatever the others have |
    | who | who pinned it |

    Raises BaselineInvalid, which names the field, its value and what it may be.
    """

    project: str
    name: str
    start: datetime
    end: datetime
    slice: Mapping[str, str] = field(default_factory=lambda: _NONE)
    versions: Mapping[str, str] = field(default_factory=lambda: _NONE)
    who: str = ""
    id: str = ""
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        # What is kept already can still be read and unpinned.
        if not self.id:
            check_name(self.name)
        if self.start.tzinfo is None or self.end.tzinfo is None or not self.start < self.end:
            raise BaselineInvalid(
                f"a baseline from {self.start.isoformat()} to {self.end.isoformat()} is no stretch of time; "
                "name one that begins before it ends."
            )
        for given, known in ((self.slice, SLICES), (self.versions, VERSIONS)):
            if unknown := [name for name in given if name not in known]:
                raise BaselineInvalid(f"{unknown[0]!r} is nothing a baseline can be of: use {', '.join(known)}.")
            if empty := [name for name, value in given.items() if not 0 < len(value) <= 10_000]:
                raise BaselineInvalid(f"the value of {empty[0]} is empty or too long; name one, or leave it out.")
        if both := sorted(set(self.slice) & set(self.versions)):
            raise BaselineInvalid(f"{both[0]} is named for both sides and for the baseline alone; leave one out.")
        if len(self.who) > _LONGEST:
            raise BaselineInvalid(f"the name of who pins it has {len(self.who)} characters; use at most {_LONGEST}.")

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it."""
        return {
            "name": self.name,
            "project": self.project,
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "slice": dict(self.slice),
            "versions": dict(self.versions),
            "who": self.who,
            "id": self.id,
            "created_at": None if self.created_at is None else self.created_at.isoformat(),
        }


def check_name(name: str) -> None:
    """Raises BaselineInvalid for a name by which a baseline could not be reached."""
    if not _NAME.fullmatch(name) or ".." in name or name == "." or name in RESERVED:
        raise BaselineInvalid(
            f"name {name[:100]!r} cannot be a baseline's: use 1 to 100 characters in one line without '/', '@' or "
            f"'..', no space at an end, and none of {', '.join(RESERVED)}."
        )


def pin(control: Control, baseline: Baseline) -> Baseline:
    """Keep a baseline, in place of the project's one of the same name; as it is kept.

    Raises ProjectUnknown, and BaselineInvalid for one beyond MOST.
    """
    projects.get(control, baseline.project)
    others = [each for each in listing(control, baseline.project) if each.name != baseline.name]
    if len(others) >= MOST:
        raise BaselineInvalid(
            f"project {baseline.project!r} has {len(others)} baselines, and the chance of a false alarm is shared out "
            f"among {MOST}: unpin one first, such as {others[0].name!r}."
        )
    kept = replace(baseline, id=secrets.token_hex(8), created_at=datetime.now(UTC))
    row = {
        "id": kept.id,
        "project_id": kept.project,
        "name": kept.name,
        "slice": json.dumps(dict(kept.slice), ensure_ascii=False, sort_keys=True),
        "versions": json.dumps(dict(kept.versions), ensure_ascii=False, sort_keys=True),
        "start": kept.start.astimezone(UTC),
        "end": kept.end.astimezone(UTC),
        "who": kept.who,
        "created_at": kept.created_at,
    }
    with control.write() as connection:
        statement = insert(connection, drift_baselines).values(row)
        changed = {name: statement.excluded[name] for name in row}
        connection.execute(statement.on_conflict_do_update(index_elements=["project_id", "name"], set_=changed))
    return get(control, baseline.project, baseline.name)


def get(control: Control, project: str, name: str) -> Baseline:
    """The project's baseline of this name. Raises BaselineUnknown."""
    found = listing(control, project)
    for each in found:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in found) or "none yet"
    raise BaselineUnknown(f"project {project!r} has no baseline {name!r}; it has: {names}.")


def listing(control: Control, project: str) -> list[Baseline]:
    """The project's baselines by name."""
    table = drift_baselines
    statement = select(table).where(table.c.project_id == project).order_by(table.c.name)
    with control.read() as connection:
        return [_baseline(row) for row in connection.execute(statement).mappings()]


def unpin(control: Control, project: str, name: str) -> Baseline:
    """Take a baseline away; as it was. Raises BaselineUnknown."""
    found = get(control, project, name)
    with control.write() as connection:
        connection.execute(delete(drift_baselines).where(drift_baselines.c.id == found.id))
    return found


def _baseline(row: Mapping[Any, Any]) -> Baseline:
    return Baseline(
        project=row["project_id"],
        name=row["name"],
        start=row["start"],
        end=row["end"],
        slice=json.loads(row["slice"]),
        versions=json.loads(row["versions"]),
        who=row["who"],
        id=row["id"],
        created_at=row["created_at"],
    )
