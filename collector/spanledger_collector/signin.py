"""The page that asks for a read key: one form, no script, nothing loaded."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template
from urllib.parse import quote

FAILED = '<p class="bad" role="alert">That key is not valid here: mistyped, revoked, or for sending only.</p>'


@cache
def _page() -> Template:
    return Template(files("spanledger_collector").joinpath("signin.html").read_text(encoding="utf-8"))


def signin_page(target: str, *, failed: bool) -> str:
    """The form; after signing in, the browser goes to `target`."""
    return _page().substitute(target=quote(target, safe="/"), note=FAILED if failed else "")
