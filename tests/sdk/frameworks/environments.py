"""A throw-away environment per trial, under the temporary folder or FRAMEWORK_ENVIRONMENTS; installed on first use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.sdk.frameworks.table import Trial

ROOT = Path(__file__).parents[3]
HOME = Path(os.environ.get("FRAMEWORK_ENVIRONMENTS") or Path(tempfile.gettempdir()) / "spanledger-frameworks")


class NotInstallable(Exception):
    """The packages of a trial do not go together, or are not to be had."""


def python_of(trial: Trial) -> Path:
    """The trial's Python, with its packages and this repository's SDK installed."""
    home = HOME / trial.name
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        uv = Path(sys.executable).with_name("uv")
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home])
        _run([uv, "pip", "install", "--quiet", "--python", python, "--editable", ROOT, *trial.packages])
        (home / "ready").touch()
    return python


def version_in(python: Path, package: str | None) -> str:
    """The version of a package in an environment; empty for None."""
    if package is None:
        return ""
    name = re.split(r"[<\[=]", package)[0]
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _run(command: list[object]) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise NotInstallable(" ".join(lines[-3:])[:300])
