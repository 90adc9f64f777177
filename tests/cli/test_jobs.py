"""`jobs list`, `jobs run` and `worker`, alone, through a running `up`, and beside one."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from spanledger_analytics.jobs.registry import JOBS
from spanledger_store.control import Control
from spanledger_store.control import jobs as states
from spanledger_store.settings import StoreSettings
from tests.cli.conftest import Cli, Up, command, environment, run, start


def listed(*args: str, **extra: str) -> dict[str, dict[str, Any]]:
    told = run("jobs", "list", "--format", "json", *args, **extra)
    found = {each["job"]: each for each in json.loads(told.stdout)}
    assert {job: each["error"] for job, each in found.items() if each["failures"]} == {}
    assert told.returncode == 0, told.stderr
    return found


def test_a_job_of_a_running_up_is_run_now_and_its_state_is_shown(up: Up) -> None:
    before = listed("--data", str(up.data))
    assert {"ledger", "recovery", "joining", "retention"} <= set(before)
    told = run("jobs", "run", "retention", "--data", str(up.data))
    assert (told.returncode, told.stdout) == (0, "retention: 0 changed\n"), told.stderr
    after = listed("--data", str(up.data))["retention"]
    assert after["runs"] > before["retention"]["runs"]
    assert after["last_success"] > (before["retention"]["last_success"] or "")
    assert (after["state"], after["error"]) == ("idle", "")
    unknown = run("jobs", "run", "cleaning", "--data", str(up.data))
    assert unknown.returncode == 1
    assert f"there is no job 'cleaning'. There are: {', '.join(sorted(before))}." in unknown.stderr


def test_where_nothing_runs_a_job_runs_here(cli: Cli, clickhouse_url: str, tmp_path: Path) -> None:
    books = {
        "SPANLEDGER_DATA": str(tmp_path / "data"),
        "SPANLEDGER_CLICKHOUSE_URL": clickhouse_url,
        "SPANLEDGER_DATABASE": "jobs_here",
    }
    assert cli("migrate", **books).exit_code == 0
    done = cli("jobs", "run", "ledger", **books)
    assert (done.exit_code, done.stdout) == (0, "ledger: 0 changed\n")
    wrong = cli("jobs", "run", "cleaning", **books)
    assert wrong.exit_code == 2
    assert f"There are: {', '.join(sorted(job.name for job in JOBS))}." in wrong.stderr


def test_the_last_failure_is_shown_and_is_an_exit_code(cli: Cli, tmp_path: Path) -> None:
    with Control.open(StoreSettings(data=tmp_path)) as control:
        states.announce(control, {"books": 60.0})
        states.hold(control, "a", ["books"])
        states.failed(control, "a", "books", error="no ink", seconds=1, retry_seconds=60)
    shown = cli("jobs", "list", "--data", str(tmp_path), "--format", "json")
    assert shown.exit_code == 1
    assert [(each["state"], each["error"]) for each in json.loads(shown.stdout)] == [("failed", "no ink")]


def test_a_worker_takes_over_what_an_up_let_go(clickhouse_url: str, tmp_path: Path) -> None:
    shared = {"SPANLEDGER_CLICKHOUSE_URL": clickhouse_url, "SPANLEDGER_DATABASE": "jobs_shared"}
    shared["SPANLEDGER_CONTROL_URL"] = f"sqlite:///{tmp_path / 'control.db'}"
    serving = start(tmp_path / "data", **shared)
    worker = subprocess.Popen(command("worker", "--data", str(tmp_path / "worker")), env=environment(**shared))
    where = SecretStr(shared["SPANLEDGER_CONTROL_URL"])
    control = Control.open(StoreSettings(data=tmp_path / "data", control_url=where))
    try:
        assert owners(control, serving.process.pid) == {serving.process.pid}
        serving.process.send_signal(signal.SIGINT)
        assert serving.process.wait(60) == 0
        assert owners(control, worker.pid) == {worker.pid}
    finally:
        worker.terminate()
        assert worker.wait(60) == 0
        control.close()


def owners(control: Control, wanted: int) -> set[int]:
    """The processes that hold jobs, once `wanted` is the only one, or as they are after a while."""
    for _ in range(300):
        found = {int(each.owner.split(":")[1] or 0) if each.owner else 0 for each in states.states(control)}
        if found == {wanted}:
            break
        time.sleep(0.1)
    return found


def test_the_embedded_engine_needs_no_worker(cli: Cli, tmp_path: Path) -> None:
    refused = cli("worker", "--data", str(tmp_path))
    assert refused.exit_code == 2
    assert "`spanledger up` runs the jobs in it" in refused.stderr
