"""The command line itself: its reference, its version, what it says where nothing is."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from spanledger_cli.reference import reference
from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]


def test_the_reference_is_the_help() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "make it anew: python -m spanledger_cli.reference > docs/cli.md"


def test_every_command_has_an_example() -> None:
    sections = reference().split("\n## `")[2:]
    without = [each.split("`")[0] for each in sections if "Example: spanledger" not in each]
    groups = (
        "bills, budgets, prices, anomalies, clusters, drift, drift baselines, embeddings, channels, statements,"
        " currencies, centers, keys, jobs, retention, export, import"
    )
    assert without == [f"spanledger {group}" for group in groups.split(", ")]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom spanledger_cli.main import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'chdb', 'clickhouse_connect', 'polars', 'fastapi', 'dash', 'sqlalchemy', 'pydantic'}\n"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout == f"spanledger {version('spanledger')}\n"


def test_without_data_it_says_how_to_get_some(cli: Cli, tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    for args in (("query", "SELECT 1"), ("spend",)):
        found = cli(*args, "--data", str(missing))
        assert found.exit_code == 1
        assert f"there is no data in {missing} yet. Start `spanledger up`" in found.stderr
    doctor = cli("doctor", "--data", str(missing))
    assert doctor.exit_code == 0
    assert "no data in" in doctor.stdout
    assert not missing.exists()


def test_a_setting_that_cannot_be_is_named(cli: Cli, tmp_path: Path) -> None:
    found = cli("query", "SELECT 1", "--data", str(tmp_path), SPANLEDGER_DATABASE="a-b")
    assert found.exit_code == 2
    assert "SPANLEDGER_DATABASE = 'a-b'" in found.stderr


def test_the_directory_comes_from_the_environment(cli: Cli, tmp_path: Path) -> None:
    assert str(tmp_path) in cli("doctor", SPANLEDGER_DATA=str(tmp_path)).stdout


def test_an_empty_directory_is_not_the_working_one(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = cli("keys", "list", "--data", "")
    assert refused.exit_code == 2
    assert "'' is no directory" in refused.stderr
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "mine"))
    assert str(tmp_path / "mine") in cli("doctor", SPANLEDGER_DATA="").stdout
    assert list(tmp_path.iterdir()) == []
