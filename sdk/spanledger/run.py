"""`spanledger-run`: start a program as `python` would, observed without a change of its code.

    spanledger-run app.py --port 8000
    spanledger-run -m uvicorn app:app
    spanledger-run gunicorn app:app

The program takes this process' place, so that arguments, exit code, signals and tracebacks are its own. What it
starts in turn (workers, `multiprocessing`, other Python programs of the same environment) is observed as well.
All settings come from the environment; `SPANLEDGER_INSTRUMENT` is `auto` unless it says otherwise.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Final

_SITE: Final = str(Path(__file__).parent / "_internal" / "instrument" / "site")
_USAGE: Final = """\
usage: spanledger-run FILE.py [ARGUMENT ...]
       spanledger-run -m MODULE [ARGUMENT ...]
       spanledger-run -c CODE [ARGUMENT ...]
       spanledger-run [--] COMMAND [ARGUMENT ...]

Start a program with spanledger.init(instrument="auto"), without a change of its code. Settings come from the
environment (SPANLEDGER_ENDPOINT, SPANLEDGER_API_KEY, ...). A command must be run by a Python that has spanledger
installed, and not with -S, -I or -E.
"""
_PYTHON_FILES: Final = (".py", ".pyw", ".pyc", ".pyz", ".zip")


def command(arguments: Sequence[str]) -> list[str] | None:
    """Return the command line to be run for these arguments; None if they name nothing that can be run."""
    words = list(arguments)
    if words and words[0] in ("-m", "-c"):
        return [sys.executable, *words] if len(words) > 1 else None
    is_command = bool(words) and words[0] == "--"
    if is_command:
        del words[0]
    if not words or words[0].startswith("-"):
        return None
    first = words[0]
    if not is_command and (first.endswith(_PYTHON_FILES) or (Path(first) / "__main__.py").is_file()):
        return [sys.executable, *words]
    found = shutil.which(first)
    if found is not None:
        return [found, *words[1:]]
    return [sys.executable, *words] if not is_command and Path(first).is_file() else None


def prepare(environment: MutableMapping[str, str]) -> None:
    """Make Python programs that get this environment start the SDK."""
    environment.setdefault("SPANLEDGER_INSTRUMENT", "auto")
    path = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != _SITE]
    environment["PYTHONPATH"] = os.pathsep.join([_SITE, *path])


def main(arguments: Sequence[str] | None = None) -> int:
    """Become the program that the arguments name; return 2 and say why if there is none."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given in (["--help"], ["-h"]):
        sys.stdout.write(_USAGE)
        return 0
    words = command(given)
    if words is None:
        named = next((word for word in given if word != "--"), None)
        trouble = "nothing to run" if named is None else f"{named!r} is neither a Python file nor a command"
        sys.stderr.write(f"spanledger-run: {trouble}\n\n{_USAGE}")
        return 2
    prepare(os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execv(words[0], words)  # noqa: S606 - the user's own command, as it was given
    except OSError as error:
        sys.stderr.write(f"spanledger-run: {words[0]} cannot be run: {error.strerror}\n")
        return 126
    return 0


if __name__ == "__main__":
    sys.exit(main())
