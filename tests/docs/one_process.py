"""Runs the commands on its standard input, one by one in this process, and says how each ended, as JSON lines.

Loading the program takes longer than most commands do.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import sys
import traceback

from spanledger_cli.main import app


def main() -> None:
    """Read, run, tell."""
    for command in sys.stdin.read().splitlines():
        code, output = 0, io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                app(shlex.split(command)[1:], prog_name="spanledger")
            except SystemExit as ended:
                code = ended.code or 0
            except BaseException:
                traceback.print_exc()
                code = -1
        sys.stdout.write(json.dumps({"command": command, "code": code, "output": output.getvalue()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
