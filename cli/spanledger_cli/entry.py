"""Where the `spanledger` command begins: it is installed with the SDK, and works once the server's packages are."""

from __future__ import annotations

import gc
import sys

# Loading a program makes more objects than Python's own 700, a thousand times over: looking for circles among them each
# time is a tenth of a command's time. An answer of thousands of rows makes more than that, too.
GC_THRESHOLDS = (20_000, 20, 20)


def main() -> None:
    """Run the command line, or say which packages it lacks."""
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        from spanledger_cli.main import app
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: the command line needs the package {error.name!r}, which the SDK alone does not bring. "
            "Install it with: pip install 'spanledger[all]'"
        )
    app(prog_name="spanledger")
