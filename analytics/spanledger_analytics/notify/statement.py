"""A statement as a notice: a short letter, with the whole of it attached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from spanledger_analytics.notify.words import spend_link
from spanledger_store.amounts import dollars
from spanledger_store.control.notices import Attachment, Notice
from spanledger_store.finance.statement_page import page, table

KIND: Final = "statement"
_NOT_IN_A_NAME: Final = re.compile(r"[^\w.-]+")


def message(document: Mapping[str, Any], public_url: str) -> Notice:
    """The notice of a statement, from its JSON form: the same for the same project, customer and month."""
    project, customer, month = (str(document[name]) for name in ("project", "customer", "month"))
    start, end = (datetime.fromisoformat(document[name]) for name in ("from", "to"))
    link = spend_link(public_url, project, {"customer": customer}, start, end, ZoneInfo(document["zone"]))
    due = "unpriced" if document["due_usd"] is None else dollars(Decimal(document["due_usd"]))
    subject = f"Statement for {customer}, {date.fromisoformat(f'{month}-01'):%B %Y}: {due}"
    facts = _facts(document)
    name = f"statement-{_NOT_IN_A_NAME.sub('-', customer).strip('-')[:60] or 'customer'}-{month}"
    return Notice(
        kind=KIND,
        key="\0".join((KIND, customer, month)),
        subject=subject,
        text="\n".join(facts),
        html=(
            '<div style="font:15px/1.5 system-ui,sans-serif;color:#1c1d21;max-width:40em">'
            f'<h1 style="font-size:18px">{escape(subject)}</h1>{"".join(f"<p>{escape(each)}</p>" for each in facts)}'
            f'<p><a href="{escape(link)}">Look at the calls</a></p></div>'
        ),
        payload=document,
        link=link,
        about=customer,
        attachments=(
            Attachment(f"{name}.html", "text/html", page(document)),
            Attachment(f"{name}.csv", "text/csv", table(document)),
        ),
    )


def _facts(document: Mapping[str, Any]) -> list[str]:
    total = document["total"]
    used = "without a price" if total["cost_usd"] is None else dollars(Decimal(total["cost_usd"]))
    found = [f"{total['calls']:,} calls, {used}."]
    dearest = [each for each in document["models"][:3] if each["cost_usd"] is not None]
    if dearest:
        told = ", ".join(f"{each['model'] or '(no model)'} {dollars(Decimal(each['cost_usd']))}" for each in dearest)
        found.append(f"Of these: {told}.")
    if document["adjustments"]:
        months = ", ".join(each["month"] for each in document["adjustments"])
        found.append(f"Adjustments of {months}: {dollars(Decimal(document['adjusted_usd']))}.")
    if total["unpriced_calls"]:
        found.append(f"{total['unpriced_calls']:,} calls have no price yet and are not in it.")
    if document["due_usd"] is not None:
        found.append(f"Due, with every digit: {document['due_usd']} USD.")
    return found
