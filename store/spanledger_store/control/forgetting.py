"""What the control database holds of a customer, and its removal."""

from __future__ import annotations

from spanledger_store.control import alerts, notices, prices, statements
from spanledger_store.control.database import Control


def customer(control: Control, project: str, name: str) -> dict[str, int]:
    """Remove a customer's statements, alerts, notices, sent or not, and own prices; how many rows of each table.

    Budgets, orders and channels that name the customer were set by people, and stay until these change them. Prices do
    not: every version of them is kept, so that nobody could take the name out of them.
    """
    with control.write() as connection:
        return {
            "statements": statements.forget(connection, project, name),
            "budget_alerts": alerts.forget(connection, project, name),
            "notices": notices.forget(connection, project, name),
            "prices": prices.forget(connection, project, name),
        }
