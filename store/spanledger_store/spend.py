"""Spend from the ledger by any combination of dimensions, as a statement that every door can run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from string import Template

from spanledger_store.sql import load

UNATTRIBUTED = "(unattributed)"


class SpendBy(StrEnum):
    """What spend can be split by; the last four are times in the zone asked for."""

    CUSTOMER = "customer"
    FEATURE = "feature"
    TEAM = "team"
    PROVIDER = "provider"
    MODEL = "model"
    PROMPT = "prompt"
    ENVIRONMENT = "environment"
    RELEASE = "release"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


TIMES = {
    SpendBy.HOUR: "formatDateTime(l.hour, '%Y-%m-%dT%H:00', {zone:String})",
    SpendBy.DAY: "formatDateTime(l.hour, '%Y-%m-%d', {zone:String})",
    SpendBy.MONTH: "formatDateTime(l.hour, '%Y-%m', {zone:String})",
    SpendBy.YEAR: "formatDateTime(l.hour, '%Y', {zone:String})",
}
_NAMES = {
    SpendBy.PROMPT: "if(l.prompt_version = '', l.prompt_name, concat(l.prompt_name, ' ', l.prompt_version))",
}


def spend_statement(
    by: Sequence[SpendBy], *, project: str, start: datetime, end: datetime, zone: str
) -> tuple[str, dict[str, str]]:
    """SQL and its parameters: one row per combination, times ascending, else the dearest first.

    `start` and `end` are aware and on full hours, `end` exclusive. Columns: the dimensions, calls, errors,
    unpriced_calls, prompt_tokens, output_tokens, cost_usd (NULL where nothing in the group has a price).
    """
    aliases = [f"by_{each.value}" for each in by]
    columns = [f"{_expression(each)} AS {alias}" for each, alias in zip(by, aliases, strict=True)]
    times = [alias for each, alias in zip(by, aliases, strict=True) if each in TIMES]
    rest = [alias for alias in aliases if alias not in times]
    sql = Template(load("spend_by")).substitute(
        dimensions=",\n    ".join(columns),
        groups=", ".join(aliases),
        order=", ".join([*times, "cost_usd DESC NULLS LAST", "calls DESC", *rest]),
    )
    return sql, {"project": project, "start": _second(start), "end": _second(end), "zone": zone}


def _expression(by: SpendBy) -> str:
    if by in TIMES:
        return TIMES[by]
    name = _NAMES.get(by, f"l.{by.value}")
    return f"if({name} = '', '{UNATTRIBUTED}', toString({name}))"


def _second(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
