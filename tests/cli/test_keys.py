"""Keys from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from spanledger_store.control import Control, keys
from spanledger_store.settings import StoreSettings
from tests.cli.conftest import Cli


def test_a_key_is_shown_once_and_listed_without_its_secret(cli: Cli, tmp_path: Path) -> None:
    made = cli("keys", "create", "checkout", "--project", "shop", "--data", str(tmp_path))
    assert made.exit_code == 0
    assert "Created project shop." in made.stdout
    line = next(each for each in made.stdout.splitlines() if each.startswith("export SPANLEDGER_API_KEY="))
    secret = line.removeprefix("export SPANLEDGER_API_KEY=")
    assert "export SPANLEDGER_ENDPOINT=http://127.0.0.1:8787" in made.stdout
    with Control.open(StoreSettings(data=tmp_path)) as control:
        found = keys.verify(control, secret)
    assert found is not None
    assert (found.project_id, found.scope, found.name) == ("shop", "ingest", "checkout")
    listed = cli("keys", "list", "--data", str(tmp_path), "--format", "json")
    assert secret not in listed.stdout
    assert [each["state"] for each in json.loads(listed.stdout)] == ["active"]


def test_revoking(cli: Cli, tmp_path: Path) -> None:
    made = json.loads(cli("keys", "create", "a", "--scope", "read", "--data", str(tmp_path), "--format", "json").stdout)
    revoked = cli("keys", "revoke", made["id"], "--data", str(tmp_path))
    assert revoked.exit_code == 0
    assert "last active read key" in revoked.stdout
    assert "revoked" in cli("keys", "list", "--data", str(tmp_path)).stdout
    unknown = cli("keys", "revoke", "nothing", "--data", str(tmp_path))
    assert unknown.exit_code == 1
    assert unknown.stderr == "error: no key has the id or prefix 'nothing'; list them: spanledger keys list\n"


def test_a_read_key_says_how_to_sign_in(cli: Cli, tmp_path: Path) -> None:
    made = cli("keys", "create", "a", "--scope", "read", "--data", str(tmp_path))
    assert "/signin" in made.stdout
    assert "sl_read_" in made.stdout


def test_an_unknown_scope_is_a_usage_error(cli: Cli, tmp_path: Path) -> None:
    assert cli("keys", "create", "a", "--scope", "write", "--data", str(tmp_path)).exit_code == 2
    bad = cli("keys", "create", "a", "--project", "No Slug", "--data", str(tmp_path))
    assert bad.exit_code == 1
    assert "lower-case" in bad.stderr
