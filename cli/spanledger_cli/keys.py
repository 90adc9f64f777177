"""`spanledger keys`: who may send spans and who may read them."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import console, write_rows

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke keys.", rich_markup_mode=None)


class Scope(StrEnum):
    """What a key is good for."""

    INGEST = "ingest"
    READ = "read"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who or what uses it, such as 'checkout service'.")],
    project: ProjectOption = "default",
    scope: Annotated[Scope, typer.Option("--scope", help="ingest sends spans; read opens pages and the API.")] = (
        Scope.INGEST
    ),
    form: Annotated[Format, typer.Option("--format", help="table for people, json for scripts.")] = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Create a key and show its secret, once. The first key of a scope makes keys required for that scope.

    Example: spanledger keys create "checkout service" --scope ingest
    """
    from spanledger_cli import running
    from spanledger_store.control import Control, keys, projects

    settings = store_settings(data)
    with Control.open(settings) as control:
        new_project = projects.find(control, project) is None
        projects.ensure(control, project)
        key, secret = keys.create(control, project, name, scope.value)
    if form is not Format.TABLE:
        fields = {"id": key.id, "project": key.project_id, "name": key.name, "scope": key.scope, "secret": secret}
        sys.stdout.write(json.dumps(fields) + "\n")
        return
    up = running.find(settings.data)
    url = up.url if up is not None else "http://127.0.0.1:8787"
    out = console()
    if new_project:
        out.print(f"Created project {project}.", markup=False)
    out.print(f"Created key {key.id} ({key.scope}, project {key.project_id}). This is its secret, shown only now:\n")
    if scope is Scope.INGEST:
        out.print(f"export SPANLEDGER_ENDPOINT={url}\nexport SPANLEDGER_API_KEY={secret}", markup=False)
    else:
        out.print(
            f"{secret}\n\nSign in with it at {url}/signin, or send it as 'Authorization: Bearer ...'.", markup=False
        )


@app.command("list")
def list_(form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List keys, without their secrets; revoked ones too.

    Example: spanledger keys list --format json
    """
    from spanledger_store.control import Control, keys

    with Control.open(store_settings(data)) as control:
        found = keys.listing(control)
    names = ("id", "project", "name", "scope", "prefix", "created_at", "last_used_at", "state")
    rows = [
        [
            key.id,
            key.project_id,
            key.name,
            key.scope,
            key.prefix,
            f"{key.created_at:%Y-%m-%dT%H:%M:%SZ}",
            f"{key.last_used_at:%Y-%m-%dT%H:%M:%SZ}" if key.last_used_at else None,
            "active" if key.active else "revoked",
        ]
        for key in found
    ]
    write_rows([(name, "String") for name in names], rows, form)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, or how its secret begins.")],
    data: DataOption = None,
) -> None:
    """Make a key invalid, for good. A running server notices within five seconds.

    Example: spanledger keys revoke sl_ingest_Ab3dEf6h
    """
    from spanledger_store.control import Control, keys

    with Control.open(store_settings(data)) as control:
        revoked = keys.revoke(control, key)
        last = not keys.any_active(control, revoked.scope)
    out = console()
    out.print(f"Revoked {revoked.id} ({revoked.name}, {revoked.scope}).", markup=False)
    if last:
        out.print(f"It was the last active {revoked.scope} key: on loopback, this scope needs no key any more.")
