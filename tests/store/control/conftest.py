"""The same suite on SQLite and on a PostgreSQL server started for the run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from spanledger_store.control import Control
from spanledger_store.settings import StoreSettings

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    pytest.skip("PostgreSQL's server programs (pg_ctl) are not installed")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a throwaway server's maintenance database."""
    binaries = _binaries()
    # PostgreSQL refuses to run as root; its Debian package brings a user.
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="spanledger-pg-", dir="/tmp"))
    if prefix:
        shutil.chown(folder, "postgres")

    def run(*command: str) -> None:
        done = subprocess.run([*prefix, *command], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"{command[0]} failed: {done.stdout}{done.stderr}")

    data = str(folder / "data")
    run(str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c max_connections=60"
    control = str(binaries / "pg_ctl")
    # Output goes to the log file: a server that inherits a pipe would keep it open for ever.
    run(control, "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        run(control, "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


_made = 0


@pytest.fixture(params=KINDS)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """Settings of an installation with an empty control database of each kind."""
    if request.param == "sqlite":
        return StoreSettings(data=tmp_path)
    global _made
    _made += 1
    admin: str = request.getfixturevalue("postgres")
    engine = create_engine(admin.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE test_{_made}"))
    engine.dispose()
    return StoreSettings(data=tmp_path, control_url=SecretStr(admin.removesuffix("postgres") + f"test_{_made}"))


@pytest.fixture
def control(settings: StoreSettings) -> Iterator[Control]:
    """An open control database at this release's schema."""
    with Control.open(settings) as opened:
        yield opened


@pytest.fixture
def threads() -> Callable[[int, Callable[[int], object]], list[object]]:
    """Runs a function in n threads at once and returns, or raises, what they did."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    def run(n: int, work: Callable[[int], object]) -> list[object]:
        barrier = Barrier(n)

        def one(i: int) -> object:
            barrier.wait()
            return work(i)

        with ThreadPoolExecutor(n) as pool:
            return list(pool.map(one, range(n)))

    return run
