"""`spanledger advice`: what would have saved money on the calls of the last days."""

from __future__ import annotations

import sys
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from spanledger_cli import running
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, write_document, write_rows

if TYPE_CHECKING:
    from spanledger_store.settings import StoreSettings

_PATH = "/api/v1/advice"
_COLUMNS: list[Column] = [
    ("kind", "String"),
    ("feature", "String"),
    ("model", "String"),
    ("candidate", "String"),
    ("calls", "UInt64"),
    ("cost_usd", "Decimal"),
    ("saved_usd", "Decimal"),
    ("quality", "String"),
    ("missing", "String"),
]
_UNATTRIBUTED = "(unattributed)"
_HOUR = 3600


class Kind(StrEnum):
    """What is advised."""

    MODEL = "model"
    PROMPT_CACHE = "prompt-cache"
    SEMANTIC_CACHE = "semantic-cache"
    BATCH = "batch"


def advice(
    kind: Annotated[list[Kind] | None, typer.Option("--kind", help="Only this kind; may be repeated.")] = None,
    feature: Annotated[
        list[str] | None, typer.Option(metavar="VALUE", help="Only calls of this feature; may be repeated.")
    ] = None,
    customer: Annotated[
        list[str] | None, typer.Option(metavar="VALUE", help="Only calls of this customer; may be repeated.")
    ] = None,
    days: Annotated[int, typer.Option("--days", metavar="DAYS", min=1, max=90, help="Calls of so many days.")] = 30,
    candidate: Annotated[
        list[str] | None,
        typer.Option("--candidate", metavar="MODEL", help="Consider this model beside those in use; may be repeated."),
    ] = None,
    can_wait: Annotated[
        list[str] | None,
        typer.Option("--can-wait", metavar="FEATURE", help="All its calls may be batched; may be repeated."),
    ] = None,
    within: Annotated[
        float, typer.Option("--within", metavar="HOURS", help="For how long a kept answer may be given again.")
    ] = 24,
    similar: Annotated[
        float, typer.Option("--similar", metavar="COSINE", help="From where on two questions count as the same.")
    ] = 0.95,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Say what would have saved money on the calls that were made, by feature.

    A cheaper model of those in use (or named), the provider's prompt cache, a cache of answers, the batch class: each
    with the calls it rests on, and the scores at stake. What is not known has no number. Lines are about the same
    calls: they are not to be added. JSON has the evidence, and example traces.

    Example: spanledger advice --kind model --candidate gpt-5-mini
    """
    asked: dict[str, Any] = {
        "project": project, "days": days, "within": round(within * _HOUR), "similar": similar,
        "kind": [each.value for each in kind or ()], "feature": feature or [], "customer": customer or [],
        "candidate": candidate or [], "can_wait": can_wait or [],
    }  # fmt: skip
    settings = store_settings(data)
    up = running.find(settings.data)
    with busy("looking for savings"):
        found = up.get(f"{_PATH}?{urlencode(asked, doseq=True)}") if up is not None else _here(settings, asked)
    if form is Format.JSON:
        write_document(found)
        return
    write_rows(_COLUMNS, [_row(each, form) for each in found["lines"]], form)
    for each in found["missing"]:
        sys.stderr.write(f"note: {each['kind']}: {each['what']}.\n")


def _here(settings: StoreSettings, asked: dict[str, Any]) -> dict[str, Any]:
    from datetime import UTC, datetime

    from spanledger_cli.reader import opened
    from spanledger_store.outlook import advice as kinds
    from spanledger_store.reports import advice as reports
    from spanledger_store.scope import Dimension

    filters = {each: tuple(asked[each.value]) for each in (Dimension.FEATURE, Dimension.CUSTOMER) if asked[each.value]}
    try:
        wanted = reports.AdviceRequest(
            asked["project"], datetime.now(UTC), asked["days"], filters, [kinds.Kind(each) for each in asked["kind"]],
            asked["candidate"], asked["can_wait"], asked["within"], asked["similar"],
        )  # fmt: skip
    except reports.AdviceInvalid as error:
        raise Usage(str(error)) from error
    with opened(settings) as (engine, _):
        return reports.advice(engine, wanted).as_json()


def _row(each: dict[str, Any], form: Format) -> list[Any]:
    amounts = [each["cost_usd"], each["saved_usd"]]
    if form is Format.TABLE:
        amounts = ["unknown" if amount is None else f"{Decimal(amount):,.2f}" for amount in amounts]
    quality = "; ".join(f"{score['name']}: {score['verdict']}" for score in each["quality"])
    feature = each["feature"] or (_UNATTRIBUTED if form is Format.TABLE else "")
    return [each["kind"], feature, each["model"], each["candidate"], each["calls"], *amounts, quality,
            "; ".join(each["missing"])]  # fmt: skip
