"""Options that many commands share, and the settings they make."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from spanledger_cli.errors import Usage

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from spanledger_store.settings import StoreSettings

S = TypeVar("S", bound="BaseSettings")


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def _directory(text: str) -> Path:
    # An unset variable in a script would else stand for the working directory.
    if not text:
        raise typer.BadParameter("'' is no directory; name one, or leave the option out.")
    return Path(text)


DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        parser=_directory,
        help="Data directory; else SPANLEDGER_DATA, else the user's data folder.",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print rows. Decimals are always exact.")]
ProjectOption = Annotated[str, typer.Option("--project", help="Project the command is about.")]


def store_settings(data: Path | None) -> StoreSettings:
    """The installation's settings: the option wins over the environment. Raises Usage for a value that cannot be."""
    # Settings bring pydantic along: loaded here so that `--help` need not wait for it.
    from spanledger_store.settings import StoreSettings

    settings = checked(StoreSettings, **({} if data is None else {"data": data}))
    return settings.model_copy(update={"data": settings.data.expanduser().absolute()})


def checked(kind: type[S], **values: Any) -> S:
    """Settings from the environment and from `values`, which win. Raises Usage naming what cannot be."""
    from pydantic import ValidationError

    try:
        return kind(**values)
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        problems = [
            f"{prefix}{'_'.join(str(part) for part in each['loc']).upper()} = {each['input']!r}: {each['msg']}"
            for each in error.errors(include_url=False)
        ]
        raise Usage("; ".join(problems)) from error
