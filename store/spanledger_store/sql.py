"""Named `.sql` files, one statement each, read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> str:
    """The text of `queries/NAME.sql`; values reach it only as `{name:Type}` parameters."""
    return files("spanledger_store").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8").strip()
