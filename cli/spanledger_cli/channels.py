"""`spanledger channels`: where notices go."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from spanledger_cli import running
from spanledger_cli.errors import CliError, Usage
from spanledger_cli.options import DataOption, Format, FormatOption, ProjectOption, store_settings
from spanledger_cli.output import Column, busy, console, write_rows
from spanledger_cli.reader import of_control

if TYPE_CHECKING:
    from spanledger_store.control import Control
    from spanledger_store.control.channels import Channel
    from spanledger_store.settings import StoreSettings

app = typer.Typer(no_args_is_help=True, help="Where notices go: alerts on budgets, statements.")

_PATH = "/api/v1/channels"
_KEPT: list[Column] = [
    ("name", "String"),
    ("kind", "String"),
    ("settings", "String"),
    ("secrets", "String"),
    ("is_default", "String"),
]
_NOTICES: list[Column] = [
    ("created_at", "String"),
    ("channel", "String"),
    ("kind", "String"),
    ("state", "String"),
    ("attempts", "UInt64"),
    ("subject", "String"),
    ("last_error", "String"),
]


class ChannelKind(StrEnum):
    """How a channel's server is spoken to."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    EMAIL = "email"


class Security(StrEnum):
    """How the connection to a mail server is secured."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name, unique in its project.")]
_LATER = "or env:NAME or file:PATH, read each time something is sent."


@app.command(name="list")
def list_(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List a project's channels. Secrets are never shown, only how they were given.

    Example: spanledger channels list
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import channels

        return [each.as_json() for each in channels.listing(control, project)]

    found = of_control(store_settings(data), lambda up: up.get(f"{_PATH}?project={quote(project)}"), here)
    _write(found, form)


@app.command()
def add(
    name: NameArgument,
    kind: Annotated[ChannelKind, typer.Option("--kind", help="Signed JSON, a Slack message, or mail.")],
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help=f"Where a webhook or Slack is posted to, {_LATER}")
    ] = "",
    secret: Annotated[
        str, typer.Option("--secret", metavar="PLACE", help="What signs a webhook: env:NAME or file:PATH; else made.")
    ] = "",
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="ADDRESS", help="Who gets the mail; may be repeated.")
    ] = None,
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Whom the mail is from.")] = "",
    host: Annotated[str, typer.Option("--host", help="Mail server.")] = "",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Its port; else the usual one.")] = 0,
    security: Annotated[Security, typer.Option("--security", help="How it is reached.")] = Security.STARTTLS,
    user: Annotated[str, typer.Option("--user", help="Who signs in there.")] = "",
    password: Annotated[
        str, typer.Option("--password", metavar="PLACE", help="Where the password is: env:NAME or file:PATH.")
    ] = "",
    default: Annotated[bool, typer.Option("--default", help="Takes what names no channel.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="In place of the one of this name.")] = False,
    project: ProjectOption = "default",
    form: FormatOption = Format.TABLE,
    data: DataOption = None,
) -> None:
    """Add a channel. The secret that signs a webhook's requests is shown this once.

    Example: spanledger channels add ops --kind webhook --url https://example.com/hook --default
    """
    if secret and not secret.startswith(("env:", "file:")):
        raise Usage("a secret on the command line stays in the shell's history; use env:NAME or file:PATH.")
    body = {
        "project": project, "name": name, "kind": kind.value, "url": url, "secret": secret, "to": to or [],
        "sender": sender, "host": host, "port": port, "security": security.value, "user": user, "password": password,
        "is_default": default,
    }  # fmt: skip
    settings = store_settings(data)
    up = running.find(settings.data)
    channel = _checked(body)
    if up is not None:
        kept = up.post(_PATH, body | {"replace": replace})
    else:
        kept = _put_here(settings, channel, replacing=replace)
    _write([kept], form)
    if kept["signing_secret"]:
        console().print(f"Signed with {kept['signing_secret']} (shown this once).", markup=False)


@app.command(name="test")
def try_(name: NameArgument, project: ProjectOption = "default", data: DataOption = None) -> None:
    """Send a short notice through a channel, and say whether its server took it.

    Exit codes: 1 where it did not.

    Example: spanledger channels test ops
    """
    settings = store_settings(data)
    up = running.find(settings.data)
    with busy("sending"):
        if up is not None:
            found = up.post(f"{_PATH}/{quote(name, safe='')}/test?project={quote(project)}", {})
        else:
            found = _test_here(settings, project, name)
    if found["state"] != "delivered":
        raise CliError(f"channel {name!r} did not take it: {found['last_error'] or 'nobody has sent it yet'}")
    but = f", but {found['last_error']}" if found["last_error"] else ""
    console().print(f"Channel {name} took it{but}.", markup=False)


@app.command()
def remove(name: NameArgument, project: ProjectOption = "default", data: DataOption = None) -> None:
    """Take a channel away that no budget and no order of statements names.

    Example: spanledger channels remove ops
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import channels

        return channels.remove(control, project, name)

    path = f"{_PATH}/{quote(name, safe='')}?project={quote(project)}"
    of_control(store_settings(data), lambda up: up.delete(path), here)
    console().print(f"Removed the channel {name} of project {project}.", markup=False)


@app.command()
def notices(project: ProjectOption = "default", form: FormatOption = Format.TABLE, data: DataOption = None) -> None:
    """List a project's newest notices, and what became of each.

    Example: spanledger channels notices
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import notices as outbox

        return [each.as_json() for each in outbox.listing(control, project)]

    found = of_control(store_settings(data), lambda up: up.get(f"/api/v1/notices?project={quote(project)}"), here)
    write_rows(_NOTICES, [[each[column] for column, _ in _NOTICES] for each in found], form)


@app.command()
def retry(name: NameArgument, project: ProjectOption = "default", data: DataOption = None) -> None:
    """Send what was given up on a channel again, from the beginning.

    Example: spanledger channels retry ops
    """

    def here(control: Control) -> Any:
        from spanledger_store.control import channels
        from spanledger_store.control import notices as outbox

        channels.get(control, project, name)
        return outbox.retry(control, project, name)

    path = f"{_PATH}/{quote(name, safe='')}/retry?project={quote(project)}"
    count = of_control(store_settings(data), lambda up: up.post(path, {})["retried"], here)
    console().print(f"{count} to be sent again.", markup=False)


def _checked(body: dict[str, Any]) -> Channel:
    """The channel that a body asks for. Raises Usage where it cannot be."""
    from spanledger_store.control.channel_kinds import of_kind
    from spanledger_store.control.channels import Kind
    from spanledger_store.control.errors import ChannelInvalid

    values: dict[str, Any] = {**body, "kind": Kind(body["kind"])}
    try:
        return of_kind(**values)
    except ChannelInvalid as error:
        raise Usage(str(error)) from error


def _put_here(settings: StoreSettings, channel: Channel, *, replacing: bool) -> dict[str, Any]:
    from spanledger_store.control import Control, channel_kinds

    with Control.open(settings) as control:
        return channel_kinds.added(control, channel, replacing=replacing)


def _test_here(settings: StoreSettings, project: str, name: str) -> dict[str, Any]:
    from spanledger_analytics.jobs import notices as job
    from spanledger_cli.reader import opened
    from spanledger_store.control import notices as outbox
    from spanledger_store.control import trials

    with opened(settings) as (engine, control):
        identity = trials.put(control, project, name)
        job.run(engine, control)
        found = outbox.get(control, identity)
        assert found is not None
        return found.as_json()


def _write(kept: list[dict[str, Any]], form: Format) -> None:
    rows: list[list[Any]] = []
    for each in kept:
        row = [each[column] for column, _ in _KEPT]
        if form is not Format.JSON:
            for at in (2, 3):
                row[at] = ", ".join(f"{key}={value}" for key, value in row[at].items() if value)
            row[4] = "yes" if each["is_default"] else "no"
        rows.append(row)
    write_rows(_KEPT, rows, form)
