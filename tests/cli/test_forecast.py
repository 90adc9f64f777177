"""`forecast` on the command line: in a directory, through a running `up`, and its chart."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_cli.chart import BEEN, HEIGHT, LIKELY, POSSIBLE, SURE, WIDTH, chart
from tests.cli.conftest import Cli, Up, run


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small demo weeks in a directory that nobody serves."""
    data = tmp_path_factory.mktemp("forecast") / "data"
    args = ("--no-serve", "--days", "14", "--spans", "3000", "--port", "0", "--data", str(data))
    done = run("demo", *args, SPANLEDGER_GRPC_PORT="0")
    assert done.returncode == 0, done.stderr
    return data


def ok(*args: str) -> subprocess.CompletedProcess[str]:
    done = run(*args)
    assert done.returncode == 0, done.stderr
    return done


def test_a_directory_has_its_forecast_made(demo: Path) -> None:
    found = json.loads(ok("forecast", "--by", "customer", "--format", "json", "--data", str(demo)).stdout)
    whole, *rest = found["lines"]
    assert found["begins"] is not None
    assert whole["value"] is None
    assert float(whole["ahead"]["expected"]) > 0
    parts = sum(float(each["ahead"]["expected"]) for each in rest if each["ahead"])
    assert parts == pytest.approx(float(whole["ahead"]["expected"]), rel=1e-4)
    table = ok("forecast", "--horizon", "30", "--limit", "1000000", "--data", str(demo)).stdout
    assert "(everything)" in table
    assert "next_30_days" in table
    assert SURE in table
    lines = ok("forecast", "--by", "model", "--format", "csv", "--data", str(demo)).stdout.splitlines()
    assert lines[0].startswith("value,spent,month_end,")
    assert len(lines) > 3
    assert ok("forecast", "--accuracy", "--by", "team", "--data", str(demo)).returncode == 0


def test_a_scenario_of_the_demo(demo: Path) -> None:
    args = ("--by", "model", "--format", "json", "--data", str(demo))
    found = json.loads(ok("forecast", "--scenario", "swap:gpt-5=gpt-5-mini,volume:wobbleton-freight=1.5", *args).stdout)
    factors = {each["value"]: float(each["factor"]) for each in found["lines"]}
    assert factors["gpt-5"] < 0.5
    wrong = run("forecast", "--scenario", "swap:gpt-9=gpt-5-mini", "--data", str(demo))
    assert wrong.returncode == 2
    assert "no recent call has the model 'gpt-9'" in wrong.stderr


def test_a_running_up_answers(cli: Cli, up: Up) -> None:
    at = ("--data", str(up.data))
    found = cli("forecast", *at)
    assert found.exit_code == 0, found.stderr
    assert "no forecast has been made yet" in found.stderr
    assert cli("forecast", "--accuracy", *at).exit_code == 0
    wrong = cli("forecast", "--scenario", "volume:nobody=2", *at)
    assert wrong.exit_code == 1
    assert "'nobody'" in wrong.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--limit", "much"), "'much' is no sum"),
        (("--tz", "Mars/Olympus"), "no time zone"),
        (("--accuracy", "--limit", "5"), "about the past"),
        (("--scenario", "volume:a=1", "--limit", "5"), "leave out"),
        (("--horizon", "91"), "90"),
        (("--by", "colour"), "colour"),
    ],
)
def test_what_cannot_be_asked_says_why(cli: Cli, tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    found = cli("forecast", *args, "--data", str(tmp_path))
    assert found.exit_code == 2
    assert says in found.stderr


def test_a_chart_has_what_was_beside_what_may_come() -> None:
    lines = chart([4.0, 8.0], [4.0], [2.0], [8.0])
    assert len(lines) == HEIGHT
    assert lines[0].split() == ["8.00", f"{BEEN}┊{POSSIBLE}"]
    column = [line[-1] for line in lines]
    assert column == [POSSIBLE] * 4 + [LIKELY] * 2 + [SURE] * 2
    assert chart([], [], [], []) == []


@given(st.lists(st.floats(0, 1e9), max_size=200), st.lists(st.floats(0, 1e9), max_size=90))
def test_a_chart_fits(been: list[float], ahead: list[float]) -> None:
    lines = chart(been, ahead, ahead, ahead)
    assert all(len(line) <= 13 + WIDTH + 2 for line in lines)
