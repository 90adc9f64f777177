"""Foreign clients: fetched and built once, outside of the repository, and only when asked to.

`make clients` sets FETCH_CLIENTS; without it a client that is not there yet is skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import platformdirs
import pytest

HERE = Path(__file__).parent
CACHE = platformdirs.user_cache_path("spanledger-tests") / "clients"


def installed(name: str, needs: Sequence[str], commands: Sequence[Sequence[str]], **variables: str) -> Path:
    """A copy of the folder `name` in which `commands` have been run; a change of the folder or commands makes it anew.

    `{place}` in a variable is that copy. Skips, naming what is missing, where a tool is, or where the client is not
    built yet and FETCH_CLIENTS is not set.
    """
    for tool in needs:
        if shutil.which(tool) is None:
            pytest.skip(f"{name}: there is no `{tool}` on this machine")
    digest = hashlib.blake2b(repr(commands).encode(), digest_size=6)
    for file in sorted(path for path in (HERE / name).rglob("*") if path.is_file()):
        digest.update(file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes())
    place = CACHE / f"{name}-{digest.hexdigest()}"
    if place.exists():
        return place
    if not os.environ.get("FETCH_CLIENTS"):
        pytest.skip(f"{name}: not built yet; `make clients` fetches and builds it")
    fresh = CACHE / f"{place.name}.{os.getpid()}"
    shutil.copytree(HERE / name, fresh)
    environment = os.environ | {variable: value.format(place=fresh) for variable, value in variables.items()}
    for command in commands:
        done = subprocess.run(command, cwd=fresh, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    fresh.rename(place)
    return place
