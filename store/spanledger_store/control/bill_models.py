"""Which model of the ledger the words of a bill are about, where their names alone do not say it.

bill_models.put(control, "default", "our fine-tuned model*", "gpt-4o-2024-08-06")
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, select

from spanledger_store.control import finance_models as models
from spanledger_store.control import projects
from spanledger_store.control.database import Control
from spanledger_store.control.errors import BillModelInvalid
from spanledger_store.control.upsert import insert

_LONGEST = 200


def put(control: Control, project: str, pattern: str, model: str) -> None:
    """Have items whose words fit `pattern` (`*` for any, capital or small) be about `model`, whatever was said before.

    Raises BillModelInvalid or ProjectUnknown.
    """
    projects.get(control, project)
    for name, value in (("pattern", pattern), ("model", model)):
        if not 0 < len(value.strip()) <= _LONGEST:
            raise BillModelInvalid(f"{name} {value[:60]!r} cannot be: use 1 to {_LONGEST} characters.")
    row = {"project_id": project, "pattern": pattern, "model": model, "created_at": datetime.now(UTC)}
    with control.write() as connection:
        statement = insert(connection, models.bill_models).values(row)
        changed = {name: statement.excluded[name] for name in ("model", "created_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=["project_id", "pattern"], set_=changed))


def remove(control: Control, project: str, pattern: str) -> None:
    """Forget a pattern. Raises BillModelInvalid where there is none."""
    table = models.bill_models
    with control.write() as connection:
        gone = connection.execute(delete(table).where(table.c.project_id == project, table.c.pattern == pattern))
    if not gone.rowcount:
        known = ", ".join(repr(each) for each, _ in rules(control, project)) or "none"
        raise BillModelInvalid(f"project {project!r} has no pattern {pattern!r}; it has: {known}.")


def rules(control: Control, project: str) -> list[tuple[str, str]]:
    """(pattern, model) pairs, the longest pattern first: what says most is asked first."""
    table = models.bill_models
    statement = select(table.c.pattern, table.c.model).where(table.c.project_id == project)
    with control.read() as connection:
        found = [(row.pattern, row.model) for row in connection.execute(statement)]
    return sorted(found, key=lambda each: (-len(each[0]), each))
