"""`spanledger clusters`: what users ask, what it costs, and what the groups are called."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

import typer

from spanledger_cli import running, work
from spanledger_cli.asking import of_store, requests
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, console, write_document, write_rows
from spanledger_cli.reprice import moment
from spanledger_store import moments

if TYPE_CHECKING:
    from pathlib import Path

    from spanledger_store.control import Control
    from spanledger_store.engine import Engine
    from spanledger_store.scope import Scope

app = typer.Typer(no_args_is_help=True, help="What users ask, in groups of alike queries.")

_PATH = "/api/v1/clusters"
_LISTED: list[Column] = [
    ("cluster", "UInt32"),
    ("name", "String"),
    ("topic", "String"),
    ("calls", "UInt64"),
    ("share", "Float64"),
    ("cost_usd", "Decimal"),
    ("errors", "UInt64"),
    ("p95_ms", "Nullable(Float64)"),
    ("customers", "UInt64"),
]
_EVENTS: list[Column] = [
    ("at", "String"),
    ("kind", "String"),
    ("before", "String"),
    ("after", "String"),
    ("share", "Nullable(Float64)"),
    ("labels", "String"),
]
_WEEK = timedelta(days=7)

_MOST = 50

AnyArgument = Annotated[
    int, typer.Argument(metavar="CLUSTER", min=0, max=2**32 - 1, help="As the list shows it; 0: what is in none.")
]
ClusterArgument = Annotated[int, typer.Argument(metavar="CLUSTER", min=1, help="Its number, as the list shows it.")]
FromOption = Annotated[str, typer.Option("--from", metavar="TIME", help="From when on; 7 days before the end.")]
ToOption = Annotated[str, typer.Option("--to", metavar="TIME", help="Until when; now.")]
WhoOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")]


@app.command(name="list")
def list_(
    start: FromOption = "",
    end: ToOption = "",
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="Only where name or words have it.")] = "",
    customer: Annotated[str, typer.Option("--customer", metavar="VALUE", help="Only this customer's calls.")] = "",
    feature: Annotated[str, typer.Option("--feature", metavar="VALUE", help="Only this feature's calls.")] = "",
    hidden: Annotated[bool, typer.Option("--hidden", help="Hidden clusters too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many lines.")] = _MOST,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """List clusters of queries with their calls, the largest first; the last line is what is in none.

    Calls and cost are those of calls that have a vector. Shares are weighted where only some sessions are embedded.

    Example: spanledger clusters list --from 2026-03-01 --to 2026-03-08
    """
    first, last = _stretch(start, end)
    about = {name: value for name, value in (("customer", customer), ("feature", feature)) if value}
    asked = {"project": project, "from": first.isoformat(), "to": last.isoformat(), "search": search} | about

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_store.reports.clusters import listing

        scope = _scope(project, first, last, about)
        return [each.as_json() for each in listing(engine, control, scope, search=search, hidden=hidden)]

    query = urlencode(asked | ({"hidden": "true"} if hidden else {}))
    found = of_store(store_settings(data), lambda up: up.get(f"{_PATH}?{query}"), here)
    shown, more = found[:limit], len(found) - limit
    rest = f"{more:,} more: --limit {len(found)} shows all."
    if form is Format.JSON:
        write_document(shown)
    if form is not Format.TABLE and more > 0:
        console(sys.stderr).print(f"note: {rest}", markup=False)
    if form is Format.JSON:
        return
    rows = [
        [each["cluster"] or None, each["name"], each["topic"], each["calls"], round(each["share"], 4),
         each["cost_usd"], each["errors"],
         None if each["p95_ns"] is None else round(each["p95_ns"] / 1e6, 1), each["customers"]]
        for each in shown
    ]  # fmt: skip
    if form is Format.TABLE:
        rows = [[*row[:4], f"{row[4]:.1%}", f"{Decimal(str(row[5])):,.2f}", *row[6:]] for row in rows]
        if not rows:
            console().print(_nothing(search, about), markup=False)
            return
    write_rows(_LISTED, rows, form)
    if form is Format.TABLE and more > 0:
        console().print(rest, markup=False)


@app.command()
def show(
    cluster: AnyArgument,
    start: FromOption = "",
    end: ToOption = "",
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Show one cluster whole, as JSON: customers, models, features, scores, typical calls and what became of it.

    Texts are those of examples, of clusters with enough people behind them; other calls are named by their ids.

    Example: spanledger clusters show 3
    """
    first, last = _stretch(start, end)
    query = urlencode({"project": project, "from": first.isoformat(), "to": last.isoformat()})

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_store.reports import clusters

        return clusters.show(engine, control, _scope(project, first, last, {}), cluster)

    write_document(of_store(store_settings(data), lambda up: up.get(f"{_PATH}/{cluster}?{query}"), here))


@app.command()
def rename(
    cluster: ClusterArgument,
    name: Annotated[str, typer.Argument(help="Its name; '' for the label it was made with.")],
    who: WhoOption = "",
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Give a cluster a name of its own, which it keeps over refits.

    Example: spanledger clusters rename 3 "Late parcels"
    """
    _say(data, project, cluster, name=name, who=who)
    told = f"is called {name!r} now" if name else "has its own label again"
    console().print(f"Cluster {cluster} {told}.", markup=False)


@app.command()
def merge(
    cluster: ClusterArgument,
    into: Annotated[int, typer.Argument(metavar="INTO", min=0, help="What it is shown as part of; 0 for none.")],
    who: WhoOption = "",
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Show a cluster as part of another. Nothing is lost: merged into 0 it is its own again.

    Example: spanledger clusters merge 3 4
    """
    _say(data, project, cluster, merged_into=into, who=who)
    told = f"is shown as part of {into}" if into else "is shown on its own again"
    console().print(f"Cluster {cluster} {told}.", markup=False)


@app.command()
def hide(
    cluster: ClusterArgument,
    again: Annotated[bool, typer.Option("--undo", help="Show it again.")] = False,
    who: WhoOption = "",
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Leave a cluster out of lists and off the map. Shares of the others stay: they are of everything.

    Example: spanledger clusters hide 3
    """
    _say(data, project, cluster, is_hidden=not again, who=who)
    console().print(f"Cluster {cluster} is {'shown again' if again else 'hidden'}.", markup=False)


@app.command()
def events(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List births, deaths, splits and merges of clusters at refits, and new topics between them, newest first.

    Example: spanledger clusters events
    """

    def here(_engine: Engine, control: Control) -> Any:
        from spanledger_store.control import clusters, projects

        projects.get(control, project)
        return [each.as_json() for each in clusters.events(control, project)]

    found = of_store(store_settings(data), lambda up: up.get(f"{_PATH}/events?project={quote(project)}"), here)
    if form is Format.JSON:
        write_document(found)
        return
    rows = [
        [f"{each['at'][:16]}Z", each["kind"], _numbers(each["before"]), _numbers(each["after"]),
         None if each["share"] is None else round(each["share"], 4),
         "; ".join(label for label in each["details"].get("labels", {}).values() if label)]
        for each in found
    ]  # fmt: skip
    write_rows(_EVENTS, rows, form)


@app.command()
def refit(who: WhoOption = "", project: ProjectOption = "default", data: DataOption = None) -> None:
    """Make the clusters anew: at once, or by the worker that runs. Numbers, names and history go on.

    Example: spanledger clusters refit
    """
    settings = store_settings(data)
    up = running.find(settings.data)
    if up is not None:
        with requests():
            up.post(f"{_PATH}/refit", {"project": project, "who": who})
        console().print(
            f"Asked for: the job `clusters` makes them for project {project} now; see spanledger jobs list.",
            markup=False,
        )
        return
    from spanledger_analytics.jobs import assignment, clusters, embedding
    from spanledger_cli.reader import opened
    from spanledger_store.control import projects

    with requests(), opened(settings) as (engine, control):
        projects.get(control, project)
        now = datetime.now(UTC)
        with work.bar() as progress:
            embedding.look(engine, control, project, now, progress)
            kept = clusters.refit(engine, control, project, now, progress)
            if kept is not None:
                assignment.look(engine, control, project, now, progress)
    if kept is None:
        console().print(
            f"Project {project} has too few vectors for clusters; {clusters.LEAST} are needed: "
            "spanledger embeddings status.",
            markup=False,
        )
        return
    console().print(
        f"Project {project}: {kept.clusters} clusters of {kept.calls:,} calls; {kept.outside:.1%} are in none.",
        markup=False,
    )


def _say(data: Path | None, project: str, cluster: int, **wanted: Any) -> None:
    def here(_engine: Engine, control: Control) -> Any:
        from spanledger_store.control import clusters

        return clusters.say(control, project, cluster, **wanted)

    of_store(store_settings(data), lambda up: up.put(f"{_PATH}/{cluster}", {"project": project} | wanted), here)


def _scope(project: str, first: datetime, last: datetime, about: dict[str, str]) -> Scope:
    from spanledger_store.scope import Dimension, Scope

    return Scope(project, first, last, {Dimension(name): (value,) for name, value in about.items()})


def _stretch(start: str, end: str) -> tuple[datetime, datetime]:
    named = [moment(text, option) if text else None for text, option in ((start, "--from"), (end, "--to"))]
    with requests():
        return moments.stretch(named[0], named[1], _WEEK)


def _nothing(search: str, about: dict[str, str]) -> str:
    """Why no line is shown."""
    asked = [f"{name} {value!r}" for name, value in ({"search": search} | about).items() if value]
    if asked:
        return f"Nothing of that time matches {' and '.join(asked)}: choose another, or a longer time."
    return (
        "No calls of that time are in clusters. They are made once 300 calls have a vector: "
        "spanledger embeddings status."
    )


def _numbers(listed: list[int]) -> str:
    return ", ".join(map(str, listed))
