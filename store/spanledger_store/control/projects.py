"""Projects: the walls between teams. Everything stored belongs to exactly one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from spanledger_store.control import models
from spanledger_store.control.database import Control
from spanledger_store.control.errors import ProjectInvalid, ProjectUnknown
from spanledger_store.control.upsert import insert

DEFAULT = "default"
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Project:
    """One project; `id` is what every row of the store carries."""

    id: str
    name: str
    created_at: datetime


def ensure(control: Control, project_id: str, name: str | None = None) -> Project:
    """The project with this id, created where it is missing. Raises ProjectInvalid for an id not a slug."""
    if not SLUG.fullmatch(project_id):
        raise ProjectInvalid(
            f"{project_id!r} cannot be a project: use 1 to 64 lower-case letters, digits, '-' or '_', "
            "beginning and ending with a letter or digit."
        )
    row = {"id": project_id, "name": name or project_id, "created_at": datetime.now(UTC)}
    with control.write() as connection:
        connection.execute(insert(connection, models.projects).values(row).on_conflict_do_nothing())
    return get(control, project_id)


def find(control: Control, project_id: str) -> Project | None:
    """The project with this id, or None."""
    with control.read() as connection:
        row = connection.execute(select(models.projects).where(models.projects.c.id == project_id)).one_or_none()
    return None if row is None else Project(*row)


def get(control: Control, project_id: str) -> Project:
    """The project with this id. Raises ProjectUnknown."""
    project = find(control, project_id)
    if project is None:
        known = ", ".join(each.id for each in listing(control))
        raise ProjectUnknown(f"there is no project {project_id!r}; the projects are: {known}.")
    return project


def listing(control: Control) -> list[Project]:
    """Every project, by id."""
    with control.read() as connection:
        rows = connection.execute(select(models.projects).order_by(models.projects.c.id)).all()
    return [Project(*row) for row in rows]
