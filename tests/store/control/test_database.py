"""Opening, upgrading and the guarantees every module of the control database builds on."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import text

from spanledger_store.control import Control, keys, projects, signing_secret
from spanledger_store.control.quality_models import metadata
from spanledger_store.errors import MigrationError, StoreError, StoreUnavailable
from spanledger_store.settings import StoreSettings


def test_newest_revision_is_the_models(control: Control) -> None:
    with control.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_opening_again_changes_nothing(settings: StoreSettings) -> None:
    with Control.open(settings) as first:
        key, secret = keys.create(first, "default", "a", "ingest")
        signed = signing_secret(first)
    with Control.open(settings) as second:
        assert keys.verify(second, secret) == key
        assert signing_secret(second) == signed
        assert len(signed) == 32
        assert [each.id for each in projects.listing(second)] == ["default"]


OPEN = """
import sys, time
from spanledger_store.control import Control, signing_secret
from spanledger_store.settings import StoreSettings
with Control.open(StoreSettings()) as control:
    print(signing_secret(control).hex())
"""


def test_processes_that_open_at_once_agree(settings: StoreSettings) -> None:
    env = {"SPANLEDGER_DATA": str(settings.data), "PATH": ""}
    if settings.control_url is not None:
        env["SPANLEDGER_CONTROL_URL"] = settings.control_url.get_secret_value()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    answers = [process.communicate() for process in running]
    assert [errors for _, errors in answers] == [""] * 4
    assert len({out for out, _ in answers}) == 1


def test_a_database_of_a_newer_release_is_left_alone(settings: StoreSettings) -> None:
    with Control.open(settings) as control, control.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(MigrationError, match=r"revision 9999.*Upgrade Spanledger"):
        Control.open(settings)


def test_a_block_that_raises_is_undone(control: Control) -> None:
    def halfway() -> None:
        with control.write() as connection:
            connection.execute(text("DELETE FROM projects"))
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        halfway()
    assert len(projects.listing(control)) == 1


def test_sqlite_is_durable_and_private(tmp_path: Path) -> None:
    with Control.open(StoreSettings(data=tmp_path / "new")) as control:
        with control.read() as connection:
            pragmas = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new").iterdir()}
        assert set(modes.values()) == {0o600}, modes
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("mysql://root@localhost/x", StoreError, "use sqlite"),
        ("no url at all", StoreError, "use sqlite"),
        ("sqlite://", StoreError, "must name a SQLite file"),
        ("postgresql://nobody@127.0.0.1:1/none", StoreUnavailable, "the control database"),
        ("sqlite:////proc/none/control.db", StoreUnavailable, "cannot be opened"),
    ],
)
def test_a_url_that_cannot_work_says_why(tmp_path: Path, url: str, error: type[StoreError], says: str) -> None:
    with pytest.raises(error, match=says):
        Control.open(StoreSettings(data=tmp_path, control_url=SecretStr(url)))


def test_a_password_never_reaches_a_message(tmp_path: Path) -> None:
    url = "postgresql://nobody:hunter2@127.0.0.1:1/none"
    with pytest.raises(StoreUnavailable) as caught:
        Control.open(StoreSettings(data=tmp_path, control_url=SecretStr(url)))
    assert "hunter2" not in str(caught.value)
