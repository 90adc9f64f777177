"""`spanledger centers`: which cost centre spend belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from spanledger_cli import running
from spanledger_cli.currencies import day_of
from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, console, write_rows
from spanledger_cli.reader import of_control

if TYPE_CHECKING:
    from datetime import date

    from spanledger_store.control import Control
    from spanledger_store.control.centers import Kept
    from spanledger_store.settings import StoreSettings

app = typer.Typer(no_args_is_help=True, help="Which cost centre spend belongs to.")

_PATH = "/api/v1/centers"
_KEPT: list[Column] = [
    ("name", "String"),
    ("from", "String"),
    ("to", "String"),
    ("priority", "UInt64"),
    ("slice", "String"),
    ("shares", "String"),
    ("in_proportion", "String"),
]
_CHANGES: list[Column] = [
    ("center", "String"),
    ("now_usd", "Decimal"),
    ("then_usd", "Decimal"),
    ("shared_usd", "Decimal"),
]


def _about(what: str) -> Any:
    return typer.Option(metavar="VALUE", help=f"Spend of this {what}; '(unattributed)' for calls that name none.")


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name, unique in its project.")]
CenterOption = Annotated[str, typer.Option("--center", metavar="CENTER", help="The cost centre that all of it is.")]
SplitOption = Annotated[
    str, typer.Option("--split", metavar="SHARES", help="Several and their shares, such as Search=60,Chat=40.")
]
ProportionOption = Annotated[
    bool,
    typer.Option("--in-proportion", help="Split by the direct spend of each day, among all or those of --among."),
]
AmongOption = Annotated[str, typer.Option("--among", metavar="CENTERS", help="Comma-separated.")]
FromOption = Annotated[str, typer.Option("--from", metavar="DATE", help="The UTC day from which it holds.")]
ToOption = Annotated[str, typer.Option("--to", metavar="DATE", help="The UTC day from which it holds no more.")]
PriorityOption = Annotated[int, typer.Option("--priority", help="The lowest number is asked first.")]


@app.command(name="list")
def list_(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List the rules of a project, in every version. One holds until the next of its name begins.

    Example: spanledger centers list
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import centers

        return [each.as_json() for each in centers.listing(control, project)]

    found = of_control(store_settings(data), lambda up: up.get(f"{_PATH}?project={quote(project)}")["rules"], here)
    _write_kept(found, form)


@app.command(name="set")
def choose(
    name: NameArgument,
    center: CenterOption = "",
    split: SplitOption = "",
    in_proportion: ProportionOption = False,
    among: AmongOption = "",
    start: FromOption = "1970-01-01",
    end: ToOption = "",
    priority: PriorityOption = 100,
    customer: Annotated[str, _about("customer")] = "",
    feature: Annotated[str, _about("feature")] = "",
    team: Annotated[str, _about("team")] = "",
    provider: Annotated[str, _about("provider")] = "",
    model: Annotated[str, _about("model")] = "",
    environment: Annotated[str, _about("environment")] = "",
    release: Annotated[str, _about("release")] = "",
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Say which cost centre spend belongs to, from a day on.

    Of several rules about the same spend the one with the lowest --priority decides, then the one that names more.
    Setting a name again from a later day ends what held until then. What no rule is about is (unallocated).

    Example: spanledger centers set "Search team" --center Search --feature search --from 2026-01-01
    """
    about = {
        "customer": customer, "feature": feature, "team": team, "provider": provider, "model": model,
        "environment": environment, "release": release,
    }  # fmt: skip
    shares = _shares(center, split, in_proportion, among)
    kept = _kept(project, name, about, shares, in_proportion, priority, start, end)
    settings = store_settings(data)
    up = running.find(settings.data)
    found = up.put(_at(name), _body(kept)) if up is not None else _put_here(settings, kept)
    _write_kept([found], form)


@app.command()
def remove(
    name: NameArgument,
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Only the version of this day.")] = None,
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Take a rule away, or one version of it. Kept in the table audit.

    Example: spanledger centers remove "Search team" --from 2026-01-01
    """
    settings = store_settings(data)
    day = None if start is None else day_of(start, "--from")
    up = running.find(settings.data)
    if up is not None:
        version = "" if day is None else f"&from={day.isoformat()}"
        count = len(up.delete(f"{_at(name)}?project={quote(project)}{version}")["removed"])
    else:
        from spanledger_cli.reader import opened
        from spanledger_store.finance import center_changes

        with opened(settings) as (engine, control):
            count = len(center_changes.drop(engine, control, project, name, day, interface="command line"))
    console().print(f"Removed {count} version(s) of the rule {name} of project {project}.", markup=False)


@app.command()
def preview(
    name: NameArgument,
    center: CenterOption = "",
    split: SplitOption = "",
    in_proportion: ProportionOption = False,
    among: AmongOption = "",
    start: FromOption = "1970-01-01",
    end: ToOption = "",
    priority: PriorityOption = 100,
    customer: Annotated[str, _about("customer")] = "",
    feature: Annotated[str, _about("feature")] = "",
    team: Annotated[str, _about("team")] = "",
    provider: Annotated[str, _about("provider")] = "",
    model: Annotated[str, _about("model")] = "",
    environment: Annotated[str, _about("environment")] = "",
    release: Annotated[str, _about("release")] = "",
    days: Annotated[int, typer.Option("--days", min=1, max=9_000, help="How many days, today included.")] = 30,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Show what cost centres spent, and what they would have with a rule that is not set.

    Example: spanledger centers preview "Search team" --center Search --feature search --days 90
    """
    about = {
        "customer": customer, "feature": feature, "team": team, "provider": provider, "model": model,
        "environment": environment, "release": release,
    }  # fmt: skip
    shares = _shares(center, split, in_proportion, among)
    kept = _kept(project, name, about, shares, in_proportion, priority, start, end)
    until = datetime.now(UTC).date() + timedelta(days=1)
    since = until - timedelta(days=days)
    settings = store_settings(data)
    up = running.find(settings.data)
    with busy("adding up"):
        if up is not None:
            body = _body(kept) | {"name": name, "since": since.isoformat(), "until": until.isoformat()}
            found = up.post(f"{_PATH}/preview", body)["centers"]
        else:
            found = _previewed(settings, kept, since, until)
    write_rows(_CHANGES, [[each[column] for column, _ in _CHANGES] for each in found], form)


def _previewed(settings: StoreSettings, kept: Kept, since: date, until: date) -> list[dict[str, str]]:
    from spanledger_analytics.jobs import ledger
    from spanledger_cli.reader import opened
    from spanledger_store.finance import center_changes

    with opened(settings) as (engine, control):
        ledger.run(engine, control)
        return [each.as_json() for each in center_changes.preview(engine, control, kept, since, until)]


def _shares(center: str, split: str, in_proportion: bool, among: str) -> dict[str, Decimal]:
    given = [bool(center), bool(split), in_proportion]
    if sum(given) != 1:
        raise Usage("say where it goes with one of --center, --split and --in-proportion.")
    if among and not in_proportion:
        raise Usage("--among says who shares --in-proportion; leave it out, or add that.")
    if center:
        return {center: Decimal(1)}
    found: dict[str, Decimal] = {}
    for part in filter(None, (each.strip() for each in (split or among).split(","))):
        label, _, share = part.rpartition("=") if split else (part, "", "1")
        try:
            found[label.strip()] = Decimal(share)
        except InvalidOperation as error:
            raise Usage(f"--split {part!r} is no share; use CENTER=NUMBER, such as Search=60.") from error
    return found


def _kept(
    project: str,
    name: str,
    about: dict[str, str],
    shares: dict[str, Decimal],
    in_proportion: bool,
    priority: int,
    start: str,
    end: str,
) -> Kept:
    from spanledger_store.allocation import Rule
    from spanledger_store.control.centers import Kept
    from spanledger_store.control.errors import CenterInvalid
    from spanledger_store.finance.spend_request import UNATTRIBUTED

    match = {column: "" if value == UNATTRIBUTED else value for column, value in about.items() if value}
    first, last = day_of(start, "--from"), day_of(end, "--to") if end else None
    try:
        return Kept(project, Rule(name, first, last, match, shares, in_proportion, priority))
    except CenterInvalid as error:
        raise Usage(str(error)) from error


def _body(kept: Kept) -> dict[str, Any]:
    return {name: value for name, value in kept.as_json().items() if name != "name"}


def _put_here(settings: StoreSettings, kept: Kept) -> dict[str, Any]:
    from spanledger_cli.reader import opened
    from spanledger_store.finance import center_changes

    with opened(settings) as (engine, control):
        return center_changes.choose(engine, control, kept, interface="command line").as_json()


def _at(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"


def _write_kept(found: list[dict[str, Any]], form: Format) -> None:
    rows: list[list[Any]] = []
    for each in found:
        row = [each[name] for name, _ in _KEPT]
        if form is not Format.JSON:
            row[4] = ", ".join(f"{name}={value or '(unattributed)'}" for name, value in each["slice"].items())
            row[4] = row[4] or "everything"
            row[5] = ", ".join(f"{name}={share}" for name, share in each["shares"].items()) or "everybody"
            row[6] = "yes" if each["in_proportion"] else "no"
        rows.append(row)
    write_rows(_KEPT, rows, form)
