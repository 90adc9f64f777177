"""Keys: who may send spans to a project, and who may read it. The secret itself is never stored."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, get_args

from sqlalchemy import Row, or_, select, update

from spanledger_store.control import models, projects
from spanledger_store.control.database import Control
from spanledger_store.control.errors import KeyAmbiguous, KeyInvalid, KeyUnknown

Scope = Literal["ingest", "read"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# Characters of the secret kept in the clear, to tell keys apart: 8 of 43 leave 208 bits unknown.
SHOWN = 8
# `last_used_at` says "is it still in use", so one write a minute per key is precise enough.
TOUCH_EVERY = timedelta(minutes=1)

_columns = [column for column in models.api_keys.c if column.name != "digest"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it may be shown: neither the secret nor its digest is in it.

    | field | meaning |
    |---|---|
    | prefix | the beginning of the secret, such as `sl_ingest_Ab3dEf6h` |
    | last_used_at | to the minute; None until first used |
    | revoked_at | None while the key is valid |
    """

    id: str
    project_id: str
    name: str
    scope: Scope
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def active(self) -> bool:
        """True until the key is revoked."""
        return self.revoked_at is None

    def __repr__(self) -> str:
        state = "active" if self.active else "revoked"
        return f"Key({self.id}, project={self.project_id!r}, scope={self.scope}, prefix={self.prefix}…, {state})"


def _prefix(scope: str) -> str:
    return f"sl_{scope}_"


def _key(row: Row[Any]) -> Key:
    return Key(*row)


def create(control: Control, project: str, name: str, scope: str) -> tuple[Key, str]:
    """A new key and its secret, which cannot be had again.

    Raises KeyInvalid for an empty name or an unknown scope, ProjectUnknown for an unknown project.
    """
    if scope not in SCOPES:
        raise KeyInvalid(f"{scope!r} is no scope; a key is for one of: {', '.join(SCOPES)}.")
    if not 1 <= len(name.strip()) <= 200:
        raise KeyInvalid(f"a key's name says who uses it, in 1 to 200 characters; {name[:40]!r} is {len(name)} long.")
    project_id = projects.get(control, project).id
    secret = _prefix(scope) + secrets.token_urlsafe(32)
    key = Key(
        id=secrets.token_hex(8),
        project_id=project_id,
        name=name.strip(),
        scope=scope,
        prefix=secret[: len(_prefix(scope)) + SHOWN],
        created_at=datetime.now(UTC),
        last_used_at=None,
        revoked_at=None,
    )
    values = {column.name: getattr(key, column.name) for column in _columns}
    with control.write() as connection:
        connection.execute(models.api_keys.insert().values(**values, digest=_digest(secret)))
    return key, secret


def verify(control: Control, secret: str) -> Key | None:
    """The active key this secret opens, or None; neither answer nor time taken tells how close it was."""
    scope = next((each for each in SCOPES if secret.startswith(_prefix(each))), None)
    if scope is None or not secret.isascii():
        return None
    digest = _digest(secret)
    column = models.api_keys.c
    statement = select(column.digest, *_columns).where(
        column.prefix == secret[: len(_prefix(scope)) + SHOWN], column.revoked_at.is_(None)
    )
    with control.read() as connection:
        rows = connection.execute(statement).all()
    found: Key | None = None
    for row in rows:
        stored, *fields = row
        if hmac.compare_digest(stored, digest):
            found = Key(*fields)
    return found


def listing(control: Control, project: str | None = None) -> list[Key]:
    """Every key, of one project or of all, oldest first; revoked ones too."""
    statement = select(*_columns).order_by(models.api_keys.c.created_at, models.api_keys.c.id)
    if project is not None:
        statement = statement.where(models.api_keys.c.project_id == project)
    with control.read() as connection:
        return [_key(row) for row in connection.execute(statement).all()]


def revoke(control: Control, id_or_prefix: str) -> Key:
    """The key, no longer valid from now on; revoking it again keeps the first time.

    Raises KeyUnknown or KeyAmbiguous.
    """
    column = models.api_keys.c
    matches = or_(column.id == id_or_prefix, column.prefix.startswith(id_or_prefix, autoescape=True))
    with control.write() as connection:
        found = [_key(row) for row in connection.execute(select(*_columns).where(matches)).all()]
        exact = [key for key in found if id_or_prefix in (key.id, key.prefix)]
        if len(exact) == 1:
            found = exact
        if not found or not id_or_prefix:
            raise KeyUnknown(f"no key has the id or prefix {id_or_prefix!r}; list them: spanledger keys list")
        if len(found) > 1:
            ids = ", ".join(key.id for key in found)
            raise KeyAmbiguous(f"{len(found)} keys begin with {id_or_prefix!r}; name one by its id: {ids}.")
        moment = datetime.now(UTC)
        connection.execute(
            update(models.api_keys)
            .where(column.id == found[0].id, column.revoked_at.is_(None))
            .values(revoked_at=moment)
        )
        return _key(connection.execute(select(*_columns).where(column.id == found[0].id)).one())


def any_active(control: Control, scope: Scope | None = None) -> bool:
    """True where at least one key of this scope (of any, without one) is valid."""
    statement = select(models.api_keys.c.id).where(models.api_keys.c.revoked_at.is_(None)).limit(1)
    if scope is not None:
        statement = statement.where(models.api_keys.c.scope == scope)
    with control.read() as connection:
        return connection.execute(statement).first() is not None


def touch(control: Control, key: Key, now: datetime | None = None) -> None:
    """Note that a key was used, at most once a minute; cheap to call with a fresh Key on every request."""
    moment = now or datetime.now(UTC)
    if key.last_used_at is not None and moment - key.last_used_at < TOUCH_EVERY:
        return
    column = models.api_keys.c
    stale = or_(column.last_used_at.is_(None), column.last_used_at <= moment - TOUCH_EVERY)
    with control.write() as connection:
        connection.execute(update(models.api_keys).where(column.id == key.id, stale).values(last_used_at=moment))


def _digest(secret: str) -> bytes:
    # A plain hash is enough for 256 random bits: there is nothing to guess, so nothing to slow down.
    return sha256(secret.encode()).digest()
