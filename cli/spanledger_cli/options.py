"""Options that many commands share, and the settings they make."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spanledger_cli.errors import Usage

if TYPE_CHECKING:
    from spanledger_store.settings import StoreSettings


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data directory; else SPANLEDGER_DATA, else the user's data folder."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print rows. Decimals are always exact.")]
ProjectOption = Annotated[str, typer.Option("--project", help="Project the command is about.")]


def store_settings(data: Path | None) -> StoreSettings:
    """The installation's settings: the option wins over the environment. Raises Usage for a value that cannot be."""
    # Settings bring pydantic along: loaded here so that `--help` need not wait for it.
    from pydantic import ValidationError

    from spanledger_store.settings import StoreSettings

    try:
        settings = StoreSettings() if data is None else StoreSettings(data=data)
        return settings.model_copy(update={"data": settings.data.expanduser().absolute()})
    except ValidationError as error:
        raise Usage("; ".join(explained(error))) from error


def explained(error: Exception) -> list[str]:
    """One sentence for each setting that a pydantic ValidationError names."""
    from pydantic import ValidationError

    assert isinstance(error, ValidationError)
    return [
        f"SPANLEDGER_{'_'.join(str(part) for part in each['loc']).upper()} = {each['input']!r}: {each['msg']}"
        for each in error.errors(include_url=False)
    ]
