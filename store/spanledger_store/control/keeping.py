"""How long each project keeps each class of data, as it has been set."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import delete, select

from spanledger_store.control import models, projects
from spanledger_store.control.database import Control
from spanledger_store.control.upsert import insert

_table = models.retention.c
_LAST = "retention_last_run"


def days(control: Control) -> dict[str, dict[str, int]]:
    """project -> class -> days; a class that is not there is kept for ever."""
    found: dict[str, dict[str, int]] = {}
    statement = select(_table.project_id, _table["class"], _table.days).order_by(_table.project_id, _table["class"])
    with control.read() as connection:
        for project, kind, number in connection.execute(statement).all():
            found.setdefault(project, {})[kind] = number
    return found


def keep(control: Control, project: str, wanted: Mapping[str, int | None]) -> None:
    """Set the classes named in `wanted`, all or none; None is for ever. Raises ProjectUnknown."""
    projects.get(control, project)
    with control.write() as connection:
        for kind, number in sorted(wanted.items()):
            if number is None:
                here = (_table.project_id == project, _table["class"] == kind)
                connection.execute(delete(models.retention).where(*here))
                continue
            statement = insert(connection, models.retention).values(
                {"project_id": project, "class": kind, "days": number}
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["project_id", "class"], set_={"days": statement.excluded.days}
                )
            )


def last_run(control: Control) -> date | None:
    """The UTC day that `note_run` was last told, or None."""
    wanted = select(models.settings_kv.c.value).where(models.settings_kv.c.name == _LAST)
    with control.read() as connection:
        found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else date.fromisoformat(bytes(found).decode())


def note_run(control: Control, day: date) -> None:
    """Note that a day's work is done."""
    with control.write() as connection:
        statement = insert(connection, models.settings_kv).values({"name": _LAST, "value": day.isoformat().encode()})
        connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
        )
