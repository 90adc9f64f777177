"""Where the `spanledger` command begins: it is installed with the SDK, and works once the server's packages are."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or say which packages it lacks."""
    try:
        from spanledger_cli.main import app
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: the command line needs the package {error.name!r}, which the SDK alone does not bring. "
            "Install it with: pip install 'spanledger[all]'"
        )
    app()
