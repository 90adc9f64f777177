"""The command line's reference, made from its own help: python -m spanledger_cli.reference > docs/cli.md"""

from __future__ import annotations

import sys
from typing import Any

import typer

from spanledger_cli.main import app

WIDTH = 96
HEAD = """# Command line

Made from `spanledger --help`; a test keeps the two equal. Make it anew with

    python -m spanledger_cli.reference > docs/cli.md

Every command finds its data through `--data DIR`, else `SPANLEDGER_DATA`, else the platform's folder for a user's
application data. While `spanledger up` serves that directory, commands that ask the store go through it.
"""


def reference() -> str:
    """The whole reference as Markdown, the same on every terminal."""
    return HEAD + "".join(_sections(typer.main.get_command(app), "spanledger", None))


def _sections(command: Any, name: str, parent: Any) -> list[str]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True, terminal_width=WIDTH)
    path = context.command_path
    found = [f"\n## `{path}`\n\n```text\n{_settled(command.get_help(context))}\n```\n"]
    for child, each in getattr(command, "commands", {}).items():
        found += _sections(each, child, context)
    return found


def _settled(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    sys.stdout.write(reference())
