"""`up` as a process: it starts, answers, is found, drains and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import socket
import stat
import time
import urllib.request
from pathlib import Path

import pytest

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


def until(up: Up, sql: str, wanted: object) -> None:
    while (found := json.loads(run("query", sql, "--format", "json", "--data", str(up.data)).stdout)) != wanted:
        assert up.process.poll() is None, found
        time.sleep(0.2)


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
    until(up, "SELECT count() AS n FROM spans", [{"n": 8}])
    until(up, "SELECT sum(calls) AS n FROM ledger", [{"n": 8}])
    money = "SELECT toString(sum(cost_usd)) AS spans, (SELECT toString(sum(cost_usd)) FROM ledger) AS books FROM spans"
    through = json.loads(run("query", money, "--format", "json", "--data", str(data)).stdout)

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

    after = json.loads(run("query", money, "--format", "json", "--data", str(data)).stdout)
    assert after[0]["spans"] == after[0]["books"] != through[0]["spans"]
    counted = run("query", "SELECT count(), sum(input_tokens) FROM spans", "--format", "csv", "--data", str(data))
    assert counted.stdout == "count(),sum(input_tokens)\n12,12000\n"
    doctor = run("doctor", "--data", str(data), "--format", "json")
    assert doctor.returncode == 0, doctor.stdout
    found = {each["name"]: each for each in json.loads(doctor.stdout)}
    assert found["ledger"]["state"] == "ok"
    assert "6 of 12 billable calls have no price: home-made (openai) 6" in found["prices"]["detail"]
    spent = run("spend", "--data", str(data), "--by", "customer,model")
    assert "(unattributed)" in spent.stdout
    assert "unpriced" in spent.stdout


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


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_open_address_needs_keys(tmp_path: Path, host: str) -> None:
    refused = run("up", "--host", host, "--port", "0", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert "no active ingest and no active read key" in refused.stderr
    run("keys", "create", "a", "--scope", "ingest", "--data", str(tmp_path))
    refused = run("up", "--host", host, "--port", "0", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert "spanledger keys create NAME --scope read" in refused.stderr
    assert "--scope ingest" not in refused.stderr


def test_with_keys_it_listens_everywhere_and_asks_for_them(tmp_path: Path) -> None:
    secrets: dict[str, str] = {}
    for scope in ("ingest", "read"):
        made = run("keys", "create", "a", "--scope", scope, "--data", str(tmp_path / "data"), "--format", "json")
        secrets[scope] = json.loads(made.stdout)["secret"]
    up = start(tmp_path / "data", "--host", "0.0.0.0")
    try:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            send(up, 1, time.time_ns())
        send(up, 1, time.time_ns(), secrets["ingest"])
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{up.url}/api/v1/doctor")
        until(up, "SELECT count() AS n FROM spans", [{"n": 1}])
    finally:
        up.process.send_signal(signal.SIGINT)
    assert up.process.wait() == 0
