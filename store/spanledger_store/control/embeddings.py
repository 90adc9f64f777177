"""By what a project's calls are embedded here, how far that has come, and its fitted lexical embedders.

embeddings.put(control, Settings("default", "openai:text-embedding-3-small", key="env:OPENAI_API_KEY"))
embeddings.settings(control, "default").embedder
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete, select, update

from spanledger_store.control import projects
from spanledger_store.control.channels import LATER
from spanledger_store.control.database import Control
from spanledger_store.control.errors import ControlError
from spanledger_store.control.quality_models import (
    embedding_hours,
    embedding_progress,
    embedding_settings,
    lexical_models,
)
from spanledger_store.control.upsert import insert

OFF: Final = "off"
LEXICAL: Final = "lexical"
# Older lexical embedders are of use to nobody: vectors are never made by one again.
_KEPT: Final = 3
_CHUNK: Final = 400
_HIGHEST: Final = 100_000_000
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EmbeddingInvalid(ControlError):
    """Settings of embedding that cannot be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a project's calls get the vectors that nobody sent with them. Raises EmbeddingInvalid.

    | field | |
    |---|---|
    | embedder | off; lexical; openai:MODEL; http://HOST/v1#MODEL; sentence-transformers:MODEL; fastembed:MODEL |
    | key | where an endpoint's key is read: env:NAME or file:PATH |
    | rate | the share of sessions whose calls are embedded |
    | most_a_day | calls of a UTC day that are embedded at most; beyond that fewer sessions are chosen |
    | days | how far back calls are embedded |
    """

    project: str
    embedder: str = LEXICAL
    key: str = ""
    rate: float = 1.0
    most_a_day: int = 100_000
    days: int = 30
    changed_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.embedder.strip() or len(self.embedder) > 400:
            raise EmbeddingInvalid(f"embedder {self.embedder!r} cannot be: name one, such as {LEXICAL}, or {OFF}.")
        if self.key and not self.key.startswith(LATER):
            raise EmbeddingInvalid("a key is not kept here; say where it is to be read: env:NAME or file:PATH.")
        if not 0 < self.rate <= 1:
            raise EmbeddingInvalid(f"rate {self.rate} is no share of sessions; use more than 0 and at most 1.")
        if not 1 <= self.most_a_day <= _HIGHEST:
            raise EmbeddingInvalid(f"{self.most_a_day} calls a day cannot be; use 1 to {_HIGHEST}.")
        if not 1 <= self.days <= 400:
            raise EmbeddingInvalid(f"{self.days} days back cannot be; use 1 to 400.")

    def as_json(self) -> dict[str, Any]:
        """Every field as JSON takes it; of the key only where it is read."""
        return asdict(self) | {"changed_at": self.changed_at and self.changed_at.isoformat()}

    def revealed(self) -> str | None:
        """The endpoint's key, read now; None where none is named. Raises EmbeddingInvalid."""
        if self.key.startswith("env:"):
            found = os.environ.get(self.key.removeprefix("env:"))
            if found is None:
                raise EmbeddingInvalid(
                    f"the environment of this process has no {self.key.removeprefix('env:')}; set it where `up` or the "
                    "worker runs."
                )
            return found.strip()
        if self.key.startswith("file:"):
            try:
                return Path(self.key.removeprefix("file:")).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                raise EmbeddingInvalid(f"{self.key} cannot be read: {error}") from error
        return None


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour as it was when its calls were embedded, or vectors assigned; `newest` arrival in nanoseconds."""

    hour: datetime
    rows: int
    newest: int
    probability: float = 1.0
    embedded: int = 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """A lexical embedder of a project; `words` were met since it was fitted, in `met` texts, `unseen` of them new."""

    project: str
    model: str
    fitted_at: datetime
    texts: int
    expected_unseen: float
    words: int = 0
    unseen: int = 0
    met: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """When a project's hours were last looked through, the model in use, and what went wrong ('' for nothing)."""

    swept_at: datetime = NEVER
    model: str = ""
    error: str = ""


def settings(control: Control, project: str) -> Settings:
    """The project's settings; the default ones where it has none."""
    with control.read() as connection:
        row = (
            connection.execute(select(embedding_settings).where(embedding_settings.c.project_id == project))
            .mappings()
            .one_or_none()
        )
    if row is None:
        return Settings(project)
    return Settings(
        project, row["embedder"], row["key"], row["rate"], row["most_a_day"], row["days"], row["changed_at"]
    )


def put(control: Control, wanted: Settings) -> Settings:
    """Keep a project's settings, in place of earlier ones; as they are kept. Raises ProjectUnknown."""
    projects.get(control, wanted.project)
    kept = replace(wanted, embedder=wanted.embedder.strip(), changed_at=datetime.now(UTC))
    row = {"project_id": kept.project} | {name: value for name, value in asdict(kept).items() if name != "project"}
    with control.write() as connection:
        statement = insert(connection, embedding_settings).values(row)
        changed = {name: statement.excluded[name] for name in row if name != "project_id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["project_id"], set_=changed))
    return kept


def change(control: Control, project: str, **wanted: Any) -> Settings:
    """Change the fields that are named and keep the others; as they are kept.

    Another embedder forgets the key of the one before. Raises ProjectUnknown or EmbeddingInvalid.
    """
    projects.get(control, project)
    held = settings(control, project)
    if "embedder" in wanted and wanted["embedder"] != held.embedder:
        wanted = {"key": "", **wanted}
    return put(control, replace(held, **wanted))


def progress(control: Control, project: str) -> Progress:
    """How far the project's embedding has come."""
    table = embedding_progress
    with control.read() as connection:
        row = connection.execute(select(table).where(table.c.project_id == project)).mappings().one_or_none()
    return Progress() if row is None else Progress(row["swept_at"], row["model"], row["error"])


def note(control: Control, project: str, told: Progress) -> None:
    """Keep how far it has come."""
    row = {"project_id": project, **asdict(told)}
    with control.write() as connection:
        statement = insert(connection, embedding_progress).values(row)
        changed = {name: statement.excluded[name] for name in row if name != "project_id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["project_id"], set_=changed))


def hours(control: Control, project: str, model: str, since: datetime) -> dict[datetime, Hour]:
    """The hours that have been embedded by a model, as they were then."""
    table = embedding_hours.c
    statement = select(table.hour, table.rows, table.newest, table.probability, table.embedded).where(
        table.project_id == project, table.model == model, table.hour >= since
    )
    with control.read() as connection:
        return {row[0]: Hour(*row) for row in connection.execute(statement).all()}


def done(control: Control, project: str, model: str, listed: Iterable[Hour]) -> None:
    """Note hours that have been embedded."""
    rows = [{"project_id": project, "model": model, **asdict(each)} for each in listed]
    with control.write() as connection:
        for at in range(0, len(rows), _CHUNK):
            statement = insert(connection, embedding_hours).values(rows[at : at + _CHUNK])
            changed = {name: statement.excluded[name] for name in ("rows", "newest", "probability", "embedded")}
            connection.execute(
                statement.on_conflict_do_update(index_elements=["project_id", "model", "hour"], set_=changed)
            )


def forget_hours(control: Control, project: str, before: datetime) -> None:
    """Forget hours that are too old to be looked at."""
    table = embedding_hours
    with control.write() as connection:
        connection.execute(delete(table).where(table.c.project_id == project, table.c.hour < before))


def models(control: Control, project: str) -> list[str]:
    """Every model that calls have been embedded by here."""
    with control.read() as connection:
        listed = connection.execute(
            select(embedding_hours.c.model).where(embedding_hours.c.project_id == project).distinct()
        ).scalars()
        fitted_ = connection.execute(
            select(lexical_models.c.model).where(lexical_models.c.project_id == project)
        ).scalars()
        return sorted({*listed, *fitted_})


def fitted(control: Control, project: str) -> Fitted | None:
    """The project's newest lexical embedder, or None."""
    table = lexical_models.c
    columns = (table.project_id, table.model, table.fitted_at, table.texts, table.expected_unseen, table.words,
               table.unseen, table.met)  # fmt: skip
    statement = select(*columns).where(table.project_id == project).order_by(table.fitted_at.desc()).limit(1)
    with control.read() as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else Fitted(*row)


def body(control: Control, project: str, model: str) -> bytes | None:
    """A lexical embedder's bytes, or None."""
    table = lexical_models.c
    with control.read() as connection:
        found = connection.execute(
            select(table.body).where(table.project_id == project, table.model == model)
        ).scalar_one_or_none()
    return None if found is None else bytes(found)


def keep(control: Control, project: str, at: datetime, texts: int, expected_unseen: float, made: bytes) -> Fitted:
    """Keep a lexical embedder under a name of its own, `lexical-v1-DAY`, and forget all but the newest few."""
    table = lexical_models
    with control.write() as connection:
        names = connection.execute(select(table.c.model).where(table.c.project_id == project)).scalars().all()
        name = stem = f"lexical-v1-{at.astimezone(UTC):%Y-%m-%d}"
        number = 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        kept = Fitted(project, name, at, texts, expected_unseen)
        row = {"project_id": project, **{key: value for key, value in asdict(kept).items() if key != "project"}}
        connection.execute(table.insert().values({**row, "body": made}))
        old = (
            connection.execute(
                select(table.c.model).where(table.c.project_id == project).order_by(table.c.fitted_at.desc())
            )
            .scalars()
            .all()[_KEPT:]
        )
        connection.execute(delete(table).where(table.c.project_id == project, table.c.model.in_(old)))
    return kept


def met(control: Control, of: Fitted, words: int, unseen: int, texts: int) -> None:
    """Count words that were met, and those among them that were not known."""
    table = lexical_models
    with control.write() as connection:
        connection.execute(
            update(table)
            .where(table.c.project_id == of.project, table.c.model == of.model)
            .values(words=table.c.words + words, unseen=table.c.unseen + unseen, met=table.c.met + texts)
        )
