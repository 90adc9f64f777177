"""The API's routes about spend: every line there is, rates of currencies, and rules of cost centres."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import INTERFACE, local_only
from spanledger_store.allocation import Rule
from spanledger_store.control import centers, currencies
from spanledger_store.control.centers import Kept
from spanledger_store.control.currencies import Rate
from spanledger_store.control.errors import (
    CenterInvalid,
    CenterUnknown,
    CurrencyInvalid,
    ProjectUnknown,
    RateUnknown,
)
from spanledger_store.finance import center_changes
from spanledger_store.finance.spend import Answer
from spanledger_store.finance.spend_request import FILTERS, SpendInvalid, request
from spanledger_store.finance.spend_views import View, view

Project = Annotated[str, Query(description="the project's id")]
Values = Annotated[list[str] | None, Query(description="only calls with one of these values")]
# Rows made into text at a time: what is sent is never in memory as a whole.
_ROWS = 2_000

_answered = Answering(
    invalid=(SpendInvalid, CurrencyInvalid, RateUnknown, CenterInvalid, ProjectUnknown), unknown=(CenterUnknown,)
)


class RateBody(BaseModel):
    """What a US dollar is worth from a UTC day on."""

    currency: str = Field(examples=["EUR"])
    day: date = Field(alias="from")
    rate: Decimal = Field(description="as a string", examples=["0.92"])


class RatesBody(BaseModel):
    """Rates that are set together."""

    rates: list[RateBody]


class RuleBody(BaseModel):
    """What a rule says from a UTC day on; its name is in the path."""

    project: str = "default"
    day: date = Field(alias="from")
    to: date | None = Field(default=None, description="not included; for good, if left out")
    slice: dict[str, str] = Field(default_factory=dict[str, str], examples=[{"feature": "search"}])
    shares: dict[str, Decimal] = Field(default_factory=dict[str, Decimal], examples=[{"Search": "1"}])
    in_proportion: bool = False
    priority: int = 100


class PreviewBody(RuleBody):
    """A rule that is not set yet, and the days to look at."""

    name: str
    since: date
    until: date


def add_spend(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""
    _add_spend(router, collector)
    _add_rates(router, collector)
    _add_rules(router, collector)


def _add_spend(router: APIRouter, collector: Collector) -> None:
    @router.get("/api/v1/spend", tags=["spend"])
    async def spend(
        project: Project = "default",
        by: Annotated[str, Query(description="comma-separated; times are in the zone `tz`")] = "customer,model",
        start: Annotated[str | None, Query(alias="from", description="a date or an ISO time")] = None,
        end: Annotated[str | None, Query(alias="to", description="not included; now, if left out")] = None,
        tz: Annotated[str, Query(description="an IANA time zone")] = "UTC",
        currency: str = "USD",
        what: Annotated[View, Query(alias="view")] = View.LINES,
        customer: Values = None,
        feature: Values = None,
        team: Values = None,
        provider: Values = None,
        model: Values = None,
        environment: Values = None,
        release: Values = None,
    ) -> Response:
        """Every line of spend, as `spanledger spend` prints it: columns, rows and their total, in one answer.

        It is streamed; an answer that was cut short is no JSON. `(unattributed)` as a value stands for calls that name
        none.
        """
        given = (customer, feature, team, provider, model, environment, release)
        filters = {name.value: values or [] for name, values in zip(FILTERS, given, strict=True)}

        def read() -> Answer:
            asked = request(
                project=project, by=by, start=start, end=end, zone=tz, filters=filters, currency=currency
            )  # fmt: skip
            return view(collector.engine, collector.control, asked, what)

        return StreamingResponse(_written(await _answered(read)), media_type="application/json")


def _written(answer: Answer) -> Iterator[str]:
    """The answer as JSON, piece by piece."""
    columns = [{"name": name, "type": kind} for name, kind in answer.columns]
    yield f'{{"columns": {json.dumps(columns)}, "rows": ['
    for at in range(0, len(answer.rows), _ROWS):
        rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in answer.rows[at : at + _ROWS])
        yield f"{',' if at else ''}\n{rows}"
    yield f'], "total": {json.dumps(answer.total, ensure_ascii=False)}}}'


def _add_rates(router: APIRouter, collector: Collector) -> None:
    @router.get("/api/v1/currencies", tags=["spend"])
    async def rates() -> dict[str, Any]:
        """Every rate that has been set, by currency and day."""
        return await _answered(lambda: {"rates": [each.as_json() for each in currencies.listing(collector.control)]})

    @router.put("/api/v1/currencies", tags=["spend"])
    async def set_rates(body: RatesBody, asked: Request) -> dict[str, int]:
        """Set rates, in place of those of the same currency and day, all or none. Needs this process's local token."""
        local_only(collector, asked)

        def change() -> dict[str, int]:
            wanted = [Rate(each.currency, each.day, each.rate) for each in body.rates]
            return {"set": currencies.put(collector.control, wanted)}

        return await _answered(change)

    @router.delete("/api/v1/currencies/{currency}", tags=["spend"])
    async def remove_rates(
        currency: str, asked: Request, day: Annotated[date | None, Query(alias="from")] = None
    ) -> dict[str, Any]:
        """Take the rate of a day away, or all of a currency. Needs this process's local token."""
        local_only(collector, asked)
        gone: Sequence[Rate] = await _answered(lambda: currencies.remove(collector.control, currency, day))
        return {"removed": [each.as_json() for each in gone]}


def _add_rules(router: APIRouter, collector: Collector) -> None:
    @router.get("/api/v1/centers", tags=["spend"])
    async def rules(project: Project = "default") -> dict[str, Any]:
        """Every version of every rule of cost centres of a project."""
        kept: Sequence[Kept] = await _answered(lambda: centers.listing(collector.control, project))
        return {"rules": [each.as_json() for each in kept]}

    # Ahead of the route with a name in it.
    @router.post("/api/v1/centers/preview", tags=["spend"])
    async def preview(body: PreviewBody) -> dict[str, Any]:
        """What cost centres spend on some days, as the rules are and as they would be with this one. Sets nothing."""

        def read() -> dict[str, Any]:
            kept = Kept(body.project, _rule(body.name, body))
            found = center_changes.preview(collector.engine, collector.control, kept, body.since, body.until)
            return {"centers": [each.as_json() for each in found]}

        return await _answered(read)

    @router.put("/api/v1/centers/{name}", tags=["spend"])
    async def set_rule(name: str, body: RuleBody, asked: Request) -> dict[str, Any]:
        """Set a rule from its day on. Needs this process's local token."""
        local_only(collector, asked)

        def change() -> dict[str, Any]:
            kept = Kept(body.project, _rule(name, body))
            return center_changes.choose(collector.engine, collector.control, kept, interface=INTERFACE).as_json()

        return await _answered(change)

    @router.delete("/api/v1/centers/{name}", tags=["spend"])
    async def remove_rule(
        name: str,
        asked: Request,
        project: Project = "default",
        day: Annotated[date | None, Query(alias="from")] = None,
    ) -> dict[str, Any]:
        """Take a rule away, or its version of one day. Needs this process's local token."""
        local_only(collector, asked)

        def change() -> dict[str, Any]:
            control = collector.control
            gone = center_changes.drop(collector.engine, control, project, name, day, interface=INTERFACE)
            return {"removed": [each.as_json() for each in gone]}

        return await _answered(change)


def _rule(name: str, body: RuleBody) -> Rule:
    return Rule(name, body.day, body.to, body.slice, body.shares, body.in_proportion, body.priority)
