"""Channels, statements and tables from the command line, through `up` and without it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Cli, Up, environment, start
from tests.support.receivers import Hooks, hooks

PROGRAM = """
import sys
import spanledger

spanledger.init(endpoint=sys.argv[1])

@spanledger.observe(kind="llm")
def ask(prompt):
    spanledger.update(model="gpt-4o", provider="openai", input_tokens=400_000, output_tokens=0)

with spanledger.context(customer="Acme"):
    for _ in range(3):
        ask("hi")
spanledger.flush(10)
"""


@pytest.fixture
def receiver() -> Iterator[Hooks]:
    with hooks() as kept:
        yield kept


@pytest.fixture
def serving(tmp_path: Path) -> Any:
    """An `up` of its own."""
    started = start(tmp_path / "data")
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        assert started.process.wait() == 0


def here(*args: str, data: Path) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, on a directory that no `up` serves."""
    return subprocess.run(
        [sys.executable, "-m", "spanledger_cli", *args, "--data", str(data)],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def until(what: Any) -> Any:
    deadline = time.monotonic() + 60
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_the_whole_way(cli: Cli, serving: Up, receiver: Hooks, tmp_path: Path) -> None:
    """A call crosses a budget: its people are told; its customer's month becomes a statement and a file."""
    at = ("--data", str(serving.data))
    added = cli("channels", "add", "ops", "--kind", "webhook", "--url", f"{receiver.url}/secret", "--default", *at)
    assert added.exit_code == 0, added.stderr
    assert "whsec_" in added.stdout
    assert "/secret" not in cli("channels", "list", *at).stdout
    tried = cli("channels", "test", "ops", *at)
    assert (tried.exit_code, "took it" in tried.stdout) == (0, True), tried.stderr
    made = cli("budgets", "set", "Acme", "--amount", "3", "--customer", "Acme", "--at", "50,90", *at)
    assert made.exit_code == 0, made.stderr
    assert "50 %, 90 %" in cli("budgets", "list", *at).stdout
    program = [sys.executable, "-c", PROGRAM, serving.url]
    assert subprocess.run(program, env=environment(), check=False).returncode == 0
    until(lambda: json.loads(cli("budgets", "state", "--format", "json", *at).stdout)[0]["spent"] == "3")
    assert cli("jobs", "run", "budget-alerts", *at).exit_code == 0
    until(lambda: len(receiver.posts) == 2)
    alert = json.loads(receiver.posts[1].body)
    assert (alert["type"], alert["subject"]) == ("budget.alert", "Budget Acme: used up, $3.00 of $3.00")
    assert alert["data"]["spent"] == "3"
    listed = json.loads(cli("channels", "notices", "--format", "json", *at).stdout)
    assert {each["state"] for each in listed} == {"delivered"}

    month = f"{datetime.now(UTC):%Y-%m}"
    page = tmp_path / "acme.html"
    written = cli("statement", "Acme", "--month", month, "--out", str(page), *at)
    assert (written.exit_code, "3 USD" in written.stdout) == (0, True), written.stderr
    assert "The month has not ended" in page.read_text()
    told = json.loads(cli("statement", "Acme", "--month", month, "--format", "json", *at).stdout)
    assert (told["due_usd"], told["total"]["calls"]) == ("3", 3)
    table = csv.DictReader(io.StringIO(cli("statement", "Acme", "--month", month, "--format", "csv", *at).stdout))
    assert [Decimal(row["cost_usd"]) for row in table] == [3]
    early = cli("statements", "send", "--month", month, "--channel", "ops", *at)
    assert (early.exit_code, "has not ended" in early.stderr) == (1, True)
    sent = cli("statements", "send", "--month", "2020-01", "--channel", "ops", "--customer", "Acme", *at)
    assert (sent.exit_code, sent.stdout) == (0, "1 statement(s) of 2020-01 for channel ops.\n"), sent.stderr
    until(lambda: len(receiver.posts) == 3)
    assert "2020-01" in cli("statements", "list", *at).stdout
    assert cli("statements", "schedule", "--day", "3", "--channel", "ops", *at).exit_code == 0
    (order,) = json.loads(cli("statements", "orders", "--format", "json", *at).stdout)
    assert order["day"] == 3
    assert "still used by statement order" in cli("channels", "remove", "ops", *at).stderr
    assert cli("statements", "unschedule", order["id"], *at).exit_code == 0

    target = tmp_path / "spans.parquet"
    exported = cli(
        "export", "table", "spans", "--format", "parquet", "--where", "customer=Acme", "--out", str(target), *at
    )
    assert (exported.exit_code, "3 rows" in exported.stdout) == (0, True), exported.stderr
    assert pq.read_table(target).num_rows == 3
    assert cli("export", "table", "spans", "--out", str(target), *at).exit_code == 2
    wrong = cli("export", "table", "keys", "--out", str(tmp_path / "x"), *at)
    assert (wrong.exit_code, "no table 'keys'" in wrong.stderr) == (1, True)

    # The same without a server.
    serving.process.terminate()
    assert serving.process.wait() == 0
    offline = here("statement", "Acme", "--month", month, "--format", "json", data=serving.data)
    assert json.loads(offline.stdout)["due_usd"] == "3", offline.stderr
    done = here("export", "table", "ledger", "--out", str(tmp_path / "ledger.csv"), data=serving.data)
    assert done.returncode == 0, done.stderr
    assert [row["customer"] for row in csv.DictReader(io.StringIO((tmp_path / "ledger.csv").read_text()))] == ["Acme"]
    assert "took it" in here("channels", "test", "ops", data=serving.data).stdout
    receiver.status = 500
    failing = here("channels", "test", "ops", data=serving.data)
    assert (failing.returncode, "did not take it: it answered 500" in failing.stderr) == (1, True)
    receiver.status = 200
    again = here(
        "statements", "send", "--month", "2020-02", "--channel", "ops", "--customer", "Acme", data=serving.data
    )
    assert again.stdout == "1 statement(s) of 2020-02 for channel ops.\n", again.stderr
    assert json.loads(receiver.posts[-1].body)["subject"] == "Statement for Acme, February 2020: $0.00"
    assert "February 2020" in here("statement", "Acme", "--month", "2020-02", "--as-sent", data=serving.data).stdout
    assert "to be sent again" in here("channels", "retry", "ops", data=serving.data).stdout
    assert here("channels", "remove", "ops", data=serving.data).returncode == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("channels", "add", "ops", "--kind", "webhook", "--url", "nowhere"), "none that can be posted to"),
        (("channels", "add", "ops", "--kind", "webhook", "--url", "http://x/y", "--secret", "s3"), "shell's history"),
        (("channels", "add", "m", "--kind", "email", "--to", "a@b", "--from", "c@d"), "no mail server"),
        (("channels", "add", "m", "--kind", "pigeon"), "pigeon"),
        (("budgets", "set", "b", "--amount", "1", "--at", "half"), "--at 'half' are no shares"),
        (("budgets", "set", "b", "--amount", "1", "--at", "0,50"), "thresholds 0, 50 cannot be"),
        (("statements", "schedule", "--day", "31", "--channel", "ops"), "--day"),
        (("export", "table", "spans", "--out", "x.csv", "--from", "soon"), "soon"),
    ],
)
def test_a_wrong_request_says_why(cli: Cli, tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    found = cli(*args, "--data", str(tmp_path))
    assert found.exit_code == 2, found.stdout
    assert says in found.stderr
