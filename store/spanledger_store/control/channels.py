"""Channels: where a project's notices go, and what it takes to send there.

    made = channels.put(control, channel_kinds.webhook("default", "ops", "https://example.com/hook"))
    made.secrets["secret"]                     # what signs its requests; shown by nothing afterwards

What must not be shown is given as a value, as `env:NAME` or as `file:PATH`. The last two keep only where it is to be
read, each time something is sent; a value is kept in the control database, which is its owner's alone to read.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets as tokens
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import delete, select

from spanledger_store.control import projects
from spanledger_store.control.database import Control
from spanledger_store.control.errors import ChannelInvalid, ChannelUnknown
from spanledger_store.control.finance_models import channels as table
from spanledger_store.control.finance_models import statement_orders
from spanledger_store.control.models import budgets
from spanledger_store.control.upsert import add, insert

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NAME: Final = re.compile(r"[^\s/\x00-\x1f,]([^/\x00-\x1f,]{0,98}[^\s/\x00-\x1f,])?")
# How the specification (standardwebhooks.com) has such secrets begin.
MARK: Final = "whsec_"
LATER: Final = ("env:", "file:")
"""How a value begins that is to be read each time it is needed."""


class Kind(StrEnum):
    """How a channel's server is spoken to."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Channel:
    """One place that notices go to; `channel_kinds` makes it, and says what each kind needs.

    `settings` may be shown; of `secrets` only how each was given is ever shown. `is_default` has it take what names no
    channel.
    """

    project: str
    name: str
    kind: Kind
    settings: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    secrets: Mapping[str, str] = field(default_factory=lambda: _NOTHING, repr=False)
    is_default: bool = False
    id: str = ""
    created_at: datetime | None = None
    changed_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ChannelInvalid(
                f"name {self.name!r} cannot be a channel's: use 1 to 100 characters without '/' or ','."
            )

    def as_json(self) -> dict[str, Any]:
        """Every field but the secrets' values as JSON takes it."""
        return {
            "name": self.name,
            "project": self.project,
            "kind": self.kind.value,
            "settings": dict(self.settings),
            "secrets": {name: _told(given) for name, given in self.secrets.items()},
            "is_default": self.is_default,
            "created_at": None if self.created_at is None else self.created_at.isoformat(),
            "changed_at": None if self.changed_at is None else self.changed_at.isoformat(),
        }


def revealed(channel: Channel, name: str) -> str:
    """A secret's value, read now where only its place is kept. Raises ChannelInvalid naming what is not there."""
    given = channel.secrets.get(name, "")
    if given.startswith("env:"):
        found = os.environ.get(given.removeprefix("env:"))
        if found is None:
            raise ChannelInvalid(
                f"channel {channel.name!r}: the environment of this process has no {given.removeprefix('env:')}; "
                "set it where `up` or the worker runs."
            )
        return found.strip()
    if given.startswith("file:"):
        try:
            return Path(given.removeprefix("file:")).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise ChannelInvalid(f"channel {channel.name!r}: {given} cannot be read: {error}") from error
    return given


def signing_key(secret: str) -> bytes:
    """The bytes behind a webhook's secret. Raises ChannelInvalid where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(MARK), validate=True)
    except ValueError as error:
        raise ChannelInvalid(
            "the signing secret is not base64; use 24 to 64 random bytes, as `whsec_BASE64`."
        ) from error
    if not 24 <= len(key) <= 64:
        raise ChannelInvalid(f"the signing secret has {len(key)} bytes; use 24 to 64 random ones, as `whsec_BASE64`.")
    return key


def put(control: Control, channel: Channel, *, replacing: bool = False) -> Channel:
    """Keep a channel; as it is kept. Raises ProjectUnknown, and ChannelInvalid where the name is taken."""
    projects.get(control, channel.project)
    now = datetime.now(UTC)
    kept = replace(channel, id=tokens.token_hex(8), created_at=now, changed_at=now)
    row = {
        "id": kept.id,
        "project_id": kept.project,
        "name": kept.name,
        "kind": kept.kind.value,
        "settings": json.dumps(dict(kept.settings), ensure_ascii=False, sort_keys=True),
        "secrets": json.dumps(dict(kept.secrets), ensure_ascii=False, sort_keys=True),
        "is_default": kept.is_default,
        "created_at": now,
        "changed_at": now,
    }
    with control.write() as connection:
        if replacing:
            statement = insert(connection, table).values(row)
            changed = {name: statement.excluded[name] for name in row if name not in ("id", "created_at")}
            connection.execute(statement.on_conflict_do_update(index_elements=["project_id", "name"], set_=changed))
        elif not add(connection, table, row):
            raise ChannelInvalid(f"there is a channel {channel.name!r} already; replace it, or choose another name.")
    return get(control, kept.project, kept.name)


def get(control: Control, project: str, name: str) -> Channel:
    """The project's channel of this name. Raises ChannelUnknown."""
    found = next((each for each in listing(control, project) if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in listing(control, project)) or "none yet"
        raise ChannelUnknown(
            f"project {project!r} has no channel {name!r}; it has: {names}. Add one: spanledger channels add"
        )
    return found


def listing(control: Control, project: str | None = None) -> list[Channel]:
    """The channels of one project, or of all, by project and name."""
    statement = select(table).order_by(table.c.project_id, table.c.name)
    if project is not None:
        statement = statement.where(table.c.project_id == project)
    with control.read() as connection:
        return [_channel(row) for row in connection.execute(statement).mappings()]


def chosen(control: Control, project: str, names: Sequence[str]) -> list[str]:
    """The channels that something naming these goes to: those, or the project's default ones where it names none."""
    kept = listing(control, project)
    return [each.name for each in kept if (each.name in names if names else each.is_default)]


def remove(control: Control, project: str, name: str) -> Channel:
    """Take a channel away; as it was. What waited to go there is given up at the next attempt.

    Raises ChannelUnknown, and ChannelInvalid naming the budgets and orders that still name it.
    """
    found = get(control, project, name)
    with control.write() as connection:
        rows = connection.execute(select(budgets.c.name, budgets.c.notify).where(budgets.c.project_id == project))
        using = [f"budget {each!r}" for each, notify in rows if name in json.loads(notify)]
        ordered = select(statement_orders.c.id).where(
            statement_orders.c.project_id == project, statement_orders.c.channel == name
        )
        using += [f"statement order {each}" for each in connection.execute(ordered).scalars()]
        if using:
            raise ChannelInvalid(f"channel {name!r} is still used by {', '.join(using)}; change or remove these first.")
        connection.execute(delete(table).where(table.c.id == found.id))
    return found


def _channel(row: Mapping[Any, Any]) -> Channel:
    return Channel(
        project=row["project_id"],
        name=row["name"],
        kind=Kind(row["kind"]),
        settings=json.loads(row["settings"]),
        secrets=json.loads(row["secrets"]),
        is_default=bool(row["is_default"]),
        id=row["id"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )


def _told(given: str) -> str:
    return given if given.startswith(LATER) else "kept"
