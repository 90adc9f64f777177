"""`spanledger embeddings`: by what calls without a vector are embedded, and how far that has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from spanledger_cli.errors import Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, console, write_document, write_rows
from spanledger_cli.reader import of_store

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.engine import Engine

app = typer.Typer(no_args_is_help=True, help="Vectors of what calls were asked, for clusters and drift.")

_PATH = "/api/v1/embeddings"
_MODELS: list[Column] = [
    ("model", "String"),
    ("dimensions", "Nullable(UInt64)"),
    ("calls", "UInt64"),
    ("stand_for", "Float64"),
    ("newest", "String"),
    ("in_use", "Bool"),
]


@app.command()
def status(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """Show the models of a project's vectors, and how many of its calls have one.

    Example: spanledger embeddings status
    """

    def here(engine: Engine, control: Control) -> Any:
        from spanledger_store.reports.embeddings import report

        return report(engine, control, project)

    found = of_store(store_settings(data), lambda up: up.get(f"{_PATH}?project={quote(project)}"), here)
    if form is Format.JSON:
        write_document(found)
        return
    rows = [[each[name] for name, _ in _MODELS] for each in found["models"]]
    if form is Format.TABLE:
        settings = found["settings"]
        told = f"{found['embedded']} of {found['calls']} calls of the last {settings['days']} days have a vector; "
        console().print(f"{told}those without are embedded by: {settings['embedder']}.", markup=False)
        if found["error"]:
            console().print(f"The last run failed: {found['error']}", markup=False)
    write_rows(_MODELS, rows, form)


@app.command(name="set")
def set_(
    embedder: Annotated[
        str,
        typer.Option(
            "--embedder",
            metavar="WHAT",
            help="lexical, off, openai:MODEL, http://HOST/v1#MODEL, sentence-transformers:MODEL or fastembed:MODEL.",
        ),
    ] = "",
    key: Annotated[
        str, typer.Option("--key", metavar="PLACE", help="Where an endpoint's key is: env:NAME or file:PATH.")
    ] = "",
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="SHARE", help="The share of sessions that is embedded.")
    ] = None,
    most_a_day: Annotated[
        int | None, typer.Option("--most-a-day", metavar="CALLS", help="About how many calls of a day, at most.")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", metavar="N", help="How far back calls are embedded.")] = None,
    project: ProjectOption = "default",
    data: DataOption = None,
) -> None:
    """Choose by what calls that came without a vector are embedded. Those that came with one keep it.

    The lexical embedder is fitted to the project's own texts and needs neither a model nor a network. With another
    embedder calls are embedded anew, as far back as --days, and clusters begin anew.

    Example: spanledger embeddings set --embedder lexical --rate 0.5
    """
    given = {"embedder": embedder or None, "key": key or None, "rate": rate, "most_a_day": most_a_day, "days": days}
    wanted = {name: value for name, value in given.items() if value is not None}
    if not wanted:
        raise Usage("nothing to change; name at least one option, such as --embedder lexical.")

    def here(_engine: Engine, control: Control) -> Any:
        from spanledger_store.control import embeddings
        from spanledger_store.control.embeddings import EmbeddingInvalid

        try:
            return embeddings.change(control, project, **wanted).as_json()
        except EmbeddingInvalid as error:
            raise Usage(str(error)) from error

    kept = of_store(store_settings(data), lambda up: up.put(_PATH, {"project": project} | wanted), here)
    console().print(
        f"Project {project}: {kept['embedder']}, of {kept['rate']:.0%} of its sessions and about "
        f"{kept['most_a_day']:,} calls a day at most, {kept['days']} days back.",
        markup=False,
    )
