"""`spanledger anomalies`: what changed in cost that nobody planned, what people say of it, and what is planned."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

import typer

from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, console, write_document, write_rows
from spanledger_cli.reader import of_store

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine

app = typer.Typer(no_args_is_help=True, help="Changes of cost that nobody planned.")

_PATH = "/api/v1/anomalies"
_PLANS = "/api/v1/plans"
_LISTED: list[Column] = [
    ("id", "String"),
    ("severity", "String"),
    ("state", "String"),
    ("start", "String"),
    ("slice", "String"),
    ("impact_usd", "Nullable(Decimal)"),
    ("feedback", "String"),
    ("what", "String"),
]
_PLANNED: list[Column] = [
    ("id", "String"),
    ("slice", "String"),
    ("start", "String"),
    ("end", "String"),
    ("factor", "Nullable(Decimal)"),
    ("note", "String"),
    ("who", "String"),
]


class Word(StrEnum):
    """What an anomaly was."""

    EXPECTED = "expected"
    PLANNED = "planned"
    FALSE_POSITIVE = "false-positive"
    CONFIRMED = "confirmed"


IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The anomaly's id, as the list shows it.")]
CustomerOption = Annotated[str, typer.Option("--customer", metavar="VALUE", help="Only this customer's.")]
FeatureOption = Annotated[str, typer.Option("--feature", metavar="VALUE", help="Only this feature's.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why, for whoever reads it later.")]
WhoOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")]


@app.command(name="list")
def list_(
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Only those that last until then.")] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Only those that began before.")] = "",
    customer: CustomerOption = "",
    feature: FeatureOption = "",
    only_open: Annotated[bool, typer.Option("--open", help="Only those that still last.")] = False,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """List what was found, newest first: the slice it is about, what it has cost, and in words what happened.

    JSON has all of it: the expected band, culprits with their shares, example traces, the series around it.

    Example: spanledger anomalies list --open
    """
    about = {name: value for name, value in (("customer", customer), ("feature", feature)) if value}
    first, last = _moment("--from", start), _moment("--to", end)
    times = {name: at.isoformat() for name, at in (("from", first), ("to", last)) if at is not None}
    asked = urlencode({"project": project} | about | times | ({"state": "open"} if only_open else {}))

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_store.reports.findings import report

        states = ("open",) if only_open else ("open", "ended", "settled")
        return report(engine, control, project, start=first, end=last, where=about, states=states)

    found = of_store(store_settings(data), lambda up: up.get(f"{_PATH}?{asked}"), here)
    if form is Format.JSON:
        write_document(found)
        return
    rows = [
        [each["id"], each["severity"], each["state"], f"{each['start'][:16]}Z", _slice(each["slice"]),
         each["impact_usd"], (each["feedback"] or {}).get("verdict", ""), each["evidence"].get("sentence", "")]
        for each in found
    ]  # fmt: skip
    if form is Format.TABLE:
        rows = [[*row[:5], None if row[5] is None else f"{Decimal(row[5]):,.2f}", *row[6:]] for row in rows]
    write_rows(_LISTED, rows, form)


@app.command()
def show(finding: IdArgument, project: ProjectOption = "default", data: DataOption = None) -> None:
    """Show one anomaly whole, as JSON.

    Example: spanledger anomalies show 5d1c0f8a2b3c4d5e
    """

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_store.reports.findings import one

        return one(engine, control, project, finding)

    found = of_store(
        store_settings(data), lambda up: up.get(f"{_PATH}/{quote(finding, safe='')}?project={quote(project)}"), here
    )
    write_document(found)


@app.command()
def feedback(
    finding: IdArgument,
    verdict: Annotated[Word, typer.Argument(help="What it was.")],
    note: NoteOption = "",
    who: WhoOption = "",
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Say what an anomaly was, so that the detector knows.

    expected, planned and false-positive silence it, and what is like it for the next 90 days (planned: for its own
    time) unless that is a quarter larger. confirmed keeps it.

    Example: spanledger anomalies feedback 5d1c0f8a2b3c4d5e expected --note "new contract"
    """
    body = {"project": project, "verdict": verdict.value, "note": note, "who": who}

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_store import findings
        from spanledger_store.control.findings import Feedback, Verdict, say

        findings.get(engine, project, finding)
        return say(control, Feedback(project, finding, Verdict(verdict.value), note, who)).as_json()

    of_store(store_settings(data), lambda up: up.post(f"{_PATH}/{quote(finding, safe='')}/feedback", body), here)
    console().print(f"Kept: {finding} was {verdict.value}. It holds from the next look on.", markup=False)


@app.command()
def plan(
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="When it begins; UTC where no zone is named.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="When it ends.")],
    customer: CustomerOption = "",
    feature: FeatureOption = "",
    factor: Annotated[
        str, typer.Option("--factor", metavar="N", help="Times the usual calls; any number of them without it.")
    ] = "",
    note: NoteOption = "",
    who: WhoOption = "",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Tell ahead of more or fewer calls, such as a launch: they are no anomaly then. What a call takes still is.

    Example: spanledger anomalies plan --customer acme --from 2026-03-02 --to 2026-03-06 --note "launch"
    """
    first, last = _moment("--from", start), _moment("--to", end)
    if first is None or last is None:
        raise Usage("--from and --to are needed: when it begins, and when it ends.")
    about = {name: value for name, value in (("customer", customer), ("feature", feature)) if value}
    body = {
        "project": project, "slice": about, "start": first.isoformat(), "end": last.isoformat(), "note": note,
        "factor": str(_factor(factor)) if factor else None, "who": who,
    }  # fmt: skip

    def here(_engine: Engine, control: Control) -> Any:
        from spanledger_store.control import findings
        from spanledger_store.control.findings import FindingInvalid, PlannedEvent

        try:
            event = PlannedEvent(project, about, first, last, note, _factor(factor) if factor else None, who)
        except FindingInvalid as error:
            raise Usage(str(error)) from error
        return findings.plan(control, event).as_json()

    _write_plans([of_store(store_settings(data), lambda up: up.post(_PLANS, body), here)], form)


@app.command()
def plans(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List what is planned.

    Example: spanledger anomalies plans
    """

    def here(_engine: Engine, control: Control) -> Any:
        from spanledger_store.control import findings

        return [each.as_json() for each in findings.plans(control, project)]

    _write_plans(of_store(store_settings(data), lambda up: up.get(f"{_PLANS}?project={quote(project)}"), here), form)


@app.command()
def unplan(
    event: Annotated[str, typer.Argument(metavar="ID", help="The planned event's id.")],
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Take a planned event away.

    Example: spanledger anomalies unplan 5d1c0f8a2b3c4d5e
    """

    def here(_engine: Engine, control: Control) -> Any:
        from spanledger_store.control import findings

        return findings.unplan(control, project, event).as_json()

    of_store(
        store_settings(data), lambda up: up.delete(f"{_PLANS}/{quote(event, safe='')}?project={quote(project)}"), here
    )
    console().print(f"Removed the planned event {event} of project {project}.", markup=False)


def _moment(option: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Usage(f"{option} {text!r} is no time; use 2026-01-31 or 2026-01-31T08:00.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _factor(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Usage(f"--factor {text!r} is no number; use one such as 2.5.") from error


def _slice(where: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in where.items()) or "everything"


def _write_plans(found: list[dict[str, Any]], form: Format) -> None:
    rows = [
        [each["id"], each["slice"] if form is Format.JSON else _slice(each["slice"]), each["start"], each["end"],
         each["factor"], each["note"], each["who"]]
        for each in found
    ]  # fmt: skip
    write_rows(_PLANNED, rows, form)
