"""`budgets` on the command line, and the whole way: a loop in a program stops, and the next program knows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, Up, environment, start

PROGRAM = """
import json, sys
import spanledger

spanledger.init(endpoint=sys.argv[1], budgets=sys.argv[2])

@spanledger.observe(kind="llm")
def ask(prompt):
    # 400,000 input tokens of gpt-4o are a dollar.
    spanledger.update(model="gpt-4o", provider="openai", input_tokens=400_000, output_tokens=0)

state = spanledger.budget("each", sys.argv[3], wait=20)
made, error = 0, None
with spanledger.context(customer=sys.argv[3]):
    while made < 20:
        try:
            ask("hi")
        except spanledger.BudgetExceeded as refused:
            error = type(refused).__name__
            break
        made += 1
spanledger.flush(10 if error == "BudgetExceeded" else 0)
print(json.dumps({"before": None if state.spent is None else str(state.spent), "made": made, "error": error}))
"""


@pytest.fixture
def serving(tmp_path: Path) -> Any:
    """An `up` of its own."""
    started = start(tmp_path / "data")
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        assert started.process.wait() == 0


def program(up: Up, mode: str, customer: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, up.url, mode, customer],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def states(cli: Cli, up: Up, wanted: int) -> dict[str, dict[str, Any]]:
    """What `budgets state` says, once that many calls have been refused in all."""
    deadline = time.monotonic() + 30
    while True:
        found = json.loads(cli("budgets", "state", "--format", "json", "--data", str(up.data)).stdout)
        if sum(each["blocked_calls"] for each in found) >= wanted:
            return {each["value"]: each for each in found}
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def until_told(up: Up, customer: str, spent: str) -> None:
    """Until SDKs that ask now are told what has been spent, which takes a few seconds at most."""
    deadline = time.monotonic() + 30
    while True:
        with urllib.request.urlopen(f"{up.url}/api/v1/budgets/state?customer={customer}") as answer:
            (budget,) = json.load(answer)["budgets"]
        if budget["values"].get(customer, {}).get("spent") == spent:
            return
        assert time.monotonic() < deadline, budget
        time.sleep(0.1)


def test_a_loop_stops_and_the_next_process_knows(cli: Cli, serving: Up) -> None:
    at = ("--data", str(serving.data))
    assert cli("budgets", "state", *at).exit_code == 0
    made = cli("budgets", "set", "each", "--amount", "3", "--per", "customer", "--block", *at)
    assert made.exit_code == 0, made.stderr
    first = program(serving, "on", "acme")
    assert first == {"before": "0", "made": 3, "error": "BudgetExceeded"}
    found = states(cli, serving, 1)
    assert (found["acme"]["spent"], found["acme"]["status"], found["acme"]["saved"]) == ("3", "used up", "1")
    until_told(serving, "acme", "3")
    assert program(serving, "on", "acme") == {"before": "3", "made": 0, "error": "BudgetExceeded"}
    assert program(serving, "on", "globex")["made"] == 3
    assert cli("budgets", "state", *at).exit_code == 4
    assert "used up" in cli("budgets", "state", *at).stdout
    raised = cli("budgets", "set", "each", "--amount", "100", "--per", "customer", "--block", *at)
    assert raised.exit_code == 0
    assert cli("budgets", "state", *at).exit_code == 0


def test_without_a_collector_a_program_goes_on_or_does_not(cli: Cli, serving: Up) -> None:
    assert cli("budgets", "set", "each", "--amount", "3", "--block", "--data", str(serving.data)).exit_code == 0
    serving.process.terminate()
    assert serving.process.wait() == 0
    assert program(serving, "on", "acme") == {"before": None, "made": 20, "error": None}
    assert program(serving, "fail-closed", "acme") == {"before": None, "made": 0, "error": "BudgetUnavailable"}
    # The same commands without a server.
    at = ("--data", str(serving.data), "--format", "json")
    environment_of_a_process = environment()
    listed = subprocess.run(
        [sys.executable, "-m", "spanledger_cli", "budgets", "list", *at],
        env=environment_of_a_process, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [(each["name"], each["amount"], each["slice"]) for each in json.loads(listed.stdout)] == [("each", "3", {})]
    code = (
        "from spanledger_cli.main import app\n"
        "for args in (['set', 'all', '--amount', '0.5', '--period', 'day', '--tz', 'Asia/Kolkata', '--carry-over'],"
        " ['remove', 'each'], ['state']):\n"
        f"    app(['budgets', *args, '--data', {str(serving.data)!r}], standalone_mode=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment_of_a_process, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Removed the budget each of project default." in done.stdout
    assert "0.5" in done.stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("set", "b", "--amount", "much"), "'much' is no sum of US dollars"),
        (("set", "b", "--amount", "0"), "amount 0 is no sum"),
        (("set", "b", "--amount", "1", "--tz", "Mars/Olympus"), "no time zone"),
        (("set", "a/b", "--amount", "1"), "without '/'"),
        (("set", "b", "--amount", "1", "--per", "customer", "--customer", "acme"), "one value already"),
        (("set", "b", "--amount", "1", "--period", "fortnight"), "fortnight"),
    ],
)
def test_a_budget_that_cannot_be_says_why(cli: Cli, tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    found = cli("budgets", *args, "--data", str(tmp_path))
    assert found.exit_code == 2
    assert says in found.stderr


def test_one_that_is_not_there_is_named(cli: Cli, serving: Up) -> None:
    found = cli("budgets", "remove", "none", "--data", str(serving.data))
    assert found.exit_code == 1
    assert "has no budget 'none'" in found.stderr
