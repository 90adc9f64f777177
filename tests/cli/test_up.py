"""`up` as a process: it starts, answers, is found, drains and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from spanledger_cli.running import Running
from spanledger_store.lock import DirectoryLock
from tests.cli.conftest import Up, run, start


def send(up: Up, spans: int, start_ns: int, key: str | None = None) -> None:
    """Billable calls as OTLP/JSON."""
    items = [
        {
            "traceId": f"{n + 1:032x}",
            "spanId": f"{n + 1:016x}",
            "name": "chat",
            "kind": 3,
            "startTimeUnixNano": str(start_ns + n),
            "endTimeUnixNano": str(start_ns + n + 1_000_000),
            "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o" if n % 2 else "home-made"}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000"}},
                {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "10"}},
                {"key": "spanledger.customer.id", "value": {"stringValue": "acme" if n % 4 else ""}},
            ],
        }
        for n in range(spans)
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": items}]}]}).encode()
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    with urllib.request.urlopen(urllib.request.Request(f"{up.url}/v1/traces", body, headers)) as answer:
        assert answer.status == 200


def ask(up: Up, sql: str) -> list[list[object]]:
    """Rows, as the command line asks a running `up` for them."""
    rows: list[list[object]] = Running(up.process.pid, up.url, up.token).post("/api/v1/query", {"sql": sql})["rows"]
    return rows


def until(up: Up, sql: str, wanted: object) -> None:
    while (found := ask(up, sql)) != [[wanted]]:
        assert up.process.poll() is None, found
        time.sleep(0.1)


def test_the_whole_life_of_up(tmp_path: Path) -> None:
    data = tmp_path / "data"
    up = start(data)
    with urllib.request.urlopen(f"{up.url}/healthz") as answer:
        assert answer.status == 200
    with urllib.request.urlopen(f"{up.url}/") as answer:
        assert "text/html" in answer.headers["content-type"]
    assert stat.S_IMODE((data / "up.json").stat().st_mode) == 0o600

    hour = time.time_ns() // 3_600_000_000_000 * 3_600_000_000_000
    send(up, 8, hour)
    until(up, "SELECT count() FROM spans", 8)
    until(up, "SELECT sum(calls) FROM ledger", 8)
    sums = "SELECT count(), sum(input_tokens), sum(cost_usd), (SELECT sum(cost_usd) FROM ledger) FROM spans"
    through = ask(up, sums)
    assert through[0][2] == through[0][3]

    second = run("up", "--port", "0", "--data", str(data))
    assert second.returncode == 3
    assert f"process {up.process.pid} already serves {data}" in second.stderr
    assert "Traceback" not in second.stderr

    send(up, 12, hour)  # the drain stores what has only just arrived
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait() == 0
    assert not (data / "up.json").exists()
    printed = (tmp_path / "data.log").read_text()
    assert f"Spanledger is up at {up.url}" in printed
    assert "spanledger.init(" in printed
    assert "Traceback" not in printed
    assert "ERROR" not in printed

    after = run("query", sums, "--format", "csv", "--data", str(data)).stdout.splitlines()[1].split(",")
    assert after[:2] == ["12", "12000"]
    assert after[2] == after[3] != through[0][2]
    doctor = run("doctor", "--data", str(data), "--format", "json")
    assert doctor.returncode == 0, doctor.stdout
    found = {each["name"]: each for each in json.loads(doctor.stdout)}
    assert found["ledger"]["state"] == "ok"
    assert "6 of 12 billable calls have no price: home-made (openai) 6" in found["prices"]["detail"]


def test_questions_go_through_it(up: Up) -> None:
    asked = run("query", "SELECT toDecimal64('1.50', 2) AS d, 'x' AS s", "--data", str(up.data), "--format", "json")
    assert asked.stdout == '[\n{"d": "1.5", "s": "x"}\n]\n'
    refused = run("query", "DROP TABLE span_rows", "--data", str(up.data))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error: DROP is not a reading statement.")


def test_spend_goes_through_it(up: Up) -> None:
    spent = run("spend", "--data", str(up.data), "--by", "day,customer", "--format", "csv")
    assert spent.stderr == ""
    header = "day,customer,calls,errors,unpriced_calls,prompt_tokens,output_tokens,cost_usd\n"
    assert spent.stdout.startswith(header)


def test_the_doctor_asks_it(up: Up) -> None:
    doctor = run("doctor", "--data", str(up.data), "--format", "json")
    found = {each["name"]: each["state"] for each in json.loads(doctor.stdout)}
    assert found["process"] == "ok"
    assert found["ledger"] == "ok"
    assert doctor.returncode == (1 if "fail" in found.values() else 0)


def test_migrating_under_it_is_refused(up: Up) -> None:
    refused = run("migrate", "--data", str(up.data))
    assert refused.returncode == 3
    assert f"process {up.process.pid}" in refused.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run("up", "--port", str(port), "--data", str(tmp_path))
    assert refused.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert "--port" in refused.stderr


def test_an_open_address_needs_keys(tmp_path: Path) -> None:
    refused = run("up", "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert "no active ingest and no active read key" in refused.stderr
    assert "spanledger keys create NAME --scope ingest" in refused.stderr
    run("keys", "create", "a", "--scope", "ingest", "--data", str(tmp_path))
    refused = run("up", "--host", "::", "--port", "0", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert "spanledger keys create NAME --scope read" in refused.stderr
    assert "--scope ingest" not in refused.stderr


def test_with_keys_it_listens_everywhere_and_asks_for_them(tmp_path: Path, clickhouse_url: str) -> None:
    secrets: dict[str, str] = {}
    for scope in ("ingest", "read"):
        made = run("keys", "create", "a", "--scope", scope, "--data", str(tmp_path / "data"), "--format", "json")
        secrets[scope] = json.loads(made.stdout)["secret"]
    elsewhere = {"SPANLEDGER_CLICKHOUSE_URL": clickhouse_url, "SPANLEDGER_DATABASE": "up"}
    up = start(tmp_path / "data", "--host", "0.0.0.0", **elsewhere)
    try:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            send(up, 1, time.time_ns())
        send(up, 1, time.time_ns(), secrets["ingest"])
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{up.url}/api/v1/doctor")
        until(up, "SELECT count() FROM spans", 1)
        assert not (tmp_path / "data" / "engine").exists()
        second = run("up", "--port", "0", "--data", str(tmp_path / "data"), **elsewhere)
        assert second.returncode == 3
    finally:
        up.process.send_signal(signal.SIGINT)
    assert up.process.wait() == 0


def test_a_directory_held_without_answering_is_named(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    try:
        for args in (("query", "SELECT 1"), ("up", "--port", "0")):
            refused = run(*args, "--data", str(tmp_path))
            assert refused.returncode == 3
            assert f"in use by process {os.getpid()}" in refused.stderr
        doctor = run("doctor", "--data", str(tmp_path))
        assert doctor.returncode == 1
        assert f"in use by process {os.getpid()}" in doctor.stdout
    finally:
        lock.release()


def test_a_setting_that_cannot_be_stops_it(tmp_path: Path) -> None:
    refused = run("up", "--port", "0", "--data", str(tmp_path), SPANLEDGER_BATCH_SPANS="0")
    assert refused.returncode == 2
    assert "SPANLEDGER_BATCH_SPANS = '0'" in refused.stderr
    assert not (tmp_path / "up.json").exists()
